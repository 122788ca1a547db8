//! The `quota` of a service in a scenario.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dimension::Dimension;
use super::window::{Step, Window, WindowKind};
use crate::units::{Count, Ratio, Whole};

/// What a refusal says about when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// The service's own way: Gemini's `RetryInfo` and `QuotaFailure`, `OpenAI`'s `retry-after`.
    RetryInfo,
    /// The same, and a `Retry-After` header from Gemini as well, which it is not known to send.
    RetryAfter,
    /// When to come again, and nothing about the quota: neither its name nor its value, nor headers
    /// with what is left of it.
    TimeOnly,
    /// The service's own way, and in headers of every answer and refusal what is left of the first window
    /// of requests and of tokens, and when all of it is there again, as `OpenAI` sends them anyway and
    /// gateways do as well.
    Remaining,
    /// Nothing.
    None,
}

/// What kind of account a quota belongs to. Gemini names it in a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// An account that pays.
    #[default]
    Paid,
    /// One that does not.
    Free,
}

/// The quota of an AI service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// Requests per window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Count>,
    /// Input tokens per window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Count>,
    /// The length of the window in seconds.
    #[serde(default = "minute")]
    pub per_s: Whole<1, 86_400>,
    /// How the window moves.
    #[serde(default = "sliding")]
    pub window: WindowKind,
    /// For `bucket`: how many requests it holds (default: `requests`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Count>,
    /// Requests per day: Gemini's until midnight Pacific time, while OpenAI's refill evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Count>,
    /// Input tokens per day: Gemini's until midnight Pacific time, while OpenAI's refill evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<Count>,
    /// What is used already at virtual zero, by whoever was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// With this probability a decision takes one request more than the limit, or refuses one too
    /// early, as often the one as the other. Refusals state the limit itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looseness: Option<Ratio>,
    /// What a refusal says.
    #[serde(default = "retry_info")]
    pub hint: Hint,
    /// Whether refused calls use up the window too.
    #[serde(default)]
    pub refused_count: bool,
    /// What kind of account it belongs to.
    #[serde(default)]
    pub tier: Tier,
    /// Other amounts from some time on, the earliest first. Windows keep what they hold; refusals
    /// and headers state the new amounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<Change>,
    /// Further windows that hold at the same time and move like the first, such as Azure's ten seconds
    /// beside a minute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<FurtherWindow>,
}

/// A window beside the first. It stays as it is when the first changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FurtherWindow {
    /// Requests per window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Count>,
    /// Input tokens per window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Count>,
    /// The length of the window in seconds.
    pub per_s: Whole<1, 86_400>,
}

impl fmt::Display for FurtherWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amounts = [(self.requests, "requests"), (self.tokens, "input tokens")];
        let amounts = amounts.iter().filter_map(|(of, what)| Some(format!("{} {what}", (*of)?)));
        write!(f, "{} in {} s", amounts.collect::<Vec<_>>().join(" and "), self.per_s)
    }
}

impl FurtherWindow {
    /// How much of this it allows, if it limits it.
    pub fn limit_of(&self, dimension: Dimension) -> Option<Count> {
        match dimension {
            Dimension::Requests => self.requests,
            Dimension::Tokens => self.tokens,
            Dimension::Day | Dimension::DayTokens => None,
        }
    }
}

/// What is used of a quota at virtual zero: of its first windows, and of the day that virtual zero lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Requests of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amount>,
    /// Input tokens of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Amount>,
    /// Requests of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Amount>,
    /// Input tokens of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<Amount>,
}

/// An amount that may be nothing.
pub type Amount = Whole<0, 1_000_000_000>;

/// Other amounts of a quota, from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Seconds from virtual zero.
    pub at_s: Whole<1, 8_640_000>,
    /// Requests per window from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Count>,
    /// Input tokens per window from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Count>,
}

impl QuotaConfig {
    /// What is wrong with it, if something is.
    pub fn problem(&self) -> Option<String> {
        let mut before = 0;
        for Change { at_s, requests, tokens } in &self.change {
            if requests.is_none() && tokens.is_none() {
                let wanted = "expected `requests` or `tokens`";
                return Some(format!("{wanted} in the change at {at_s} s, found neither"));
            }
            if at_s.get() <= before {
                let wanted = "expected each change later than the one before";
                return Some(format!("{wanted}, found {at_s} s after {before} s"));
            }
            before = at_s.get();
            let pairs = [("requests", requests, self.requests), ("tokens", tokens, self.tokens)];
            for (what, changed, first) in pairs {
                if changed.is_some() && first.is_none() {
                    return Some(format!(
                        "expected `{what}` in the quota as well, found a change at {at_s} s of `{what}`"
                    ));
                }
            }
        }
        None
    }

