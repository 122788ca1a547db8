//! The plan's algorithm: half of the limit on a 429, and after five minutes without one a fifth
//! more, rounded down.
//!
//! Rounded down, 1.2 times the limit is the limit itself for every limit below 5: from there it
//! rises only by `min_step`, which the plan does not have (0).

use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome};

/// Half on a 429, a fifth more after five minutes without one.
#[derive(Debug, Clone, Copy)]
pub struct Halving {
    limit: u64,
    ceiling: u64,
    min_step: u64,
    quiet_since: Duration,
}

/// How long no 429 may come before the limit rises.
const RECOVERY: Duration = Duration::from_mins(5);

impl Halving {
    /// Starts at `limit`, never above `ceiling`.
    pub fn new(limit: u64, ceiling: u64, min_step: u64) -> Self {
        let limit = limit.max(1);
        Self { limit, ceiling: ceiling.max(limit), min_step, quiet_since: Duration::ZERO }
    }
}

impl Limit for Halving {
    fn current(&self) -> u64 {
        self.limit
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        match ended.verdict.outcome {
            Outcome::RateLimited => {
                self.limit = (self.limit / 2).max(1);
                self.quiet_since = now;
            }
            Outcome::Success if now.saturating_sub(self.quiet_since) >= RECOVERY => {
                let raised = (self.limit.saturating_mul(6) / 5)
                    .max(self.limit.saturating_add(self.min_step));
                self.limit = raised.min(self.ceiling);
                self.quiet_since = now;
            }
            Outcome::Success | Outcome::Failed | Outcome::Ignored => {}
        }
    }
}
