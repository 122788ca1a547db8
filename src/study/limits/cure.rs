//! Cures: the one setting with which a missed target is met, as a replay showed.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::pipeline::config::SettingsPatch;
use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::trial;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{self, JudgeError, JudgedScenario};
use crate::study::verdict::target::{JudgedTarget, Target};
use crate::study::verdict::target_syntax;

/// A setting of a run with which a target is met that was missed without it, while no other target
/// is missed that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cure {
    /// The key of `[pipeline]`.
    pub key: &'static str,
    /// The value as scenarios have it: of numbers the least that was found to be enough.
    pub value: String,
    /// The runs that have it: the target's, and those before it whose cache and account it has.
    pub runs: Vec<String>,
}

/// Events that may be replayed in all: some dozen replays of a hundred pages, which take a few seconds.
const MOST_EVENTS: u64 = 100_000;

/// How a setting may be changed.
#[derive(Clone, Copy)]
enum Remedy {
    /// To this value.
    To(&'static str),
    /// To a larger number, up to this one: doubled as long as that changes anything.
    Doubled(u64),
    /// To a larger number: a smaller one than that of the pages does nothing.
    Pages,
}

/// The settings by their keys, the cheapest remedy first: what is kept, the pace, the size of prompts,
/// calls at once, patience, the fallback.
const REMEDIES: &[(&str, Remedy)] = &[
    ("cache", Remedy::To("true")),
    ("cache_size", Remedy::Pages),
    ("retry_hints", Remedy::To("true")),
    ("limiter", Remedy::To("\"quota\"")),
    ("batch_size", Remedy::Doubled(20)),
    ("batch_size", Remedy::To("\"auto\"")),
    ("confluence_concurrency", Remedy::Doubled(256)),
    ("concurrency", Remedy::Doubled(256)),
    ("max_concurrency", Remedy::Doubled(256)),
    ("attempts", Remedy::Doubled(100)),
    ("timeout_ms", Remedy::Doubled(600_000)),
    ("fallback", Remedy::To("true")),
];

/// What became of a scenario in a replay.
#[derive(Debug)]
struct Replayed {
    /// Of each target: whether it is met, and its value.
    targets: Vec<(bool, Option<u64>)>,
    /// More pages than before failed, or have wrong tags or no labels.
    costs_pages: bool,
}

/// Looks for cures in replays of one scenario. What was replayed for one target is known for the next.
#[derive(Debug)]
struct Clinic<'a> {
    scenario: &'a Scenario,
    targets: &'a [Target],
    judged: &'a JudgedScenario,
    /// By setting, value and runs; nothing where a run did not end.
    known: BTreeMap<(&'static str, String, RunSpan), Option<Replayed>>,
    replays: u64,
}

/// The first and the last of some runs.
type RunSpan = (usize, usize);

/// A target that was missed, and what is changed for it.
struct Case<'a> {
    missed: &'a JudgedTarget,
    key: &'static str,
    /// Its run, and those before it whose cache and account it has.
    runs: RangeInclusive<usize>,
}

/// What a replay came to.
struct Replay {
    /// The target is met, and no other is missed that was met.
    is_cure: bool,
    /// Its value is another one.
    is_other: bool,
}

impl<'a> Clinic<'a> {
    /// A clinic for this scenario, in which nothing was replayed yet.
    fn new(scenario: &'a Scenario, targets: &'a [Target], judged: &'a JudgedScenario) -> Self {
        let events: usize = judged.runs.iter().map(|run| run.log.entries.len()).sum();
        let replays = MOST_EVENTS.checked_div(events as u64).unwrap_or(0);
        Self { scenario, targets, judged, known: BTreeMap::new(), replays }
    }

    /// The first setting of its run that cures a missed target, if one does within what may be replayed.
    fn find(&mut self, missed: &JudgedTarget) -> Result<Option<Cure>, JudgeError> {
        let scenario = self.scenario;
        let Some(run) = scenario.runs.iter().position(|run| run.name == missed.target.run) else {
            return Ok(None);
        };
        let first = (0..=run).rev().find(|at| scenario.runs[*at].fresh).unwrap_or(0);
        for (key, remedy) in REMEDIES {
            let case = Case { missed, key, runs: first..=run };
            let value = match *remedy {
                Remedy::To(value) => {
                    let replay = self.replay(&case, value)?;
                    replay.filter(|replay| replay.is_cure).map(|_| value.to_owned())
                }
                Remedy::Doubled(most) => self.doubled(&case, most)?,
                Remedy::Pages => self.as_many_as_pages(&case)?,
            };
            if let Some(value) = value {
                let runs = scenario.runs[case.runs].iter().map(|run| run.name.clone()).collect();
                return Ok(Some(Cure { key, value, runs }));
            }
        }
        Ok(None)
    }

    /// The number that a setting is in the target's own run, if it is one.
    fn number(&self, case: &Case<'_>) -> Option<u64> {
        let config = &self.scenario.runs[*case.runs.end()].config;
        serde_json::to_value(config).ok()?.get(case.key)?.as_u64()
    }

