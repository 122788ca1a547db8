//! The verdict on a scenario: one value from which the printed word, the JSON and the exit code
//! come.

use thiserror::Error;

use crate::pipeline::event::{Event, RunEnd};
use crate::sim;
use crate::sim::recorder::entry::What;
use crate::sim::recorder::{Log, Vantage};
use crate::sim::scenario::Scenario;
use crate::sim::{Lateness, Options, Recording, SimError};
use crate::study::diagnosis;
use crate::study::diagnosis::Examined;
use crate::study::diagnosis::anomaly::Anomaly;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::measure::{bound, invariants};
use crate::study::verdict::target;
use crate::study::verdict::target::{JudgedTarget, Limit, Target};

/// Whether all targets of a scenario are met; from the best to the worst.
///
/// ```
/// use tagspace::Verdict;
///
/// assert_eq!((Verdict::Met.exit_code(), Verdict::Missed.exit_code()), (0, 99));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// All.
    Met,
    /// There is none.
    NotJudged,
    /// At least one is missed.
    Missed,
}

impl Verdict {
    /// Its exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Met | Self::NotJudged => 0,
            Self::Missed => 99,
        }
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Met => "MET",
            Self::NotJudged => "NOT JUDGED",
            Self::Missed => "MISSED",
        }
    }
}

/// A run with its figures and what became of its targets.
#[derive(Debug, Clone)]
pub struct JudgedRun {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub end: RunEnd,
    /// Its figures.
    pub figures: Figures,
    /// Its targets.
    pub targets: Vec<JudgedTarget>,
    /// What is odd about it, where that was looked for.
    pub anomalies: Vec<Anomaly>,
    /// Its log.
    pub log: Log,
}

/// A scenario that was run and judged.
///
/// ```
/// use tagspace::{JudgedScenario, Metric};
///
/// fn calls(judged: &JudgedScenario) -> u64 {
///     judged.runs.iter().map(|run| run.figures.number(Metric::AiCalls)).sum()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct JudgedScenario {
    /// Its runs.
    pub runs: Vec<JudgedRun>,
    /// Exchanges and events, for speed figures.
    pub steps: u64,
    /// How late the host was, if it was played in real time.
    pub lateness: Lateness,
}

/// A scenario could not be judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// It could not be run to its end.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// What must always hold does not.
    #[error("run `{run}` breaks its own books; this is a bug of tagspace: {what}")]
    Unsound {
        /// The run.
        run: String,
        /// What is wrong.
        what: String,
    },
}

impl JudgedRun {
    /// The digest of its log.
    pub fn events_sha256(&self) -> String {
        self.log.sha256()
    }

    /// Whether it was seen from the services' side only.
    pub fn is_from_outside(&self) -> bool {
        self.log.vantage == Vantage::Server
    }
}

impl JudgedScenario {
    /// The digest of each run's log: with the same ones the same has happened.
    pub fn digests(&self) -> Vec<String> {
        self.runs.iter().map(JudgedRun::events_sha256).collect()
    }

    /// Whether it was seen from the services' side only.
    pub fn is_from_outside(&self) -> bool {
        self.runs.iter().any(JudgedRun::is_from_outside)
    }

    /// The figures of the run that a target's limit is a part of.
    pub fn base_of(&self, target: &Target) -> Option<&Figures> {
        let base = match &target.limit {
            Limit::Relative(part) => &part.base,
            Limit::Fixed(_) => return None,
        };
        self.runs.iter().find(|run| run.name == *base).map(|run| &run.figures)
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        let targets: Vec<&JudgedTarget> = self.runs.iter().flat_map(|run| &run.targets).collect();
        if targets.is_empty() {
            return Verdict::NotJudged;
        }
        let mut judged = targets.iter().filter(|target| target.is_judged).peekable();
        // Targets of which not one could be judged are not met.
        let is_void = judged.peek().is_none();
        if !is_void && judged.all(|target| target.met) { Verdict::Met } else { Verdict::Missed }
    }
}

/// Runs a scenario and judges it.
///
/// ```
/// use std::path::Path;
/// use tagspace::{Metric, Options, Scenario, run_scenario, targets_of};
///
/// let text = "# Few calls?\nschema = 1\nseed = 1\n[space]\npages = 5\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n\
///             [targets.run]\nai_calls = \"<= 2\"\n";
/// let scenario = Scenario::parse("few", "few.toml", text, Path::new("."))?;
/// let targets = targets_of(&scenario)?;
/// let judged = run_scenario(&scenario, &targets, &Options::default())?;
/// assert_eq!(judged.runs[0].figures.number(Metric::PagesTagged), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(
    scenario: &Scenario,
    targets: &[Target],
    options: &Options,
) -> Result<JudgedScenario, JudgeError> {
    let recording = sim::run_scenario(scenario, options)?;
    judge(scenario, targets, recording)
}

