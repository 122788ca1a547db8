//! The statistics of distributions and levels.

use strum::IntoStaticStr;

/// A statistic of a distribution or of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Stat {
    /// The sample that half of all do not exceed.
    P50,
    /// The sample that 95 of 100 do not exceed.
    P95,
    /// The sample that 99 of 100 do not exceed.
    P99,
    /// The minimum.
    Min,
    /// The maximum.
    Max,
    /// The last.
    Final,
    /// All together.
    Sum,
    /// The number of samples.
    Count,
}

impl Stat {
    /// Those of a distribution.
    pub const OF_DISTRIBUTIONS: &[Self] =
        &[Self::P50, Self::P95, Self::P99, Self::Max, Self::Sum, Self::Count];
    /// Those of a level.
    pub const OF_LEVELS: &[Self] = &[Self::Min, Self::Max, Self::Final];

    /// Its name, in targets and in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Their names, with this between them.
    pub fn join(stats: &[Self], between: &str) -> String {
        let names: Vec<&str> = stats.iter().map(|stat| stat.name()).collect();
        names.join(between)
    }
}
