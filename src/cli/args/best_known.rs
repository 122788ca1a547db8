//! The arguments of `best-known`.

use std::path::PathBuf;

use clap::Args;

use super::play::Play;

/// Arguments of `best-known`.
#[derive(Debug, Args)]
pub(crate) struct BestKnownArgs {
    /// Scenario files, or folders that are searched for them.
    #[arg(value_name = "SCENARIO|DIR", default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// Find the best settings anew, for minutes a scenario, where its name contains this text; of the
    /// others those that are known are played again.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "", require_equals = true, conflicts_with = "check")]
    pub(crate) search: Option<String>,
    /// Where the report is written, and where the known settings are read (default:
    /// reports/best-known).
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports/best-known",
        hide_default_value = true
    )]
    pub(crate) out: PathBuf,
    /// Compare with the report that is there instead of writing one; exit 3 if it differs.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) play: Play,
}
