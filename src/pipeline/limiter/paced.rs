//! Even pacing by a quota that it is told: an oracle to compare with, which learns nothing.

use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Start};
use crate::units::{float, whole};

/// One call at each interval.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    ceiling: u64,
    told: KnownQuota,
    free_at: Duration,
}

/// The quota that it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownQuota {
    /// Requests in a window.
    pub requests: Option<u64>,
    /// Input tokens in a window.
    pub tokens: Option<u64>,
    /// The length of a window.
    pub window: Duration,
}

impl Paced {
    /// Pace by this quota.
    pub fn new(ceiling: u64, told: KnownQuota) -> Self {
        Self { ceiling: ceiling.max(1), told, free_at: Duration::ZERO }
    }
}

impl Limit for Paced {
    fn current(&self) -> u64 {
        self.ceiling
    }

    fn next_start(&mut self, now: Duration, _: u64) -> Start {
        if now < self.free_at { Start::At(self.free_at) } else { Start::Now }
    }

    fn on_start(&mut self, now: Duration, tokens: u64) {
        let per = |amount: u64, limit: Option<u64>| {
            limit.map_or(0.0, |limit| float(amount) / float(limit.max(1)))
        };
        let share = per(1, self.told.requests).max(per(tokens, self.told.tokens));
        let ms = libm::ceil(self.told.window.as_secs_f64() * 1000.0 * share);
        self.free_at = now.saturating_add(Duration::from_millis(whole(ms)));
    }

    fn on_end(&mut self, _: Duration, _: &EndedCall) {}
}
