//! What virtual time predicted against what real time measured, figure by figure.

use crate::sim::Lateness;
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Tolerance};
use crate::study::measure::stat::Stat;
use crate::study::verdict::judge::JudgedScenario;

/// A figure, predicted and measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFigure {
    /// The figure.
    pub figure: Figure,
    /// What was predicted.
    pub predicted: u64,
    /// What was measured, in the order of the runs.
    pub measured: Vec<u64>,
    /// The median of that.
    pub median: u64,
    /// How far they may be apart.
    pub tolerance: Tolerance,
}

/// The figures that are compared.
const COMPARED: &[Figure] = &[
    Figure::of(Metric::PagesTagged),
    Figure::of(Metric::AiCalls),
    Figure::of(Metric::RateLimited),
    Figure::of(Metric::Retries),
    Figure::of(Metric::Fallbacks),
    Figure::of(Metric::Makespan),
    Figure::stat_of(Metric::PageLatency, Stat::P50),
    Figure::stat_of(Metric::PageLatency, Stat::P95),
    Figure::stat_of(Metric::AiLatency, Stat::P50),
    Figure::stat_of(Metric::AiLatency, Stat::P95),
    Figure::stat_of(Metric::BackoffWait, Stat::Sum),
    Figure::of(Metric::Cost),
];

/// Compares a run with its repetitions in real time. A figure that one of them lacks is left out.
pub fn compare(predicted: &Figures, measured: &[&Figures]) -> Vec<CheckedFigure> {
    let row = |figure: Figure| {
        let tolerance = figure.metric.tolerance();
        let of = |figures: &Figures| figures.integer(figure);
        let measured: Option<Vec<u64>> = measured.iter().map(|figures| of(figures)).collect();
        let measured = measured.filter(|measured| !measured.is_empty())?;
        let mut sorted = measured.clone();
        sorted.sort_unstable();
        let median = sorted[(sorted.len() - 1) / 2];
        Some(CheckedFigure { figure, predicted: of(predicted)?, measured, median, tolerance })
    };
    COMPARED.iter().copied().filter_map(row).collect()
}

/// What a row comes to, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RealTimeVerdict {
    /// The median is as near as it must be.
    Agrees,
    /// It is not, and the host was late enough to be the reason.
    HostLate,
    /// It is not.
    Differs,
}

/// The share of a run, and the time at a stretch, that a host must be late to change what happens.
const LATE_PERCENT: u64 = 1;
const LATE_MS: u64 = 100;

/// A run against its repetitions in real time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealTimeCheck {
    /// The figures.
    pub rows: Vec<CheckedFigure>,
    /// How late the host was in each repetition.
    pub lateness: Vec<Lateness>,
}

impl RealTimeCheck {
    /// Compares the run at this index of a scenario.
    pub fn of<'a>(
        index: usize,
        predicted: &JudgedScenario,
        measured: &'a [JudgedScenario],
    ) -> Self {
        let of_run = |judged: &'a JudgedScenario| Some(&judged.runs.get(index)?.figures);
        let repeats: Vec<&Figures> = measured.iter().filter_map(of_run).collect();
        let rows = predicted.runs.get(index).map(|run| compare(&run.figures, &repeats));
        let lateness = measured.iter().map(|judged| judged.lateness).collect();
        Self { rows: rows.unwrap_or_default(), lateness }
    }

    /// What a row comes to; nothing if nobody asks.
    pub fn of_row(&self, row: &CheckedFigure) -> Option<RealTimeVerdict> {
        if row.agrees()? {
            return Some(RealTimeVerdict::Agrees);
        }
        let late = self.lateness_of(row);
        // A stall at a bad moment is one more refusal or time-out, and what follows from it.
        let is_stalled = late.most_ms >= LATE_MS || self.is_share(late.sum_ms);
        let is_late = match row.tolerance {
            // A late host makes a run longer, by no more than it is late if all else is the same.
            Tolerance::TwoPercent => {
                let is_longer = row.median > row.predicted;
                let is_explained = row.median <= row.furthest().saturating_add(late.sum_ms);
                (is_longer && is_explained) || (is_stalled && self.is_another_history())
            }
            Tolerance::OneOrTwoPercent | Tolerance::Any => is_stalled,
        };
        Some(if is_late { RealTimeVerdict::HostLate } else { RealTimeVerdict::Differs })
    }

    /// How late the host was in the repetition whose value is the median.
    fn lateness_of(&self, row: &CheckedFigure) -> Lateness {
        let of_median = row.measured.iter().position(|value| *value == row.median);
        of_median.and_then(|at| self.lateness.get(at)).copied().unwrap_or_default()
    }

    /// Whether that is a hundredth of the run.
    fn is_share(&self, late_ms: u64) -> bool {
        let makespan = self.rows.iter().find(|row| row.figure == Figure::of(Metric::Makespan));
        let makespan_ms = makespan.map_or(u64::MAX, |row| row.predicted);
        late_ms.saturating_mul(100) >= makespan_ms.saturating_mul(LATE_PERCENT)
    }

    /// Whether other calls were made than was predicted.
    fn is_another_history(&self) -> bool {
        let counted = |row: &&CheckedFigure| row.tolerance == Tolerance::OneOrTwoPercent;
        self.rows.iter().filter(counted).any(|row| row.agrees() == Some(false))
    }

    /// What all rows come to: the worst.
    pub fn verdict(&self) -> RealTimeVerdict {
        self.rows.iter().filter_map(|row| self.of_row(row)).max().unwrap_or(RealTimeVerdict::Agrees)
    }
}

/// All runs of a scenario against their repetitions in real time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealTime {
    /// The names of the runs, in order, with what each comes to.
    pub runs: Vec<(String, RealTimeCheck)>,
}

impl RealTime {
    /// What all runs come to: the worst.
    pub fn verdict(&self) -> RealTimeVerdict {
        let verdicts = self.runs.iter().map(|(_, prediction)| prediction.verdict());
        verdicts.max().unwrap_or(RealTimeVerdict::Agrees)
    }

    /// Whether a run differs without an excuse.
    pub fn differs(&self) -> bool {
        self.verdict() == RealTimeVerdict::Differs
    }
}

impl CheckedFigure {
    /// The largest value that still agrees, for a figure that may be 2 % apart.
    fn furthest(&self) -> u64 {
        self.predicted.saturating_add(self.predicted / 50)
    }

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
