//! Always the same limit.

use std::time::Duration;

use super::algorithm::{EndedCall, Limit};

/// Always the same limit.
#[derive(Debug, Clone, Copy)]
pub struct Fixed(u64);

impl Fixed {
    /// This limit, at least one.
    pub fn new(limit: u64) -> Self {
        Self(limit.max(1))
    }
}

impl Limit for Fixed {
    fn current(&self) -> u64 {
        self.0
    }

    fn on_end(&mut self, _: Duration, _: &EndedCall) {}
}
