//! Quotas: how many requests and tokens a service takes in a window, and what it says when it
//! takes no more.

use std::cmp::Reverse;
use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::calendar::Calendar;
use crate::units::{Count, Whole};

/// How a window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// What was taken in the last `per_s` seconds counts.
    Sliding,
    /// Counting starts anew every `per_s` seconds.
    Fixed,
    /// A bucket of `burst` that refills evenly.
    Bucket,
}

/// What a refusal says about when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// The service's own way: Gemini's `RetryInfo` and `QuotaFailure`, `OpenAI`'s `retry-after`.
    RetryInfo,
    /// The same, and a `Retry-After` header from Gemini as well, which it is not known to send.
    RetryAfter,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Requests per day, until midnight Pacific time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Count>,
    /// Input tokens per day, until midnight Pacific time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<Count>,
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
                let wanted = "wanted `requests` or `tokens`";
                return Some(format!("got a change at {at_s} s of nothing, {wanted}"));
            }
            if at_s.get() <= before {
                let wanted = "wanted each later than the one before";
                return Some(format!("got a change at {at_s} s after one at {before} s, {wanted}"));
            }
            before = at_s.get();
            let pairs = [("requests", requests, self.requests), ("tokens", tokens, self.tokens)];
            for (what, changed, first) in pairs {
                if changed.is_some() && first.is_none() {
                    return Some(format!(
                        "got a change at {at_s} s of `{what}`, wanted `{what}` in the quota as well"
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
        Some(window)
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Requests in the window.
    Requests,
    /// Input tokens in the window.
    Tokens,
    /// Requests of the day.
    Day,
    /// Input tokens of the day.
    DayTokens,
}

impl Dimension {
    /// Whether it is free again only when the day is over.
    pub fn is_of_day(self) -> bool {
        matches!(self, Self::Day | Self::DayTokens)
    }

    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Day => "per_day",
            Self::DayTokens => "tokens_per_day",
        }
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
}

impl Day {
    /// What a call of this many tokens takes of it.
    fn amount(&self, tokens: u64) -> u64 {
        if self.dimension == Dimension::DayTokens { tokens } else { 1 }
    }
}

impl Quota {
    /// A quota of which nothing is used.
    pub fn new(config: &QuotaConfig) -> Self {
        Self {
            requests: config.window_of(Dimension::Requests),
            tokens: config.window_of(Dimension::Tokens),
            days: [(Dimension::Day, config.per_day), (Dimension::DayTokens, config.tokens_per_day)]
                .into_iter()
                .filter_map(|(dimension, limit)| {
                    Some(Day { dimension, limit: limit?.get(), used: 0, ends_ms: 0 })
                })
                .collect(),
            refused_count: config.refused_count,
        }
    }

    /// Takes a call of this many input tokens, or says why not, the longest wait first.
    pub fn admit(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
    ) -> Result<(), Vec<Refusal>> {
        for day in self.days.iter_mut().filter(|day| now_ms >= day.ends_ms) {
            day.used = 0;
            day.ends_ms = calendar.pacific_midnight_after(now_ms);
        }
        let verdict = self.judge(now_ms, tokens);
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
                day.used += day.amount(tokens);
            }
        }
        verdict
    }

    fn judge(&mut self, now_ms: u64, tokens: u64) -> Result<(), Vec<Refusal>> {
        let full = |day: &&Day| day.used + day.amount(tokens) > day.limit;
        let of_day = self.days.iter().filter(full).map(|day| Refusal {
            dimension: day.dimension,
            used: day.used,
            limit: day.limit,
            retry_ms: day.ends_ms - now_ms,
        });
        let of_day: Vec<Refusal> = of_day.collect();
        let windows = [
            (Dimension::Requests, &mut self.requests, 1),
            (Dimension::Tokens, &mut self.tokens, tokens),
        ];
        let refusals = windows.into_iter().filter_map(|(dimension, window, amount)| {
            let window = window.as_mut()?;
            let retry_ms = window.wait(now_ms, amount)?;
            Some(Refusal { dimension, used: window.used(), limit: window.limit(), retry_ms })
        });
        let mut refusals: Vec<Refusal> = refusals.collect();
        // Of two that wait as long, that of tokens comes first.
        refusals.reverse();
        refusals.sort_by_key(|refusal| Reverse(refusal.retry_ms));
        // A day that is used up decides, however near its end is.
        refusals.splice(0..0, of_day);
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// What is left of the windows' requests and tokens, where they are limited.
    pub fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Left)> {
        let windows = [("requests", &mut self.requests), ("tokens", &mut self.tokens)];
        let limited =
            windows.into_iter().filter_map(|(what, window)| Some((what, window.as_mut()?)));
        limited.map(|(what, window)| (what, window.left(now_ms))).collect()
    }
}

/// What is left of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How much the window holds.
    pub limit: u64,
    /// How much of it is free.
    pub left: u64,
    /// When all of it is free again.
    pub reset_ms: u64,
}

