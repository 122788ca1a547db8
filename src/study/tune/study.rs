//! A study: a grid of settings, each played with the same seeds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::grid::Axis;
use crate::sim::scenario::Scenario;
use crate::sim::scenario::diagnostic::Diagnostic;
use crate::study::measure::metric::Metric;
use crate::study::stats::paired::Paired;
use crate::study::verdict::judge::JudgeError;
use crate::study::verdict::target::Target;

/// What is to be as small as possible.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray, strum::EnumString,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Objective {
    /// The makespan.
    Fastest,
    /// The cost.
    Cheapest,
    /// The AI calls.
    FewestCalls,
}

impl Objective {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its name, as typed.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The metric that is to be small.
    pub fn metric(self) -> Metric {
        match self {
            Self::Fastest => Metric::Makespan,
            Self::Cheapest => Metric::Cost,
            Self::FewestCalls => Metric::AiCalls,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct StudySpec {
    /// The scenario, as its file has it.
    pub scenario: Scenario,
    /// Where the files lie that it names.
    pub folder: PathBuf,
    /// The keys and their values.
    pub axes: Vec<Axis>,
    /// The seeds.
    pub seeds: RangeInclusive<u64>,
    /// What is to be small.
    pub objective: Objective,
    /// What must hold.
    pub require: Vec<Target>,
    /// The run that is looked at.
    pub run: String,
}

/// What one seed came to; nothing if the run did not end within its virtual time.
pub type TrialMetrics = Option<BTreeMap<Metric, u64>>;

/// One combination of values, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridPoint {
    /// Which value of each axis.
    pub values: Vec<usize>,
    /// By seed: every metric that is one number; shares in millionths. In a race there may be fewer
    /// than seeds.
    pub outcomes: Vec<TrialMetrics>,
    /// In how many seeds each requirement is met.
    pub met: Vec<usize>,
    /// Whether it is fit to be chosen.
    pub is_admissible: bool,
    /// Whether no other admissible point is at least as fast and as cheap, and better in one.
    pub is_on_front: bool,
}

impl GridPoint {
    /// A metric, seed by seed; nothing if a seed has none.
    pub fn values_of(&self, metric: Metric) -> Option<Vec<u64>> {
        self.outcomes.iter().map(|outcome| outcome.as_ref()?.get(&metric).copied()).collect()
    }

    /// The sum of a metric over all seeds; nothing if a seed has none.
    pub fn sum(&self, metric: Metric) -> Option<u128> {
        Some(self.values_of(metric)?.into_iter().map(u128::from).sum())
    }
}

/// How many points of the front are played again, the fastest of them.
const MOST_CONFIRMED: usize = 8;

/// The grid with its order.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// What was asked.
    pub spec: StudySpec,
    /// The points in the order of the grid.
    pub points: Vec<GridPoint>,
    /// Their indices from the best to the worst, those that are not admissible last.
    pub ranking: Vec<usize>,
}

impl Tuned {
    /// The points that win by time, by cost or between them: the best one and the front.
    pub fn winners(&self) -> Vec<&GridPoint> {
        let Some(best) = self.best() else { return Vec::new() };
        let mut front: Vec<&GridPoint> =
            self.points.iter().filter(|point| point.is_on_front && *point != best).collect();
        front.sort_by_key(|point| point.sum(Metric::Makespan));
        [best].into_iter().chain(front.into_iter().take(MOST_CONFIRMED)).collect()
    }

    /// The best point, if any is fit to be chosen.
    pub fn best(&self) -> Option<&GridPoint> {
        self.ranking.first().map(|index| &self.points[*index]).filter(|point| point.is_admissible)
    }

    /// The other points that are fit to be chosen, in their order.
    pub fn others(&self) -> impl Iterator<Item = &GridPoint> {
        let rest = self.ranking.iter().skip(1).map(|index| &self.points[*index]);
        rest.filter(|point| point.is_admissible)
    }

    /// How the best differs from another in a metric, in the seeds that both were played with.
    pub fn against(&self, other: &GridPoint, metric: Metric) -> Option<Paired> {
        let (best, other) = (self.best()?.values_of(metric)?, other.values_of(metric)?);
        let both = best.len().min(other.len());
        Paired::of(&best[..both], &other[..both])
    }

    /// The number of seeds that are asked for.
    pub fn seeds(&self) -> usize {
        self.spec.seeds.clone().count()
    }
}

/// Something cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A point is no scenario.
    #[error("{0}")]
    Problem(Box<Diagnostic>),
    /// A run could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The scenario has no such run.
    #[error("expected a run of `{name}`, one of: {known}, found `{run}`")]
    NoSuchRun {
        /// The run.
        run: String,
        /// The scenario.
        name: String,
        /// Its runs.
        known: String,
    },
    /// A part of it cannot be written.
    #[error("write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },
    /// A point that wins is another one over HTTP.
    #[error(
        "seed {seed} gives another history over HTTP than in memory; this is a bug of tagspace"
    )]
    Differs {
        /// The seed.
        seed: u64,
    },
    /// A point that wins does not come to what it was ranked by.
    #[error(
        "a winning setting comes to other figures with seed {seed} here than those it was ranked by: its part was changed, or played by another program"
    )]
    NotReplayed {
        /// The seed.
        seed: u64,
    },
}
