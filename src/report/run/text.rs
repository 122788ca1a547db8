//! The report in the terminal: the targets first, each with its limit, its value and its margin.

use std::fmt::Write;

use crate::report::colour::{Colour, dimmed, green, painted, red};
use crate::report::diagnosis::text as anomalies;
use crate::report::run::{failures, time_split};
use crate::report::{format, limitations};
use crate::sim::scenario::Scenario;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Metric;
use crate::study::measure::time_split::TimePart;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario, Verdict};
use crate::study::verdict::target::JudgedTarget;

/// The verdict as a word.
pub(crate) fn word(verdict: Verdict, colour: Colour) -> String {
    let style = match verdict {
        Verdict::Met => green(),
        Verdict::NotJudged => dimmed(),
        Verdict::Missed => red(),
    };
    painted(colour, style, verdict.words())
}

/// The mark before a target.
pub(crate) fn mark(judged: &JudgedTarget, colour: Colour) -> String {
    if !judged.is_judged {
        painted(colour, dimmed(), "–")
    } else if judged.met {
        painted(colour, green(), "✓")
    } else {
        painted(colour, red(), "✗")
    }
}

/// What is said of a scenario without targets.
pub(crate) const NO_TARGETS: &str = "the scenario has no targets, so nothing was judged";

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
    let all: Vec<&JudgedTarget> = judged.runs.iter().flat_map(|run| &run.targets).collect();
    if all.is_empty() {
        line(&mut out, &format!("  {NO_TARGETS}"));
    } else {
        line(&mut out, "  TARGETS");
        targets(&mut out, &judged.runs, colour);
    }
    if detail == Detail::Full || judged.verdict() == Verdict::Missed {
        line(&mut out, "");
        for text in time_split::lines(&judged.runs, colour) {
            line(&mut out, &text);
        }
        for odd in anomalies::lines(&judged.runs) {
            line(&mut out, &odd);
        }
        figures(&mut out, &judged.runs, colour);
        for failed in failures::lines(&judged.runs) {
            line(&mut out, &failed);
        }
        patience(&mut out, scenario, colour);
        let missing = limitations::not_represented(judged.is_from_outside()).join(", ");
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
    let named =
        |judged: &JudgedTarget| format!("{} {}", judged.target.metric.name(), judged.target.text);
    let widest = |width: fn(&JudgedTarget) -> String| {
        runs.iter()
            .flat_map(|run| &run.targets)
            .map(|t| width(t).chars().count())
            .max()
            .unwrap_or(0)
    };
    let name_width =
        widest(|judged| format!("{} {}", judged.target.metric.name(), judged.target.text));
    let value_width = widest(measured);
    for run in runs.iter().filter(|run| !run.targets.is_empty()) {
        if runs.len() > 1 {
            line(out, &format!("    {}", run.name));
        }
        for judged in &run.targets {
            let mark = mark(judged, colour);
            let margin = said(judged);
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

/// How far a target is from its limit, and why it is missed where these do not say it.
pub(crate) fn said(judged: &JudgedTarget) -> String {
    let unit = judged.target.unit();
    let limit = match (judged.target.limit.fixed(), judged.limit) {
        (None, Some(limit)) => format!("limit {}, ", format::amount(limit, unit)),
        _ => String::new(),
    };
    let margin =
        judged.margin.map(|margin| format!("{limit}margin {}", format::difference(margin, unit)));
    let reason = match (&judged.reason, judged.partial) {
        (Some(reason), _) => Some(reason.clone()),
        // The target says that it is about some of them.
        (None, Some(partial)) => Some(format!("over {} of {}", partial.num, partial.den)),
        (None, None) => None,
    };
    match (margin, reason) {
        (Some(margin), Some(reason)) => format!("{margin}, {reason}"),
        (Some(said), None) | (None, Some(said)) => said,
        (None, None) if judged.is_judged => "no samples".to_owned(),
        (None, None) if judged.target.limit.fixed().is_none() => {
            "not evaluated: only one run is served".to_owned()
        }
        (None, None) if judged.target.metric.is_seen_from_outside() => {
            "not evaluated: no client connected".to_owned()
        }
        (None, None) => "not evaluated: not observable by the server".to_owned(),
    }
}

/// What was measured for a target.
pub(crate) fn measured(judged: &JudgedTarget) -> String {
    match (judged.share, judged.value) {
        (Some(share), _) => format::share(share),
        (None, Some(value)) => format::amount(value, judged.target.unit()),
        (None, None) => "-".to_owned(),
    }
}

/// How long a closed gate is waited for, where that decides about the fallback.
pub(crate) fn patience(out: &mut String, scenario: &Scenario, colour: Colour) {
    let mut all: Vec<u64> =
        scenario.runs.iter().filter_map(|run| run.config.patience_shown_s()).collect();
    all.dedup();
    if !all.is_empty() {
        let all: Vec<String> = all.iter().map(|s| format!("{s} s")).collect();
        let text = format!("  patience with a closed gate before the fallback: {}", all.join(", "));
        line(out, &painted(colour, dimmed(), &text));
    }
}

/// A row of the figures: its name and a cell for each run.
struct FigureRow {
    name: String,
    cells: Vec<String>,
}

/// A row for each figure, a column for each run, and behind each further run how its value stands to
/// the first run's. A row has one unit.
fn figures(out: &mut String, runs: &[JudgedRun], colour: Colour) {
    let outside = runs.iter().any(JudgedRun::is_from_outside);
    let is_shown = |metric: &&Metric| {
        let is_part = TimePart::ALL.iter().any(|part| part.metric() == **metric);
        !is_part && (!outside || metric.is_seen_from_outside())
    };
    let shown = Metric::ALL.iter().filter(is_shown);
    let rows: Vec<FigureRow> =
        shown.flat_map(|metric| format::shown(*metric)).map(|figure| row(figure, runs)).collect();
    let mut heading = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        heading.push(run.name.clone());
        if at > 0 {
            heading.push("factor".to_owned());
        }
    }
    let name_width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.cells[column].chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut header = format!("  {:<name_width$}", "FIGURES");
    if runs.len() > 1 {
        for (name, width) in heading.iter().zip(&widths) {
            let _ = write!(header, "  {name:<width$}");
        }
    }
    line(out, &header);
    for FigureRow { name, cells } in rows {
        let dots = painted(colour, dimmed(), &".".repeat(name_width - name.chars().count()));
        let mut row = format!("  {name}{dots}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(row, "  {cell:<width$}");
        }
        line(out, &row);
    }
}

fn row(figure: Figure, runs: &[JudgedRun]) -> FigureRow {
    let values: Vec<Option<u64>> = runs.iter().map(|run| run.figures.integer(figure)).collect();
    let written = format::in_one_unit(&values, figure.metric.unit());
    let mut cells = Vec::new();
    for (at, (run, written)) in runs.iter().zip(written).enumerate() {
        cells.push(cell(figure.metric, run, written));
        if at > 0 {
            cells.push(format::factor(values[0], values[at]));
        }
    }
    FigureRow { name: figure.to_string(), cells }
}

/// The value of a figure in a run, with what has to be known of it.
fn cell(metric: Metric, run: &JudgedRun, written: Option<String>) -> String {
    let why = || run.figures.why_absent(metric).map(|why| format!("- ({why})"));
    let value = run.figures.get(metric);
    match (value, written) {
        (Some(Value::Share(share)), Some(_)) => format::share(*share),
        (Some(Value::Distribution(samples)), Some(written)) => match samples.partial() {
            Some(some) => format!("{written} (over {} of {})", some.num, some.den),
            None => written,
        },
        (_, Some(written)) => written,
        (_, None) => why().unwrap_or_else(|| "-".to_owned()),
    }
}
