//! Finding and reading the scenarios that were named.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::args::Scenarios;
use super::error::{CliError, Problems, quoted};
use super::terminal::note;
use crate::pipeline::config::SettingsPatch;
use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::scenario::env_file::{Reached, Variables};
use crate::sim::scenario::{OuterSettings, Scenario, diagnostic};
use crate::study::tune::scenario_table;
use crate::study::verdict::target::Target;
use crate::study::verdict::target_syntax;

/// The most targets of a file that are read to see what is wrong with them.
const MOST_TARGETS: usize = 1000;

/// A scenario with its targets.
pub(super) type Loaded = (Scenario, Vec<Target>);

/// The scenarios that were named.
pub(super) struct Found {
    /// Those that are valid.
    pub(super) loaded: Vec<Loaded>,
    /// What is wrong with the others.
    pub(super) problems: Vec<Diagnostic>,
}

/// Reads every scenario that was named, and tells all that is wrong with them at once.
pub(super) fn load(scenarios: &Scenarios) -> Result<Vec<Loaded>, CliError> {
    let Found { loaded, problems } = examine(scenarios)?;
    if problems.is_empty() { Ok(loaded) } else { Err(CliError::Problems(Problems(problems))) }
}

/// Reads every scenario that was named.
pub(super) fn examine(scenarios: &Scenarios) -> Result<Found, CliError> {
    let settings = settings(scenarios)?;
    let mut files = Vec::new();
    for path in &scenarios.paths {
        find(path, &mut files)?;
    }
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut found = Found { loaded: Vec::new(), problems: Vec::new() };
    for file in files {
        let (scenario, targets) = match read(&file, &settings, scenarios) {
            Ok(loaded) => loaded,
            Err(problems) => {
                found.problems.extend(problems);
                continue;
            }
        };
        if let Some(first) = names.insert(scenario.name.clone(), file.clone()) {
            return Err(CliError::Usage {
                message: format!(
                    "two scenarios are named `{}`: {} and {}",
                    scenario.name,
                    first.display(),
                    file.display()
                ),
                help: "the name is the folder of the report; rename one of the files".to_owned(),
            });
        }
        found.loaded.push((scenario, targets));
    }
    Ok(found)
}

/// What is set on top of each scenario.
fn settings(scenarios: &Scenarios) -> Result<OuterSettings, CliError> {
    let mut set = scenarios.set.clone();
    set.extend(scenarios.seed.map(|seed| format!("seed={seed}")));
    let Some(path) = &scenarios.env_file else { return Ok(OuterSettings { variables: None, set }) };
    let variables = Variables::read(path, scenarios.env_file_all_runs)
        .map_err(|problems| CliError::Problems(Problems(problems)))?;
    let is_empty = variables.patch == SettingsPatch::default();
    if is_empty && !scenarios.is_quiet {
        note(&format!("{}: no variable of the pipeline, so nothing is set", path.display()));
    }
    let variables = Some(variables).filter(|_| !is_empty);
    Ok(OuterSettings { variables, set })
}

/// Reads a file with its targets and its `[tune]`, or tells all that is wrong with it.
fn read(
    file: &Path,
    settings: &OuterSettings,
    args: &Scenarios,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut examined = Scenario::examine(file, settings);
    let mut problems = std::mem::take(&mut examined.problems);
    let Some(scenario) = examined.scenario else { return Err(diagnostic::first(problems)) };
    let mut targets = Vec::new();
    if examined.has_all_runs {
        targets = targets_of(&scenario).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Vec::new()
        });
        problems.extend(scenario_table::read(&scenario).err().into_iter().flatten());
    }
    if !problems.is_empty() {
        return Err(diagnostic::first(diagnostic::in_order(problems)));
    }
    if let (Some(reached), Some(path), false) = (&examined.reached, &args.env_file, args.is_quiet) {
        note(&format!("{}: {}: {}", path.display(), scenario.name, told(reached)));
    }
    Ok((scenario, targets))
}

