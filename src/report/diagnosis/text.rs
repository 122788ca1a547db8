//! What is odd about runs, in the terminal.

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
    for (run, seeds, first, one) in counted(series) {
        let whose = if series.judged.runs.len() > 1 { format!("{run}: ") } else { String::new() };
        let all = series.played.len();
        lines.push(format!("    ! {whose}in {seeds} of {all} seeds; in seed {first} {}", one.seen));
        lines.push(format!("      change: {}", one.kind.change()));
    }
    if lines.is_empty() {
        return lines;
    }
    [vec!["  ODD".to_owned()], lines].concat()
}

/// The oddities of a series: the run, in how many seeds, the first of them, and what it was there.
pub(crate) fn counted(series: &Series) -> Vec<(&str, usize, u64, &Anomaly)> {
    let mut found: Vec<(&str, usize, u64, &Anomaly)> = Vec::new();
    for played in &series.played {
        for run in &played.runs {
            for one in &run.anomalies {
                let is_it = |known: &&mut (&str, usize, u64, &Anomaly)| {
                    known.0 == run.name && known.3.kind == one.kind
                };
                match found.iter_mut().find(is_it) {
                    Some((_, count, ..)) => *count += 1,
                    None => found.push((&run.name, 1, played.seed, one)),
                }
            }
        }
    }
    found.sort_by_key(|(_, count, ..)| std::cmp::Reverse(*count));
    found
}
