//! When a change counts: thresholds, floors and means.

use crate::study::measure::metric::Unit;

/// What counts as a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// A change of a mean below this share of it is none, in millionths.
    pub noise_ppm: u64,
    /// How likely a false alarm may be in the whole comparison, in millionths.
    pub significance_ppm: u64,
}

impl Rules {
    /// Whether a mean has changed by more than the relative floor and an absolute one, both in
    /// thousandths of the unit.
    pub(super) fn is_large(self, before: u64, now: u64, floor_milli: u64) -> bool {
        let change = now.abs_diff(before);
        let share = u128::from(change) * 1_000_000;
        change >= floor_milli && share >= u128::from(before) * u128::from(self.noise_ppm)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { noise_ppm: 10_000, significance_ppm: 10_000 }
    }
}

/// A change of a mean below this is none, whatever the mean: in thousandths of the unit.
pub(super) fn floor_milli(unit: Unit) -> u64 {
    match unit {
        // A call in ten seeds.
        Unit::Count => 100,
        // A thousandth.
        Unit::Ratio => 1_000_000,
        Unit::Millis => 10_000,
        // A hundredth of a cent.
        Unit::UsdMicros => 100_000,
    }
}

pub(super) fn mean_milli(values: &[u64]) -> u64 {
    let mean = (sum(values) * 1000).checked_div(values.len() as u128).unwrap_or(0);
    u64::try_from(mean).unwrap_or(u64::MAX)
}

pub(super) fn sum(values: &[u64]) -> u128 {
    values.iter().map(|value| u128::from(*value)).sum()
}
