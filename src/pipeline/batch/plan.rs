//! How many pages the next batch holds where the size is `auto`: the number that has the backlog
//! answered soonest.
//!
//! A call about more pages takes longer, and each extra page costs answers; fewer calls are only
//! worth that while something else binds. So for each size `b` the time is foretold that the
//! backlog of `P` pages takes in calls of that size:
//!
//! - calls `n = P / b`, rounded up;
//! - calls that may start now: what is free of the quotas of requests and of tokens;
//! - calls in a window `k`: the quota of requests `R`, or of tokens, `T / (b x tokens per page +
//!   tokens of the prompt's beginning)`, whichever is less;
//! - the windows that the others wait for, `(n - now) / k` rounded up, and for those of the last
//!   window, rounds of latency: as many as calls go into the places that are free.
//!
//! The foretold time is the mean of two: one for `n` calls, and one for a tenth more and one
//! besides, because answers that miss a page are asked for again, and a plan that uses up the last
//! call of a window pays a whole window for that. The least time wins; among equals the fewest
//! calls, which are cheapest.
//!
//! Two rules of thumb come out of it. Where requests bind, batches are so large that the backlog
//! fits into the window; where tokens bind, nothing is gained beyond `b* = T / (R x tokens per
//! page)`: 1,000,000 / (15 x 1,500) = 44 on a free tier of that size, 4,000,000 / (2,000 x 1,500) =
//! 1.3 on a paid one. Where nothing binds, all pages go at once into as many calls as may be in
//! flight.
//!
//! While no quota of requests is known, the free tier is assumed, [`FREE_TIER`] calls a minute, or
//! twice what was answered in the last minute, if that is more: a batch that is too large costs a
//! second, one that is too small may cost a minute.

use crate::pipeline::estimate::Estimates;
use crate::pipeline::limiter::{Left, Outlook};

/// The calls a minute of the smallest free tier: Gemini's flash models had 10 at the end of 2025
/// (`ai.google.dev/gemini-api/docs/rate-limits`).
pub const FREE_TIER: u64 = 10;
const MINUTE_MS: u64 = 60_000;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Pages that are to be asked about, as far as is known.
    pub pages: u64,
    /// The characters that one of them adds to a prompt, on average.
    pub page_chars: u64,
    /// The most pages of a batch.
    pub most: u64,
}

/// The number of pages with which the work is done soonest.
pub fn pages(work: &Work, estimates: &Estimates, outlook: &Outlook) -> u64 {
    let time = |size: u64| {
        let calls = work.pages.div_ceil(size);
        let calls_again = calls + calls / 10 + 1;
        let foretold = |calls| makespan_ms(work, estimates, outlook, size, calls);
        (foretold(calls).saturating_add(foretold(calls_again)), calls)
    };
    let most = work.most.min(work.pages).max(1);
    (1..=most).min_by_key(|size| time(*size)).unwrap_or(1)
}

/// How long so many calls take that each ask about so many pages.
fn makespan_ms(
    work: &Work,
    estimates: &Estimates,
    outlook: &Outlook,
    size: u64,
    calls: u64,
) -> u64 {
    let tokens = estimates.input_tokens(size * work.page_chars).max(1);
    let requests = outlook.requests.unwrap_or_else(|| assumed(outlook));
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
    let (waited_ms, last) = if requests.is_bucket {
        // One after another, as it drips.
        (later * requests.window_ms / requests.limit.max(1), calls.min(1))
    } else {
        let windows = later.div_ceil(in_window);
        let last = if windows == 0 { calls } else { later - (windows - 1) * in_window };
        (windows * window_ms, last)
    };
    let limit = outlook.limit.max(1);
    let places = if waited_ms == 0 { limit.saturating_sub(outlook.in_flight) } else { limit };
    let rounds = 1 + last.saturating_sub(places.max(1)).div_ceil(limit);
    waited_ms.saturating_add(rounds * estimates.latency_ms(size))
}

/// The quota of requests, as long as none is known.
fn assumed(outlook: &Outlook) -> Left {
    let limit = FREE_TIER.max(2 * outlook.answered);
    let used = outlook.answered + outlook.in_flight;
    Left { limit, free: limit.saturating_sub(used), window_ms: MINUTE_MS, is_bucket: false }
}
