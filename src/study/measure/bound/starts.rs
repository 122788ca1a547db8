//! When a quota lets calls start, as early as it can be.

use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Dimension, QuotaConfig, Window, WindowKind};
use crate::units::Count;

/// Calls that may start at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time.
    pub at_ms: u64,
    /// The number of calls.
    pub calls: u64,
}

/// More times than this are put together, each lot at its first.
const MOST_STARTS: usize = 1024;

/// When `calls` calls may start in a quota of which only that is used which it states, the first at
/// `first`; all at once where there is none.
pub(super) fn starts(
    quota: Option<&QuotaConfig>,
    calendar: &Calendar,
    first: u64,
    calls: u64,
) -> Vec<Start> {
    let Some(quota) = quota else { return vec![Start { at_ms: first, calls }] };
    let mut starts: Vec<Start> = Vec::new();
    for at_ms in earliest(&quota.loosest(), calendar, first, calls) {
        match starts.last_mut() {
            Some(last) if last.at_ms == at_ms => last.calls += 1,
            _ => starts.push(Start { at_ms, calls: 1 }),
        }
    }
    let lot = starts.len().div_ceil(MOST_STARTS).max(1);
    let together = |lot: &[Start]| Start {
        at_ms: lot.first().map_or(first, |start| start.at_ms),
        calls: lot.iter().map(|start| start.calls).sum(),
    };
    starts.chunks(lot).map(together).collect()
}

/// The earliest times of `calls` calls, the first at `first`.
pub fn earliest(quota: &QuotaConfig, calendar: &Calendar, first: u64, calls: u64) -> Vec<u64> {
    let mut starts = in_window(quota, first, calls);
    // Each window alone lets no call start earlier, so that all together do not.
    for pace in further(quota, Dimension::Requests) {
        for (call, start) in (1..).zip(&mut starts) {
            *start = (*start).max(pace.given(first, call));
        }
    }
    let Some(limit) = quota.per_day.map(Count::get) else { return starts };
    // What is used at first is of the day of virtual zero.
    let is_first_day = first < calendar.pacific_midnight_after(0);
    let used = if is_first_day { quota.used_of(Dimension::Day).min(limit) } else { 0 };
    // When the day begins to which each call belongs, one call after the other.
    let mut at = first;
    for (call, start) in (used..).zip(&mut starts) {
        if call > 0 && call.is_multiple_of(limit) {
            at = calendar.pacific_midnight_after(at);
        }
        *start = (*start).max(at);
    }
    starts
}

/// The same as far as the window of requests goes.
fn in_window(quota: &QuotaConfig, first: u64, calls: u64) -> Vec<u64> {
    let Some(window) = quota.window_of(Dimension::Requests) else {
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        return vec![first; calls];
    };
    let Some(limit) = quota.requests.filter(|_| is_plain(quota, Dimension::Requests)) else {
        return admitted(window, first, calls);
    };
    let pace = Pace::of_first(quota, limit, quota.burst.unwrap_or(limit));
    (1..=calls).map(|call| pace.given(first, call)).collect()
}

/// The further windows of a quota for this, each with what it gives out.
fn further(quota: &QuotaConfig, dimension: Dimension) -> impl Iterator<Item = Pace> {
    quota.also.iter().filter_map(move |further| {
        let limit = further.limit_of(dimension)?.get();
        let per_ms = further.per_s.get() * 1000;
        Some(Pace { kind: quota.window, limit, burst: limit, per_ms })
    })
}

/// When the last of `tokens` input tokens is given out.
pub fn last_token(quota: &QuotaConfig, first: u64, tokens: u64) -> u64 {
    let of_first = match (quota.tokens, quota.window_of(Dimension::Tokens)) {
        (Some(limit), Some(_)) if is_plain(quota, Dimension::Tokens) => {
            Pace::of_first(quota, limit, limit).given(first, tokens)
        }
        (_, Some(window)) => given_out(window, first, tokens),
        (_, None) => first,
    };
    further(quota, Dimension::Tokens)
        .fold(of_first, |last, pace| last.max(pace.given(first, tokens)))
}

/// Whether a window is the same all the time, and nothing of it is used.
fn is_plain(quota: &QuotaConfig, dimension: Dimension) -> bool {
    quota.change.is_empty() && quota.used_of(dimension) == 0
}

/// A window that is the same all the time.
#[derive(Debug, Clone, Copy)]
struct Pace {
    kind: WindowKind,
    limit: u64,
    burst: u64,
    per_ms: u64,
}

impl Pace {
    /// The pace of a quota's first window.
    fn of_first(quota: &QuotaConfig, limit: Count, burst: Count) -> Self {
        let per_ms = quota.per_s.get() * 1000;
        Self { kind: quota.window, limit: limit.get(), burst: burst.get(), per_ms }
    }

    /// When the last of an amount is given out.
    fn given(self, first: u64, amount: u64) -> u64 {
        let Self { limit, burst, per_ms, .. } = self;
        match self.kind {
            WindowKind::Sliding => {
                first.saturating_add((amount.saturating_sub(1) / limit).saturating_mul(per_ms))
            }
            WindowKind::Fixed => match amount.saturating_sub(1) / limit {
                0 => first,
                windows => (first / per_ms).saturating_add(windows).saturating_mul(per_ms),
            },
            WindowKind::Bucket => {
                let dripped = amount.saturating_sub(burst).saturating_mul(per_ms).div_ceil(limit);
                first.saturating_add(dripped)
            }
        }
    }
}

/// When a window takes each of `calls` calls, as early as it can be. Where its amount changes midway
/// as well, nothing is gained by waiting: a client that took less until then has no more room later,
/// because at every moment the room is what is allowed less what was taken within the window.
pub(super) fn admitted(mut window: Window, first: u64, calls: u64) -> Vec<u64> {
    let mut now = first;
    let mut times = Vec::new();
    for _ in 0..calls {
        now = next_room(&mut window, now);
        window.take(now, 1);
        times.push(now);
    }
    times
}

/// How often a window is emptied at most to find out when it has given out an amount.
const MOST_BITES: u64 = 200_000;

/// When the last of `amount` units is given out, each as early as it can be; or earlier, where
/// nobody could count the windows that they take.
fn given_out(mut window: Window, first: u64, amount: u64) -> u64 {
    let (mut now, mut left, mut bites) = (first, amount, 0);
    while left > 0 && bites < MOST_BITES {
        bites += 1;
        now = next_room(&mut window, now);
        let fits = window.left(now).left.clamp(1, left);
        window.take(now, fits);
        left -= fits;
    }
    now
}

/// From `now` on, when a window has room for one more.
fn next_room(window: &mut Window, mut now: u64) -> u64 {
    while let Some(wait) = window.wait(now, 1) {
        // The amount may change before the wait is over.
        let until = now.saturating_add(wait);
        let next = window.next_step().map_or(until, |step| step.min(until));
        now = next.max(now.saturating_add(1));
    }
    now
}
