//! Two configurations on the same weather, seed by seed: which is better, how often and by how much.
//!
//! The interval is a percentile bootstrap over the differences (Efron, 1979): seeds are drawn
//! again with keyed randomness, so that the same differences always give the same interval.

use std::cmp::Ordering;

use crate::rng::Seed;
use crate::study::stats::sign_test;

/// How often the seeds are drawn again.
const RESAMPLES: u64 = 2_000;
/// How many of these lie beyond each end of the interval: 2.5 %.
const BEYOND: usize = 50;

/// The differences between two configurations over the same seeds, in thousandths of the metric's
/// unit. Negative is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paired {
    /// Seeds in which the first has less than the second.
    pub less: usize,
    /// Seeds in which it has more.
    pub more: usize,
    /// Seeds in which both are the same.
    pub same: usize,
    /// The mean of the differences.
    pub mean_milli: i64,
    /// The lower end of its 95 % interval.
    pub low_milli: i64,
    /// The upper end of it.
    pub high_milli: i64,
}

impl Paired {
    /// Of the values of two configurations, in the order of the seeds. Nothing of no seeds, or of
    /// lists that are no pairs.
    pub fn of(first: &[u64], second: &[u64]) -> Option<Self> {
        if first.is_empty() || first.len() != second.len() {
            return None;
        }
        let pairs = first.iter().zip(second);
        let differences: Vec<i128> = pairs.map(|(a, b)| i128::from(*a) - i128::from(*b)).collect();
        let count = |wanted: Ordering| differences.iter().filter(|d| d.cmp(&&0) == wanted).count();
        let all = differences.len() as u64;
        let resampled = |round: u64| -> i128 {
            let mut draws = Seed(all).draw("paired bootstrap", round, 0).sequence();
            (0..all).map(|_| *draws.pick(&differences)).sum()
        };
        let mut sums: Vec<i128> = (0..RESAMPLES).map(resampled).collect();
        sums.sort_unstable();
        let sum = differences.iter().sum();
        let mean = |sum: i128| mean_milli(sum, all);
        Some(Self {
            less: count(Ordering::Less),
            more: count(Ordering::Greater),
            same: count(Ordering::Equal),
            mean_milli: mean(sum),
            low_milli: mean(*sums.get(BEYOND)?),
            high_milli: mean(*sums.get(sums.len() - 1 - BEYOND)?),
        })
    }

    /// The second against the first.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            less: self.more,
            more: self.less,
            same: self.same,
            mean_milli: -self.mean_milli,
            low_milli: -self.high_milli,
            high_milli: -self.low_milli,
        }
    }

    /// Whether the first is not surely less than the second: by the interval, and by the signs, at
    /// 5 %.
    pub fn may_be_chance(&self) -> bool {
        let signs = sign_test::two_sided(self.less as u64, self.more as u64);
        self.high_milli >= 0 || signs > 0.05 || self.less < self.more
    }
}

/// A sum over `seeds` seeds as a mean in thousandths, rounded down. One beyond all measure is the
/// largest there is, so that it keeps its sign.
fn mean_milli(sum: i128, seeds: u64) -> i64 {
    let mean = (sum * 1000).div_euclid(i128::from(seeds));
    i64::try_from(mean.clamp(-i128::from(i64::MAX), i128::from(i64::MAX))).unwrap_or(0)
}
