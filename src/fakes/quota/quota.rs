//! The quotas of a service: admission, and what a refusal says.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{Leeway, Remaining, Step, Window, WindowKind};
use crate::fakes::calendar::Calendar;
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
}

/// What is used of a quota at virtual zero: of its windows, and of the day that virtual zero lies in.
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

    /// The window of requests or of tokens, if there is one.
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

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Dimension {
    /// Requests in the window.
    Requests,
    /// Input tokens in the window.
    Tokens,
    /// Requests of the day.
    #[strum(serialize = "per_day")]
    Day,
    /// Input tokens of the day.
    #[strum(serialize = "tokens_per_day")]
    DayTokens,
}

impl Dimension {
    /// Whether it is free again only when the day is over.
    pub fn is_of_day(self) -> bool {
        matches!(self, Self::Day | Self::DayTokens)
    }

    /// Its name in records.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What ran out.
    pub dimension: Dimension,
    /// How much is taken.
    pub used: u64,
    /// Of how much.
    pub limit: u64,
    /// When it would be taken.
    pub retry_ms: u64,
}

/// The state of a quota.
#[derive(Debug)]
pub struct Quota {
    requests: Option<Window>,
    tokens: Option<Window>,
    days: Vec<Day>,
    refused_count: bool,
}

#[derive(Debug)]
struct Day {
    dimension: Dimension,
    limit: u64,
    used: u64,
    ends_ms: u64,
    /// What it holds, if it has no end but refills evenly.
    bucket: Option<Window>,
}

/// The window of a day that refills evenly, with this amount used at virtual zero.
pub fn even_day(limit: u64, used: u64) -> Window {
    const DAY_MS: u64 = 86_400_000;
    let mut day = Window::new(WindowKind::Bucket, limit, limit, DAY_MS);
    day.take(0, used);
    day
}

impl Day {
    /// What a call of this many tokens takes of it.
    fn amount(&self, tokens: u64) -> u64 {
        if self.dimension == Dimension::DayTokens { tokens } else { 1 }
    }

    fn take(&mut self, now_ms: u64, amount: u64) {
        self.used = self.used.saturating_add(amount);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now_ms, amount);
        }
    }

    /// How long to wait until this amount fits.
    fn wait(&mut self, now_ms: u64, amount: u64) -> u64 {
        match &mut self.bucket {
            // A decision that is too strict is another one a moment later.
            Some(bucket) => bucket.wait(now_ms, amount).unwrap_or(1),
            None => self.ends_ms.saturating_sub(now_ms),
        }
    }

    /// How much of it a decision with leeway gives out.
    fn allowed(&self, leeway: Leeway) -> u64 {
        match leeway {
            Leeway::OneMore if self.dimension == Dimension::Day => self.limit.saturating_add(1),
            Leeway::OneFewer if self.dimension == Dimension::Day => self.limit.saturating_sub(1),
            _ => self.limit,
        }
    }
}

impl Quota {
    /// A quota of which only that is used which the configuration states.
    pub fn new(config: &QuotaConfig) -> Self {
        Self {
            requests: config.window_of(Dimension::Requests),
            tokens: config.window_of(Dimension::Tokens),
            days: [(Dimension::Day, config.per_day), (Dimension::DayTokens, config.tokens_per_day)]
                .into_iter()
                .filter_map(|(dimension, limit)| {
                    let used = config.used_of(dimension);
                    Some(Day { dimension, limit: limit?.get(), used, ends_ms: 0, bucket: None })
                })
                .collect(),
            refused_count: config.refused_count,
        }
    }

    /// The same quota, of which what is used in a day comes back evenly: of 10,000 requests one in
    /// 8.64 s, as OpenAI states it.
    #[must_use]
    pub fn with_even_days(mut self) -> Self {
        for day in &mut self.days {
            day.bucket = Some(even_day(day.limit, day.used));
        }
        self
    }

    /// Takes a call of this many input tokens, or says why not, the longest wait first.
    pub fn admit(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
    ) -> Result<(), Vec<Refusal>> {
        self.admit_with(now_ms, tokens, calendar, Leeway::None)
    }

