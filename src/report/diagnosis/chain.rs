//! A chain of events, in the terminal.

use std::fmt::Write;

use super::words;
use crate::report::format;
use crate::report::format::millis;
use crate::sim::recorder::entry::Entry;
use crate::study::diagnosis::chain::{ChainOf, Worst};
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::JudgedRun;

/// The event after which it is said that others were left out.
const HALF: usize = 30;

/// The chain behind the worst value of a metric: each event with its number, its time and the time since
/// the one before.
pub fn text(
    run: &JudgedRun,
    metric: Metric,
    worst: &Worst,
    (events, left): &(Vec<(usize, Entry)>, usize),
) -> String {
    let value = worst.said.replace("{}", &format::amount(worst.value, worst.unit));
    let said = match worst.of {
        ChainOf::Page(page) => format!("page {page} {value}"),
        ChainOf::Batch(batch) => format!("batch {} {value}", batch.0),
        ChainOf::Around(_) => value,
    };
    let mut out = format!("{}, run `{}`: {said}\n\n", metric.name(), run.name);
    let times: Vec<String> = events.iter().map(|(_, entry)| millis(entry.t_ms)).collect();
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let time_width = width(&mut times.iter().map(String::len));
    let number_width = width(&mut events.iter().map(|(number, _)| number.to_string().len()));
    let mut before = None;
    for (at, ((number, entry), time)) in events.iter().zip(&times).enumerate() {
        if at == HALF && *left > 0 {
            let _ = writeln!(out, "  ... {left} events are left out");
        }
        let since = before.map_or(0, |before| entry.t_ms.saturating_sub(before));
        let since = if since > 0 { format!("+{}", millis(since)) } else { String::new() };
        before = Some(entry.t_ms);
        let said = words::said(&entry.what);
        let _ =
            writeln!(out, "  {number:>number_width$}  {time:>time_width$}  {since:>10}  {said}");
    }
    out
}
