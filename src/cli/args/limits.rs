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
    /// Look at this run, which a scenario with several needs.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// The seeds.
    #[arg(long, value_name = "A..=B", default_value = "1..=16", value_parser = seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// What goes to standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: LimitsFormat,
    #[command(flatten)]
    pub(crate) play: Play,
}

/// A form of what limits a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LimitsFormat {
    /// For people.
    Text,
    /// As JSON.
    Json,
}
