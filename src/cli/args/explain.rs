//! Arguments of `explain`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A folder that `run` or `tag` wrote, or a file of events.
    #[arg(value_name = "DIR")]
    pub(crate) path: PathBuf,
    /// The metric; without it, what is odd about the run is told.
    #[arg(value_name = "METRIC")]
    pub(crate) metric: Option<String>,
    /// The run, where the scenario has several (default: the last).
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// Where the files are that the scenario names (default: the report's folder).
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
}
