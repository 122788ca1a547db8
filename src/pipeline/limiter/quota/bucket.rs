//! What a bucket holds as calls take of it and time fills it.

use super::constants::LONGEST_MS;
use super::log::{Entry, Fate, Told};
use crate::units::{float, whole};

/// A bucket of a hypothesis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// What it holds at most.
    pub(super) burst: f64,
    /// The time for each unit, in milliseconds.
    pub(super) pace_ms: f64,
    /// Whether refused calls take of it as well.
    pub(super) refused_count: bool,
}

/// What is in a bucket after the calls before a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) amount: f64,
    /// When the last of those calls was sent; zero before the first.
    pub(super) at: u64,
    pub(super) position: usize,
}

impl Bucket {
    /// What is in it after more calls.
    pub(super) fn after(&self, before: Level, calls: &[Entry]) -> Level {
        calls.iter().fold(before, |level, call| self.after_one(level, call))
    }

    /// When a call of this amount would be admitted, at `now` at the earliest: one that takes more
    /// than it ever holds, when it is full.
    pub(super) fn free_at(&self, level: Level, now: u64, amount: u64) -> u64 {
        let missing = float(amount).min(self.burst) - self.refilled(level, now);
        if missing <= 1e-6 {
            return now;
        }
        now + whole(libm::ceil(missing * self.pace_ms)).min(LONGEST_MS)
    }

    fn refilled(&self, level: Level, now: u64) -> f64 {
        let gained = float(now.saturating_sub(level.at)) / self.pace_ms;
        (level.amount + gained).min(self.burst)
    }

    fn after_one(&self, before: Level, call: &Entry) -> Level {
        let amount = float(call.amount);
        let held = if before.at == 0 { self.burst } else { self.refilled(before, call.at) };
        let left = match call.fate {
            Fate::Void => held,
            Fate::InFlight if self.refused_count => (held - amount).max(0.0),
            Fate::InFlight => held - amount,
            Fate::Admitted => (held - amount).max(-amount),
            Fate::Refused(told) => {
                let held = self.corrected(held, call, told);
                if self.refused_count { (held - amount).max(0.0) } else { held }
            }
        };
        Level { amount: left, at: call.at.max(before.at), position: before.position + 1 }
    }

    /// What it held as a refusal shows it, where that is not far from what was thought.
    fn corrected(&self, held: f64, call: &Entry, told: Told) -> f64 {
        let amount = float(call.amount);
        let shown = match told.free_at {
            Some(free_at) if !told.is_rounded => {
                amount - float(free_at.saturating_sub(call.at)) / self.pace_ms
            }
            Some(_) => held.min(amount - 0.3),
            None => held.min(amount - 0.02),
        };
        if (shown - held).abs() <= (1.2 * amount).max(0.05 * self.burst) { shown } else { held }
    }
}
