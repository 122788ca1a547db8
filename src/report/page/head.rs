//! The verdict, and why targets are missed.

use maud::{Markup, html};

use super::cards::middle;
use super::cause::cause;
use crate::report::ci::missed;
use crate::report::format;
use crate::report::run::text::{measured, said};
use crate::sim::scenario::Scenario;
use crate::study::limits::cure::{self, Cure};
use crate::study::measure::metric::{Metric, Unit};
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;
use crate::study::verdict::target::{Compare, JudgedTarget};
use crate::units::float;

/// What a page is about, with a sentence for each target that is missed.
pub(super) fn about(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
) -> Markup {
    let cures = match series {
        None => cure::of_missed(scenario, judged, MOST_CURES),
        Some(_) => Vec::new(),
    };
    let missed: Vec<(&JudgedRun, &JudgedTarget)> = missed(&judged.runs).collect();
    let all = judged.runs.iter().flat_map(|run| &run.targets).filter(|one| one.is_judged).count();
    html! {
            h1 { (scenario.name) }
            p.question { (scenario.question) }
            p.quiet { (played(scenario, judged, series)) }
            @if all == 0 {
                p { "The scenario has no targets that could be judged." }
            } @else if missed.is_empty() {
                p { (all_met(judged, all)) (tightest(judged)) }
            } @else {
                p { (missed.len()) " of " (format::counted(all, "target")) " missed:" }
                ul.causes {
                    @for (at, (run, target)) in missed.iter().take(MOST_CAUSES).enumerate() {
                        li {
                            (sentence(judged, run, target, scenario))
                            @if let Some(Some(cure)) = cures.get(at) { " " (cured(judged, cure)) }
                        }
                    }
                    @if missed.len() > MOST_CAUSES {
                        li { "and " (missed.len() - MOST_CAUSES) " more, below" }
                    }
                }
            }
            @for worse in unguarded(judged, series) { p { (worse) } }
    }
}

/// What is said where no target is missed.
fn all_met(judged: &JudgedScenario, all: usize) -> String {
    let all_targets = format::counted(all, "target");
    match of_one_seed(judged) {
        0 => format!("All {all_targets} are met."),
        one if one < all => {
            format!("{} of {all_targets} are met, and {one} hold in this seed.", all - one)
        }
        _ => format!("All {all_targets} hold in this seed."),
    }
}

/// How many targets speak of a share of seeds, and were judged in one.
fn of_one_seed(judged: &JudgedScenario) -> usize {
    let targets = judged.runs.iter().flat_map(|run| &run.targets);
    targets.filter(|one| one.is_of_one_seed()).count()
}

/// What one seed cannot tell.
pub(super) fn doubt(judged: &JudgedScenario) -> Option<String> {
    let all: usize = judged.runs.iter().map(|run| run.targets.len()).sum();
    let one = of_one_seed(judged);
    (one > 0).then(|| {
        let all = format::counted(all, "target");
        format!("{one} of {all} speak of many seeds: --seeds 1..=64 judges them")
    })
}

/// Figures that became worse from the first run to the last, and that no target of the last limits.
fn unguarded(judged: &JudgedScenario, series: Option<&Series>) -> Vec<String> {
    let [first, .., last] = judged.runs.as_slice() else { return Vec::new() };
    let of = |at: usize, metric: Metric| middle(judged, series, at, metric);
    let is_guarded = |metric: Metric| last.targets.iter().any(|one| one.target.metric == metric);
    let worse = |(metric, name): &(Metric, &str)| {
        let (was, is) = (of(0, *metric)?, of(judged.runs.len() - 1, *metric)?);
        // A tenth is more than chance, and more of nothing has no factor.
        if is_guarded(*metric) || was == 0 || is.saturating_mul(10) < was.saturating_mul(11) {
            return None;
        }
        let factor = float(is) / float(was);
        let (last, first) = (&last.name, &first.name);
        Some(format!(
            "No target limits the {name} of {last}, and it is {factor:.2} times the {name} of {first}."
        ))
    };
    [(Metric::Makespan, "time"), (Metric::Cost, "cost"), (Metric::RateLimited, "number of 429s")]
        .iter()
        .filter_map(worse)
        .collect()
}

