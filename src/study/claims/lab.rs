//! Plays scenarios with many seeds, each only once, and keeps what was measured.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::worlds::{BASE, Setup};
use crate::pipeline::event::Event;
use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::scenario::{Scenario, overrides};
use crate::sim::{Options, SimError, Transport};
use crate::study::experiment::workers::share_out;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge;
use crate::study::verdict::judge::{JudgeError, JudgedScenario};

/// Something is wrong with the ledger of claims itself.
#[derive(Debug, thiserror::Error)]
pub enum ClaimsError {
    /// What was to be played is no scenario.
    #[error("a claim's world is no scenario; this is a bug of tagspace: {0}")]
    World(Box<Diagnostic>),
    /// A run could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// What was measured in one game.
#[derive(Debug, Default)]
pub struct LabResult {
    /// The figures of each run; none if one did not end within its virtual time.
    pub runs: Vec<Figures>,
    /// Pages whose labels were written more than once, in all runs together.
    pub written_twice: u64,
    /// Pages of the first run of whose end nobody was told.
    pub untold: u64,
}

/// What is played: a world, with settings on top, with every seed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabTrial {
    runs: String,
    settings: Vec<String>,
}

impl LabTrial {
    /// This setup with this quota under this profile.
    pub fn new(setup: &Setup, quota: &str, profile: &str) -> Self {
        let settings = vec![
            format!("space.pages={}", setup.pages),
            format!("gemini.quota={quota}"),
            format!("pipeline.profile={profile}"),
        ];
        Self { runs: setup.runs.to_owned(), settings }
    }

    /// The same with one more setting.
    #[must_use]
    pub fn with(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// The same with one more run.
    #[must_use]
    pub fn and_then(mut self, run: &str) -> Self {
        self.runs.push_str(run);
        self
    }

    /// The scenario with this seed.
    pub fn scenario(&self, seed: u64) -> Result<Scenario, Box<Diagnostic>> {
        let mut settings = self.settings.clone();
        settings.push(format!("seed={seed}"));
        let folder = Path::new(".");
        let text = format!("{BASE}{}", self.runs);
        let text = overrides::apply(&text, &settings, folder)?;
        Ok(Scenario::parse("claims", "claims", &text, folder)?)
    }
}

/// Plays games on many threads and remembers what came of them.
pub struct Lab<'a> {
    jobs: usize,
    /// Seeds from 1 to this; where something is varied, no more than its axis takes.
    pub seeds: u64,
    played: Mutex<BTreeMap<(LabTrial, u64), Arc<LabResult>>>,
    on_game: &'a (dyn Fn() + Sync),
}

impl std::fmt::Debug for Lab<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}

impl<'a> Lab<'a> {
    /// A lab of `jobs` threads; `on_game` is told of every game that is over.
    pub fn new(jobs: usize, seeds: u64, on_game: &'a (dyn Fn() + Sync)) -> Self {
        Self { jobs, seeds, played: Mutex::default(), on_game }
    }

    /// What came of these games with these seeds, seed by seed.
    pub fn play(
        &self,
        games: &[&LabTrial],
        seeds: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Vec<Arc<LabResult>>>, ClaimsError> {
        let seeds: Vec<u64> = seeds.collect();
        share_out(self.jobs, seeds.len(), |index| {
            games.iter().map(|game| self.one(game, seeds[index])).collect()
        })
    }

    fn one(&self, game: &LabTrial, seed: u64) -> Result<Arc<LabResult>, ClaimsError> {
        let key = (game.clone(), seed);
        if let Some(known) = self.played.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let played = Arc::new(play(game, seed)?);
        (self.on_game)();
        let mut all = self.played.lock();
        Ok(Arc::clone(all.entry(key).or_insert(played)))
    }
}

fn play(game: &LabTrial, seed: u64) -> Result<LabResult, ClaimsError> {
    let scenario = game.scenario(seed).map_err(ClaimsError::World)?;
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
    match judge::run(&scenario, &[], &options) {
        Ok(judged) => Ok(measured(judged, told.load(Ordering::Relaxed))),
        Err(JudgeError::Sim(SimError::Deadline { .. })) => Ok(LabResult::default()),
        Err(error) => Err(error.into()),
    }
}

fn measured(judged: JudgedScenario, told: u64) -> LabResult {
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
    LabResult {
        written_twice: twice.len() as u64,
        untold: ended.abs_diff(told),
        runs: judged.runs.into_iter().map(|run| run.figures).collect(),
    }
}
