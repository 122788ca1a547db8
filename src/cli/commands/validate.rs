//! `tagspace validate` and `tagspace list`: scenarios that are read and not run.

use std::path::Path;

use crate::cli::args::Scenarios;
use crate::cli::error::{CliError, Problems};
use crate::cli::scenarios::Found;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, scenarios};
use crate::study::tune::scenario_table;

/// Says of each scenario that it is valid, or all that is wrong with it.
pub(crate) fn validate(scenarios: &Scenarios) -> Result<ExitStatus, CliError> {
    let Found { loaded, mut problems } = scenarios::examine(scenarios)?;
    for (scenario, targets) in &loaded {
        let folder = Path::new(scenario.file()).parent().unwrap_or(Path::new(""));
        if let Err(wrong) = scenario_table::check(scenario, folder) {
            problems.extend(wrong);
            continue;
        }
        let runs = counted(scenario.runs.len(), "run");
        let targets = counted(targets.len(), "target");
        print(&format!("{}: valid, {runs}, {targets}\n", scenario.origin));
    }
    if problems.is_empty() {
        Ok(ExitStatus::Met)
    } else {
        Err(CliError::Problems(Problems(problems)))
    }
}

/// A count of things.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Lists scenarios with their questions.
pub(crate) fn list(scenarios: &Scenarios) -> Result<ExitStatus, CliError> {
    let loaded = scenarios::load(scenarios)?;
    let width = loaded.iter().map(|(scenario, _)| scenario.name.len()).max().unwrap_or(0);
    for (scenario, _) in &loaded {
        print(&format!("{:<width$}  {}\n", scenario.name, scenario.question));
    }
    Ok(ExitStatus::Met)
}
