//! A figure: a metric, or of a distribution and of a level one of its statistics.

use std::fmt;

use serde::{Serialize, Serializer};

use super::metric::{Better, Metric, Unit};
use super::stat::Stat;

/// A metric that is one number, or a statistic of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure {
    /// The metric.
    pub metric: Metric,
    /// The statistic of a distribution or of a level.
    pub stat: Option<Stat>,
}

impl Figure {
    /// Those that are followed over time, and compared.
    pub const TRACKED: &[Self] = &[
        Self::of(Metric::Makespan),
        Self::stat_of(Metric::PageLatency, Stat::P95),
        Self::of(Metric::AiCalls),
        Self::of(Metric::RateLimited),
        Self::of(Metric::RateLimitedRatio),
        Self::of(Metric::FallbackRatio),
        Self::of(Metric::Pages),
        Self::of(Metric::PagesFailed),
        Self::of(Metric::PagesFailedAi),
        Self::of(Metric::PagesFailedConfluence),
        Self::of(Metric::PagesNotDone),
        Self::of(Metric::PagesUnlabelled),
        Self::of(Metric::PagesMistagged),
        Self::of(Metric::WastedCalls),
        Self::of(Metric::Cost),
        Self::of(Metric::PagesPerMinute),
        Self::of(Metric::CacheHitRatio),
        Self::of(Metric::Efficiency),
    ];

    /// A metric that is one number.
    pub const fn of(metric: Metric) -> Self {
        Self { metric, stat: None }
    }

    /// A statistic of a metric.
    pub const fn stat_of(metric: Metric, stat: Stat) -> Self {
        Self { metric, stat: Some(stat) }
    }

    /// All figures of a metric.
    pub fn all_of(metric: Metric) -> impl Iterator<Item = Self> {
        let single = metric.stats().is_empty().then_some(Self::of(metric));
        let stats = metric.stats().iter().map(move |stat| Self::stat_of(metric, *stat));
        single.into_iter().chain(stats)
    }

    /// All figures, in the order of the metrics.
    pub fn all() -> impl Iterator<Item = Self> {
        Metric::ALL.iter().flat_map(|metric| Self::all_of(*metric))
    }

    /// The figure of this name, as in `page_latency p95`.
    pub fn find(name: &str) -> Option<Self> {
        let (metric, stat) = name.split_once(' ').unwrap_or((name, ""));
        let metric = metric.parse().ok()?;
        Self::all_of(metric).find(|figure| figure.stat.map_or("", Stat::name) == stat)
    }

    /// What it counts.
    pub fn unit(self) -> Unit {
        if self.stat == Some(Stat::Count) { Unit::Count } else { self.metric.unit() }
    }

    /// In which direction it becomes better, if it is tracked.
    pub fn better(self) -> Option<Better> {
        Self::TRACKED.contains(&self).then(|| self.metric.better()).flatten()
    }
}

impl From<Metric> for Figure {
    fn from(metric: Metric) -> Self {
        Self::of(metric)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name())?;
        self.stat.map_or(Ok(()), |stat| write!(f, " {stat}"))
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
