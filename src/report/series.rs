//! The report on a scenario with many seeds: each target with its worst seed, and a map of who
//! meets what.

use std::fmt::Write;

use super::format;
use super::text::{Colour, mark, measured, patience, unit, word};
use crate::sim::scenario::Scenario;
use crate::study::judge::Verdict;
use crate::study::metric::{METRICS, Shape};
use crate::study::series::{Series, Spread};
use crate::study::target::Judged;

/// So many seeds stand in a row of the map.
const ROW: usize = 64;

/// The report; `replay` repeats the worst seed.
pub fn text(scenario: &Scenario, series: &Series, replay: &str, colour: Colour) -> String {
    let (first, last) = (series.played.first(), series.played.last());
    let (first, last) = (first.map_or(0, |one| one.seed), last.map_or(0, |one| one.seed));
    let mut out = format!(
        "{}  {}  {}\n  seeds {first} to {last}\n\n",
        word(series.judged.verdict(), colour),
        scenario.name,
        scenario.question
    );
    let all: Vec<(usize, usize, &Judged)> = series
        .judged
        .runs
        .iter()
        .enumerate()
        .flat_map(|(run, judged)| {
            judged.targets.iter().enumerate().map(move |(at, target)| (run, at, target))
        })
        .collect();
    if all.is_empty() {
        out.push_str("  no targets: nothing was judged\n");
    } else {
        out.push_str("  TARGETS, each with the seed that is worst\n");
        targets(&mut out, scenario, &all, colour);
        out.push('\n');
        map(&mut out, scenario, series, &all);
    }
    out.push('\n');
    figures(&mut out, series);
    patience(&mut out, scenario, colour);
    if series.judged.verdict() == Verdict::Missed {
        let _ = writeln!(out, "\n  {replay}");
    }
    out
}

/// A target's name, with its run where there are several.
pub(super) fn named(scenario: &Scenario, judged: &Judged) -> String {
    let target = &judged.target;
    let name = format!("{} {}", target.metric.name, target.text);
    if scenario.runs.len() > 1 { format!("{}: {name}", target.run) } else { name }
}

fn targets(out: &mut String, scenario: &Scenario, all: &[(usize, usize, &Judged)], colour: Colour) {
    let width = |of: &dyn Fn(&Judged) -> String| {
        all.iter().map(|(_, _, judged)| of(judged).chars().count()).max().unwrap_or(0)
    };
    let name = |judged: &Judged| named(scenario, judged);
    let met = |judged: &Judged| {
        judged.over.map_or(String::new(), |over| format!("{} of {}", over.met, over.seeds))
    };
    let (name_width, met_width, value_width) = (width(&name), width(&met), width(&measured));
    for (_, _, judged) in all {
        let margin = judged.margin.map_or("no samples".to_owned(), |margin| {
            format!("margin {}", format::difference(margin, unit(judged)))
        });
        let worst = judged.over.map_or(0, |over| over.worst);
        let _ = writeln!(
            out,
            "    {} {:<name_width$}  {:>met_width$}  {:>value_width$}  {margin} (seed {worst})",
            mark(judged, colour),
            name(judged),
            met(judged),
            measured(judged),
        );
    }
}

/// A row for each target, a column for each seed; long rows go on below.
fn map(out: &mut String, scenario: &Scenario, series: &Series, all: &[(usize, usize, &Judged)]) {
    let seeds: Vec<u64> = series.played.iter().map(|one| one.seed).collect();
    let widths = all.iter().map(|(_, _, judged)| named(scenario, judged).chars().count());
    let width = widths.max().unwrap_or(0);
    for start in (0..seeds.len()).step_by(ROW) {
        let end = seeds.len().min(start + ROW);
        let heading = format!("  VERDICT MAP, seeds {} to {}", seeds[start], seeds[end - 1]);
        let _ = writeln!(out, "{heading}: . is met, X is missed");
        for (run, target, judged) in all {
            let map: String = series.map(*run, *target)[start..end]
                .iter()
                .map(|met| if *met { '.' } else { 'X' })
                .collect();
            let _ = writeln!(out, "    {:<width$}  {map}", named(scenario, judged));
        }
    }
}

/// Of every figure that is one number the median and the range.
fn figures(out: &mut String, series: &Series) {
    for (at, run) in series.judged.runs.iter().enumerate() {
        let which =
            if series.judged.runs.len() > 1 { format!(" of {}", run.name) } else { String::new() };
        let _ = writeln!(out, "  FIGURES{which}: median (least to most)");
        let single: Vec<_> =
            METRICS.iter().filter(|metric| metric.shape == Shape::Single).collect();
        let width = single.iter().map(|metric| metric.name.len()).max().unwrap_or(0);
        for metric in single {
            let Some(Spread { least, median, most }) = series.spread(at, metric.name) else {
                continue;
            };
            let amount = |value: u64| format::amount(value, metric.unit);
            let dots = ".".repeat(width - metric.name.len());
            let range = if least == most {
                String::new()
            } else {
                format!("  ({} to {})", amount(least), amount(most))
            };
            let _ = writeln!(out, "  {}{dots}  {}{range}", metric.name, amount(median));
        }
    }
}
