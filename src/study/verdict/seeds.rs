//! A scenario with many seeds: each of its targets over all of them.

use std::cmp::Reverse;

use crate::pipeline::event::RunEnd;
use crate::sim::Lateness;
use crate::sim::recorder::Log;
use crate::study::diagnosis::anomaly::Anomaly;
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::target;
use crate::study::verdict::target::{JudgedTarget, OverSeeds};

/// A run of one seed: what it came to, without its log.
#[derive(Debug, Clone)]
pub struct PlayedRun {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub end: RunEnd,
    /// Its figures.
    pub figures: Figures,
    /// Its targets.
    pub targets: Vec<JudgedTarget>,
    /// What is odd about it.
    pub anomalies: Vec<Anomaly>,
    /// The digest of its log.
    pub events_sha256: String,
}

/// A scenario with one seed.
#[derive(Debug, Clone)]
pub struct PlayedSeed {
    /// The seed.
    pub seed: u64,
    /// Its runs.
    pub runs: Vec<PlayedRun>,
}

impl PlayedSeed {
    /// Of a scenario that was judged.
    pub fn of(seed: u64, judged: &JudgedScenario) -> Self {
        let run = |run: &JudgedRun| PlayedRun {
            name: run.name.clone(),
            end: run.end,
            figures: run.figures.clone(),
            targets: run.targets.clone(),
            anomalies: run.anomalies.clone(),
            events_sha256: run.events_sha256(),
        };
        Self { seed, runs: judged.runs.iter().map(run).collect() }
    }
}

/// How far a figure spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The least.
    pub least: u64,
    /// The one in the middle, the lower of two.
    pub median: u64,
    /// The most.
    pub most: u64,
    /// In how many seeds it has a value.
    pub seeds: usize,
}

impl Spread {
    /// Of these values; nothing of none.
    pub fn of(mut values: Vec<u64>) -> Option<Self> {
        values.sort_unstable();
        let median = *values.get(values.len().checked_sub(1)? / 2)?;
        let seeds = values.len();
        Some(Self { least: *values.first()?, median, most: *values.last()?, seeds })
    }
}

/// A scenario with many seeds, in their order.
#[derive(Debug, Clone)]
pub struct Series {
    /// What each seed came to.
    pub played: Vec<PlayedSeed>,
    /// Seeds that were asked for and not played, because the command was interrupted.
    pub not_played: Vec<u64>,
    /// All of them as one: of each target the worst seed, and whether enough seeds meet it. The
    /// figures are those of the first seed; there is no log.
    pub judged: JudgedScenario,
}

impl Series {
    /// Of all seeds; nothing of none.
    pub fn of(played: Vec<PlayedSeed>) -> Option<Self> {
        let first = played.first()?;
        let run = |(at, run): (usize, &PlayedRun)| {
            let all = || played.iter().filter_map(move |one| Some((one.seed, one.runs.get(at)?)));
            let target = |which: usize| {
                let each: Vec<(u64, &JudgedTarget)> =
                    all().filter_map(|(seed, run)| Some((seed, run.targets.get(which)?))).collect();
                target::over_seeds(&each)
            };
            JudgedRun {
                name: run.name.clone(),
                end: run.end,
                figures: run.figures.clone(),
                targets: (0..run.targets.len()).filter_map(target).collect(),
                anomalies: Vec::new(),
                log: Log { run: run.name.clone(), ..Log::default() },
            }
        };
        let runs = first.runs.iter().enumerate().map(run).collect();
        let judged = JudgedScenario { runs, steps: 0, lateness: Lateness::default() };
        Some(Self { judged, played, not_played: Vec::new() })
    }

    /// Whether each seed meets a target of a run.
    pub fn map(&self, run: usize, target: usize) -> Vec<bool> {
        let met = |one: &PlayedSeed| Some(one.runs.get(run)?.targets.get(target)?.met);
        self.played.iter().map(|one| met(one).unwrap_or(false)).collect()
    }

    /// In how many seeds a latency of a run leaves some pages or batches out.
    pub fn partial(&self, run: usize, metric: Metric) -> usize {
        let is_partial = |one: &&PlayedSeed| {
            let value = one.runs.get(run).and_then(|run| run.figures.get(metric));
            matches!(value, Some(Value::Distribution(samples)) if samples.partial().is_some())
        };
        self.played.iter().filter(is_partial).count()
    }

    /// Why a metric of a run has no value, in the first seed that lacks it.
    pub fn why_absent(&self, run: usize, metric: Metric) -> Option<&'static str> {
        self.played.iter().find_map(|one| one.runs.get(run)?.figures.why_absent(metric))
    }

    /// A figure of a run over the seeds that have it; nothing if none has.
    pub fn spread(&self, run: usize, figure: impl Into<Figure>) -> Option<Spread> {
        let figure = figure.into();
        let of = |one: &PlayedSeed| one.runs.get(run)?.figures.integer(figure);
        Spread::of(self.played.iter().filter_map(of).collect())
    }

    /// The seed that misses most of the targets that are missed. Of several, it is the worst for most
    /// of these; of several still, the first. Nothing if none is missed.
    pub fn worst(&self) -> Option<u64> {
        let of_run = |(run, judged): (usize, &JudgedRun)| {
            let missed = judged.targets.iter().enumerate().filter(|(_, target)| !target.met);
            missed.map(move |(at, target)| (self.map(run, at), target.over)).collect::<Vec<_>>()
        };
        let missed: Vec<_> = self.judged.runs.iter().enumerate().flat_map(of_run).collect();
        let score = |(at, one): (usize, &PlayedSeed)| {
            let misses = missed.iter().filter(|(met, _)| !met[at]).count();
            let is_worst =
                |over: &Option<OverSeeds>| over.is_some_and(|over| over.worst == one.seed);
            let worst = missed.iter().filter(|(_, over)| is_worst(over)).count();
            ((misses, worst, Reverse(at)), one.seed)
        };
        let scores = self.played.iter().enumerate().map(score);
        scores.filter(|((misses, ..), _)| *misses > 0).max().map(|(_, seed)| seed)
    }
}
