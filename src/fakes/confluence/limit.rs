//! The site's limit on requests, and what a refusal says of it.

use jiff::SignedDuration;

use super::Confluence;
use crate::fakes::Reply;
use crate::fakes::calendar::Calendar;
use crate::fakes::confluence::rate_limit::{LimitHint, RateLimit, too_many};
use crate::fakes::quota::Remaining;
use crate::fakes::world_event::{Service, WorldEvent};

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
            per_s: None,
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
