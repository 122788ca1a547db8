//! What is odd about runs, in the terminal.

use std::cmp::Reverse;

use super::words;
use crate::report::format::millis;
use crate::study::diagnosis::anomaly::Anomaly;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::seeds::Series;

/// Three lines for each oddity: what was seen and when, the first event that shows it, and what to
/// change. Nothing where nothing is odd.
pub(crate) fn lines(runs: &[JudgedRun]) -> Vec<String> {
    let mut lines = Vec::new();
    for run in runs {
        for one in &run.anomalies {
            let whose = if runs.len() > 1 { format!("{}: ", run.name) } else { String::new() };
            lines.push(format!("    ! {whose}{} ({})", one.seen, period(one)));
            lines.extend(
                evidence(run, one).into_iter().take(1).map(|event| format!("      {event}")),
            );
            lines.push(format!("      change: {}", one.kind.change()));
        }
    }
    if lines.is_empty() {
        return lines;
    }
    [vec!["  ODD".to_owned()], lines].concat()
}

/// When it was.
pub(crate) fn period(one: &Anomaly) -> String {
    match (one.from_ms, one.to_ms) {
        (from, to) if from == to => format!("at {}", millis(from)),
        (from, to) => format!("{} to {}", millis(from), millis(to)),
    }
}

/// The events that show it, each with its time and its number.
pub(crate) fn evidence(run: &JudgedRun, one: &Anomaly) -> Vec<String> {
    let event = |number: &usize| {
        let entry = run.log.entries.get(number.checked_sub(1)?)?;
        Some(format!("event {number}, {}: {}", millis(entry.t_ms), words::said(&entry.what)))
    };
    one.events.iter().filter_map(event).collect()
}

/// Of many seeds: in how many each oddity was seen, and what it was in the first of them.
pub(crate) fn of_seeds(series: &Series) -> Vec<String> {
    let mut lines = Vec::new();
    for odd in counted(series) {
        let CountedAnomaly { run, seeds, first_seed, first } = odd;
        let whose = if series.judged.runs.len() > 1 { format!("{run}: ") } else { String::new() };
        let (all, seen) = (series.played.len(), &first.seen);
        lines.push(format!("    ! {whose}in {seeds} of {all} seeds; in seed {first_seed} {seen}"));
        lines.push(format!("      change: {}", first.kind.change()));
    }
    if lines.is_empty() {
        return lines;
    }
    [vec!["  ODD".to_owned()], lines].concat()
}

/// An oddity of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountedAnomaly<'a> {
    pub(crate) run: &'a str,
    /// In how many seeds it was seen.
    pub(crate) seeds: usize,
    /// The first of them, and what it was there.
    pub(crate) first_seed: u64,
    pub(crate) first: &'a Anomaly,
}

/// The oddities of a series, the most frequent first.
pub(crate) fn counted(series: &Series) -> Vec<CountedAnomaly<'_>> {
    let mut found: Vec<CountedAnomaly<'_>> = Vec::new();
    for played in &series.played {
        for run in &played.runs {
            for one in &run.anomalies {
                let is_it = |known: &&mut CountedAnomaly<'_>| {
                    known.run == run.name && known.first.kind == one.kind
                };
                match found.iter_mut().find(is_it) {
                    Some(known) => known.seeds += 1,
                    None => found.push(CountedAnomaly {
                        run: &run.name,
                        seeds: 1,
                        first_seed: played.seed,
                        first: one,
                    }),
                }
            }
        }
    }
    found.sort_by_key(|odd| Reverse(odd.seeds));
    found
}