    /// What is wrong with its further windows, if something is.
    pub fn problem_of_windows(&self) -> Option<String> {
        for (at, FurtherWindow { requests, tokens, per_s }) in self.also.iter().enumerate() {
            if requests.is_none() && tokens.is_none() {
                let wanted = "expected `requests` or `tokens`";
                return Some(format!("{wanted} in the window of {per_s} s, found neither"));
            }
            let before = self.also[..at].iter().map(|window| window.per_s);
            if before.chain([self.per_s]).any(|other| other == *per_s) {
                let wanted = "expected windows of different lengths";
                return Some(format!("{wanted}, found two of {per_s} s"));
            }
            let pairs = [("requests", requests, self.requests), ("tokens", tokens, self.tokens)];
            for (what, further, first) in pairs {
                if further.is_some() && first.is_none() {
                    return Some(format!(
                        "expected `{what}` in the quota as well, found it in the window of {per_s} s"
                    ));
                }
            }
        }
        None
    }

    /// The windows of requests or of tokens beside the first, each with its length in seconds.
    pub fn further_of(
        &self,
        dimension: Dimension,
    ) -> impl Iterator<Item = (Whole<1, 86_400>, Window)> {
        self.also.iter().filter_map(move |further| {
            let limit = further.limit_of(dimension)?.get();
            let window = Window::new(self.window, limit, limit, further.per_s.get() * 1000);
            Some((further.per_s, window))
        })
    }

    /// The first window of requests or of tokens, if there is one.
    pub fn window_of(&self, dimension: Dimension) -> Option<Window> {
        let (limit, burst) = match dimension {
            Dimension::Requests => (self.requests?, self.burst),
            Dimension::Tokens => (self.tokens?, None),
            Dimension::Day | Dimension::DayTokens => return None,
        };
        let steps = self.change.iter().filter_map(|change| {
            let limit = match dimension {
                Dimension::Requests => change.requests,
                _ => change.tokens,
            }?;
            let burst = burst.unwrap_or(limit).get();
            Some(Step { at_ms: change.at_s.get() * 1000, limit: limit.get(), burst })
        });
        let mut window = Window::new(
            self.window,
            limit.get(),
            burst.unwrap_or(limit).get(),
            self.per_s.get() * 1000,
        );
        window.steps = steps.collect();
        if self.looseness.is_some() && dimension == Dimension::Requests {
            window = window.with_spare();
        }
        window.take(0, self.used_of(dimension));
        Some(window)
    }

    /// What is used of a limit at virtual zero.
    pub fn used_of(&self, dimension: Dimension) -> u64 {
        let of = |used: &Used| match dimension {
            Dimension::Requests => used.requests,
            Dimension::Tokens => used.tokens,
            Dimension::Day => used.per_day,
            Dimension::DayTokens => used.tokens_per_day,
        };
        self.used.as_ref().and_then(of).map_or(0, Whole::get)
    }

    /// The same quota with all that its looseness may let through.
    #[must_use]
    pub fn loosest(&self) -> Self {
        let mut quota = self.clone();
        if self.looseness.is_some() {
            let more = |limit: &mut Option<Count>| {
                *limit = limit.map(|limit| Count::new(limit.get() + 1).unwrap_or(limit));
            };
            quota.burst =
                quota.burst.or(quota.requests.filter(|_| quota.window == WindowKind::Bucket));
            [&mut quota.burst, &mut quota.per_day].into_iter().for_each(more);
            // A bucket holds more, and refills as fast as before.
            if quota.window != WindowKind::Bucket {
                more(&mut quota.requests);
                quota.change.iter_mut().for_each(|change| more(&mut change.requests));
            }
            quota.looseness = None;
        }
        quota
    }
}

fn minute() -> Whole<1, 86_400> {
    Whole::new(60).expect("60 lies within 1 to 86400")
}

fn sliding() -> WindowKind {
    WindowKind::Sliding
}

fn retry_info() -> Hint {
    Hint::RetryInfo
}
