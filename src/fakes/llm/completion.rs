//! What an answer looks like: complete, or with the faults that models have.
//!
//! An assumption, and stated as one: a model misses pages, and tags of pages, the more often the
//! more pages a prompt holds. It gives batch size a price.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fakes::attempts::Attempts;
use crate::fakes::fault::Kind;
use crate::fakes::llm::model::{Matcher, Question, TagMap};
use crate::rng::Seed;
use crate::units::{Count, Ratio};

/// The `answer` table of an AI service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerConfig {
    /// The probability that a page is missing, for each page that the prompt holds beyond one.
    pub miss_ratio_per_extra_page: Ratio,
    /// The probability that a page lacks one of its tags, for each page beyond one.
    pub tag_miss_ratio_per_extra_page: Ratio,
    /// The share of answers that are not the JSON asked for.
    pub malformed_ratio: Ratio,
    /// The share of prompts that are refused for their content.
    pub blocked_ratio: Ratio,
    /// The share of pages that get a tag which is not in the taxonomy.
    pub invented_tag_ratio: Ratio,
    /// The longest answer.
    pub truncate_at_output_tokens: Count,
}

impl Default for AnswerConfig {
    fn default() -> Self {
        let ratio = |r| Ratio::new(r).expect("a constant within the range");
        Self {
            miss_ratio_per_extra_page: ratio(0.001),
            tag_miss_ratio_per_extra_page: ratio(0.0005),
            malformed_ratio: Ratio::ZERO,
            blocked_ratio: Ratio::ZERO,
            invented_tag_ratio: Ratio::ZERO,
            truncate_at_output_tokens: Count::new(8192).expect("a constant within the range"),
        }
    }
}

/// Draws the faults of answers; remembers how often each page was asked about.
#[derive(Debug)]
pub struct Writer {
    config: AnswerConfig,
    seed: Seed,
    stream: &'static str,
    asked: Attempts,
}

impl Writer {
    /// A writer of answers.
    pub fn new(config: AnswerConfig, seed: Seed, stream: &'static str) -> Self {
        Self { config, seed, stream, asked: Attempts::new() }
    }

    /// Its configuration.
    pub fn config(&self) -> &AnswerConfig {
        &self.config
    }

    /// The answer to a question, with the given fault, and whether every page is in it.
    pub fn write(
        &mut self,
        question: &Question<'_>,
        matcher: &Matcher,
        fault: Option<Kind>,
        prompt: u64,
    ) -> (String, bool) {
        let extra = question.pages.len().saturating_sub(1);
        let grown = |per_page: Ratio| {
            let extra = u32::try_from(extra).unwrap_or(u32::MAX);
            Ratio::new((per_page.get() * f64::from(extra)).min(1.0)).unwrap_or(Ratio::ZERO)
        };
        let miss_page = grown(self.config.miss_ratio_per_extra_page);
        let miss_tag = grown(self.config.tag_miss_ratio_per_extra_page);
        let mut entries = Vec::with_capacity(question.pages.len());
        for (index, (id, text)) in question.pages.iter().enumerate() {
            // A page that is not called by a number is known by its prompt.
            let identity = id.and_then(|id| id.parse().ok()).unwrap_or(prompt);
            let attempt = self.asked.count(identity);
            let happens = |what: &str, ratio: Ratio| {
                let stream = format!("{} {what}", self.stream);
                self.seed.draw(&stream, identity, attempt).happens(ratio)
            };
            let left_out = fault == Some(Kind::MissingPages) && index % 2 == 1;
            if left_out || happens("missed page", miss_page) {
                continue;
            }
            let mut tags = matcher.tags(text);
            if happens("missed tag", miss_tag) {
                drop_one(&mut tags);
            }
            if happens("invented tag", self.config.invented_tag_ratio)
                && let Some(list) = tags.values_mut().next()
            {
                list.insert(0, "invented-by-the-model".to_owned());
            }
            match id {
                Some(id) => entries.push(json!({"id": id, "tags": tags})),
                None => return (json!(tags).to_string(), true),
            }
        }
        let whole = entries.len() == question.pages.len();
        (json!({"pages": entries}).to_string(), whole)
    }
}

/// Takes the last tag of the last category that has one.
fn drop_one(tags: &mut TagMap) {
    if let Some(list) = tags.values_mut().rev().find(|list| !list.is_empty()) {
        list.pop();
    }
}
