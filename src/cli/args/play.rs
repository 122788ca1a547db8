//! The arguments of every command that plays many trials.

use clap::{Args, value_parser};

/// How many trials are played.
#[derive(Debug, Args)]
pub(crate) struct Play {
    /// How many simulations run at once (default: one for each core).
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Print nothing but errors and warnings.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
