//! The report in the terminal: the targets first, each with its limit, its value and its margin.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::report::{format, trust};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario, Verdict};
use crate::study::metric::METRICS;
use crate::study::target::Judged;

/// Whether text carries colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// Text in a style, or plain.
fn painted(colour: Colour, style: Style, text: &str) -> String {
    match colour {
        Colour::On => format!("{style}{text}{style:#}"),
        Colour::Off => text.to_owned(),
    }
}

fn green() -> Style {
    AnsiColor::Green.on_default().bold()
}

fn red() -> Style {
    AnsiColor::Red.on_default().bold()
}

fn dimmed() -> Style {
    Style::new().dimmed()
}

/// The verdict as a word.
pub(super) fn word(verdict: Verdict, colour: Colour) -> String {
    match verdict {
        Verdict::Met => painted(colour, green(), "MET"),
        Verdict::Missed => painted(colour, red(), "MISSED"),
    }
}

/// The mark before a target.
pub(super) fn mark(judged: &Judged, colour: Colour) -> String {
    if !judged.is_judged {
        painted(colour, dimmed(), "–")
    } else if judged.met {
        painted(colour, green(), "✓")
    } else {
        painted(colour, red(), "✗")
    }
}

/// How much of a scenario is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Targets and every figure.
    Full,
    /// Targets; every figure only where one is missed.
    Brief,
}

/// The report on a scenario; `replay` says how to repeat it.
pub fn scenario(
    scenario: &Scenario,
    judged: &JudgedScenario,
    replay: &str,
    detail: Detail,
    colour: Colour,
) -> String {
    let mut out = String::new();
    let word = word(judged.verdict(), colour);
    line(&mut out, &format!("{word}  {}  {}", scenario.name, scenario.question));
    line(&mut out, "");
    let all: Vec<&Judged> = judged.runs.iter().flat_map(|run| &run.targets).collect();
    if all.is_empty() {
        line(&mut out, "  no targets: nothing was judged");
    } else {
        line(&mut out, "  TARGETS");
        targets(&mut out, &judged.runs, colour);
    }
    if detail == Detail::Full || judged.verdict() == Verdict::Missed {
        line(&mut out, "");
        figures(&mut out, &judged.runs, colour);
        patience(&mut out, scenario, colour);
        let missing = trust::not_represented(judged.is_from_outside()).join(", ");
        line(&mut out, &painted(colour, dimmed(), &format!("  not in these figures: {missing}")));
    }
    if judged.verdict() == Verdict::Missed {
        line(&mut out, "");
        line(&mut out, &format!("  {replay}"));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn targets(out: &mut String, runs: &[JudgedRun], colour: Colour) {
    let named = |judged: &Judged| format!("{} {}", judged.target.metric.name, judged.target.text);
    let widest = |width: fn(&Judged) -> String| {
        runs.iter()
            .flat_map(|run| &run.targets)
            .map(|t| width(t).chars().count())
            .max()
            .unwrap_or(0)
    };
    let name_width =
        widest(|judged| format!("{} {}", judged.target.metric.name, judged.target.text));
    let value_width = widest(measured);
    for run in runs.iter().filter(|run| !run.targets.is_empty()) {
        if runs.len() > 1 {
            line(out, &format!("    {}", run.name));
        }
        for judged in &run.targets {
            let mark = mark(judged, colour);
            let margin = match judged.margin {
                Some(margin) => {
                    let unit = unit(judged);
                    format!("margin {}", format::difference(margin, unit))
                }
                None if !judged.is_judged && judged.target.metric.is_seen_from_outside() => {
                    "not judged: nobody came".to_owned()
                }
                None if !judged.is_judged => "not judged: no service can tell".to_owned(),
                None => "no samples".to_owned(),
            };
            let text = format!(
                "    {mark} {:<name_width$}  {:>value_width$}  {}",
                named(judged),
                measured(judged),
                painted(colour, dimmed(), &margin)
            );
            line(out, &text);
        }
    }
}

pub(super) fn unit(judged: &Judged) -> crate::study::metric::Unit {
    match judged.target.stat {
        Some("count") => crate::study::metric::Unit::Count,
        _ => judged.target.metric.unit,
    }
}

/// What was measured for a target.
pub(super) fn measured(judged: &Judged) -> String {
    match (judged.share, judged.value) {
        (Some(share), _) => format::share(share),
        (None, Some(value)) => format::amount(value, unit(judged)),
        (None, None) => "-".to_owned(),
    }
}

/// How long a closed gate is waited for, where that decides about the fallback.
pub(super) fn patience(out: &mut String, scenario: &Scenario, colour: Colour) {
    let mut all: Vec<u64> =
        scenario.runs.iter().filter_map(|run| run.config.patience_shown_s()).collect();
    all.dedup();
    if !all.is_empty() {
        let all: Vec<String> = all.iter().map(|s| format!("{s} s")).collect();
        let text = format!("  patience with a closed gate before the fallback: {}", all.join(", "));
        line(out, &painted(colour, dimmed(), &text));
    }
}

/// A row for each figure that any run has, a column for each run.
fn figures(out: &mut String, runs: &[JudgedRun], colour: Colour) {
    let outside = runs.iter().any(JudgedRun::is_from_outside);
    let rows: Vec<(&str, Vec<String>)> = METRICS
        .iter()
        .filter(|metric| !outside || metric.is_seen_from_outside())
        .map(|metric| {
            let cells = runs.iter().map(|run| {
                let value = run.figures.get(metric.name);
                value.map_or("-".to_owned(), |value| format::value(metric, value))
            });
            (metric.name, cells.collect())
        })
        .collect();
    let name_width = METRICS.iter().map(|metric| metric.name.len()).max().unwrap_or(0);
    let widths: Vec<usize> = runs
        .iter()
        .enumerate()
        .map(|(index, run)| {
            let cells = rows.iter().map(|(_, cells)| cells[index].chars().count());
            cells.chain([run.name.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let mut header = format!("  {:<name_width$}", "FIGURES");
    if runs.len() > 1 {
        for (run, width) in runs.iter().zip(&widths) {
            let _ = write!(header, "  {:<width$}", run.name);
        }
    }
    line(out, &header);
    for (name, cells) in rows {
        let dots = painted(colour, dimmed(), &".".repeat(name_width - name.len()));
        let mut row = format!("  {name}{dots}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(row, "  {cell:<width$}");
        }
        line(out, &row);
    }
}
