//! The arguments of `limits`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::play::Play;
use crate::study::tune::grid::seeds;

/// Arguments of `limits`.
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    /// The scenario.
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: PathBuf,
    /// Set a key of the scenario, such as pipeline.batch_size=10 (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Look at this run, which a scenario with several needs unless --tolerance looks at all.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// Say how much worse the world may become until a target is missed, instead.
    #[arg(long)]
    pub(crate) tolerance: bool,
    /// The seeds (default: 1..=16, with --tolerance 1..=64).
    #[arg(long, value_name = "A..=B", value_parser = seeds)]
    pub(crate) seeds: Option<RangeInclusive<u64>>,
    /// What goes to standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: LimitsFormat,
    #[command(flatten)]
    pub(crate) play: Play,
}

impl LimitsArgs {
    /// The seeds, given or not: a target that is to be met in a share of them needs many.
    pub(crate) fn seeds(&self) -> RangeInclusive<u64> {
        let usual = if self.tolerance { 1..=64 } else { 1..=16 };
        self.seeds.clone().unwrap_or(usual)
    }
}

/// A form of what limits a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LimitsFormat {
    /// For people.
    Text,
    /// As JSON.
    Json,
}
