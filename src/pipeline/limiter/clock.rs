//! The clock of limiters that keep an account, in milliseconds.

use std::time::Duration;

/// The clock starts here, so that there is a time before its limiter was made.
const START_MS: u64 = 1 << 40;

/// A time since the limiter was made, by this clock.
pub(super) fn clock(since_start: Duration) -> u64 {
    START_MS + millis(since_start)
}

/// A time by this clock, since the limiter was made.
pub(super) fn since_start(clock_ms: u64) -> Duration {
    Duration::from_millis(clock_ms.saturating_sub(START_MS))
}

pub(super) fn millis(duration: Duration) -> u64 {
    // Longer than any wait, and far from what a clock cannot hold.
    u64::try_from(duration.as_millis()).map_or(1 << 50, |ms| ms.min(1 << 50))
}
