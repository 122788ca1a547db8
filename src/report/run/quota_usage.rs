//! How much of each quota was used at most, for the terminal.

use std::fmt::Write;

use crate::report::format;
use crate::sim::recorder::Log;
use crate::sim::scenario::Scenario;
use crate::study::measure::quota_usage;
use crate::study::measure::quota_usage::Peak;

/// A line for each limit; nothing if there is none.
pub fn text(scenario: &Scenario, log: &Log) -> String {
    let peaks = quota_usage::of(scenario, log);
    let mut out = String::new();
    if peaks.is_empty() {
        return out;
    }
    out.push_str("\n  QUOTA USE at its highest\n");
    let named = |peak: &Peak| format!("{} {}", peak.model, peak.what);
    let width = peaks.iter().map(|peak| named(peak).len()).max().unwrap_or(0);
    for peak in &peaks {
        let Peak { used, limit, refused, .. } = peak;
        let (used, limit) = (format::count(*used), format::count(*limit));
        let name = named(peak);
        let _ = writeln!(out, "  {name:<width$}  {used} of {limit}, {refused} refused");
    }
    out
}