    /// What comes of the target with another value of a setting; nothing where it has that value already,
    /// where the value does not go with others or a run does not end, or once too much was replayed.
    fn replay(&mut self, case: &Case<'_>, value: &str) -> Result<Option<Replay>, JudgeError> {
        let key = (case.key, value.to_owned(), (*case.runs.start(), *case.runs.end()));
        if !self.known.contains_key(&key) {
            let replayed = match (self.changed(case, value), self.replays) {
                (Some(scenario), 1..) => {
                    self.replays -= 1;
                    self.play(&scenario)?
                }
                _ => None,
            };
            self.known.insert(key.clone(), replayed);
        }
        let Some(Some(after)) = self.known.get(&key) else { return Ok(None) };
        let before = self.judged.runs.iter().flat_map(|run| &run.targets);
        let mut replay = Replay { is_cure: !after.costs_pages, is_other: false };
        for (was, (is_met, value)) in before.zip(&after.targets) {
            let is_asked = was.target == case.missed.target;
            replay.is_cure &= *is_met || !was.met && !is_asked;
            replay.is_other |= is_asked && was.value != *value;
        }
        Ok(Some(replay))
    }

    /// The scenario with another value of a setting, as `--set` would make it.
    fn changed(&self, case: &Case<'_>, value: &str) -> Option<Scenario> {
        let patch = format!("{{\"{}\": {value}}}", case.key);
        let patch: SettingsPatch = serde_json::from_str(&patch).ok()?;
        let mut scenario = self.scenario.clone();
        for run in &mut scenario.runs[case.runs.clone()] {
            run.patch.take(patch.clone());
            run.config = run.patch.resolve().ok()?;
        }
        let before = self.scenario.runs.iter().map(|run| &run.config);
        (!scenario.runs.iter().map(|run| &run.config).eq(before)).then_some(scenario)
    }

    fn play(&self, scenario: &Scenario) -> Result<Option<Replayed>, JudgeError> {
        let options = Options { transport: Transport::Direct, ..Options::default() };
        let replayed = trial::ended(judge::run(scenario, self.targets, &options))?;
        Ok(replayed.map(|judged| {
            let costs = [Metric::PagesFailed, Metric::PagesMistagged, Metric::PagesUnlabelled];
            let mut runs = self.judged.runs.iter().zip(&judged.runs);
            let costs_pages = runs.any(|(was, is)| {
                costs.iter().any(|one| is.figures.number(*one) > was.figures.number(*one))
            });
            let targets = judged.runs.iter().flat_map(|run| &run.targets);
            Replayed { targets: targets.map(|is| (is.met, is.value)).collect(), costs_pages }
        }))
    }

    /// The least number that cures, if one of up to `most` does.
    fn doubled(&mut self, case: &Case<'_>, most: u64) -> Result<Option<String>, JudgeError> {
        let mut too_few = self.number(case).unwrap_or(most);
        while too_few < most {
            let next = too_few.saturating_mul(2).clamp(too_few + 1, most);
            match self.replay(case, &next.to_string())? {
                Some(Replay { is_cure: true, .. }) => {
                    return self.least(case, too_few..next).map(Some);
                }
                Some(Replay { is_other: true, .. }) => too_few = next,
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The least number that cures, where none does that is far below the number of pages.
    fn as_many_as_pages(&mut self, case: &Case<'_>) -> Result<Option<String>, JudgeError> {
        let pages = self.judged.runs.iter().map(|run| run.figures.number(Metric::Pages));
        let pages = pages.max().unwrap_or(0);
        let Some(now) = self.number(case).filter(|now| *now < pages) else { return Ok(None) };
        match self.replay(case, &pages.to_string())? {
            Some(Replay { is_cure: true, .. }) => self.least(case, now..pages).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The least number that was found to cure, between one that does not and one that does.
    fn least(&mut self, case: &Case<'_>, between: Range<u64>) -> Result<String, JudgeError> {
        let Range { start: mut too_few, end: mut enough } = between;
        while enough - too_few > 1 && self.replays > 0 {
            let middle = too_few + (enough - too_few) / 2;
            match self.replay(case, &middle.to_string())? {
                Some(Replay { is_cure: true, .. }) => enough = middle,
                Some(_) | None => too_few = middle,
            }
        }
        Ok(enough.to_string())
    }
}

/// A cure for each of the first `most` missed targets of one seed, where one was found. What a client
/// does from outside cannot be replayed.
pub fn of_missed(scenario: &Scenario, judged: &JudgedScenario, most: usize) -> Vec<Option<Cure>> {
    let targets = target_syntax::of(scenario).ok().filter(|_| !judged.is_from_outside());
    let Some(targets) = targets else { return Vec::new() };
    let mut clinic = Clinic::new(scenario, &targets, judged);
    let all = judged.runs.iter().flat_map(|run| &run.targets);
    let missed = all.filter(|target| target.is_judged && !target.met);
    missed.take(most).map(|target| clinic.find(target).ok().flatten()).collect()
}
