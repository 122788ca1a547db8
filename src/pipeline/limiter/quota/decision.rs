//! When the next call goes: as soon as what may be gained outweighs what a refusal costs.

use super::constants::{AT_ONCE_WITH_MS, DEARER, DOUBT, FEWEST_TO_COME, NO_WEIGHT, PRICE};
use super::hypothesis::Hypothesis;
use super::log::Log;
use super::posterior::Posterior;
use crate::units::float;

/// What a decision is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stakes {
    pub(super) now: u64,
    /// Calls that were answered so far: as many are to come.
    pub(super) answered: u64,
    /// How long a refusal takes to come back.
    pub(super) refusal_ms: f64,
    /// The share of calls that were refused of late.
    pub(super) refused: f64,
}

/// When a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) at: u64,
    /// Whether some likely hypothesis has no room for it.
    pub(super) is_experiment: bool,
}

/// A hypothesis, its weight, and when it has room.
type Opinion<'a> = (u64, f64, &'a Hypothesis);

impl Stakes {
    /// The earliest time that is worth it, for a call of this amount.
    pub(super) fn decide(&self, posterior: &Posterior, log: &Log, amount: u64) -> Decision {
        let likely = posterior.weights().into_iter().filter(|(weight, _)| *weight > NO_WEIGHT);
        let mut opinions: Vec<Opinion<'_>> = likely
            .map(|(weight, one)| (one.free_at(log, log.end(), self.now, amount), weight, one))
            .collect();
        opinions.sort_by_key(|(at, ..)| *at);
        let mut split = 0;
        while let Some((at, ..)) = opinions.get(split).copied() {
            while opinions.get(split).is_some_and(|(other, ..)| *other <= at + AT_ONCE_WITH_MS) {
                split += 1;
            }
            let (with_room, without) = opinions.split_at(split);
            let at = with_room.last().map_or(at, |(last, ..)| *last);
            let doubt: f64 = without.iter().map(|(_, weight, _)| weight).sum();
            if doubt < DOUBT {
                return Decision { at, is_experiment: false };
            }
            if self.is_worth_it(with_room, without, amount) {
                return Decision { at, is_experiment: true };
            }
        }
        Decision { at: self.now, is_experiment: false }
    }

    fn is_worth_it(&self, with_room: &[Opinion<'_>], without: &[Opinion<'_>], amount: u64) -> bool {
        let (Some((at, ..)), Some((next, ..))) = (with_room.last(), without.first()) else {
            return true;
        };
        let Some(slowest) = without.iter().max_by(|one, two| one.1.total_cmp(&two.1)) else {
            return true;
        };
        let amount = float(amount);
        let pace_ms = slowest.2.pace_ms() * amount;
        let to_come = float(self.answered.max(FEWEST_TO_COME));
        let sooner_ms = float(next - at).min(pace_ms);
        let gain: f64 = with_room
            .iter()
            .map(|(_, weight, one)| {
                weight * (sooner_ms + to_come * (pace_ms - one.pace_ms() * amount).max(0.0))
            })
            .sum();
        let doubt: f64 = without.iter().map(|(_, weight, _)| weight).sum();
        let price = PRICE * (1.0 + DEARER * self.refused * self.refused);
        gain >= doubt * (price * pace_ms + self.refusal_ms)
    }
}