/// The targets of a scenario, or all that is wrong with them.
fn targets_of(scenario: &Scenario) -> Result<Vec<Target>, Vec<Diagnostic>> {
    target_syntax::of(scenario).map_err(|first| {
        let mut one = scenario.clone();
        let text: Arc<str> = scenario.text.as_str().into();
        let written = scenario.targets.iter().take(MOST_TARGETS);
        let wrong: Vec<Diagnostic> = written
            .filter_map(|target| {
                one.targets = vec![target.clone()];
                target_syntax::of(&one).err()
            })
            .map(|problem| Diagnostic { text: Arc::clone(&text), ..problem })
            .collect();
        if wrong.is_empty() { vec![first] } else { wrong }
    })
}

/// Which runs the variables of a file changed, and which they left.
fn told(reached: &Reached) -> String {
    let named = |names: &[String]| match names {
        [] => "changed no run".to_owned(),
        [name] => format!("changed the run `{name}`"),
        names => format!("changed the runs `{}`", names.join("`, `")),
    };
    let mut told = named(&reached.changed);
    for (run, profile) in &reached.left {
        told = format!(
            "{told}; left the run `{run}`, whose own pipeline names the profile `{profile}`"
        );
    }
    if !reached.left.is_empty() {
        told.push_str(" (--env-file-all-runs changes it as well)");
    }
    told
}

/// With `--require-targets`, every scenario must have something to be judged by.
pub(super) fn require_targets(loaded: &[Loaded], is_required: bool) -> Result<(), CliError> {
    let without = loaded.iter().find(|(_, targets)| is_required && targets.is_empty());
    without.map_or(Ok(()), |(scenario, _)| {
        Err(CliError::Usage {
            message: format!(
                "{}: expected at least one target, found none (--require-targets)",
                scenario.file()
            ),
            help: "a [targets.run] table with lines such as makespan = \"<= 60s\" judges it"
                .to_owned(),
        })
    })
}

/// Adds a file, or the `.toml` files below a folder in byte order.
fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let shown = path.display();
    if !fs::metadata(path).map_err(|error| unreadable(path, &error))?.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut found = Vec::new();
    let entries = WalkDir::new(path).follow_links(true).into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || is_meant(entry)) {
        match entry {
            Ok(entry) => {
                let is_toml = entry.path().extension().is_some_and(|end| end == "toml");
                if is_toml && entry.file_type().is_file() {
                    found.push(entry.into_path());
                }
            }
            Err(error) if leads_nowhere(&error) => {}
            Err(error) => {
                let at = error.path().unwrap_or(path).to_path_buf();
                let error = error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into());
                return Err(unreadable(&at, &error));
            }
        }
    }
    if found.is_empty() {
        let first = path.join("first.toml");
        let command = quoted(["tagspace", "new", &first.to_string_lossy()]);
        return Err(CliError::Usage {
            message: format!("{shown}:1:1: expected at least one .toml file, found none"),
            help: format!("`{command}` writes a scenario to start from"),
        });
    }
    found.sort();
    files.extend(found);
    Ok(())
}

/// Whether a name is one that a person gave: hidden files, and names that begin with `#` or `~`,
/// are what editors keep beside their files.
fn is_meant(entry: &DirEntry) -> bool {
    !entry.file_name().to_string_lossy().starts_with(['.', '#', '~'])
}

/// Whether an error of a search is about a link that leads nowhere, or back to where the search has
/// been: there is nothing to find.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let is_broken = error.path().is_some_and(|path| is_link(path) && fs::metadata(path).is_err());
    error.depth() > 0 && (error.loop_ancestor().is_some() || is_broken)
}

fn unreadable(path: &Path, error: &Error) -> CliError {
    let help = match error.kind() {
        ErrorKind::NotFound => {
            "name a scenario file or a folder of them; `tagspace new first` writes scenarios/first.toml, and `tagspace demo` plays scenarios that come with the program"
        }
        ErrorKind::PermissionDenied => "you need the permission to read it",
        _ => "name a scenario file or a folder of them",
    };
    CliError::Usage {
        message: format!("{}: cannot read: {error}", path.display()),
        help: help.to_owned(),
    }
}