/// What came of a scenario as a whole, which may be more than its targets tell, and what is doubtful.
pub(super) fn badge(outcome: Outcome, doubt: Option<&str>) -> Markup {
    let (class, mark) = match outcome {
        Outcome::Met if doubt.is_some() => ("badge doubt", "✓ "),
        Outcome::Met => ("badge met", "✓ "),
        Outcome::NotJudged | Outcome::Skipped => ("badge", "– "),
        _ => ("badge missed", "✗ "),
    };
    html! {
        p id="verdict" {
            span class=(class) { (mark) (outcome.words()) @if doubt.is_some() { " IN ONE SEED" } }
            @if let Some(doubt) = doubt { " " (doubt) }
        }
    }
}

/// The target that would be missed first, as a part of its limit.
fn tightest(judged: &JudgedScenario) -> String {
    let room = |target: &&JudgedTarget| {
        let (margin, limit) = (target.margin?, target.limit.filter(|limit| *limit > 0)?);
        let is_ceiling = matches!(target.target.compare, Compare::AtMost | Compare::Below);
        (is_ceiling && target.is_judged && margin >= 0)
            .then(|| margin.unsigned_abs().saturating_mul(1_000_000) / limit)
    };
    let all = judged.runs.iter().flat_map(|run| run.targets.iter().map(move |one| (run, one)));
    let tightest = all.filter_map(|(run, one)| Some((room(&one)?, run, one)));
    let Some((room, run, target)) = tightest.min_by_key(|(room, ..)| *room) else {
        return String::new();
    };
    let of = if judged.runs.len() > 1 { format!(" of {}", run.name) } else { String::new() };
    let room = if room > 0 { format::amount(room, Unit::Ratio) } else { "nothing".to_owned() };
    let target = &target.target;
    format!(
        " The ceiling that is nearest is {} {}{of}, met with {room} to spare.",
        target.metric, target.text
    )
}

/// Targets whose causes are told, and for which a cure is looked for.
const MOST_CAUSES: usize = 8;
const MOST_CURES: usize = 3;

/// What a cure is.
fn cured(judged: &JudgedScenario, cure: &Cure) -> Markup {
    let is_of_all = cure.runs.len() == judged.runs.len();
    let in_runs = if is_of_all { String::new() } else { format!(" in {}", cure.runs.join(", ")) };
    html! {
        "With " code { (cure.key) " = " (cure.value) } (in_runs) " it is met, as a replay shows."
    }
}

/// What was played.
fn played(scenario: &Scenario, judged: &JudgedScenario, series: Option<&Series>) -> String {
    let pages = judged.runs.first().map_or(0, |run| run.figures.number(Metric::Pages));
    let pages = format!("{} pages", format::count(pages));
    let seeds = match series {
        Some(series) => {
            let seeds: Vec<u64> = series.played.iter().map(|one| one.seed).collect();
            let (first, last) = (seeds.first().unwrap_or(&0), seeds.last().unwrap_or(&0));
            format!("{} seeds from {first} to {last}", seeds.len())
        }
        None => format!("seed {}", scenario.world.seed.0),
    };
    let runs = match judged.runs.as_slice() {
        [_] => String::new(),
        runs => {
            let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
            format!(", runs {}", names.join(", "))
        }
    };
    let whose =
        if judged.is_from_outside() { "seen from the services' side" } else { "virtual time" };
    format!("{pages}, {seeds}{runs}, {}, {whose}", scenario.world.gemini.0.model)
}

/// A missed target in words: what it is, what it may be, and where that comes from.
fn sentence(
    judged: &JudgedScenario,
    run: &JudgedRun,
    target: &JudgedTarget,
    scenario: &Scenario,
) -> Markup {
    let in_run = if judged.runs.len() > 1 { format!(" of {}", run.name) } else { String::new() };
    let over = target.over.map(|over| {
        format!(
            " It is met in {} of {} seeds; the worst is seed {}.",
            over.met, over.seeds, over.worst
        )
    });
    let is_single = target.over.is_none();
    let cause = if is_single { cause(scenario, run, target) } else { None };
    html! {
        strong { (target.target.figure()) (in_run) " is " (measured(target)) }
        ", and the target is " code { (target.target.metric.name()) " " (target.target.text) } " (" (said(target)) ")."
        @if let Some(over) = over { (over) }
        @if let Some(cause) = cause { " " (cause) }
    }
}
