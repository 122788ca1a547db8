//! Prediction against measurement, for the terminal and the documents.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::report::format;
use crate::sim::Lateness;
use crate::study::experiment::counterpart::Unmatched;
use crate::study::experiment::realtime_check::{
    CheckedFigure, RealTime, RealTimeCheck, RealTimeVerdict,
};
use crate::study::measure::metric::Unit;
use crate::study::measure::stat::Stat;

/// The table of one run, and how late the host was.
pub fn text(run: &str, prediction: &RealTimeCheck) -> String {
    let times = prediction.lateness.len();
    let of = if times > 1 { format!("median of {times}") } else { "once".to_owned() };
    let spread = if times > 1 { "least to most" } else { "" };
    let header = [&format!("REAL TIME  {run}"), "foretold", &of, spread, "apart", ""];
    let mut table = vec![header.map(str::to_owned)];
    table.extend(prediction.rows.iter().map(|row| cells(row, prediction.of_row(row))));
    let width =
        |column: usize| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let [name_width, predicted_width, median_width, spread_width, apart_width, _] =
        std::array::from_fn(width);
    let mut out = String::new();
    for [name, predicted, median, spread, apart, verdict] in &table {
        let spread =
            if spread_width > 0 { format!("{spread:>spread_width$}  ") } else { String::new() };
        let line = format!(
            "  {name:<name_width$}  {predicted:>predicted_width$}  {median:>median_width$}  \
             {spread}{apart:>apart_width$}  {verdict}"
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push_str(&lateness(prediction));
    out
}

fn cells(row: &CheckedFigure, verdict: Option<RealTimeVerdict>) -> [String; 6] {
    let name = row.figure.to_string();
    let amount = |value| format::amount(value, row.figure.metric.unit());
    let verdict = verdict.map_or("", words);
    let ends = (row.measured.iter().min(), row.measured.iter().max());
    let spread = match ends {
        (Some(least), Some(most)) if row.measured.len() > 1 => {
            format!("{} to {}", amount(*least), amount(*most))
        }
        _ => String::new(),
    };
    [name, amount(row.predicted), amount(row.median), spread, apart(row), verdict.to_owned()]
}

/// A verdict in words.
pub fn words(verdict: RealTimeVerdict) -> &'static str {
    match verdict {
        RealTimeVerdict::Agrees => "agrees",
        RealTimeVerdict::HostLate => "HOST LATE",
        RealTimeVerdict::Differs => "DIFFERS",
    }
}

/// For machines: what every run comes to, with its figures and how late the host was.
pub fn json(real_time: &RealTime) -> Json {
    let name = |verdict| match verdict {
        RealTimeVerdict::Agrees => "agrees",
        RealTimeVerdict::HostLate => "host_late",
        RealTimeVerdict::Differs => "differs",
    };
    let run = |(run, prediction): &(String, RealTimeCheck)| {
        let figure = |row: &CheckedFigure| {
            json!({
                "metric": row.figure.metric.key(), "stat": row.figure.stat.map(Stat::name), "predicted": row.predicted,
                "measured": row.measured, "median": row.median,
                "verdict": prediction.of_row(row).map(name),
            })
        };
        let late = |late: &Lateness| json!({"sum_ms": late.sum_ms, "max_ms": late.most_ms});
        json!({
            "name": run,
            "verdict": name(prediction.verdict()),
            "figures": prediction.rows.iter().map(figure).collect::<Vec<_>>(),
            "host_late": prediction.lateness.iter().map(late).collect::<Vec<_>>(),
        })
    };
    let runs: Vec<Json> = real_time.runs.iter().map(run).collect();
    json!({"verdict": name(real_time.verdict()), "runs": runs})
}

/// Each run with its verdict, and a sentence where that is not that they agree.
pub fn said(real_time: &RealTime) -> impl Iterator<Item = (&str, RealTimeVerdict, String)> {
    real_time.runs.iter().map(|(run, prediction)| {
        let said = match prediction.verdict() {
            RealTimeVerdict::Agrees => String::new(),
            RealTimeVerdict::HostLate => format!(
                "run `{run}` is not judged in real time, because this machine was late: {}",
                each_late(prediction)
            ),
            RealTimeVerdict::Differs => format!(
                "real time differs from what was predicted: run `{run}`: {}",
                differing(prediction)
            ),
        };
        (run.as_str(), prediction.verdict(), said)
    })
}

/// How late the host was, each time.
fn lateness(prediction: &RealTimeCheck) -> String {
    format!("  the host woke late: {}\n", each_late(prediction))
}

fn each_late(prediction: &RealTimeCheck) -> String {
    let each = prediction.lateness.iter().map(|late| {
        let (sum, most) = (format::millis(late.sum_ms), format::millis(late.most_ms));
        if late.sum_ms == 0 { "never".to_owned() } else { format!("{sum} in all, {most} at most") }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The figures that differ, in one line.
fn differing(prediction: &RealTimeCheck) -> String {
    let differs = |row: &&CheckedFigure| prediction.of_row(row) == Some(RealTimeVerdict::Differs);
    let each = prediction.rows.iter().filter(differs).map(|row| {
        let [name, predicted, median, _, apart, _] = cells(row, None);
        format!("{name} {median} instead of {predicted} ({apart})")
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The first event that one side lacks.
pub fn unmatched(event: &Unmatched) -> String {
    let side = if event.is_of_first { "only foretold" } else { "only in real time" };
    format!("  the first event without a counterpart, {side}: {}\n", event.line)
}

/// How far apart they are: counts by number, all else in percent.
fn apart(row: &CheckedFigure) -> String {
    let (predicted, median) = (i128::from(row.predicted), i128::from(row.median));
    let difference = median - predicted;
    if row.figure.metric.unit() == Unit::Count {
        return format!("{difference:+}");
    }
    if predicted == 0 {
        return if difference == 0 { "+0.00 %".to_owned() } else { "-".to_owned() };
    }
    let hundredths = (difference * 10_000) / predicted;
    let sign = if difference < 0 { '-' } else { '+' };
    format!("{sign}{}.{:02} %", hundredths.abs() / 100, hundredths.abs() % 100)
}
