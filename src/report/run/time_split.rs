//! Where the time of each run went, in the terminal.

use std::fmt::Write;

use crate::report::colour::{Colour, dimmed, painted};
use crate::report::format;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::time_split::TimePart;
use crate::study::verdict::judge::JudgedRun;

/// Steps of a bar.
const BAR: u64 = 10;

/// A row for each part that took time in some run: its time, its share and a bar for each run. Nothing
/// where no run took any, or none can be split.
pub(super) fn lines(runs: &[JudgedRun], colour: Colour) -> Vec<String> {
    let of = |run: &JudgedRun, part: &TimePart| run.figures.number(part.metric());
    let parts: Vec<&TimePart> =
        TimePart::ALL.iter().filter(|part| runs.iter().any(|run| of(run, part) > 0)).collect();
    let Some(name_width) = parts.iter().map(|part| part.metric().name().len()).max() else {
        return Vec::new();
    };
    let table: Vec<Vec<String>> = parts.iter().map(|part| cells(runs, **part)).collect();
    let width = |column: usize| {
        let cells = table.iter().map(|row| row[column].chars().count());
        cells.chain([runs[column].name.chars().count()]).max().unwrap_or(0)
    };
    let mut header = format!("  {:<name_width$}", "TIME");
    if runs.len() > 1 {
        for (column, run) in runs.iter().enumerate() {
            let _ = write!(header, "  {:<1$}", run.name, width(column));
        }
    }
    let rows = parts.iter().zip(&table).map(|(part, cells)| {
        let name = part.metric().name();
        let dots = painted(colour, dimmed(), &".".repeat(name_width - name.len()));
        let mut row = format!("  {name}{dots}");
        for (column, cell) in cells.iter().enumerate() {
            let _ = write!(row, "  {cell:<0$}", width(column));
        }
        row
    });
    [header].into_iter().chain(rows).chain([String::new()]).collect()
}

/// A part in each run.
fn cells(runs: &[JudgedRun], part: TimePart) -> Vec<String> {
    let values: Vec<u64> = runs.iter().map(|run| run.figures.number(part.metric())).collect();
    let all: Vec<Option<u64>> = values.iter().map(|ms| Some(*ms)).collect();
    let times = format::in_one_unit(&all, Unit::Millis);
    let cell = |((run, ms), time): ((&JudgedRun, &u64), Option<String>)| {
        let makespan_ms = run.figures.number(Metric::Makespan).max(1);
        let permille = ms * 1000 / makespan_ms;
        let steps = usize::try_from((permille * BAR + 500) / 1000).unwrap_or(0);
        let (bar, time) = ("█".repeat(steps), time.unwrap_or_default());
        format!("{time:>8} {:>3}.{} %  {bar:<10}", permille / 10, permille % 10)
    };
    runs.iter().zip(&values).zip(times).map(cell).collect()
}
