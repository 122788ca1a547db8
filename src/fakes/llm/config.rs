//! The `[gemini]` and `[openai]` tables of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared_quota::{NeighbourConfig, NeighbourForms};
use crate::fakes::fault::FaultRule;
use crate::fakes::latency::LatencyFile;
use crate::fakes::llm::completion::AnswerConfig;
use crate::fakes::quota::QuotaConfig;
use crate::fakes::spell::{SpellConfig, SpellForms, one_or_many};
use crate::units::{Count, Ratio, Skew, UsdPerMillion, Whole};

/// What a million tokens cost, where a scenario states it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    /// For a million input tokens.
    pub input_usd: UsdPerMillion,
    /// For a million output tokens.
    pub output_usd: UsdPerMillion,
}

/// The `[gemini]` or `[openai]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AiConfig {
    /// The model that is asked. Models retire, so it is data.
    pub model: String,
    /// The models that it has (default: those of the price table).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The keys that it takes (default: any).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// How long a call takes (default: 800 ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyFile>,
    /// How many calls and tokens it takes (default: any number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaConfig>,
    /// Another client that uses the same quota, or several (default: none).
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "NeighbourForms")]
    pub neighbour: Vec<NeighbourConfig>,
    /// What its answers look like.
    #[serde(default)]
    pub answer: AnswerConfig,
    /// The share of calls that meet a 429 whatever the load.
    #[serde(default = "never")]
    pub error_429_ratio: Ratio,
    /// Output tokens that the model thinks before it answers, unless the caller switches it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_tokens: Option<Count>,
    /// How many times as many tokens it counts as its tokenizer usually does (default: 1).
    #[serde(default = "usual", skip_serializing_if = "Skew::is_none")]
    pub token_skew: Skew,
    /// Seconds that a batch job takes (default: ten minutes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_s: Option<Whole<0, 86_400>>,
    /// What it costs (default: the price table).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceFile>,
    /// Faults, of which the first that matches strikes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<FaultRule>,
    /// Bad times that come again and again, one kind or several. A call that a fault strikes is not
    /// struck by a spell as well; of several spells the first that strikes decides.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "SpellForms")]
    pub spell: Vec<SpellConfig>,
}

fn usual() -> Skew {
    Skew::NONE
}

fn never() -> Ratio {
    Ratio::ZERO
}

impl AiConfig {
    /// A model that answers everything, as it usually does.
    pub fn plain(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            models: None,
            keys: None,
            latency: None,
            quota: None,
            neighbour: Vec::new(),
            answer: AnswerConfig::default(),
            error_429_ratio: never(),
            thinking_tokens: None,
            token_skew: Skew::NONE,
            batch_s: None,
            price: None,
            fault: Vec::new(),
            spell: Vec::new(),
        }
    }

    /// What is wrong with its quota, if something is, and at which key.
    pub fn quota_problem(&self) -> Option<(&'static [&'static str], String)> {
        let quota = self.quota.as_ref();
        let of_change = || Some((&["quota", "change"] as &[_], quota?.problem()?));
        let of_windows = || Some((&["quota", "also"] as &[_], quota?.problem_of_windows()?));
        let of_neighbours = || Some((&["neighbour"] as &[_], self.neighbour_problem()?));
        of_change().or_else(of_windows).or_else(of_neighbours)
    }

    fn neighbour_problem(&self) -> Option<String> {
        if !self.neighbour.is_empty() && self.quota.is_none() {
            return Some("a neighbour needs a `quota` that it uses as well".to_owned());
        }
        self.neighbour.iter().find_map(NeighbourConfig::problem)
    }
}
