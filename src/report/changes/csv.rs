//! Rows as CSV: a head, and a line a page.

use super::cell::guarded;
use super::row::{COLUMNS, ChangeRow};

/// The line with the names of the columns.
pub fn head() -> String {
    line(&COLUMNS)
}

/// The line of a page. Labels stand with a space between them, which no label holds.
pub fn row(row: &ChangeRow) -> String {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        row.page.to_string(),
        row.title.clone(),
        row.url.clone(),
        row.added.join(" "),
        row.removed.join(" "),
        row.already_there.join(" "),
        row.dropped.join(" "),
        optional(&row.source),
        row.cost_usd_micros.map_or(String::new(), usd),
        optional(&row.error),
    ];
    line(&cells.each_ref().map(|cell| guarded(cell)))
}

/// An amount of dollars with all its digits.
fn usd(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn line<const N: usize>(cells: &[impl AsRef<str>; N]) -> String {
    let mut line = csv::Writer::from_writer(Vec::new());
    // A row in memory cannot fail to be written.
    let _ = line.write_record(cells.each_ref().map(|cell| cell.as_ref().as_bytes()));
    String::from_utf8_lossy(&line.into_inner().unwrap_or_default()).into_owned()
}
