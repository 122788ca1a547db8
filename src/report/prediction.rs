//! Prediction against measurement, for the terminal.

use std::fmt::Write;

use crate::report::format;
use crate::study::metric::Unit;
use crate::study::prediction::Row;

/// The table of one run.
pub fn text(run: &str, rows: &[Row]) -> String {
    let times = rows.first().map_or(0, |row| row.measured.len());
    let of = if times > 1 { format!("median of {times}") } else { "once".to_owned() };
    let header = [format!("REAL TIME  {run}"), "foretold".to_owned(), of, "apart".to_owned()];
    let mut table = vec![(header, String::new())];
    for row in rows {
        let name = match row.stat {
            Some(stat) => format!("{} {stat}", row.metric.name),
            None => row.metric.name.to_owned(),
        };
        let amount = |value| format::amount(value, row.metric.unit);
        let verdict = match row.agrees() {
            Some(true) => "agrees",
            Some(false) => "DIFFERS",
            None => "",
        };
        let cells = [name, amount(row.predicted), amount(row.median), apart(row)];
        table.push((cells, verdict.to_owned()));
    }
    let width = |column: usize| {
        table.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let [name_width, predicted_width, median_width, apart_width] = widths;
    let mut out = String::new();
    for ([name, predicted, median, apart], verdict) in &table {
        let line = format!(
            "  {name:<name_width$}  {predicted:>predicted_width$}  {median:>median_width$}  \
             {apart:>apart_width$}  {verdict}"
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
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
