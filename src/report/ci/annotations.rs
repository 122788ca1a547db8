//! Annotations of GitHub: `::error file=…,line=…::…` for each missed target, at its line of the
//! scenario's file, and for a regression at the key that changed. GitHub shows ten of a step.

use std::fmt::Write;

use super::Closing;
use super::closing::{failure, missed};
use crate::report::compare;
use crate::report::run::realtime_check;
use crate::report::run::text::NO_TARGETS;
use crate::sim::scenario::Scenario;
use crate::study::compare::{Compared, ComparisonVerdict};
use crate::study::experiment::realtime_check::RealTimeVerdict;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::target::JudgedTarget;

/// GitHub shows no more of one step.
const MAX_ANNOTATIONS: usize = 10;
/// The figures that an annotation names.
const SHOWN_FIGURES: usize = 5;

/// The annotations of a scenario whose file holds `original`.
pub fn of(scenario: &Scenario, judged: &JudgedScenario, original: &str) -> Vec<String> {
    let one = |(run, judged): (&JudgedRun, &JudgedTarget)| {
        let line = line_of(&scenario.text, original, judged.target.line);
        let place = line.map_or(String::new(), |line| format!(",line={line}"));
        let title = property(&format!("{} misses a target", scenario.name));
        let message = data(&failure(run, judged));
        format!("::error file={}{place},title={title}::{message}\n", property(scenario.file()))
    };
    missed(&judged.runs).map(one).collect()
}

/// The annotations of what came of a scenario besides its targets: at the key that changed, and a
/// warning where nothing was judged or played.
pub fn closing(scenario: &Scenario, closing: &Closing<'_>, original: &str) -> Vec<String> {
    let file = property(scenario.file());
    let name = property(&scenario.name);
    let mut all = Vec::new();
    if let Some(compared) = closing.regression() {
        let line = key_line(compared, original);
        let title =
            format!("{name} {} against {}", compared.verdict.name(), property(closing.base));
        let said = data(&compare::headline_of(compared, SHOWN_FIGURES));
        all.push(format!("::error file={file},line={line},title={title}::{said}\n"));
    }
    let is_new = closing.compared.is_some_and(|one| one.verdict == ComparisonVerdict::New);
    let is_new = is_new.then_some("the base does not have it");
    if let Some(why) = closing.uncompared.or(is_new) {
        let title = format!("{name} is not compared");
        all.push(format!("::warning file={file},line=1,title={title}::{}\n", data(why)));
    }
    for diverged in closing.diverged {
        let title = format!("{name} differs from itself");
        all.push(format!("::error file={file},title={title}::{}\n", data(diverged)));
    }
    for (_, verdict, said) in closing.real_time.into_iter().flat_map(realtime_check::said) {
        let (kind, title) = match verdict {
            RealTimeVerdict::Agrees => continue,
            RealTimeVerdict::HostLate => ("warning", "is not judged in real time"),
            RealTimeVerdict::Differs => ("error", "differs in real time"),
        };
        all.push(format!("::{kind} file={file},line=1,title={name} {title}::{}\n", data(&said)));
    }
    if let Some(why) = closing.unplayed.filter(|_| closing.outcome == Outcome::Failed) {
        let said = data(why);
        all.push(format!("::error file={file},line=1,title={name} could not be played::{said}\n"));
    }
    let warning = match closing.outcome {
        Outcome::Failed => None,
        Outcome::NotJudged => Some(format!("NOT JUDGED: {NO_TARGETS}")),
        _ => closing.unplayed.map(|why| format!("{}: {why}", closing.outcome.words())),
    };
    if let Some(said) = warning {
        let title = format!("{name} {}", closing.outcome.words().to_lowercase());
        all.push(format!("::warning file={file},line=1,title={title}::{}\n", data(&said)));
    }
    all
}

/// The annotation of a comparison that stops a gate; `file` is the scenario's, with its text.
pub fn regression(compared: &Compared, base: &str, file: Option<(&str, &str)>) -> String {
    let (name, verdict) = (property(&compared.name), compared.verdict.name());
    let place = file.map_or(String::new(), |(file, text)| {
        format!("file={},line={},", property(file), key_line(compared, text))
    });
    let said = data(&compare::headline_of(compared, SHOWN_FIGURES));
    format!("::error {place}title={name} {verdict} against {}::{said}\n", property(base))
}

/// The line of the first changed key in a scenario's file, or of the nearest table around it if the
/// file does not have the key.
fn key_line(compared: &Compared, original: &str) -> usize {
    let Some((table, changed)) = compared.first_changed() else { return 1 };
    let key = format!("{table}.{}", changed.key);
    let key = key.trim_start_matches('.');
    let of_run = changed.run.as_ref().map(|run| format!("run.{run}.{key}"));
    let wanted: Vec<&str> = of_run.as_deref().into_iter().chain([key]).collect();
    let best = |wanted: &str| {
        let places = paths(original).into_iter();
        let fits = places.filter(|(_, path)| {
            wanted
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        fits.max_by_key(|(line, path)| (path.len(), std::cmp::Reverse(*line)))
    };
    let found = wanted.into_iter().filter_map(best).max_by_key(|(_, path)| path.len());
    found.map_or(1, |(line, _)| line)
}

/// The dotted path of each table heading and each key of a TOML text, with its line. A run's path has
/// its name.
fn paths(text: &str) -> Vec<(usize, String)> {
    let (mut table, mut found) = (String::new(), Vec::new());
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.trim();
        if let Some(heading) = written.strip_prefix('[') {
            let own = heading.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            let run = table.split('.').nth(1).unwrap_or_default();
            table = match own.strip_prefix("run.") {
                Some(below) => format!("run.{run}.{below}"),
                None => own.to_owned(),
            };
            found.push((line, table.clone()));
        } else if let Some((key, value)) =
            written.split_once('=').filter(|_| !written.starts_with('#'))
        {
            let key = key.trim().trim_matches(['"', '\'']);
            if table == "run" && key == "name" {
                let name = value.split('#').next().unwrap_or_default();
                table = format!("run.{}", name.trim().trim_matches(['"', '\'']));
            }
            let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
            found.push((line, path));
        }
    }
    found
}

/// The line of the file that a line of the scenario's text comes from. Settings may have moved it:
/// it is the nearest one with the same words.
fn line_of(text: &str, original: &str, line: usize) -> Option<usize> {
    let wanted = text.lines().nth(line.checked_sub(1)?)?;
    let same = original.lines().enumerate().filter(|(_, known)| *known == wanted);
    same.map(|(at, _)| at + 1).min_by_key(|at| at.abs_diff(line))
}

/// All annotations, errors first, as many as are shown.
pub fn document(annotations: &[String]) -> String {
    let (errors, others): (Vec<&String>, Vec<&String>) =
        annotations.iter().partition(|one| one.starts_with("::error"));
    let annotations: Vec<&str> = errors.into_iter().chain(others).map(String::as_str).collect();
    let more = annotations.len().saturating_sub(MAX_ANNOTATIONS);
    let shown = if more > 0 { MAX_ANNOTATIONS - 1 } else { annotations.len() };
    let mut out = annotations[..shown].concat();
    if more > 0 {
        let rest = annotations.len() - shown;
        let _ = writeln!(out, "::error title=tagspace::and {rest} more");
    }
    out
}

pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
