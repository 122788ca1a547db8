//! Finding and reading the scenarios that were named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::args::Scenarios;
use super::{CliError, Problems};
use crate::sim::scenario::Scenario;
use crate::sim::scenario::set;
use crate::study::target::{self, Target};
use crate::study::tune::table;

/// A scenario with its targets.
pub(super) type Loaded = (Scenario, Vec<Target>);

/// Reads every scenario that was named, and tells all that is wrong with them at once.
pub(super) fn load(scenarios: &Scenarios) -> Result<Vec<Loaded>, CliError> {
    let mut settings = Vec::new();
    if let Some(path) = &scenarios.env_file {
        let text = fs::read_to_string(path).map_err(|error| CliError::Usage {
            message: format!("{}: cannot read the file: {error}", path.display()),
            help: "--env-file takes a file with lines such as TAG_SPACE_BATCH_SIZE=10".to_owned(),
        })?;
        let read = set::from_env_file(path, &text);
        settings = read.map_err(|problem| CliError::Problems(Problems(vec![problem])))?;
    }
    settings.extend(scenarios.set.iter().cloned());
    settings.extend(scenarios.seed.map(|seed| format!("seed={seed}")));
    let mut files = Vec::new();
    for path in &scenarios.paths {
        find(path, &mut files)?;
    }
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    let (mut loaded, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        let scenario = Scenario::read(&file, &settings);
        let read = scenario.and_then(|scenario| {
            let targets = target::of(&scenario)?;
            table::read(&scenario)?;
            Ok((scenario, targets))
        });
        match read {
            Ok((scenario, targets)) => {
                if let Some(first) = names.insert(scenario.name.clone(), file.clone()) {
                    return Err(CliError::Usage {
                        message: format!(
                            "got two scenarios named `{}`: {} and {}",
                            scenario.name,
                            first.display(),
                            file.display()
                        ),
                        help: "the name is the folder of the report; rename one of the files"
                            .to_owned(),
                    });
                }
                loaded.push((scenario, targets));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(CliError::Problems(Problems(problems))) }
}

/// With `--require-targets`, every scenario must have something to be judged by.
pub(super) fn require_targets(loaded: &[Loaded], is_required: bool) -> Result<(), CliError> {
    let without = loaded.iter().find(|(_, targets)| is_required && targets.is_empty());
    without.map_or(Ok(()), |(scenario, _)| {
        Err(CliError::Usage {
            message: format!(
                "{}: got no targets, wanted at least one (--require-targets)",
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
    let unreadable = |error: std::io::Error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let help = if missing {
            "name a scenario file or a folder of them; `tagspace new first` writes scenarios/first.toml"
        } else {
            "the folder must be readable"
        };
        CliError::Usage {
            message: format!("{shown}:1:1: cannot read: {error}"),
            help: help.to_owned(),
        }
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let before = files.len();
    let mut found = Vec::new();
    for entry in WalkDir::new(path).follow_links(true) {
        let entry = entry.map_err(|error| {
            let said = error.into_io_error();
            unreadable(said.unwrap_or_else(|| std::io::Error::other("its links go in circles")))
        })?;
        let is_toml = entry.path().extension().is_some_and(|extension| extension == "toml");
        if is_toml && entry.file_type().is_file() {
            found.push(entry.into_path());
        }
    }
    found.sort();
    files.extend(found);
    if files.len() == before {
        return Err(CliError::Usage {
            message: format!(
                "{shown}:1:1: got a folder without scenarios, wanted at least one .toml file"
            ),
            help: "`tagspace new first` writes scenarios/first.toml".to_owned(),
        });
    }
    Ok(())
}