/// An amount that may be taken per window.
#[derive(Debug)]
pub struct Window {
    limit: u64,
    per_ms: u64,
    state: WindowState,
    /// What it will be, the earliest first.
    steps: VecDeque<Step>,
}

/// Another amount from some time on.
#[derive(Debug, Clone, Copy)]
struct Step {
    at_ms: u64,
    limit: u64,
    burst: u64,
}

#[derive(Debug)]
enum WindowState {
    Sliding {
        taken: VecDeque<(u64, u64)>,
        used: u64,
    },
    Fixed {
        ends_ms: u64,
        used: u64,
    },
    /// Levels in units of one `per_ms`-th, so that refilling is exact.
    Bucket {
        burst: u64,
        level: u64,
        seen_ms: u64,
    },
}

impl Window {
    /// A window of which nothing is used.
    pub fn new(kind: WindowKind, limit: u64, burst: u64, per_ms: u64) -> Self {
        let state = match kind {
            WindowKind::Sliding => WindowState::Sliding { taken: VecDeque::new(), used: 0 },
            WindowKind::Fixed => WindowState::Fixed { ends_ms: per_ms, used: 0 },
            WindowKind::Bucket => WindowState::Bucket { burst, level: burst * per_ms, seen_ms: 0 },
        };
        Self { limit, per_ms, state, steps: VecDeque::new() }
    }

    /// Takes over the amounts that have come into force.
    fn step(&mut self, now_ms: u64) {
        while let Some(step) = self.steps.front().copied().filter(|step| step.at_ms <= now_ms) {
            self.steps.pop_front();
            // A bucket refills at the old pace until then.
            self.refill(step.at_ms);
            self.limit = step.limit;
            if let WindowState::Bucket { burst, level, .. } = &mut self.state {
                *burst = step.burst;
                *level = (*level).min(step.burst * self.per_ms);
            }
        }
    }

    fn refill(&mut self, now_ms: u64) {
        if let WindowState::Bucket { burst, level, seen_ms } = &mut self.state
            && now_ms > *seen_ms
        {
            *level = (*level + (now_ms - *seen_ms) * self.limit).min(*burst * self.per_ms);
            *seen_ms = now_ms;
        }
    }

    /// When its amount changes next.
    pub fn next_step(&self) -> Option<u64> {
        self.steps.front().map(|step| step.at_ms)
    }

    /// The limit as it was when time last passed.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How long to wait until this amount fits; nothing if it fits now. What never fits waits a
    /// whole window.
    pub fn wait(&mut self, now_ms: u64, amount: u64) -> Option<u64> {
        self.step(now_ms);
        self.refill(now_ms);
        let (limit, per_ms) = (self.limit, self.per_ms);
        match &mut self.state {
            WindowState::Sliding { taken, used } => {
                while let Some((at, old)) =
                    taken.front().copied().filter(|(at, _)| at + per_ms <= now_ms)
                {
                    debug_assert!(at <= now_ms, "nothing is taken in the future");
                    taken.pop_front();
                    *used -= old;
                }
                if *used + amount <= limit {
                    return None;
                }
                let mut left = *used;
                for (at, old) in taken.iter() {
                    left -= old;
                    if left + amount <= limit {
                        return Some(at + per_ms - now_ms);
                    }
                }
                Some(per_ms)
            }
            WindowState::Fixed { ends_ms, used } => {
                if now_ms >= *ends_ms {
                    *ends_ms = (now_ms / per_ms + 1) * per_ms;
                    *used = 0;
                }
                (*used + amount > limit).then(|| *ends_ms - now_ms)
            }
            WindowState::Bucket { burst, level, .. } => {
                let missing =
                    (amount * per_ms).checked_sub(*level).filter(|missing| *missing > 0)?;
                Some(if amount > *burst { per_ms } else { missing.div_ceil(limit) })
            }
        }
    }

    /// Lets the time pass: what a window holds no longer is forgotten.
    pub fn pass(&mut self, now_ms: u64) {
        self.wait(now_ms, 0);
    }

    /// Takes an amount, whether it fits or not.
    pub fn take(&mut self, now_ms: u64, amount: u64) {
        let per_ms = self.per_ms;
        match &mut self.state {
            WindowState::Sliding { taken, used } => {
                taken.push_back((now_ms, amount));
                *used += amount;
            }
            WindowState::Fixed { used, .. } => *used += amount,
            WindowState::Bucket { level, .. } => *level = level.saturating_sub(amount * per_ms),
        }
    }

    /// What is left of it.
    pub fn left(&mut self, now_ms: u64) -> Left {
        self.pass(now_ms);
        let limit = self.limit;
        let reset_ms = self.wait(now_ms, limit).unwrap_or(0);
        Left { limit, left: limit.saturating_sub(self.used()), reset_ms }
    }

    /// What is taken of it, as of when time last passed.
    pub fn used(&self) -> u64 {
        match &self.state {
            WindowState::Sliding { used, .. } | WindowState::Fixed { used, .. } => *used,
            WindowState::Bucket { burst, level, .. } => burst - level / self.per_ms,
        }
    }
}
