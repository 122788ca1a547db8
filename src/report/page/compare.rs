//! The page of a comparison: what was changed, what moved by how much, and the first event that differs.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::chrome::{Section, page, table};
use crate::report::compare::{Differences, Sides, by, change, headline, probability, signed};
use crate::report::draw::picture::{Drawn, GREEN, GREY, RED, failed, titled};
use crate::study::compare::event_diff::Difference;
use crate::study::compare::settings::Changed;
use crate::study::compare::{Compared, ComparedRun, Comparison, ComparisonVerdict, Mode, Moved};
use crate::units::{float, whole};

/// The size of the picture of an interval.
const SIZE: (u32, u32) = (400, 26);
/// Rows of a table.
const MOST_ROWS: usize = 60;

/// The page of a comparison.
pub fn compare(comparison: &Comparison, sides: &Sides, differences: &Differences) -> String {
    let verdict = comparison.verdict();
    let (class, mark) = badge(verdict);
    let head = html! {
        header {
            p { span class=(class) { (mark) (verdict.name().to_uppercase()) } }
            h1 { "What moved?" }
            p.question { (headline(comparison)) }
            p.quiet { "base " code { (sides.base) } ", new " code { (sides.new) } }
        }
    };
    let mut worst: Vec<&Compared> = comparison.scenarios.iter().collect();
    worst.sort_by_key(|one| std::cmp::Reverse(one.verdict));
    let sections = [settings(&worst), changes(&worst, comparison.mode), first(differences)];
    page(&format!("{}: comparison", verdict.name().to_uppercase()), &head, &sections)
}

fn badge(verdict: ComparisonVerdict) -> (&'static str, &'static str) {
    match verdict {
        verdict if verdict.is_failure() => ("badge missed", "✗ "),
        ComparisonVerdict::NoChange | ComparisonVerdict::Improved => ("badge met", "✓ "),
        _ => ("badge", "– "),
    }
}

fn settings(scenarios: &[&Compared]) -> Section {
    let row = |one: &Compared, changed: &Changed, what: &str| {
        let run = changed.run.as_ref().map_or_else(String::new, |run| format!("{run}: "));
        vec![
            format!("{}, {run}{what}{}", one.name, changed.key),
            changed.base.clone(),
            changed.new.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = scenarios
        .iter()
        .flat_map(|one| {
            let settings = one.settings.iter().map(|changed| row(one, changed, ""));
            settings.chain(one.world.iter().map(|changed| row(one, changed, "the world's ")))
        })
        .take(MOST_ROWS)
        .collect();
    let heading = match rows.len() {
        0 => "Settings and worlds are the same".to_owned(),
        1 => "One setting differs".to_owned(),
        count => format!("{count} settings differ"),
    };
    let body = html! {
        @if rows.is_empty() { p { "What moved was moved by the program, or by nothing." } }
        @else { (table(&["setting", "base", "new"], &rows)) }
    };
    Section { id: "settings", heading, body }
}

fn changes(scenarios: &[&Compared], mode: Mode) -> Section {
    let worse: usize = scenarios.iter().map(|one| one.regressions().len()).sum();
    let is_void = scenarios.iter().any(|one| one.verdict > ComparisonVerdict::Regressed);
    let heading = match worse {
        0 if is_void => "The figures cannot be compared".to_owned(),
        0 => "No figure became worse".to_owned(),
        1 => "One figure became worse".to_owned(),
        worse => format!("{worse} figures became worse"),
    };
    let body = html! {
        @for one in scenarios {
            @let (class, mark) = badge(one.verdict);
            h3 { (one.name) " " span class=(class) { (mark) (one.verdict.name()) } }
            @if let Some(reason) = &one.reason { p { (reason) } }
            @for run in &one.runs { (moved(run, one.runs.len() > 1, mode)) }
        }
    };
    Section { id: "changes", heading, body }
}

fn moved(run: &ComparedRun, is_named: bool, mode: Mode) -> Markup {
    let watched: Vec<&Moved> =
        run.moved.iter().filter(|moved| moved.figure.better().is_some()).collect();
    html! {
        @if is_named { p { strong { (run.name) } } }
        p.quiet { (run.seeds.len()) " seeds, the logs of " (run.differing.len()) " differ; " (run.same) " figures are the same" }
        @if !watched.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead {
                        tr {
                            th scope="col" { "figure" } th scope="col" { "base" } th scope="col" { "new" } th scope="col" { "change" }
                            @if mode == Mode::Paired { th.left scope="col" { "95 % interval, 0 in the middle" } th scope="col" { "p" } }
                            th.left scope="col" { "verdict" }
                        }
                    }
                    tbody { @for one in watched.iter().take(MOST_ROWS) { (row(one, mode)) } }
                }
            }
        }
    }
}

