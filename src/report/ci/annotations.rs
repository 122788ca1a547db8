//! Annotations of GitHub: `::error file=…,line=…::…` for each missed target, at its line of the
//! scenario's file. GitHub shows ten of a step.

use std::fmt::Write;

use super::{failure, missed};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::target::Judged;

/// GitHub shows no more of one step.
const MOST: usize = 10;

/// The annotations of a scenario whose file holds `original`.
pub fn of(scenario: &Scenario, judged: &JudgedScenario, original: &str) -> Vec<String> {
    let one = |(run, judged): (&JudgedRun, &Judged)| {
        let line = line_of(&scenario.text, original, judged.target.line);
        let place = line.map_or(String::new(), |line| format!(",line={line}"));
        let title = property(&format!("{} misses a target", scenario.name));
        let message = data(&failure(run, judged));
        format!("::error file={}{place},title={title}::{message}\n", property(scenario.file()))
    };
    missed(&judged.runs).map(one).collect()
}

/// The line of the file that a line of the scenario's text comes from. Settings may have moved it:
/// it is the nearest one with the same words.
fn line_of(text: &str, original: &str, line: usize) -> Option<usize> {
    let wanted = text.lines().nth(line.checked_sub(1)?)?;
    let same = original.lines().enumerate().filter(|(_, known)| *known == wanted);
    same.map(|(at, _)| at + 1).min_by_key(|at| at.abs_diff(line))
}

/// All annotations, as many as are shown.
pub fn document(annotations: &[String]) -> String {
    let more = annotations.len().saturating_sub(MOST);
    let shown = if more > 0 { MOST - 1 } else { annotations.len() };
    let mut out = annotations[..shown].concat();
    if more > 0 {
        let rest = annotations.len() - shown;
        let _ = writeln!(out, "::error title=tagspace::and {rest} more missed targets");
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
