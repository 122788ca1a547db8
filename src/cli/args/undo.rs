//! Arguments of `undo`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The job, as `tag --write` named it (default: list the jobs).
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    /// The file that keeps what was changed (default: tagspace/answers.db in $XDG_STATE_HOME or
    /// ~/.local/state).
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Send credentials to other machines over plain http as well.
    #[arg(long)]
    pub(crate) allow_http: bool,
}