fn row(moved: &Moved, mode: Mode) -> Markup {
    let unit = moved.figure.unit();
    let (class, mark) = match moved.verdict {
        verdict if verdict.is_failure() => ("mark-missed", "✗ "),
        ComparisonVerdict::Improved => ("mark-met", "✓ "),
        _ => ("quiet", ""),
    };
    let drawn = interval(moved);
    html! {
        tr {
            th scope="row" { code { (moved.figure) } }
            td { (by(moved.base_mean_milli, unit)) }
            td { (by(moved.new_mean_milli, unit)) }
            td { (change(moved)) }
            @if mode == Mode::Paired {
                td.left.picture { @if let Ok(picture) = &drawn { (PreEscaped(picture.inline("bullet"))) } }
                td { (probability(moved.p)) }
            }
            td.left { span class=(class) { (mark) (moved.verdict.name()) } }
        }
    }
}

/// The interval of a change, from half of the mean less to half of it more, or as far as it reaches.
fn interval(moved: &Moved) -> Drawn {
    let paired = &moved.paired;
    let unit = moved.figure.unit();
    let title = format!(
        "{} {}, 95 % between {} and {}",
        moved.figure,
        signed(paired.mean_milli, unit),
        signed(paired.low_milli, unit),
        signed(paired.high_milli, unit)
    );
    let reach = [paired.low_milli, paired.high_milli, paired.mean_milli];
    let reach = reach.iter().map(|milli| milli.unsigned_abs()).max().unwrap_or(0);
    let end = float(reach.max(moved.base_mean_milli / 2).max(1)) * 1.05;
    let x = |milli: i64| {
        let part = float(milli.unsigned_abs()) / end * 196.0;
        let across = i32::try_from(whole(part)).unwrap_or(0);
        if milli < 0 { 200 - across } else { 200 + across }
    };
    let colour = match moved.verdict {
        verdict if verdict.is_failure() => RED,
        ComparisonVerdict::Improved => GREEN,
        _ => GREY,
    };
    titled(SIZE, &title, |area, titles| {
        area.draw(&Rectangle::new([(199, 0), (201, 26)], BLACK.filled())).map_err(failed)?;
        let (low, high) = (x(paired.low_milli), x(paired.high_milli));
        titles.next(title.clone());
        let bar = Rectangle::new([(low, 9), (high.max(low + 2), 17)], colour.filled());
        area.draw(&bar).map_err(failed)?;
        let dot = Circle::new((x(paired.mean_milli), 13), 7, colour.filled());
        area.draw(&dot).map_err(failed)
    })
}

fn first(differences: &Differences) -> Section {
    let heading = match differences.as_slice() {
        [] => "No first event that differs".to_owned(),
        [(name, seed, one), ..] => {
            format!("The first event that differs: {name}, seed {seed}, event {}", one.event)
        }
    };
    let body = html! {
        @if differences.is_empty() { p { "The logs are the same, or are not kept." } }
        @for (name, seed, difference) in differences.iter().take(MOST_ROWS) {
            h3 { (name) ", seed " (seed) ", run " (difference.run) ", event " (difference.event) }
            (one_difference(difference))
        }
    };
    Section { id: "events", heading, body }
}

fn one_difference(difference: &Difference) -> Markup {
    let Difference { before, base, new, causes, fields, .. } = difference;
    let end = "the end of the log";
    html! {
        @if let Some(before) = before { p { "The last that is the same:" } pre { (before) } }
        @for (side, event, cause) in [("base", base, &causes.0), ("new", new, &causes.1)] {
            p { strong { (side) } }
            pre { (event.as_deref().unwrap_or(end)) }
            @if let Some(cause) = cause { p.quiet { "led to it:" } pre { (cause) } }
        }
        @if !fields.is_empty() {
            (table(&["field", "base", "new"], &fields.iter().map(|(field, was, is)| vec![field.clone(), was.clone(), is.clone()]).collect::<Vec<_>>()))
        }
    }
}
