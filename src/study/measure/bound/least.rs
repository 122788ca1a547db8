//! How quick a call about a page can be, in whichever of its attempts.
//!
//! The latency of each attempt is drawn anew, so that a failure may have been lucky. But a page is in
//! one call at a time, so that each attempt that fails costs something first: the time of a refusal,
//! the latency of an answer that was of no use, or a time-out that was no shorter than the latency
//! that the last attempt had. Times are in microseconds; latencies are rounded to milliseconds, which
//! makes each at most half of one shorter than its draw.

use crate::fakes::latency::{Latency, Load};
use crate::rng::Seed;
use crate::units::{float, whole};

/// An attempt after this many is not looked at one by one: it may be as quick as any.
const LOOKED_AT: u64 = 2048;
/// More attempts of earlier runs than this are not looked at.
const MOST_FREE: u64 = 64;
/// A chance that is as good as none.
const NO_CHANCE: f64 = 1e-12;
/// What rounding takes off a latency at most.
const ROUNDED_US: u64 = 500;
/// The shortest time-out that can be set.
const LEAST_TIMEOUT_US: u64 = 1000;

/// The latencies of calls about single pages.
pub(super) struct Draws<'a> {
    pub(super) latency: &'a Latency,
    pub(super) seed: Seed,
    pub(super) stream: &'a str,
    /// Whether the service ever refuses a call.
    pub(super) refuses: bool,
}

/// The attempts at a page so far.
struct Attempts {
    /// What each cost at least, unless a time-out cut it short.
    costs_us: Vec<u64>,
    cheapest_us: u64,
    /// The shortest time to an answer.
    best_us: u64,
    /// The three quickest answers, in order.
    quickest_us: [u64; 3],
}

impl Attempts {
    /// What they have cost before an attempt that takes so long.
    fn spent_us(&self, last_us: u64) -> u64 {
        let timeout_us = last_us.max(LEAST_TIMEOUT_US);
        let costs = self.costs_us.iter().map(|cost| (*cost).min(timeout_us));
        costs.fold(0, u64::saturating_add)
    }

    fn add(&mut self, own_us: u64) {
        self.best_us = self.best_us.min(self.spent_us(own_us).saturating_add(own_us));
        if own_us < self.quickest_us[2] {
            self.quickest_us[2] = own_us;
            self.quickest_us.sort_unstable();
        }
    }

    /// The times until one answer, two and three.
    fn answers_us(&self) -> [u64; 3] {
        let [a, b, c] = self.quickest_us;
        let two = a.saturating_add(b).max(self.best_us);
        let three = a.saturating_add(b).saturating_add(c).max(self.best_us);
        [self.best_us, two, three]
    }
}

impl Draws<'_> {
    /// What no attempt is quicker than.
    fn quickest_us(&self) -> u64 {
        (self.latency.least_ms() * 1000).saturating_sub(ROUNDED_US)
    }

    /// The shortest time from the first attempt at a page to an answer; `free` attempts were made
    /// before, by earlier runs. Then the shortest until a second answer, and until a third: a page
    /// that an answer leaves out is asked about again.
    pub(super) fn least_us(&self, page: u64, free: u64) -> [u64; 3] {
        let mut attempts = Attempts {
            costs_us: Vec::new(),
            cheapest_us: u64::MAX,
            best_us: u64::MAX,
            quickest_us: [u64::MAX; 3],
        };
        let least_us = self.quickest_us();
        let is_free = self.refuses && self.latency.refusal_ms() == 0;
        if is_free || free > MOST_FREE {
            // Where attempts cost nothing, one of them may be as quick as any.
            return [least_us; 3];
        }
        let refusal_us = if self.refuses { self.latency.refusal_ms() * 1000 } else { u64::MAX };
        for attempt in 0..free.saturating_add(LOOKED_AT) {
            if attempts.quickest_us[2] < u64::MAX && self.is_hopeless(&attempts) {
                return attempts.answers_us();
            }
            let drawn_ms =
                self.latency.drawn_ms(self.seed, self.stream, page, attempt, Load::default());
            let own_us = whole(drawn_ms * 1000.0).saturating_sub(ROUNDED_US);
            attempts.add(own_us);
            if attempt >= free {
                let cost_us = own_us.min(refusal_us);
                attempts.costs_us.push(cost_us);
                attempts.cheapest_us = attempts.cheapest_us.min(cost_us);
            }
        }
        attempts.add(least_us);
        attempts.quickest_us = [attempts.quickest_us[0].min(least_us); 3];
        attempts.answers_us()
    }

    /// Whether no attempt from now on is so quick that it makes up for those before it. Where these
    /// have cost as much as the best, only a time-out that is shorter than their costs helps, and that
    /// has to be as long as the answer that comes in the end.
    fn is_hopeless(&self, attempts: &Attempts) -> bool {
        let least_us = self.quickest_us();
        let spent_us = attempts.spent_us(least_us);
        if spent_us.saturating_add(least_us) >= attempts.best_us {
            return true;
        }
        let count = attempts.costs_us.len() as u64;
        if count.saturating_mul(attempts.cheapest_us) < attempts.best_us {
            return false;
        }
        let quick_ms = float(attempts.best_us / count.max(1) + ROUNDED_US) / 1000.0;
        self.latency.chance_below(quick_ms) * float(count) < NO_CHANCE
    }
}
