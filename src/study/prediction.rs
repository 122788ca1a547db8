//! What virtual time foretold against what real time measured, figure by figure.

use crate::study::figures::{Figures, Value};
use crate::study::metric::{self, Metric};

/// How far a measurement may be from what was foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// One, or 2 %, whichever is more.
    OneOrTwoPercent,
    /// 2 %.
    TwoPercent,
    /// As it likes: it is shown, not judged.
    Any,
}

/// A figure, foretold and measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The figure.
    pub metric: &'static Metric,
    /// The statistic of it, for distributions.
    pub stat: Option<&'static str>,
    /// What was foretold.
    pub predicted: u64,
    /// What was measured, in the order of the runs.
    pub measured: Vec<u64>,
    /// The median of that.
    pub median: u64,
    /// How far they may be apart.
    pub tolerance: Tolerance,
}

/// The figures that are compared.
const COMPARED: &[(&str, Option<&str>, Tolerance)] = &[
    ("pages_tagged", None, Tolerance::Any),
    ("ai_calls", None, Tolerance::OneOrTwoPercent),
    ("rate_limited", None, Tolerance::OneOrTwoPercent),
    ("retries", None, Tolerance::Any),
    ("fallbacks", None, Tolerance::OneOrTwoPercent),
    ("makespan", None, Tolerance::TwoPercent),
    ("page_latency", Some("p50"), Tolerance::Any),
    ("page_latency", Some("p95"), Tolerance::Any),
    ("ai_latency", Some("p50"), Tolerance::Any),
    ("ai_latency", Some("p95"), Tolerance::Any),
    ("backoff_wait", Some("sum"), Tolerance::Any),
    ("cost", None, Tolerance::Any),
];

/// Compares a run with its repetitions in real time. A figure that one of them lacks is left out.
pub fn compare(predicted: &Figures, measured: &[&Figures]) -> Vec<Row> {
    let row = |(name, stat, tolerance): &(&str, Option<&'static str>, Tolerance)| {
        let of = |figures: &Figures| match (figures.get(name)?, stat) {
            (Value::Number(number), _) => Some(*number),
            (Value::Distribution(samples), Some(stat)) => samples.stat(stat),
            _ => None,
        };
        let measured: Option<Vec<u64>> = measured.iter().map(|figures| of(figures)).collect();
        let measured = measured.filter(|measured| !measured.is_empty())?;
        let mut sorted = measured.clone();
        sorted.sort_unstable();
        let median = sorted[(sorted.len() - 1) / 2];
        let (metric, stat, tolerance) = (metric::find(name)?, *stat, *tolerance);
        Some(Row { metric, stat, predicted: of(predicted)?, measured, median, tolerance })
    };
    COMPARED.iter().filter_map(row).collect()
}

impl Row {
    /// Whether the median is as near as it must be; nothing if nobody asks.
    pub fn agrees(&self) -> Option<bool> {
        let apart = self.predicted.abs_diff(self.median);
        let within_percent = apart.saturating_mul(50) <= self.predicted;
        match self.tolerance {
            Tolerance::OneOrTwoPercent => Some(apart <= 1 || within_percent),
            Tolerance::TwoPercent => Some(within_percent),
            Tolerance::Any => None,
        }
    }
}
