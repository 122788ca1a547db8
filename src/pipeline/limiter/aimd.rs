//! Additive increase, multiplicative decrease, as Netflix's concurrency-limits has it
//! (`AIMDLimit`): a tenth less for every call that is refused, fails or takes longer than five
//! seconds; one more for every success while at least half of the limit is in use.

use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome};

/// One more on success, a tenth less on every refusal.
#[derive(Debug, Clone, Copy)]
pub struct Aimd {
    limit: u64,
}

/// Its published defaults.
const START: u64 = 20;
const LOWEST: u64 = 20;
const HIGHEST: u64 = 200;
const SLOW: Duration = Duration::from_secs(5);

impl Aimd {
    /// At its start.
    pub fn new() -> Self {
        Self { limit: START }
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Aimd {
    fn current(&self) -> u64 {
        self.limit
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        let is_slow = now.saturating_sub(ended.sent) > SLOW;
        match ended.verdict.outcome {
            Outcome::Ignored => return,
            Outcome::Success if !is_slow => {
                if ended.in_flight * 2 >= self.limit {
                    self.limit += 1;
                }
            }
            Outcome::Success | Outcome::RateLimited | Outcome::Failed => {
                self.limit = self.limit * 9 / 10;
            }
        }
        self.limit = self.limit.clamp(LOWEST, HIGHEST);
    }
}
