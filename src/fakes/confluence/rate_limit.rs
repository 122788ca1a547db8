//! The limit of a site as a scenario writes it, and its refusal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fakes::Reply;
use crate::units::{Count, Whole};

/// A limit on requests, whatever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests per window.
    pub requests: Count,
    /// The length of the window in seconds.
    pub per_s: Whole<1, 86_400>,
    /// What `Retry-After` says (default: when the window has room again, in whole seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<Whole<0, 86_400>>,
    /// What replies say of the limit (default: `retry-after`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<LimitHint>,
}

impl RateLimit {
    /// What replies say of it.
    pub fn said(&self) -> LimitHint {
        self.hint.unwrap_or_default()
    }
}

/// What replies say of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitHint {
    /// A refusal has `Retry-After`, and every reply has `X-RateLimit-Limit`, `-Remaining`, `-Reset`
    /// (an ISO time) and `-NearLimit`.
    #[default]
    RetryAfter,
    /// The `X-RateLimit-*` headers, without `Retry-After`.
    Reset,
    /// Nothing.
    None,
}

/// A refusal, whatever it says of when to come again.
pub(super) fn too_many() -> Reply {
    let (name, reason) = REASON;
    Reply::json(429, &json!({"message": "Rate limit exceeded", "statusCode": 429}))
        .with_header(name, reason)
}

/// Why the site refuses, as its burst limits name it.
pub(super) const REASON: (&str, &str) = ("ratelimit-reason", "confluence-burst-based");