    /// The same with leeway, which only requests have.
    pub fn admit_with(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
        leeway: Leeway,
    ) -> Result<(), Vec<Refusal>> {
        self.begin_day(now_ms, calendar);
        let verdict = self.judge(now_ms, tokens, leeway);
        if verdict.is_ok() || self.refused_count {
            if let Some(window) = &mut self.requests {
                window.take(now_ms, 1);
            }
            if let Some(window) = &mut self.tokens {
                window.take(now_ms, tokens);
            }
        }
        if verdict.is_ok() {
            for day in &mut self.days {
                day.take(now_ms, day.amount(tokens));
            }
        }
        verdict
    }

    /// Takes those calls that have room, out of `calls` that come at once with `tokens` input tokens
    /// each, and gives their number: the same as `admit` for one after the other.
    pub fn admit_many(&mut self, now_ms: u64, calls: u64, tokens: u64, calendar: &Calendar) -> u64 {
        self.begin_day(now_ms, calendar);
        let of_day = self.days.iter().map(|day| {
            let room = day.limit.saturating_sub(day.used);
            room.checked_div(day.amount(tokens)).unwrap_or(calls)
        });
        let mut admitted = of_day.fold(calls, u64::min);
        for (window, amount) in [(&mut self.requests, 1), (&mut self.tokens, tokens)] {
            if let Some(window) = window {
                let is_full = window.wait(now_ms, amount).is_some();
                let room = window.room(now_ms).checked_div(amount).unwrap_or(calls);
                admitted = admitted.min(if is_full { 0 } else { room });
            }
        }
        let taken = if self.refused_count { calls } else { admitted };
        for (window, amount) in [(&mut self.requests, 1), (&mut self.tokens, tokens)] {
            if let Some(window) = window.as_mut().filter(|_| taken > 0) {
                window.take(now_ms, taken.saturating_mul(amount));
            }
        }
        for day in &mut self.days {
            day.take(now_ms, day.amount(tokens).saturating_mul(admitted));
        }
        admitted
    }

    fn begin_day(&mut self, now_ms: u64, calendar: &Calendar) {
        for day in &mut self.days {
            if let Some(bucket) = &mut day.bucket {
                bucket.pass(now_ms);
                day.used = bucket.used();
                continue;
            }
            if day.ends_ms == 0 {
                // What is used at first is of the day of virtual zero.
                day.ends_ms = calendar.pacific_midnight_after(0);
            }
            if now_ms >= day.ends_ms {
                day.used = 0;
                day.ends_ms = calendar.pacific_midnight_after(now_ms);
            }
        }
    }

    fn judge(&mut self, now_ms: u64, tokens: u64, leeway: Leeway) -> Result<(), Vec<Refusal>> {
        let full =
            |day: &&mut Day| day.used.saturating_add(day.amount(tokens)) > day.allowed(leeway);
        let of_day = self.days.iter_mut().filter(full).map(|day| Refusal {
            dimension: day.dimension,
            used: day.used,
            limit: day.limit,
            retry_ms: day.wait(now_ms, day.amount(tokens)),
        });
        let of_day: Vec<Refusal> = of_day.collect();
        let windows = [
            (Dimension::Requests, &mut self.requests, 1),
            (Dimension::Tokens, &mut self.tokens, tokens),
        ];
        // Only the window of requests has room to spare.
        let refusals = windows.into_iter().filter_map(|(dimension, window, amount)| {
            let window = window.as_mut()?;
            let retry_ms = window.wait_with(now_ms, amount, leeway)?;
            Some(Refusal { dimension, used: window.used(), limit: window.limit(), retry_ms })
        });
        let mut refusals: Vec<Refusal> = refusals.collect();
        // Of two that wait as long, the tokens come first.
        refusals.reverse();
        refusals.sort_by_key(|refusal| Reverse(refusal.retry_ms));
        // A day that is used up decides, however near its end is.
        refusals.splice(0..0, of_day);
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// What is left of the windows' requests and tokens, where they are limited.
    pub fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Remaining)> {
        let windows = [("requests", &mut self.requests), ("tokens", &mut self.tokens)];
        let limited =
            windows.into_iter().filter_map(|(what, window)| Some((what, window.as_mut()?)));
        limited.map(|(what, window)| (what, window.left(now_ms))).collect()
    }
}
