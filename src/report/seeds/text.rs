//! The report on many seeds, for the terminal.

use std::fmt::Write;

use crate::report::colour::Colour;
use crate::report::diagnosis::text as anomalies;
use crate::report::format;
use crate::report::run::text::{NO_TARGETS, mark, measured, patience, said, word};
use crate::sim::scenario::Scenario;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::Verdict;
use crate::study::verdict::seeds::{Series, Spread};
use crate::study::verdict::target::JudgedTarget;

/// The seeds in a row of the map.
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
    let all: Vec<(usize, usize, &JudgedTarget)> = series
        .judged
        .runs
        .iter()
        .enumerate()
        .flat_map(|(run, judged)| {
            judged.targets.iter().enumerate().map(move |(at, target)| (run, at, target))
        })
        .collect();
    if all.is_empty() {
        let _ = writeln!(out, "  {NO_TARGETS}");
    } else {
        out.push_str("  TARGETS, each with the seed that is worst\n");
        targets(&mut out, scenario, &all, colour);
        out.push('\n');
        map(&mut out, scenario, series, &all);
    }
    out.push('\n');
    for odd in anomalies::of_seeds(series) {
        let _ = writeln!(out, "{odd}");
    }
    figures(&mut out, series);
    patience(&mut out, scenario, colour);
    if series.judged.verdict() == Verdict::Missed {
        let _ = writeln!(out, "\n  {replay}");
    }
    out
}

/// A target's name, with its run where there are several.
pub(crate) fn named(scenario: &Scenario, judged: &JudgedTarget) -> String {
    let target = &judged.target;
    let name = format!("{} {}", target.metric.name(), target.text);
    if scenario.runs.len() > 1 { format!("{}: {name}", target.run) } else { name }
}

fn targets(
    out: &mut String,
    scenario: &Scenario,
    all: &[(usize, usize, &JudgedTarget)],
    colour: Colour,
) {
    let width = |of: &dyn Fn(&JudgedTarget) -> String| {
        all.iter().map(|(_, _, judged)| of(judged).chars().count()).max().unwrap_or(0)
    };
    let name = |judged: &JudgedTarget| named(scenario, judged);
    let met = |judged: &JudgedTarget| {
        judged.over.map_or(String::new(), |over| format!("{} of {}", over.met, over.seeds))
    };
    let (name_width, met_width, value_width) = (width(&name), width(&met), width(&measured));
    for (_, _, judged) in all {
        let margin = said(judged);
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
fn map(
    out: &mut String,
    scenario: &Scenario,
    series: &Series,
    all: &[(usize, usize, &JudgedTarget)],
) {
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

/// Of every figure the median (of an even number of seeds the lower of two), the range, and in
/// further runs how the median stands to the first run's.
fn figures(out: &mut String, series: &Series) {
    for (at, run) in series.judged.runs.iter().enumerate() {
        let heading = match (&series.judged.runs[..], at) {
            ([_], _) => "FIGURES: median".to_owned(),
            (_, 0) => format!("FIGURES of {}: median", run.name),
            ([first, ..], _) => {
                format!("FIGURES of {}: median, factor to {}", run.name, first.name)
            }
            ([], _) => continue,
        };
        let _ = writeln!(out, "  {heading} (least to most)");
        let shown = Metric::ALL.iter().flat_map(|metric| format::shown(*metric));
        let names: Vec<(Figure, String)> =
            shown.map(|figure| (figure, figure.to_string())).collect();
        let width = names.iter().map(|(_, name)| name.len()).max().unwrap_or(0);
        for (figure, name) in names {
            let dots = ".".repeat(width - name.len());
            let _ = writeln!(out, "  {name}{dots}  {}", spread(series, at, figure));
        }
    }
}

/// A figure over the seeds, with what has to be known of it.
fn spread(series: &Series, run: usize, figure: Figure) -> String {
    let seeds = series.played.len();
    let why = series.why_absent(run, figure.metric);
    let Some(Spread { least, median, most, seeds: having }) = series.spread(run, figure) else {
        return why.map_or("-".to_owned(), |why| format!("- ({why})"));
    };
    let all = format::in_one_unit(&[Some(least), Some(median), Some(most)], figure.metric.unit());
    let mut all = all.into_iter().flatten();
    let (least_text, median_text, most_text) = (all.next(), all.next(), all.next());
    let mut text = median_text.unwrap_or_default();
    if run > 0 {
        let first = series.spread(0, figure).map(|first| first.median);
        let _ = write!(text, "  {}", format::factor(first, Some(median)));
    }
    if least != most {
        let (least, most) = (least_text.unwrap_or_default(), most_text.unwrap_or_default());
        let _ = write!(text, "  ({least} to {most})");
    }
    if having < seeds {
        let why = why.map_or(String::new(), |why| format!(": {why} in others"));
        let _ = write!(text, "  in {having} of {seeds} seeds{why}");
    }
    let partial = series.partial(run, figure.metric);
    if partial > 0 {
        let _ = write!(text, "  leaves some out in {partial} of {seeds} seeds");
    }
    text
}
