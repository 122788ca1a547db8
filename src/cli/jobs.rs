//! The threads that a command plays trials on.

use super::error::CliError;
use crate::study::experiment::runner::TrialRunner;

/// A runner with the threads that `--jobs` asks for, or one for each core.
pub(super) fn runner(jobs: Option<u16>) -> Result<TrialRunner, CliError> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(TrialRunner::new(jobs.map_or_else(cores, usize::from))?)
}
