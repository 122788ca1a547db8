//! The command that repeats a scenario with a seed.

use crate::cli::args::RunArgs;
use crate::cli::error::quoted;
use crate::sim::scenario::Scenario;

/// The command that repeats a scenario with a seed.
pub(crate) fn replay(args: &RunArgs, scenario: &Scenario, seed: u64) -> String {
    let seed = seed.to_string();
    let mut words = vec!["tagspace", "run", scenario.file(), "--seed", &seed];
    for setting in &args.scenarios.set {
        words.extend(["--set", setting]);
    }
    let file = args.scenarios.env_file.as_ref().map(|file| file.to_string_lossy());
    if let Some(file) = &file {
        words.extend(["--env-file", file]);
        words.extend(args.scenarios.env_file_all_runs.then_some("--env-file-all-runs"));
    }
    format!("replay: {}", quoted(words))
}
