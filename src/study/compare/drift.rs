//! How far a figure has come since it was first accepted, in as many small steps as it may be.

use super::Rules;
use super::recorded::RecordedRun;
use crate::study::compare::rules::{floor_milli, mean_milli};
use crate::study::measure::figure::Figure;

/// A watched figure that is no longer what it was when it was first accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The figure.
    pub figure: Figure,
    /// The mean when the baseline was accepted for the first time, in thousandths of the unit; where
    /// fewer seeds are compared than the baseline has, what it would have been over these.
    pub first_mean_milli: u64,
    /// The mean now.
    pub new_mean_milli: u64,
}

/// Every drift above the floors of a comparison. `places` are those of the seeds that both have.
pub fn of(
    (base, new): (&RecordedRun, &RecordedRun),
    places: &[(usize, usize)],
    rules: Rules,
) -> Vec<Drift> {
    let drift = |figure: Figure| {
        let name = figure.to_string();
        let first = *base.first_mean_milli.get(&name)?;
        let pairs = places
            .iter()
            .filter_map(|(at, now)| base.value(figure, *at).zip(new.value(figure, *now)));
        let (these, now): (Vec<u64>, Vec<u64>) = pairs.unzip();
        if these.is_empty() {
            return None;
        }
        let accepted: Vec<u64> =
            base.figures.get(&name)?.iter().filter_map(|cell| cell.0).collect();
        let first_mean_milli = over_these(first, mean_milli(&these), mean_milli(&accepted));
        let new_mean_milli = mean_milli(&now);
        let is_there = rules.is_large(first_mean_milli, new_mean_milli, floor_milli(figure.unit()));
        is_there.then_some(Drift { figure, first_mean_milli, new_mean_milli })
    };
    Figure::all().filter_map(drift).collect()
}

/// A mean over all seeds as one over those whose share of what was accepted is known: seeds differ
/// by more than figures drift.
fn over_these(first: u64, these: u64, all: u64) -> u64 {
    let product = u128::from(first) * u128::from(these);
    product.checked_div(u128::from(all)).and_then(|mean| u64::try_from(mean).ok()).unwrap_or(first)
}
