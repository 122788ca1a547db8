//! Many samples of one figure, and their statistics. Percentiles are exact, by nearest rank.

use super::stat::Stat;
use crate::units::Share;

/// The statistics of many samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    sorted: Vec<u64>,
    /// How many things could have a sample, where some may have none.
    all: Option<u64>,
}

impl Distribution {
    /// Of these samples.
    pub fn new(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        Self { sorted: samples, all: None }
    }

    /// Of these samples, a part of those that `all` things could have.
    pub fn of_some(samples: Vec<u64>, all: u64) -> Self {
        Self { all: Some(all), ..Self::new(samples) }
    }

    /// The samples, in order.
    pub fn sorted(&self) -> &[u64] {
        &self.sorted
    }

    /// Of how many things the samples are, if some have none: a page that was never tagged has no
    /// latency.
    pub fn partial(&self) -> Option<Share> {
        let (num, den) = (self.sorted.len() as u64, self.all?);
        (num < den).then_some(Share { num, den })
    }

    /// The sample of nearest rank: the smallest that `percent` of all do not exceed.
    pub fn percentile(&self, percent: usize) -> Option<u64> {
        let rank = self.sorted.len().saturating_mul(percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied()
    }

    /// A statistic. Sum and count of nothing are 0; the others have no value then, and those of
    /// levels never.
    pub fn stat(&self, stat: Stat) -> Option<u64> {
        match stat {
            Stat::P50 => self.percentile(50),
            Stat::P95 => self.percentile(95),
            Stat::P99 => self.percentile(99),
            Stat::Max => self.sorted.last().copied(),
            Stat::Sum => Some(self.sorted.iter().fold(0, |sum, one| sum.saturating_add(*one))),
            Stat::Count => Some(self.sorted.len() as u64),
            Stat::Min | Stat::Final => None,
        }
    }
}