/// Judges what the services saw of a client. Its books are its own affair.
pub fn from_outside(scenario: &Scenario, targets: &[Target], log: Log) -> JudgedScenario {
    let steps = log.entries.len() as u64;
    let mut prices = scenario.prices.clone();
    let world = &scenario.world;
    for (provider, model) in [("gemini", &world.gemini.0.model), ("openai", &world.openai.0.model)]
    {
        if let Some(price) = prices.get(provider).copied() {
            prices.insert(model.clone(), price);
        }
    }
    let lateness = Lateness::default();
    let mut judged = JudgedScenario { runs: Vec::new(), steps, lateness };
    let mut run = judged.judge(targets, Figures::of(&log, &prices), log);
    leave_unjudged(&mut run);
    judged.runs.push(run);
    judged
}

/// A run against real services, which has no targets.
pub fn live(figures: Figures, log: Log) -> JudgedRun {
    let run = unjudged(figures, log);
    let anomalies = diagnosis::find(None, &[examined(&run)]).concat();
    JudgedRun { anomalies, ..run }
}

fn examined(run: &JudgedRun) -> Examined<'_> {
    Examined { log: &run.log, failed: run.figures.number(Metric::PagesFailed) }
}

fn unjudged(figures: Figures, log: Log) -> JudgedRun {
    let ends = log.entries.without_tags().filter_map(|entry| match entry.what {
        What::Event(Event::RunFinished { end }) => Some(end),
        _ => None,
    });
    let end = ends.last().unwrap_or(RunEnd::Failed);
    let (name, targets, anomalies) = (log.run.clone(), Vec::new(), Vec::new());
    JudgedRun { name, end, figures, targets, anomalies, log }
}

impl JudgedScenario {
    /// Judges the next run; a limit may be a part of what a run before it has.
    fn judge(&self, targets: &[Target], figures: Figures, log: Log) -> JudgedRun {
        let run = unjudged(figures, log);
        let own = targets.iter().filter(|target| target.run == run.name);
        let judge = |target| target::judge(target, &run.figures, self.base_of(target));
        let targets = own.map(judge).collect();
        JudgedRun { targets, ..run }
    }
}

/// Marks the targets that nobody can judge: those on what happens in a client, those that are a part
/// of another run, and all of them if no client came.
fn leave_unjudged(run: &mut JudgedRun) {
    let nobody = !run
        .log
        .events()
        .any(|event| matches!(event, Event::AttemptStarted { .. } | Event::ConfluenceCall { .. }));
    for judged in &mut run.targets {
        let is_relative = judged.target.limit.fixed().is_none();
        if nobody || is_relative || !judged.target.metric.is_seen_from_outside() {
            *judged = target::unjudged(&judged.target);
        }
    }
}

/// Runs a scenario and reads its figures alone: without targets, and without the bound, which takes a
/// quarter of the time.
pub fn measure(scenario: &Scenario, options: &Options) -> Result<JudgedScenario, JudgeError> {
    let Recording { logs, steps, lateness } = sim::run_scenario(scenario, options)?;
    let figures = logs.iter().map(|log| Figures::of(log, &scenario.prices)).collect();
    sound(JudgedScenario { runs: Vec::new(), steps, lateness }, logs, figures, &[])
}

/// Judges what was recorded of a scenario.
pub fn judge(
    scenario: &Scenario,
    targets: &[Target],
    recording: Recording,
) -> Result<JudgedScenario, JudgeError> {
    let Recording { logs, steps, lateness } = recording;
    let mut figures = Vec::new();
    let mut stretch = 0;
    for (index, log) in logs.iter().enumerate() {
        if scenario.runs.get(index).is_some_and(|run| run.fresh) {
            stretch = index;
        }
        let bound = bound::of(scenario, &logs[stretch..index], log);
        figures.push(Figures::of(log, &scenario.prices).with_bound(bound));
    }
    let mut judged =
        sound(JudgedScenario { runs: Vec::new(), steps, lateness }, logs, figures, targets)?;
    let runs: Vec<Examined<'_>> = judged.runs.iter().map(examined).collect();
    let found = diagnosis::find(Some(scenario), &runs);
    for (run, found) in judged.runs.iter_mut().zip(found) {
        run.anomalies = found;
    }
    Ok(judged)
}

/// Adds the runs to what is judged, if what must always hold does.
fn sound(
    mut judged: JudgedScenario,
    logs: Vec<Log>,
    figures: Vec<Figures>,
    targets: &[Target],
) -> Result<JudgedScenario, JudgeError> {
    for (log, figures) in logs.into_iter().zip(figures) {
        let violations = invariants::violations(&log).into_iter();
        if let Some(what) = violations.chain(invariants::time_unaccounted(&figures)).next() {
            return Err(JudgeError::Unsound { run: log.run, what });
        }
        let run = judged.judge(targets, figures, log);
        judged.runs.push(run);
    }
    Ok(judged)
}
