//! The command that repeats a scenario with a seed.

use std::path::Path;

use crate::cli::args::RunArgs;
use crate::cli::error::quoted;
use crate::sim::scenario::Scenario;

/// The command that repeats a scenario with a seed.
pub(super) fn replay(args: &RunArgs, scenario: &Scenario, seed: u64) -> String {
    format!("replay: {}", command(args, scenario.file(), seed))
}

/// The same for a page, which others read elsewhere: with the file's name alone.
pub(super) fn portable(args: &RunArgs, scenario: &Scenario, seed: u64) -> String {
    let file = Path::new(scenario.file());
    let name = file.file_name().map_or(scenario.file().into(), |name| name.to_string_lossy());
    command(args, &name, seed)
}

fn command(args: &RunArgs, scenario: &str, seed: u64) -> String {
    let seed = seed.to_string();
    let mut words = vec!["tagspace", "run", scenario, "--seed", &seed];
    for setting in &args.scenarios.set {
        words.extend(["--set", setting]);
    }
    let file = args.scenarios.env_file.as_ref().map(|file| file.to_string_lossy());
    if let Some(file) = &file {
        words.extend(["--env-file", file]);
        words.extend(args.scenarios.env_file_all_runs.then_some("--env-file-all-runs"));
    }
    quoted(words)
}
