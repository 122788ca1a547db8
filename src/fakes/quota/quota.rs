//! The quotas of a service: admission, and what a refusal says.

use std::cmp::Reverse;

use super::config::QuotaConfig;
use super::dimension::Dimension;
use super::window::{Leeway, Remaining, Window, WindowKind};
use crate::fakes::calendar::Calendar;

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What ran out.
    pub dimension: Dimension,
    /// How much is taken.
    pub used: u64,
    /// Of how much.
    pub limit: u64,
    /// The length of the window in seconds, if it is not the first one.
    pub per_s: Option<u64>,
    /// When it would be taken.
    pub retry_ms: u64,
}

/// The state of a quota.
#[derive(Debug)]
pub struct Quota {
    /// Those of requests before those of tokens.
    windows: Vec<Limited>,
    days: Vec<Day>,
    refused_count: bool,
}

/// A window of requests or of tokens.
#[derive(Debug)]
struct Limited {
    dimension: Dimension,
    window: Window,
    /// The length in seconds of a window beside the first.
    per_s: Option<u64>,
}

impl Limited {
    /// What a call of this many tokens takes of it.
    fn amount(&self, tokens: u64) -> u64 {
        if self.dimension == Dimension::Tokens { tokens } else { 1 }
    }
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
        let windows = [Dimension::Requests, Dimension::Tokens].into_iter().flat_map(|dimension| {
            let first = config.window_of(dimension);
            let first = first.map(|window| Limited { dimension, window, per_s: None });
            let further = config.further_of(dimension).map(move |(per_s, window)| {
                let per_s = Some(per_s.get());
                Limited { dimension, window, per_s }
            });
            first.into_iter().chain(further)
        });
        Self {
            windows: windows.collect(),
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
            for limited in &mut self.windows {
                limited.window.take(now_ms, limited.amount(tokens));
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
        for limited in &mut self.windows {
            let amount = limited.amount(tokens);
            let is_full = limited.window.wait(now_ms, amount).is_some();
            let room = limited.window.room(now_ms).checked_div(amount).unwrap_or(calls);
            admitted = admitted.min(if is_full { 0 } else { room });
        }
        let taken = if self.refused_count { calls } else { admitted };
        for limited in self.windows.iter_mut().filter(|_| taken > 0) {
            limited.window.take(now_ms, taken.saturating_mul(limited.amount(tokens)));
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
            per_s: None,
            retry_ms: day.wait(now_ms, day.amount(tokens)),
        });
        let of_day: Vec<Refusal> = of_day.collect();
        // Only the first window of requests has room to spare.
        let refusals = self.windows.iter_mut().filter_map(|limited| {
            let amount = limited.amount(tokens);
            let Limited { dimension, window, per_s } = limited;
            let retry_ms = window.wait_with(now_ms, amount, leeway)?;
            let (dimension, per_s) = (*dimension, *per_s);
            let (used, limit) = (window.used(), window.limit());
            Some(Refusal { dimension, used, limit, per_s, retry_ms })
        });
        let mut refusals: Vec<Refusal> = refusals.collect();
        // Of two that wait as long, the tokens come first.
        refusals.reverse();
        refusals.sort_by_key(|refusal| Reverse(refusal.retry_ms));
        // A day that is used up decides, however near its end is.
        refusals.splice(0..0, of_day);
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// What is left of requests and of tokens, where they are limited: of the first window of each, which
    /// is the one that services state.
    pub fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Remaining)> {
        let first = self.windows.iter_mut().filter(|limited| limited.per_s.is_none());
        first.map(|one| (one.dimension.name(), one.window.left(now_ms))).collect()
    }
}
