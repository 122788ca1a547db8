//! Which settings are best: a grid of them, each played with the same seeds, and what came of it.
//!
//! All cells meet the same weather, so that the difference between two of them is the settings'. A
//! cell is admissible if each requirement is met in at least 95 % of the seeds. The best of the
//! admissible ones has the least of the objective over all seeds; where that is the same, the
//! fewest calls, then the least cost, then the first in the order of the grid.

pub mod grid;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use self::grid::Axis;
use crate::sim::scenario::Scenario;
use crate::sim::scenario::problem::Problem;
use crate::sim::{Options, SimError, Transport};
use crate::study::figures::Figures;
use crate::study::judge::{self, JudgeError};
use crate::study::metric::{METRICS, Shape, Unit};
use crate::study::paired::Paired;
use crate::study::target::{self, Target};
use crate::study::workers::share_out;

/// What is to be as small as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// The makespan.
    Fastest,
    /// The cost.
    Cheapest,
    /// The AI calls.
    FewestCalls,
}

impl Objective {
    /// Its name, as typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fastest => "fastest",
            Self::Cheapest => "cheapest",
            Self::FewestCalls => "fewest-calls",
        }
    }

    /// The metric that is to be small.
    pub fn metric(self) -> &'static str {
        match self {
            Self::Fastest => "makespan",
            Self::Cheapest => "cost",
            Self::FewestCalls => "ai_calls",
        }
    }

    /// Its unit.
    pub fn unit(self) -> Unit {
        match self {
            Self::Fastest => Unit::Millis,
            Self::Cheapest => Unit::UsdMicros,
            Self::FewestCalls => Unit::Count,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
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
}

/// What one seed came to; nothing if the run did not end within its virtual time.
pub type Outcome = Option<BTreeMap<&'static str, u64>>;

/// One combination of values, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Which value of each axis.
    pub values: Vec<usize>,
    /// By seed: every metric that is one number; shares in millionths.
    pub outcomes: Vec<Outcome>,
    /// In how many seeds each requirement is met.
    pub met: Vec<usize>,
    /// Whether it is fit to be chosen.
    pub is_admissible: bool,
    /// Whether no other admissible cell is at least as fast and as cheap, and better in one.
    pub is_on_front: bool,
}

impl Cell {
    /// A metric, seed by seed; nothing if a seed has none.
    pub fn values_of(&self, metric: &str) -> Option<Vec<u64>> {
        self.outcomes.iter().map(|outcome| outcome.as_ref()?.get(metric).copied()).collect()
    }

    /// The sum of a metric over all seeds; nothing if a seed has none.
    pub fn sum(&self, metric: &str) -> Option<u128> {
        Some(self.values_of(metric)?.into_iter().map(u128::from).sum())
    }
}

/// The grid with its order.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// What was asked.
    pub question: Question,
    /// The scenario's name.
    pub name: String,
    /// The run that was looked at.
    pub run: String,
    /// The cells in the order of the grid.
    pub cells: Vec<Cell>,
    /// Their indices from the best to the worst, those that are not admissible last.
    pub ranking: Vec<usize>,
}

impl Tuned {
    /// The best cell, if any is fit to be chosen.
    pub fn best(&self) -> Option<&Cell> {
        self.ranking.first().map(|index| &self.cells[*index]).filter(|cell| cell.is_admissible)
    }

    /// The other cells that are fit to be chosen, in their order.
    pub fn others(&self) -> impl Iterator<Item = &Cell> {
        let rest = self.ranking.iter().skip(1).map(|index| &self.cells[*index]);
        rest.filter(|cell| cell.is_admissible)
    }

    /// How the best differs from another in a metric.
    pub fn against(&self, other: &Cell, metric: &str) -> Option<Paired> {
        Paired::of(&self.best()?.values_of(metric)?, &other.values_of(metric)?)
    }
}

/// Something cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// A cell is no scenario.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// A run could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The scenario has no such run.
    #[error("got the run `{run}`, which `{name}` does not have, wanted one of: {known}")]
    NoSuchRun {
        /// The run.
        run: String,
        /// The scenario.
        name: String,
        /// Its runs.
        known: String,
    },
    /// The best cell is another one over HTTP.
    #[error(
        "seed {seed} gives another history over HTTP than in memory; this is a bug of tagspace"
    )]
    Differs {
        /// The seed.
        seed: u64,
    },
}

/// The scenario of a cell with a seed.
pub fn scenario(question: &Question, cell: &[usize], seed: u64) -> Result<Scenario, TuneError> {
    let mut settings = grid::settings(&question.axes, cell);
    settings.push(format!("seed={seed}"));
    let set = question.scenario.with(&settings, &question.folder);
    set.map_err(|problem| TuneError::Problem(Box::new(problem)))
}

