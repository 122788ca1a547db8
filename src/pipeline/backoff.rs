//! How long to wait before the next attempt, and whether there is one.
//!
//! Pure: it computes delays and the caller sleeps. A hint of the server beats the schedule and is
//! never undercut: jitter only adds to it, because a whole-second `retryDelay` is the floor of the
//! real one. A retry budget bounds retries as a share of first attempts, so that an outage is not
//! answered by a storm; why a budget and not only a number of attempts: with 4 attempts each, a
//! service that is down gets four times its normal load just when it can bear least.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pipeline::error::ErrorClass;
use crate::rng::Draw;
use crate::units::{float, whole};

/// An exponential schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The first delay.
    pub base_ms: u64,
    /// What each further delay is multiplied with.
    pub factor: f64,
    /// The longest delay.
    pub max_ms: u64,
    /// How far a delay may stray from the schedule, as a share of it, both ways.
    pub jitter: f64,
}

/// The extra wait on top of a hint, at most, as a share of it.
const HINT_MARGIN: f64 = 0.05;

impl Schedule {
    /// The delay after the `failed`-th failed attempt, counted from 1: between
    /// `(1 - jitter)` and `(1 + jitter)` times the schedule, and never above the longest delay.
    pub fn delay(&self, failed: u32, draw: Draw) -> Duration {
        let exponent = f64::from(failed.saturating_sub(1).min(64));
        let planned = float(self.base_ms) * libm::pow(self.factor, exponent);
        let spread = 1.0 + self.jitter * (2.0 * draw.unit() - 1.0);
        Duration::from_millis(whole((planned * spread).min(float(self.max_ms))))
    }
}

/// The wait that follows a server's hint: never less than it, at most 5 % more, plus a millisecond.
pub fn after_hint(hint: Duration, draw: Draw) -> Duration {
    let extra = float(u64::try_from(hint.as_millis()).unwrap_or(u64::MAX)) * HINT_MARGIN;
    let more = whole(extra * draw.unit()).saturating_add(1);
    hint.saturating_add(Duration::from_millis(more))
}

/// The schedule for an error of this class: a malformed answer is asked again at once, a
/// rate limit waits four times as long as a passing fault.
pub fn for_class(schedule: Schedule, class: ErrorClass) -> Schedule {
    match class {
        ErrorClass::RateLimited => {
            Schedule { base_ms: schedule.base_ms.saturating_mul(4), ..schedule }
        }
        ErrorClass::Malformed | ErrorClass::Incomplete | ErrorClass::Truncated => {
            Schedule { base_ms: 0, ..schedule }
        }
        _ => schedule,
    }
}

/// Bounds retries to a share of first attempts, plus a small reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    credit_milli: u64,
    deposit_milli: u64,
    max_milli: u64,
}

/// What one retry costs, in thousandths.
const RETRY_MILLI: u64 = 1000;
/// How many retries the reserve allows before the first deposit.
const RESERVE: u64 = 10;

impl Budget {
    /// A budget of `ratio` retries per first attempt; the reserve is ten retries.
    pub fn new(ratio: f64) -> Self {
        let credit_milli = RESERVE * RETRY_MILLI;
        Self { credit_milli, deposit_milli: whole(ratio * 1000.0), max_milli: 10 * credit_milli }
    }

    /// Counts a first attempt.
    pub fn deposit(&mut self) {
        self.credit_milli =
            self.credit_milli.saturating_add(self.deposit_milli).min(self.max_milli);
    }

    /// Pays for a retry, if there is enough.
    pub fn withdraw(&mut self) -> bool {
        let Some(left) = self.credit_milli.checked_sub(RETRY_MILLI) else { return false };
        self.credit_milli = left;
        true
    }
}
