//! Cures: the one setting with which a missed target is met, as a replay showed.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::pipeline::config::{BatchSize, LimiterKind, Settings};
use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::trial;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{self, JudgeError, JudgedScenario};
use crate::study::verdict::target::{JudgedTarget, Target};

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

/// Exchanges and events that may be replayed in all: some dozen replays of a hundred pages, which take a
/// few seconds.
const MOST_STEPS: u64 = 100_000;

/// A setting that may be changed.
enum Remedy {
    /// It is one or the other.
    Switch(fn(&mut Settings) -> Option<&'static str>),
    /// It is a number, tried up to this one: doubled as long as that changes anything.
    Number { most: u64, of: fn(&Settings) -> u64, set: fn(&mut Settings, u64) },
    /// It is a number that does nothing until it reaches the pages of the space.
    Pages { of: fn(&Settings) -> u64, set: fn(&mut Settings, u64) },
}

/// The settings, those first that cost least: what is kept, how it is paced, how much is asked at once,
/// how long it is waited, who is asked.
const REMEDIES: &[(&str, Remedy)] = &[
    (
        "cache",
        Remedy::Switch(|settings| {
            (!std::mem::replace(&mut settings.cache, true)).then_some("true")
        }),
    ),
    (
        "cache_size",
        Remedy::Pages {
            of: |settings| settings.cache_size,
            set: |settings, size| settings.cache_size = size,
        },
    ),
    (
        "retry_hints",
        Remedy::Switch(|settings| {
            (!std::mem::replace(&mut settings.retry_hints, true)).then_some("true")
        }),
    ),
    (
        "limiter",
        Remedy::Switch(|settings| {
            let was = std::mem::replace(&mut settings.limiter, LimiterKind::Quota);
            (was != LimiterKind::Quota).then_some("\"quota\"")
        }),
    ),
    (
        "batch_size",
        Remedy::Number {
            most: 20,
            of: |settings| match settings.batch_size {
                BatchSize::Pages(pages) => pages,
                BatchSize::Auto => u64::MAX,
            },
            set: |settings, pages| {
                settings.batch_size = BatchSize::Pages(pages);
                settings.max_batch_size = settings.max_batch_size.max(pages);
            },
        },
    ),
    (
        "batch_size",
        Remedy::Switch(|settings| {
            let was = std::mem::replace(&mut settings.batch_size, BatchSize::Auto);
            (was != BatchSize::Auto).then_some("\"auto\"")
        }),
    ),
    (
        "confluence_concurrency",
        Remedy::Number {
            most: 256,
            of: |settings| settings.confluence_concurrency,
            set: |settings, calls| settings.confluence_concurrency = calls,
        },
    ),
    (
        "concurrency",
        Remedy::Number {
            most: 256,
            of: |settings| settings.concurrency,
            set: |settings, calls| {
                settings.concurrency = calls;
                settings.max_concurrency = settings.max_concurrency.max(calls);
                settings.in_flight_batches = settings.in_flight_batches.max(calls);
            },
        },
    ),
    (
        "attempts",
        Remedy::Number {
            most: 100,
            of: |settings| settings.attempts,
            set: |settings, attempts| settings.attempts = attempts,
        },
    ),
    (
        "timeout_ms",
        Remedy::Number {
            most: 600_000,
            of: |settings| settings.timeout_ms,
            set: |settings, timeout_ms| settings.timeout_ms = timeout_ms,
        },
    ),
    (
        "fallback",
        Remedy::Switch(|settings| {
            (!std::mem::replace(&mut settings.fallback, true)).then_some("true")
        }),
    ),
];

/// What became of a scenario's targets in a replay: whether each is met, and its value.
type ReplayedTargets = Vec<(bool, Option<u64>)>;

/// Looks for cures in replays of one scenario. What was replayed for one target is known for the next.
#[derive(Debug)]
pub struct Clinic<'a> {
    scenario: &'a Scenario,
    targets: &'a [Target],
    judged: &'a JudgedScenario,
    /// By setting, value and runs; nothing where a run did not end.
    known: BTreeMap<(&'static str, u64, RunSpan), Option<ReplayedTargets>>,
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
    pub fn new(scenario: &'a Scenario, targets: &'a [Target], judged: &'a JudgedScenario) -> Self {
        let replays = MOST_STEPS.checked_div(judged.steps).unwrap_or(0);
        Self { scenario, targets, judged, known: BTreeMap::new(), replays }
    }

    /// The first setting of its run that cures a missed target, if one does within what may be replayed.
    pub fn find(&mut self, missed: &JudgedTarget) -> Result<Option<Cure>, JudgeError> {
        let scenario = self.scenario;
        let Some(run) = scenario.runs.iter().position(|run| run.name == missed.target.run) else {
            return Ok(None);
        };
        let first = (0..=run).rev().find(|at| scenario.runs[*at].fresh).unwrap_or(0);
        for (key, remedy) in REMEDIES {
            let case = Case { missed, key, runs: first..=run };
            let value = match remedy {
                Remedy::Switch(switch) => self.switched(&case, *switch)?,
                Remedy::Number { most, of, set } => self.doubled(&case, *most, *of, *set)?,
                Remedy::Pages { of, set } => self.as_many_as_pages(&case, *of, *set)?,
            };
            if let Some(value) = value {
                let runs = scenario.runs[case.runs].iter().map(|run| run.name.clone()).collect();
                return Ok(Some(Cure { key, value, runs }));
            }
        }
        Ok(None)
    }

    /// What comes of the target with another value of a setting; nothing where a run does not end, or
    /// once too much was replayed.
    fn replay(
        &mut self,
        case: &Case<'_>,
        value: u64,
        change: impl Fn(&mut Settings),
    ) -> Result<Option<Replay>, JudgeError> {
        let key = (case.key, value, (*case.runs.start(), *case.runs.end()));
        if !self.known.contains_key(&key) {
            let Some(left) = self.replays.checked_sub(1) else { return Ok(None) };
            self.replays = left;
            let mut scenario = self.scenario.clone();
            scenario.runs[case.runs.clone()].iter_mut().for_each(|run| change(&mut run.config));
            let options = Options { transport: Transport::Direct, ..Options::default() };
            let replayed = trial::ended(judge::run(&scenario, self.targets, &options))?;
            let outcomes = replayed.map(|judged| {
                let targets = judged.runs.iter().flat_map(|run| &run.targets);
                targets.map(|is| (is.met, is.value)).collect()
            });
            self.known.insert(key, outcomes);
        }
        let Some(Some(after)) = self.known.get(&key) else { return Ok(None) };
        let before = self.judged.runs.iter().flat_map(|run| &run.targets);
        let mut replay = Replay { is_cure: true, is_other: false };
        for (was, (is_met, value)) in before.zip(after) {
            let is_asked = was.target == case.missed.target;
            replay.is_cure &= *is_met || !was.met && !is_asked;
            replay.is_other |= is_asked && was.value != *value;
        }
        Ok(Some(replay))
    }

    /// The settings of the target's own run.
    fn settings(&self, case: &Case<'_>) -> Settings {
        self.scenario.runs[*case.runs.end()].config.clone()
    }

    /// The value that a switch has then, if that cures.
    fn switched(
        &mut self,
        case: &Case<'_>,
        switch: fn(&mut Settings) -> Option<&'static str>,
    ) -> Result<Option<String>, JudgeError> {
        let Some(value) = switch(&mut self.settings(case)) else { return Ok(None) };
        let replay = self.replay(case, 0, |settings| {
            let _ = switch(settings);
        })?;
        Ok(replay.filter(|replay| replay.is_cure).map(|_| value.to_owned()))
    }

    /// The least number that cures, if one of up to `most` does.
    fn doubled(
        &mut self,
        case: &Case<'_>,
        most: u64,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        let mut too_few = of(&self.settings(case));
        while too_few < most {
            let next = too_few.saturating_mul(2).clamp(too_few + 1, most);
            match self.replay(case, next, |settings| set(settings, next.max(of(settings))))? {
                Some(Replay { is_cure: true, .. }) => {
                    return self.least(case, too_few..next, of, set);
                }
                Some(Replay { is_other: true, .. }) => too_few = next,
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The same where nothing is gained before the number reaches that of the pages.
    fn as_many_as_pages(
        &mut self,
        case: &Case<'_>,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        let pages = self.judged.runs.iter().map(|run| run.figures.number(Metric::Pages));
        let (pages, too_few) = (pages.max().unwrap_or(0), of(&self.settings(case)));
        if too_few >= pages {
            return Ok(None);
        }
        match self.replay(case, pages, |settings| set(settings, pages.max(of(settings))))? {
            Some(Replay { is_cure: true, .. }) => self.least(case, too_few..pages, of, set),
            Some(_) | None => Ok(None),
        }
    }

    /// The least number that was found to cure, between one that does not and one that does.
    fn least(
        &mut self,
        case: &Case<'_>,
        between: Range<u64>,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        let Range { start: mut too_few, end: mut enough } = between;
        while enough - too_few > 1 && self.replays > 0 {
            let middle = too_few + (enough - too_few) / 2;
            match self.replay(case, middle, |settings| set(settings, middle.max(of(settings))))? {
                Some(Replay { is_cure: true, .. }) => enough = middle,
                Some(_) | None => too_few = middle,
            }
        }
        Ok(Some(enough.to_string()))
    }
}
