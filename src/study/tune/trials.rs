//! Trials: one point of a study with one seed each, and playing them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GridPoint, StudySpec, TrialMetrics, TuneError, Tuned, grid};
use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::measure::stat::Stat;
use crate::study::verdict::judge::{JudgeError, JudgedScenario};
use crate::study::verdict::target::Target;
use crate::study::verdict::{judge, target};

/// Which trial of a list of studies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrialId {
    /// Which study.
    #[serde(rename = "question")]
    pub spec: usize,
    /// Which point of its grid.
    #[serde(rename = "cell")]
    pub point: usize,
    /// Which of its seeds.
    pub seed: usize,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialResult {
    /// The figures; nothing if it did not end.
    pub outcome: TrialMetrics,
    /// Whether each requirement is met.
    pub met: Vec<bool>,
}

/// What came of many trials.
pub type Results = BTreeMap<TrialId, TrialResult>;

/// All trials, in the order of studies, points and seeds.
pub fn all(specs: &[StudySpec]) -> Vec<TrialId> {
    let mut trials = Vec::new();
    for (spec, asked) in specs.iter().enumerate() {
        let seeds = asked.seeds.clone().count();
        for point in 0..grid::points(&asked.axes).len() {
            trials.extend((0..seeds).map(|seed| TrialId { spec, point, seed }));
        }
    }
    trials
}

/// The scenario of a point with a seed.
pub fn scenario(spec: &StudySpec, point: &[usize], seed: u64) -> Result<Scenario, TuneError> {
    let settings = grid::settings(&spec.axes, point);
    let set = spec.scenario.with(&settings, &spec.folder);
    let set = set.map_err(|problem| TuneError::Problem(Box::new(problem)))?;
    Ok(set.seeded(seed))
}

/// Tells what is wrong with a study before anything is played.
pub fn check(spec: &StudySpec) -> Result<(), TuneError> {
    for point in grid::points(&spec.axes) {
        scenario(spec, &point, *spec.seeds.start())?;
    }
    let runs = &spec.scenario.runs;
    if runs.iter().any(|known| known.name == spec.run) {
        return Ok(());
    }
    let known: Vec<&str> = runs.iter().map(|known| known.name.as_str()).collect();
    let (run, name) = (spec.run.clone(), spec.scenario.name.clone());
    Err(TuneError::NoSuchRun { run, name, known: known.join(", ") })
}

/// What is told of each trial as soon as it is played.
type OnTrial<'a> = &'a (dyn Fn(TrialId, &TrialResult) -> Result<(), TuneError> + Sync);

/// Plays these trials.
pub fn play(
    specs: &[StudySpec],
    trials: &[TrialId],
    runner: &TrialRunner,
    on_trial: OnTrial<'_>,
) -> Result<Results, TuneError> {
    play_with(trial::play, specs, trials, runner, on_trial)
}

/// The same without the bound, unless something is required of it: it takes a third of the time.
pub fn play_without_bound(
    specs: &[StudySpec],
    trials: &[TrialId],
    runner: &TrialRunner,
    on_trial: OnTrial<'_>,
) -> Result<Results, TuneError> {
    let required = specs.iter().flat_map(|spec| &spec.require);
    let is_required = required.map(|target| target.metric).any(Metric::is_of_bound);
    let play = if is_required { trial::play } else { trial::measure };
    play_with(play, specs, trials, runner, on_trial)
}

fn play_with(
    play: fn(&Scenario) -> Result<Option<JudgedScenario>, JudgeError>,
    specs: &[StudySpec],
    trials: &[TrialId],
    runner: &TrialRunner,
    on_trial: OnTrial<'_>,
) -> Result<Results, TuneError> {
    let grids: Vec<_> = specs.iter().map(|spec| grid::points(&spec.axes)).collect();
    let played = runner.each(trials.len(), |at| {
        let trial = trials[at];
        let spec = &specs[trial.spec];
        let seed = spec.seeds.start() + trial.seed as u64;
        let scenario = scenario(spec, &grids[trial.spec][trial.point], seed)?;
        let played = result(spec, play(&scenario.only(&spec.run))?.as_ref());
        on_trial(trial, &played)?;
        Ok::<_, TuneError>((trial, played))
    })?;
    Ok(played.into_iter().collect())
}

/// What one trial came to, and whether each requirement is met.
fn result(spec: &StudySpec, judged: Option<&JudgedScenario>) -> TrialResult {
    let Some(judged) = judged else {
        return TrialResult { outcome: None, met: vec![false; spec.require.len()] };
    };
    let figures = figures(spec, judged);
    let met = |target: &Target| target::judge(target, &figures, None).met;
    let met = spec.require.iter().map(met).collect();
    TrialResult { outcome: Some(numbers(&figures)), met }
}

/// The figures of the run that is asked about.
fn figures(spec: &StudySpec, judged: &JudgedScenario) -> Figures {
    let run = judged.runs.iter().find(|judged| judged.name == spec.run);
    run.map_or_else(Figures::default, |judged| judged.figures.clone())
}

/// What is kept of a trial: every metric that is one number, shares in millionths, and the most calls in
/// flight.
pub fn kept() -> impl Iterator<Item = Figure> {
    let in_flight = Figure { metric: Metric::InFlight, stat: Some(Stat::Max) };
    Metric::singles().map(Figure::of).chain([in_flight])
}

fn numbers(figures: &Figures) -> BTreeMap<Metric, u64> {
    kept().filter_map(|figure| Some((figure.metric, figures.integer(figure)?))).collect()
}

/// Plays a point that wins again over HTTP with the first seeds, and tells with how many: the
/// histories must be the same. What it was ranked by may come from another machine, in a part; then
/// all its seeds are played again in memory.
pub fn confirm(
    tuned: &Tuned,
    point: &GridPoint,
    most: usize,
    is_of_parts: bool,
) -> Result<usize, TuneError> {
    let again = if is_of_parts { point.outcomes.len() } else { most };
    let ranked = point.outcomes.iter().zip(tuned.spec.seeds.clone()).take(again);
    let mut confirmed = 0;
    for (outcome, seed) in ranked {
        let scenario = scenario(&tuned.spec, &point.values, seed)?.only(&tuned.spec.run);
        let played = |transport| {
            let options = Options { transport, ..Options::default() };
            judge::run(&scenario, &[], &options)
        };
        let direct = played(Transport::Direct)?;
        if *outcome != Some(numbers(&figures(&tuned.spec, &direct))) {
            return Err(TuneError::NotReplayed { seed });
        }
        if confirmed == most {
            continue;
        }
        if played(Transport::Wire)?.digests() != direct.digests() {
            return Err(TuneError::Differs { seed });
        }
        confirmed += 1;
    }
    Ok(confirmed)
}
