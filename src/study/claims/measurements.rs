//! What the claims measure: trials, each played once, and what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::pipeline::event::Event;
use crate::sim::{Options, Transport};
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::experiment::trial::{Trial, TrialError};
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge;
use crate::study::verdict::judge::JudgedScenario;

/// What was measured in one trial.
#[derive(Debug, Default)]
pub struct Measurement {
    /// The figures of each run; none if one did not end within its virtual time.
    pub runs: Vec<Figures>,
    /// Pages whose labels were written more than once, in all runs together.
    pub written_twice: u64,
    /// Pages of the first run whose end no observer was told.
    pub untold: u64,
}

/// The trials that were played, with what came of them.
pub struct Measurements<'a> {
    runner: &'a TrialRunner,
    /// Seeds from 1 to this; where something is varied, no more than its factor takes.
    pub seeds: u64,
    known: Mutex<BTreeMap<Trial, Arc<Measurement>>>,
    on_trial: &'a (dyn Fn() + Sync),
}

impl std::fmt::Debug for Measurements<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measurements").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}

impl<'a> Measurements<'a> {
    /// None yet; `on_trial` is told of every trial that is over.
    pub fn new(runner: &'a TrialRunner, seeds: u64, on_trial: &'a (dyn Fn() + Sync)) -> Self {
        Self { runner, seeds, known: Mutex::default(), on_trial }
    }

    /// What comes of these trials with these seeds, seed by seed.
    pub fn of(
        &self,
        trials: &[&Trial],
        seeds: RangeInclusive<u64>,
    ) -> Result<Vec<Vec<Arc<Measurement>>>, TrialError> {
        let seeds: Vec<u64> = seeds.collect();
        self.runner.each(seeds.len(), |index| {
            trials.iter().map(|trial| self.one(trial.seeded(seeds[index]))).collect()
        })
    }

    fn one(&self, trial: Trial) -> Result<Arc<Measurement>, TrialError> {
        if let Some(known) = self.known.lock().get(&trial) {
            return Ok(Arc::clone(known));
        }
        let measured = Arc::new(measure(&trial)?);
        (self.on_trial)();
        Ok(Arc::clone(self.known.lock().entry(trial).or_insert(measured)))
    }
}

fn measure(trial: &Trial) -> Result<Measurement, TrialError> {
    let scenario = trial.scenario()?;
    let first = scenario.runs.first().map(|run| run.name.clone());
    let told = Arc::new(AtomicU64::new(0));
    let listener = Arc::clone(&told);
    let options = Options {
        transport: Transport::Direct,
        on_progress: Some(Arc::new(move |run, progress| {
            if first.as_deref() == Some(run) {
                listener.fetch_max(progress.done, Ordering::Relaxed);
            }
        })),
        ..Options::default()
    };
    let judged = trial::ended(judge::measure(&scenario, &options))?;
    Ok(judged.map(|judged| measured(judged, told.load(Ordering::Relaxed))).unwrap_or_default())
}

fn measured(judged: JudgedScenario, told: u64) -> Measurement {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for event in judged.runs.iter().flat_map(|run| run.log.events()) {
        if let Event::LabelsWritten { page, .. } = event
            && !once.insert(page)
        {
            twice.insert(page);
        }
    }
    let ended = judged.runs.first().map_or(0, |run| {
        let number = |metric| run.figures.number(metric);
        number(Metric::PagesTagged) + number(Metric::PagesCached) + number(Metric::PagesFailed)
    });
    Measurement {
        written_twice: twice.len() as u64,
        untold: ended.abs_diff(told),
        runs: judged.runs.into_iter().map(|run| run.figures).collect(),
    }
}
