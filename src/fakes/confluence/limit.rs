//! The site's limit on requests, and what a refusal says of it.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Confluence;
use crate::fakes::Reply;
use crate::fakes::calendar::Calendar;
use crate::fakes::quota::Remaining;
use crate::fakes::world_event::{Service, WorldEvent};
use crate::units::{Count, Whole};

/// Why the site refuses, as its burst limits name it.
pub(super) const REASON: (&str, &str) = ("ratelimit-reason", "confluence-burst-based");

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

impl RateLimit {
    /// What replies say of it.
    pub fn said(&self) -> LimitHint {
        self.hint.unwrap_or_default()
    }
}

impl Confluence {
    /// Takes a request, or refuses it.
    pub(super) fn limited(
        &mut self,
        now_ms: u64,
        calendar: &Calendar,
        records: &mut Vec<WorldEvent>,
    ) -> Option<Reply> {
        let (window, limit) = (self.window.as_mut()?, self.config.rate_limit.as_ref()?);
        let Some(retry_ms) = window.wait(now_ms, 1) else {
            window.take(now_ms, 1);
            return None;
        };
        records.push(WorldEvent::QuotaRefused {
            service: Service::Confluence,
            model: None,
            quota: "requests".to_owned(),
            used: limit.requests.get(),
            limit: limit.requests.get(),
            retry_ms,
        });
        let retry_after_s = match limit.retry_after_s {
            Some(stated) => stated.get().div_ceil(self.speed),
            None => retry_ms.div_ceil(1000 * self.speed),
        };
        let told = (limit.said() == LimitHint::RetryAfter).then_some(retry_after_s);
        let reply = too_many().with_retry_after(told);
        Some(self.with_limit(reply, now_ms, calendar).after(self.latency.refusal_ms()))
    }

    /// Says what is left of the limit.
    pub(super) fn with_limit(&mut self, reply: Reply, now_ms: u64, calendar: &Calendar) -> Reply {
        let hint = self.config.rate_limit.as_ref().map(RateLimit::said);
        let Some(window) = self.window.as_mut().filter(|_| hint != Some(LimitHint::None)) else {
            return reply;
        };
        let Remaining { limit, left, reset_ms } = window.left(now_ms);
        let reset = calendar.shown(now_ms.saturating_add(reset_ms));
        // Rounded up to a whole second: a client that waits for it is not early.
        let reset = reset.checked_add(SignedDuration::from_millis(999)).unwrap_or(reset);
        let reset = reset.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let near = left.saturating_mul(5) < limit;
        reply
            .with_header("x-ratelimit-limit", &limit.to_string())
            .with_header("x-ratelimit-remaining", &left.to_string())
            .with_header("x-ratelimit-reset", &reset)
            .with_header("x-ratelimit-nearlimit", if near { "true" } else { "false" })
    }
}

/// A refusal, whatever it says of when to come again.
pub(super) fn too_many() -> Reply {
    let (name, reason) = REASON;
    Reply::json(429, &json!({"message": "Rate limit exceeded", "statusCode": 429}))
        .with_header(name, reason)
}
