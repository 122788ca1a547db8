//! The world's calendar: virtual zero is a scenario's `start`, and days end where services say.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// When a virtual moment is.
#[derive(Debug, Clone)]
pub struct Calendar {
    start: Timestamp,
    speed: u64,
    pacific: TimeZone,
}

impl Calendar {
    /// A calendar in which virtual zero is this moment.
    pub fn new(start: Timestamp) -> Self {
        // The zone is compiled in; UTC-8 is its standard time.
        let pacific = TimeZone::get("America/Los_Angeles")
            .unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(-8)));
        Self { start, speed: 1, pacific }
    }

    /// The world runs this many times as fast as the clocks of its clients.
    pub fn set_speed(&mut self, speed: u64) {
        self.speed = speed.max(1);
    }

    /// The moment at this virtual time, as the clock of a client shows it.
    pub fn shown(&self, now_ms: u64) -> Timestamp {
        self.at(now_ms / self.speed)
    }

    /// The moment at this virtual time.
    pub fn at(&self, now_ms: u64) -> Timestamp {
        let since = SignedDuration::from_millis(i64::try_from(now_ms).unwrap_or(i64::MAX));
        self.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// The virtual time at which the Pacific day of `now_ms` ends.
    pub fn pacific_midnight_after(&self, now_ms: u64) -> u64 {
        let now = self.at(now_ms).to_zoned_datetime(self.pacific.clone());
        let midnight = now.date().checked_add(1.day()).ok().and_then(|tomorrow| {
            tomorrow.to_zoned_datetime(self.pacific.clone()).ok().map(|zoned| zoned.timestamp())
        });
        let since = midnight.unwrap_or(Timestamp::MAX).duration_since(self.start);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(now_ms.saturating_add(1))
    }
}
