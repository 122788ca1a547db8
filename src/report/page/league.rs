//! The page of the league: limiters by worlds, as a table whose colours are times over the bound.

use maud::{Markup, html};

use super::chrome::{Section, page, table};
use crate::pipeline::config::LimiterKind;
use crate::report::format;
use crate::report::league::random as random_report;
use crate::report::league::{HEADINGS, columns, over_bound, percent};
use crate::study::league::random::RandomResult;
use crate::study::league::{KINDS, LeagueResults, LimiterResult, WorldResult};
use crate::units::Share;

/// Times over the bound, in thousandths, up to which a cell has the next colour.
const STEPS: [u64; 5] = [1050, 1200, 1500, 2000, 4000];

/// The page of a league.
pub fn league(results: &LeagueResults) -> String {
    let LeagueResults { fields: played, random, seeds, .. } = results;
    let head = html! {
        header {
            h1 { "The league of limiters" }
            p.question { "Which limiter is fastest, and how many of its calls are refused?" }
            p.quiet { (format::counted(played.len(), "field")) ", " (format::counted(*seeds, "seed")) " each, on the same weather" }
            (finding(played))
        }
    };
    let mut sections: Vec<Section> = drawn(random).into_iter().collect();
    sections.extend([heat(played), totals(played), details(played)]);
    page("The league of limiters", &head, &sections)
}

/// The page of worlds that were drawn.
pub fn drawn_league(random: &[RandomResult]) -> String {
    let head = html! {
        header {
            h1 { "The random league of limiters" }
            p.question { "Which limiter is fastest in worlds that nobody chose, and how many of its calls are refused?" }
        }
    };
    let worst = random_report::worst(random);
    let better = random_report::better(random);
    let mut sections: Vec<Section> = drawn(random).into_iter().collect();
    sections.push(Section {
        id: "worst",
        heading: "Where quota does worst".to_owned(),
        body: html! {
            (table(&random_report::WORST_HEADINGS, &worst.rows))
            @for command in &worst.commands { pre { code { (command) } } }
        },
    });
    sections.push(Section {
        id: "better",
        heading: better.said,
        body: html! { (table(&random_report::BETTER_HEADINGS, &better.rows)) },
    });
    page("The random league of limiters", &head, &sections)
}

/// How the limiters stand in worlds that are drawn.
fn drawn(random: &[RandomResult]) -> Option<Section> {
    let [standings, families] = random_report::standings(random);
    let body = html! {
        p { (random_report::MEANING) }
        (table(&standings.headings(), &standings.rows))
        p { code { "quota" } " in each family of services:" }
        (table(&families.headings(), &families.rows))
    };
    let heading = random_report::finding(random);
    (!random.is_empty()).then_some(Section { id: "drawn", heading, body })
}

/// The kind that is fastest in most fields.
fn finding(played: &[WorldResult]) -> Markup {
    let wins = |at: usize| played.iter().filter(|one| best(one) == Some(at)).count();
    let most = (0..KINDS.len()).max_by_key(|at| (wins(*at), KINDS.len() - at));
    html! {
        @if let Some(most) = most {
            p { code { (KINDS[most].name()) } " is the fastest in " (wins(most)) " of " (format::counted(played.len(), "field")) "." }
        }
    }
}

/// The fastest limiter of a field that finished; of equals the first.
fn best(world: &WorldResult) -> Option<usize> {
    let finished = world.cells.iter().enumerate();
    let times = finished.filter_map(|(at, cell)| Some((cell.over_bound_milli()?, at)));
    times.min().map(|(_, at)| at)
}

/// The link to a world's numbers.
fn anchor(world: &WorldResult) -> String {
    format!("world-{}", world.field.name)
}

fn heat(played: &[WorldResult]) -> Section {
    let class = |cell: &LimiterResult| match cell.over_bound_milli() {
        None => "heat dnf".to_owned(),
        Some(milli) => {
            format!("heat heat-{}", STEPS.iter().filter(|step| milli > **step).count())
        }
    };
    let row = |world: &WorldResult| -> Markup {
        let best = best(world);
        html! {
            tr {
                th scope="row" { a href={ "#" (anchor(world)) } { (world.field.name) } }
                td.left { (world.field.group.name()) }
                @for (at, cell) in world.cells.iter().enumerate() {
                    td class=(class(cell)) title={ (cell.kind.name()) ": " (percent(refused(cell))) " of calls refused" } {
                        @if best == Some(at) { strong { "★ " (over_bound(cell)) } } @else { (over_bound(cell)) }
                    }
                }
            }
        }
    };
    let mut sorted: Vec<&WorldResult> = played.iter().collect();
    sorted.sort_by_key(|world| (world.field.group.name(), world.field.name));
    let body = html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "field" } th.left scope="col" { "kind of service" }
                        @for kind in KINDS { th scope="col" { (kind.name()) } }
                    }
                }
                tbody { @for world in &sorted { (row(world)) } }
            }
        }
        p.quiet { "Makespan over the bound, mean of all seeds; ★ the fastest, DNF: some seeds did not finish. Each name leads to all numbers." }
    };
    let heading = "Makespan over the bound: less is better".to_owned();
    Section { id: "fields", heading, body }
}

fn refused(cell: &LimiterResult) -> Share {
    cell.share(|outcome| outcome.rate_limited)
}

/// Every limiter over all fields.
fn totals(played: &[WorldResult]) -> Section {
    let of = |at: usize| played.iter().filter_map(move |world| world.cells.get(at));
    let row = |(at, kind): (usize, &LimiterKind)| {
        let mut over: Vec<u64> = of(at).filter_map(LimiterResult::over_bound_milli).collect();
        over.sort_unstable();
        let part = |percent: usize| {
            let rank = (over.len() * percent).div_ceil(100).max(1);
            let milli = over.get(rank - 1);
            milli.map_or_else(
                || "-".to_owned(),
                |milli| format!("{}.{:03}", milli / 1000, milli % 1000),
            )
        };
        let refusals = of(at).map(refused).fold(Share { num: 0, den: 0 }, |sum, one| Share {
            num: sum.num + one.num,
            den: sum.den + one.den,
        });
        let wins = played.iter().filter(|world| best(world) == Some(at)).count();
        let unfinished = of(at).filter(|cell| cell.finished() < cell.outcomes.len()).count();
        vec![
            kind.name().to_owned(),
            wins.to_string(),
            part(50),
            part(90),
            part(100),
            unfinished.to_string(),
            format::count(refusals.num),
            percent(refusals),
        ]
    };
    let rows: Vec<Vec<String>> = KINDS.iter().enumerate().map(row).collect();
    let headings = ["limiter", "fastest in", "p50", "p90", "worst", "DNF", "429s", "429 of calls"];
    let body = table(&headings, &rows);
    Section { id: "limiters", heading: "Every limiter over all fields".to_owned(), body }
}

/// All numbers of each field.
fn details(played: &[WorldResult]) -> Section {
    let body = html! {
        @for world in played {
            h3 id=(anchor(world)) { (world.field.name) }
            p.quiet { (world.field.pages) " pages, " code { "gemini.quota=" (world.field.quota) } @for setting in world.field.settings { ", " code { (setting) } } }
            (table(&HEADINGS, &world.cells.iter().map(columns).collect::<Vec<_>>()))
        }
    };
    Section { id: "numbers", heading: "All numbers".to_owned(), body }
}
