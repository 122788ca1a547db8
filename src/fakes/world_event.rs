//! What only the fakes know, written down as it happens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A service of the world.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    /// Confluence.
    Confluence,
    /// Gemini.
    Gemini,
    /// `OpenAI`.
    Openai,
}

impl Service {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One thing that a fake knows.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "world", rename_all = "snake_case")]
pub enum WorldEvent {
    /// A page was given out; these are its true tags: what the model says of it alone.
    PageTruth { page: u64, tags: BTreeMap<String, Vec<String>> },
    /// A call was billed; one that may be answered later, in a batch job, at half the price. Reading
    /// and writing take so much of its latency.
    Billed {
        service: Service,
        model: String,
        input_tokens: u64,
        output_tokens: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        later: bool,
        #[serde(skip_serializing_if = "is_zero", default)]
        input_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        output_ms: u64,
    },
    /// A call was refused for a quota, which had `used` of `limit` taken.
    /// The model is named if it is not the one under test, and of several windows the length of the one
    /// that refused, if it is not the first.
    QuotaRefused {
        service: Service,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        model: Option<String>,
        quota: String,
        used: u64,
        limit: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        per_s: Option<u64>,
        retry_ms: u64,
    },
    /// What the calls of a neighbour came to since the last call of ours.
    Neighbour { service: Service, admitted: u64, refused: u64 },
    /// A fault rule (or a ratio) struck.
    FaultFired { service: Service, fault: String },
    /// A prompt held the taxonomy where the model looks for the page, so that the answer says nothing of
    /// the page.
    TaxonomyInPage { service: Service },
    /// The labels of a page changed.
    LabelsChanged { page: u64, labels: u64 },
}
