//! For how long a line has stood still, and because of what.
//!
//! A line stands still while its first call may not start. Calls behind the first, and work that waits
//! until a place in the line is free, are held up by the same: each compares what had passed when its
//! wait began with what has passed when it ends.

use std::ops::AddAssign;
use std::time::Duration;

/// What keeps the first call of a line from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// As many calls as may be are in flight.
    Place,
    /// A quota is used up, or the service stated a wait.
    Quota,
    /// The service fails.
    Failures,
}

/// Time for which a line stood still; what is neither was for want of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineTime {
    /// Because of a quota.
    pub quota: Duration,
    /// Because the service failed.
    pub failures: Duration,
}

/// A wait in whole milliseconds, and the parts of it that were not for want of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WaitParts {
    /// All of it.
    pub waited_ms: u64,
    /// Because of a quota.
    pub quota_ms: u64,
    /// Because of failures.
    pub backoff_ms: u64,
}

/// Adds up for how long a line stands still.
#[derive(Debug, Default)]
pub struct LineClock {
    /// What it stands still for, and since when.
    now: Option<(Obstacle, Duration)>,
    passed: LineTime,
}

impl LineTime {
    /// Two lines together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            quota: self.quota.saturating_add(other.quota),
            failures: self.failures.saturating_add(other.failures),
        }
    }

    /// A wait that began when `before` had passed and has lasted for `waited`.
    pub fn parts(self, before: Self, waited: Duration) -> WaitParts {
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let waited_ms = whole(waited);
        let quota_ms = whole(self.quota.saturating_sub(before.quota)).min(waited_ms);
        let failures_ms = whole(self.failures.saturating_sub(before.failures));
        WaitParts { waited_ms, quota_ms, backoff_ms: failures_ms.min(waited_ms - quota_ms) }
    }
}

impl WaitParts {
    /// A wait of which no parts are known.
    pub fn of(waited: Duration) -> Self {
        LineTime::default().parts(LineTime::default(), waited)
    }

    /// A wait after a failure.
    pub fn of_failure(waited: Duration) -> Self {
        let parts = Self::of(waited);
        Self { backoff_ms: parts.waited_ms, ..parts }
    }

    /// The rest, for want of a place.
    pub fn place_ms(self) -> u64 {
        self.waited_ms.saturating_sub(self.quota_ms).saturating_sub(self.backoff_ms)
    }
}

impl AddAssign for WaitParts {
    fn add_assign(&mut self, more: Self) {
        self.waited_ms = self.waited_ms.saturating_add(more.waited_ms);
        self.quota_ms = self.quota_ms.saturating_add(more.quota_ms);
        self.backoff_ms = self.backoff_ms.saturating_add(more.backoff_ms);
    }
}

impl LineClock {
    /// From now on the line stands still for this, or moves.
    pub fn stands_for(&mut self, now: Duration, obstacle: Option<Obstacle>) {
        if self.now.map(|(obstacle, _)| obstacle) == obstacle {
            return;
        }
        self.passed = self.passed(now);
        self.now = obstacle.map(|obstacle| (obstacle, now));
    }

    /// What the line stands still for.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.now.map(|(obstacle, _)| obstacle)
    }

    /// What has passed until now.
    pub fn passed(&self, now: Duration) -> LineTime {
        let mut passed = self.passed;
        if let Some((obstacle, since)) = self.now {
            let more = now.saturating_sub(since);
            match obstacle {
                Obstacle::Place => {}
                Obstacle::Quota => passed.quota = passed.quota.saturating_add(more),
                Obstacle::Failures => passed.failures = passed.failures.saturating_add(more),
            }
        }
        passed
    }
}