/// Plays every cell with every seed on so many threads; `on_game` is told of each.
pub fn play(
    question: Question,
    run: Option<&str>,
    jobs: usize,
    on_game: &(dyn Fn(usize) + Sync),
) -> Result<Tuned, TuneError> {
    let grid = grid::cells(&question.axes);
    let seeds: Vec<u64> = question.seeds.clone().collect();
    // What is wrong with a cell is told before anything is played.
    let mut first = None;
    for cell in &grid {
        first = Some(scenario(&question, cell, seeds[0])?);
    }
    let (name, runs) = first.map_or((String::new(), Vec::new()), |one| (one.name, one.runs));
    let run = match run {
        Some(run) if runs.iter().all(|known| known.name != run) => {
            let known: Vec<String> = runs.into_iter().map(|known| known.name).collect();
            let (run, known) = (run.to_owned(), known.join(", "));
            return Err(TuneError::NoSuchRun { run, name, known });
        }
        Some(run) => run.to_owned(),
        None => runs.first().map(|run| run.name.clone()).unwrap_or_default(),
    };
    let games = grid.len() * seeds.len();
    let played = share_out(jobs, games, |game| {
        let (cell, seed) = (&grid[game / seeds.len()], seeds[game % seeds.len()]);
        let played = one(&question, cell, seed, &run);
        on_game(games);
        played
    })?;
    let mut played = played.into_iter();
    let mut cells: Vec<Cell> = Vec::with_capacity(grid.len());
    for values in grid {
        let (mut outcomes, mut met) = (Vec::new(), vec![0; question.require.len()]);
        for (outcome, judged) in played.by_ref().take(seeds.len()) {
            outcomes.push(outcome);
            for (count, is_met) in met.iter_mut().zip(judged) {
                *count += usize::from(is_met);
            }
        }
        let enough = |met: &usize| (seeds.len() - met) * 20 <= seeds.len();
        let is_admissible = outcomes.iter().all(Option::is_some) && met.iter().all(enough);
        cells.push(Cell { values, outcomes, met, is_admissible, is_on_front: false });
    }
    mark_front(&mut cells);
    let mut ranking: Vec<usize> = (0..cells.len()).collect();
    ranking.sort_by_key(|index| {
        let cell = &cells[*index];
        let metrics = [question.objective.metric(), "ai_calls", "cost"];
        (!cell.is_admissible, metrics.map(|metric| cell.sum(metric).unwrap_or(u128::MAX)), *index)
    });
    Ok(Tuned { question, name, run, cells, ranking })
}

fn mark_front(cells: &mut [Cell]) {
    let both = |cell: &Cell| {
        let sums = cell.sum("makespan").zip(cell.sum("cost"));
        sums.filter(|_| cell.is_admissible)
    };
    let fit: Vec<(u128, u128)> = cells.iter().filter_map(both).collect();
    for cell in cells {
        let Some((time, cost)) = both(cell) else { continue };
        cell.is_on_front = fit.iter().all(|(other_time, other_cost)| {
            *other_time > time || *other_cost > cost || (*other_time, *other_cost) == (time, cost)
        });
    }
}

/// One game: what it came to, and whether each requirement is met.
fn one(
    question: &Question,
    cell: &[usize],
    seed: u64,
    run: &str,
) -> Result<(Outcome, Vec<bool>), TuneError> {
    let scenario = scenario(question, cell, seed)?;
    let options = Options { transport: Transport::Direct, ..Options::default() };
    match judge::run(&scenario, &[], &options) {
        Ok(judged) => {
            let figures = judged.runs.iter().find(|judged| judged.name == run);
            let figures = figures.map_or_else(Figures::default, |judged| judged.figures.clone());
            let met = |target: &Target| target::judge(target, &figures).met;
            let met = question.require.iter().map(met).collect();
            Ok((Some(numbers(&figures)), met))
        }
        Err(JudgeError::Sim(SimError::Deadline { .. })) => {
            Ok((None, vec![false; question.require.len()]))
        }
        Err(error) => Err(error.into()),
    }
}

/// Every metric that is one number; shares in millionths.
fn numbers(figures: &Figures) -> BTreeMap<&'static str, u64> {
    let single = METRICS.iter().filter(|metric| metric.shape == Shape::Single);
    single.filter_map(|metric| Some((metric.name, figures.integer(metric.name)?))).collect()
}

/// Plays the best cell again over HTTP with the first seeds, and tells with how many: the histories
/// must be the same.
pub fn confirm(tuned: &Tuned, most: usize) -> Result<usize, TuneError> {
    let Some(best) = tuned.best() else { return Ok(0) };
    let mut confirmed = 0;
    for seed in tuned.question.seeds.clone().take(most) {
        let scenario = scenario(&tuned.question, &best.values, seed)?;
        let digests = |transport| -> Result<Vec<String>, TuneError> {
            let options = Options { transport, ..Options::default() };
            let judged = judge::run(&scenario, &[], &options)?;
            Ok(judged.runs.iter().map(judge::JudgedRun::events_sha256).collect())
        };
        if digests(Transport::Wire)? != digests(Transport::Direct)? {
            return Err(TuneError::Differs { seed });
        }
        confirmed += 1;
    }
    Ok(confirmed)
}
