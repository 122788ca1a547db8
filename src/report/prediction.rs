//! Prediction against measurement, for the terminal.

use std::fmt::Write;

use crate::report::format;
use crate::study::counterpart::Unmatched;
use crate::study::metric::Unit;
use crate::study::prediction::{Prediction, Row, Verdict};

/// The table of one run, and how late the host was.
pub fn text(run: &str, prediction: &Prediction) -> String {
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

fn cells(row: &Row, verdict: Option<Verdict>) -> [String; 6] {
    let name = match row.stat {
        Some(stat) => format!("{} {stat}", row.metric.name),
        None => row.metric.name.to_owned(),
    };
    let amount = |value| format::amount(value, row.metric.unit);
    let verdict = match verdict {
        Some(Verdict::Agrees) => "agrees",
        Some(Verdict::HostLate) => "HOST LATE",
        Some(Verdict::Differs) => "DIFFERS",
        None => "",
    };
    let ends = (row.measured.iter().min(), row.measured.iter().max());
    let spread = match ends {
        (Some(least), Some(most)) if row.measured.len() > 1 => {
            format!("{} to {}", amount(*least), amount(*most))
        }
        _ => String::new(),
    };
    [name, amount(row.predicted), amount(row.median), spread, apart(row), verdict.to_owned()]
}

/// How late the host was, each time.
fn lateness(prediction: &Prediction) -> String {
    let each = prediction.lateness.iter().map(|late| {
        let (sum, most) = (format::millis(late.sum_ms), format::millis(late.most_ms));
        if late.sum_ms == 0 { "never".to_owned() } else { format!("{sum} in all, {most} at most") }
    });
    format!("  the host woke late: {}\n", each.collect::<Vec<_>>().join("; "))
}

/// The figures that differ, in one line.
pub fn differing(prediction: &Prediction) -> String {
    let differs = |row: &&Row| prediction.of_row(row) == Some(Verdict::Differs);
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
fn apart(row: &Row) -> String {
    let (predicted, median) = (i128::from(row.predicted), i128::from(row.median));
    let difference = median - predicted;
    if row.metric.unit == Unit::Count {
        return format!("{difference:+}");
    }
    if predicted == 0 {
        return if difference == 0 { "+0.00 %".to_owned() } else { "-".to_owned() };
    }
    let hundredths = (difference * 10_000) / predicted;
    let sign = if difference < 0 { '-' } else { '+' };
    format!("{sign}{}.{:02} %", hundredths.abs() / 100, hundredths.abs() % 100)
}
