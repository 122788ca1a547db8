//! Arguments of `cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `cache`.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    /// What to do with the answers.
    #[command(subcommand)]
    pub(crate) action: CacheAction,
    /// The file that keeps them (default: tagspace/answers.db in $XDG_STATE_HOME or ~/.local/state).
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) store: Option<PathBuf>,
}

/// What can be done with the answers that are kept.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Say how many there are, of which models, and how much room they take.
    Stats,
    /// Forget them, so that their pages are asked about again.
    Clear {
        /// Only the answers of this model.
        #[arg(long, value_name = "MODEL")]
        model: Option<String>,
        /// Only answers that were not used for this many days.
        #[arg(long, value_name = "DAYS", default_value_t = 0)]
        unused_for: u32,
    },
    /// Print them as CSV: key, model, unused_days, and tags as JSON.
    Export,
}
