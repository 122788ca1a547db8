//! How many pages the next batch holds where the size is `auto`: the number that has the backlog
//! answered soonest.
//!
//! A call about more pages takes longer, and each extra page costs answers; fewer calls are only
//! worth that while something else binds. So for each size `b` the time is predicted that the
//! backlog of `P` pages takes in calls of that size:
//!
//! - calls `n = P / b`, rounded up;
//! - calls that may start now: what is free of the quotas of requests and of tokens;
//! - calls in a window `k`: the quota of requests `R`, or of tokens, `T / (b x tokens per page +
//!   tokens of the prompt's beginning)`, whichever is less;
//! - the windows that the others wait for, `(n - now) / k` rounded up;
//! - if none has to wait, rounds of latency: as many as calls go into the places that are free. (Else
//!   a second more or less is nothing, and what is done now will not be in the way later.)
//!
//! The predicted time is the mean of two: one for `n` calls, and one for as many more as have to be
//! asked again because their answers miss pages (a tenth at first, then as was seen) and one
//! besides: a plan that uses up the last call of a window pays a whole window for those. The least time wins; among equals the fewest
//! calls, which are cheapest.
//!
//! Two rules of thumb come out of it. Where requests bind, batches are so large that the backlog
//! fits into the window; where tokens bind, nothing is gained beyond `b* = T / (R x tokens per
//! page)`: 1,000,000 / (15 x 1,500) = 44 on a free tier of that size, 4,000,000 / (2,000 x 1,500) =
//! 1.3 on a paid one. Where nothing binds, all pages go at once into as many calls as may be in
//! flight.
//!
//! While no quota of requests is known, one of the free tiers is assumed, or twice what was answered
//! in the last minute, if that is more: a batch that is too large costs a second, one that is too
//! small may cost a minute. [`FREE_TIERS`] says how likely each is thought to be.

use crate::pipeline::estimate::Estimates;
use crate::pipeline::limiter::{Outlook, Remaining};

/// Calls a minute, and in twentieths the share of unknown accounts that have no more: Gemini's flash models
/// had 10 in 2025, its pro models 5 (`ai.google.dev/gemini-api/docs/rate-limits`). A larger share of
/// the smaller tier would make all others pay for it with larger first batches.
pub const FREE_TIERS: [(u64, u64); 2] = [(10, 19), (5, 1)];
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Pages that are to be asked about, as far as is known.
    pub pages: u64,
    /// The tokens that one of them adds to a prompt, on average.
    pub page_tokens: u64,
    /// The most pages of a batch.
    pub most: u64,
}

/// The number of pages with which the work is done soonest.
pub fn pages(work: &Work, estimates: &Estimates, outlook: &Outlook) -> u64 {
    let quotas: Vec<(Remaining, u64)> = match outlook.requests {
        Some(left) => vec![(left, 1)],
        None => {
            FREE_TIERS.iter().map(|(limit, weight)| (assumed(*limit, outlook), *weight)).collect()
        }
    };
    let time = |size: u64| {
        let calls = work.pages.div_ceil(size);
        let again = estimates.calls_again(calls);
        let predicted = quotas.iter().map(|(requests, weight)| {
            let of = |calls| makespan_ms(work, estimates, (outlook, *requests), size, calls);
            (of(calls) + of(calls.saturating_add(again))) * weight
        });
        (predicted.sum::<u64>(), calls)
    };
    let most = work.most.min(work.pages).max(1);
    let fits = |size: &u64| {
        let tokens = estimates.input_tokens(size.saturating_mul(work.page_tokens));
        *size == 1 || outlook.tokens.is_none_or(|left| tokens <= left.limit)
    };
    (1..=most).filter(fits).min_by_key(|size| time(*size)).unwrap_or(1)
}

/// How long `calls` calls take that each ask about `size` pages.
fn makespan_ms(
    work: &Work,
    estimates: &Estimates,
    (outlook, requests): (&Outlook, Remaining),
    size: u64,
    calls: u64,
) -> u64 {
    let tokens = estimates.input_tokens(size.saturating_mul(work.page_tokens)).max(1);
    let mut now = requests.free;
    let mut in_window = requests.limit;
    let mut window_ms = requests.window_ms;
    if let Some(left) = outlook.tokens {
        now = now.min(left.free / tokens);
        // What takes more than a window waits for an empty one.
        let fitting = (left.limit / tokens).max(1);
        if fitting < in_window {
            (in_window, window_ms) = (fitting, left.window_ms);
        }
    }
    let later = calls.saturating_sub(now);
    let in_window = in_window.max(1);
    if later > 0 {
        let waited_ms = if requests.is_bucket {
            // One after another, as it drips.
            later.saturating_mul(window_ms) / in_window
        } else {
            later.div_ceil(in_window).saturating_mul(window_ms)
        };
        // Longer than a day is long enough.
        return waited_ms.min(DAY_MS);
    }
    let limit = outlook.limit.max(1);
    let places = limit.saturating_sub(outlook.in_flight).max(1);
    let rounds = calls.saturating_sub(places).div_ceil(limit).saturating_add(1);
    rounds.saturating_mul(estimates.latency_ms(size)).min(DAY_MS)
}

/// A quota of this many requests a minute, or of what was seen to be more.
fn assumed(limit: u64, outlook: &Outlook) -> Remaining {
    let limit = limit.max(outlook.answered.saturating_mul(2));
    let used = outlook.answered.saturating_add(outlook.in_flight);
    Remaining { limit, free: limit.saturating_sub(used), window_ms: MINUTE_MS, is_bucket: false }
}
