//! A scenario as it is written: the types of the TOML file, and nothing that one has to compute.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_spanned::Spanned;

pub use super::limit::OneOrMany;
use crate::fakes::confluence::ConfluenceConfig;
use crate::fakes::content::space::{Pages, SpaceConfig};
use crate::fakes::llm::AiConfig;
use crate::pipeline::config::SettingsPatch;
use crate::units::{Ratio, Whole};

/// The largest seed: the last whole number that every JSON reader keeps exact.
pub const MAX_SEED: u64 = 9_007_199_254_740_991;

/// The seeds that a scenario may have.
pub type SeedNumber = Whole<0, MAX_SEED>;

/// A scenario file. Its first line is a comment with the question that it asks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// The version of this format.
    pub schema: Whole<1, 1>,
    /// The seed of the world.
    pub seed: SeedNumber,
    /// Which weather it meets: another one draws latencies, faults and answers anew, and leaves the
    /// pages as they are (default: the one that the seed has).
    pub weather: Option<SeedNumber>,
    /// The moment of virtual zero (default: `2026-01-05T09:00:00Z`).
    #[schemars(with = "Option<String>")]
    pub start: Option<Spanned<String>>,
    /// After this virtual time a run counts as stuck (default: ten days).
    pub deadline_s: Option<Whole<1, 864_000>>,
    /// The allowed tags by category (default: a small built-in list).
    pub taxonomy: Option<BTreeMap<String, Vec<String>>>,
    /// The pages.
    #[schemars(with = "SpaceConfig")]
    pub space: Spanned<SpaceConfig>,
    /// The Confluence site.
    #[serde(default = "default_confluence")]
    #[schemars(with = "ConfluenceConfig")]
    pub confluence: Spanned<ConfluenceConfig>,
    /// The primary provider.
    #[schemars(with = "AiConfig")]
    pub gemini: Spanned<AiConfig>,
    /// The fallback provider (default: none).
    #[schemars(with = "Option<AiConfig>")]
    pub openai: Option<Spanned<AiConfig>>,
    /// What is under test.
    #[serde(default = "default_pipeline")]
    #[schemars(with = "SettingsPatch")]
    pub pipeline: Spanned<SettingsPatch>,
    /// The runs, one after the other (default: one, named `run`).
    #[serde(default)]
    pub run: Vec<RunFile>,
    /// What `tagspace tune` varies.
    #[serde(default)]
    #[schemars(with = "TuneFile")]
    pub tune: Option<TuneFile>,
    /// What must hold, by run and metric.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, OneOrMany>>")]
    pub targets: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, OneOrMany>>,
}

/// What `tagspace tune` varies, unless it is told something else.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TuneFile {
    /// The keys that are varied: `"pipeline.batch_size" = "1,2,5"`, `"1..=16"` or a list of values.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, AxisValues>")]
    pub set: BTreeMap<Spanned<String>, Spanned<AxisValues>>,
    /// The seeds of each setting (default: `1..=16`).
    #[schemars(with = "Option<String>")]
    pub seeds: Option<Spanned<String>>,
    /// What is to be small: `fastest`, `cheapest` or `fewest-calls` (default: `fastest`).
    #[schemars(with = "Option<String>")]
    pub objective: Option<Spanned<String>>,
    /// What a setting must meet, as `rate_limited_ratio <= 1%`.
    #[schemars(with = "Option<Vec<String>>")]
    pub require: Option<Vec<Spanned<String>>>,
    /// The run that is looked at (default: the first).
    #[schemars(with = "Option<String>")]
    pub run: Option<Spanned<String>>,
}

/// The values of a key that is varied.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected values such as \"1,2,5\", \"1..=16\" or [5, 10], and a key in quotes: \"pipeline.batch_size\""
)]
pub enum AxisValues {
    /// As `--set` takes them.
    Text(String),
    /// One by one.
    Many(#[schemars(with = "Vec<serde_json::Value>")] Vec<toml::Value>),
}

fn default_confluence() -> Spanned<ConfluenceConfig> {
    Spanned::new(0..0, ConfluenceConfig::default())
}

fn default_pipeline() -> Spanned<SettingsPatch> {
    Spanned::new(0..0, SettingsPatch::default())
}

/// A run of the pipeline over the space.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// Its name in targets and reports.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// The share of pages that changed before it.
    #[serde(default = "unchanged")]
    pub changed_ratio: Ratio,
    /// How long it starts after the end of the run before.
    #[serde(default = "at_once")]
    pub start_after_s: Whole<0, 8_640_000>,
    /// How many pages the space has from now on.
    pub pages: Option<Pages>,
    /// When it is cancelled, from its start.
    pub cancel_at_s: Option<Whole<0, 864_000>>,
    /// Whether world and pipeline start anew: no quota used, no cache, the same luck.
    #[serde(default)]
    pub fresh: bool,
    /// Settings of this run, over those of `[pipeline]`.
    #[serde(default = "default_pipeline")]
    #[schemars(with = "SettingsPatch")]
    pub pipeline: Spanned<SettingsPatch>,
}

fn unchanged() -> Ratio {
    Ratio::ZERO
}

fn at_once() -> Whole<0, 8_640_000> {
    Whole::new(0).expect("zero is within the range")
}
