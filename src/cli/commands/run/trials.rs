//! Playing: every scenario with each of its seeds, several at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::cli::error::CliError;
use crate::cli::scenarios::Loaded;
use crate::pipeline::log;
use crate::report::ci::Closing;
use crate::report::folder::{FilesError, Folder, Kind};
use crate::report::run::json;
use crate::report::{folder, format};
use crate::sim;
use crate::sim::Options;
use crate::sim::scenario::Scenario;
use crate::study::experiment::determinism;
use crate::study::experiment::determinism::Divergence;
use crate::study::experiment::runner::TrialRunner;
use crate::study::verdict::judge;
use crate::study::verdict::judge::{JudgedScenario, Verdict};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::PlayedSeed;

/// A scenario with the seeds that it is played with, and its folder in the making.
pub(super) struct Entry<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) kind: Kind,
    /// In ascending order; of a single run its own.
    pub(super) seeds: Vec<u64>,
    /// Where its report will stand.
    pub(super) place: PathBuf,
    folder: Mutex<Option<Arc<Folder>>>,
}

impl<'a> Entry<'a> {
    /// A scenario with its own seed, or with these.
    pub(super) fn new(out: &Path, loaded: &'a Loaded, seeds: Option<Vec<u64>>) -> Self {
        let scenario = &loaded.0;
        let kind = if seeds.is_some() { Kind::Series } else { Kind::Single };
        Self {
            kind,
            seeds: seeds.unwrap_or_else(|| vec![scenario.world.seed.0]),
            place: folder::place(out, scenario, kind),
            folder: Mutex::new(None),
            loaded,
        }
    }

    pub(super) fn scenario(&self) -> &'a Scenario {
        &self.loaded.0
    }

    /// Its folder, begun by whatever trial comes first.
    fn folder(&self) -> Result<Arc<Folder>, FilesError> {
        let mut folder = self.folder.lock();
        match &*folder {
            Some(folder) => Ok(Arc::clone(folder)),
            None => Ok(Arc::clone(
                folder.insert(Arc::new(Folder::begin(&self.place, &self.scenario().name)?)),
            )),
        }
    }

    /// Its folder, if any trial has begun it.
    pub(super) fn folder_to_write(&self) -> Option<Arc<Folder>> {
        self.folder.lock().clone()
    }

    /// Its folder, once no trial writes into it any more.
    pub(super) fn take_folder(&self) -> Option<Folder> {
        let folder = self.folder.lock().take();
        folder.and_then(Arc::into_inner)
    }
}

/// What came of a scenario with one seed.
pub(super) struct Done {
    pub(super) played: PlayedSeed,
    /// All of it, for a single run.
    pub(super) judged: Option<JudgedScenario>,
    pub(super) divergence: Option<Divergence>,
    /// How long it really took.
    pub(super) real: Duration,
}

/// What came of all trials of a scenario, in the order of its seeds.
pub(super) type Results = Vec<Result<Done, CliError>>;

/// How trials are played.
pub(super) struct Rules<'a> {
    pub(super) runner: &'a TrialRunner,
    pub(super) options: &'a Options,
    pub(super) check_determinism: bool,
    /// Whether the first scenario that misses a target is the last.
    pub(super) fail_fast: bool,
    /// Set from outside or by `take`: no further trial is begun.
    pub(super) stop: &'a AtomicBool,
    /// The same at the first signal.
    pub(super) interrupt: &'a CancellationToken,
    pub(super) on_trial: &'a (dyn Fn() + Sync),
    /// The command that repeats a scenario with a seed.
    pub(super) replay: &'a (dyn Fn(&Scenario, u64) -> String + Sync),
}

/// Plays all trials, and hands over what came of each scenario in the order of the scenarios; after a
/// stop, of those that were not played whole what was played of them.
pub(super) fn play<'a>(
    entries: &'a [Entry<'a>],
    rules: &Rules<'_>,
    mut take: impl FnMut(&'a Entry<'a>, Results),
) {
    let trials: Vec<(usize, u64)> = (0..)
        .zip(entries)
        .flat_map(|(at, entry)| entry.seeds.iter().map(move |seed| (at, *seed)))
        .collect();
    let is_stopped = || rules.stop.load(Ordering::Relaxed) || rules.interrupt.is_cancelled();
    let play = |index: usize| {
        let (at, seed) = trials[index];
        let done = trial(&entries[at], seed, rules);
        if rules.fail_fast && is_failure(&done) {
            rules.stop.store(true, Ordering::Relaxed);
        }
        (rules.on_trial)();
        done
    };
    let (mut left, mut results) = (entries, Results::new());
    rules.runner.in_order(trials.len(), is_stopped, play, |done| {
        results.push(done);
        if let [entry, rest @ ..] = left
            && entry.seeds.len() == results.len()
        {
            take(entry, std::mem::take(&mut results));
            left = rest;
        }
    });
    for entry in left {
        take(entry, std::mem::take(&mut results));
    }
}

/// Whether a trial alone decides that its scenario misses a target: one seed of many does not.
fn is_failure(done: &Result<Done, CliError>) -> bool {
    match done {
        Ok(done) => done.judged.as_ref().is_some_and(|one| one.verdict() == Verdict::Missed),
        Err(_) => true,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a simulation really took is shown, never stored"
)]
fn trial(entry: &Entry<'_>, seed: u64, rules: &Rules<'_>) -> Result<Done, CliError> {
    let (scenario, targets) = entry.loaded;
    let seeded = scenario.seeded(seed);
    let started = std::time::Instant::now();
    let judged = judge::run(&seeded, targets, rules.options)?;
    let real = started.elapsed();
    let divergence = if rules.check_determinism {
        let logs: Vec<_> = judged.runs.iter().map(|run| run.log.clone()).collect();
        determinism::check(&seeded, rules.options, &logs)?
    } else {
        None
    };
    if let Some(subscriber) = &rules.options.subscriber {
        tracing::dispatcher::with_default(subscriber, || {
            let _named = sim::log_span(&seeded).entered();
            summarize(&judged);
        });
    }
    let folder = entry.folder()?;
    match entry.kind {
        Kind::Single => folder.single(&seeded, &judged)?,
        Kind::Series => {
            let outcome = Outcome::of(judged.verdict(), None, divergence.is_some());
            let mut report = json::report(&seeded, &judged);
            json::add_origin(&mut report, &seeded, &(rules.replay)(scenario, seed));
            json::close(&mut report, &Closing::alone(outcome, &[]));
            folder.seed(&seeded, &judged, &report)?;
        }
    }
    let played = PlayedSeed::of(seed, &judged);
    // The logs of many seeds are in their folders, and too much for the memory.
    let judged = (entry.kind == Kind::Single).then_some(judged);
    Ok(Done { played, judged, divergence, real })
}

/// Closes the log for humans with the figures of each run.
fn summarize(judged: &JudgedScenario) {
    for run in &judged.runs {
        let end_ms = run.log.entries.last().map_or(0, |entry| entry.t_ms);
        log::summary(end_ms, &format!("run={} {}", run.name, format::summary(&run.figures)));
    }
}
