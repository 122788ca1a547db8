//! Cures: the one setting with which a missed target is met, as a replay showed.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::pipeline::config::{BatchSize, LimiterKind, Settings, SettingsPatch};
use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::trial;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{self, JudgeError, JudgedRun, JudgedScenario};
use crate::study::verdict::target::{JudgedTarget, Target};
use crate::units::Whole;

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

/// A setting that may be changed, by its key alone, as `--set` does.
enum Remedy {
    /// It is one or the other.
    Switch { value: &'static str, is_so: fn(&Settings) -> bool, patch: fn() -> SettingsPatch },
    /// It is a number, tried up to this one: doubled as long as that changes anything.
    Number { most: u64, of: fn(&Settings) -> u64, patch: Numbered },
    /// It is a number that does nothing until it reaches the pages of the space.
    Pages { of: fn(&Settings) -> u64, patch: Numbered },
}

/// The key with a number, if it takes one of this size.
type Numbered = fn(u64) -> Option<SettingsPatch>;

fn none() -> SettingsPatch {
    SettingsPatch::default()
}

/// The settings, those first that cost least: what is kept, how it is paced, how much is asked at once,
/// how long it is waited, who is asked.
const REMEDIES: &[(&str, Remedy)] = &[
    (
        "cache",
        Remedy::Switch {
            value: "true",
            is_so: |settings| settings.cache,
            patch: || SettingsPatch { cache: Some(true), ..none() },
        },
    ),
    (
        "cache_size",
        Remedy::Pages {
            of: |settings| settings.cache_size,
            patch: |size| Some(SettingsPatch { cache_size: Some(Whole::new(size)?), ..none() }),
        },
    ),
    (
        "retry_hints",
        Remedy::Switch {
            value: "true",
            is_so: |settings| settings.retry_hints,
            patch: || SettingsPatch { retry_hints: Some(true), ..none() },
        },
    ),
    (
        "limiter",
        Remedy::Switch {
            value: "\"quota\"",
            is_so: |settings| settings.limiter == LimiterKind::Quota,
            patch: || SettingsPatch { limiter: Some(LimiterKind::Quota), ..none() },
        },
    ),
    (
        "batch_size",
        Remedy::Number {
            most: 20,
            of: |settings| match settings.batch_size {
                BatchSize::Pages(pages) => pages,
                BatchSize::Auto => u64::MAX,
            },
            patch: |pages| {
                let batch_size = Some(BatchSize::Pages(pages));
                Some(SettingsPatch { batch_size, ..none() })
            },
        },
    ),
    (
        "batch_size",
        Remedy::Switch {
            value: "\"auto\"",
            is_so: |settings| settings.batch_size == BatchSize::Auto,
            patch: || SettingsPatch { batch_size: Some(BatchSize::Auto), ..none() },
        },
    ),
    (
        "confluence_concurrency",
        Remedy::Number {
            most: 256,
            of: |settings| settings.confluence_concurrency,
            patch: |calls| {
                let confluence_concurrency = Some(Whole::new(calls)?);
                Some(SettingsPatch { confluence_concurrency, ..none() })
            },
        },
    ),
    (
        "concurrency",
        Remedy::Number {
            most: 256,
            of: |settings| settings.concurrency,
            patch: |calls| Some(SettingsPatch { concurrency: Some(Whole::new(calls)?), ..none() }),
        },
    ),
    (
        "max_concurrency",
        Remedy::Number {
            most: 256,
            of: |settings| settings.max_concurrency,
            patch: |calls| {
                let max_concurrency = Some(Whole::new(calls)?);
                Some(SettingsPatch { max_concurrency, ..none() })
            },
        },
    ),
    (
        "attempts",
        Remedy::Number {
            most: 100,
            of: |settings| settings.attempts,
            patch: |number| Some(SettingsPatch { attempts: Some(Whole::new(number)?), ..none() }),
        },
    ),
    (
        "timeout_ms",
        Remedy::Number {
            most: 600_000,
            of: |settings| settings.timeout_ms,
            patch: |ms| Some(SettingsPatch { timeout_ms: Some(Whole::new(ms)?), ..none() }),
        },
    ),
    (
        "fallback",
        Remedy::Switch {
            value: "true",
            is_so: |settings| settings.fallback,
            patch: || SettingsPatch { fallback: Some(true), ..none() },
        },
    ),
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
pub struct Clinic<'a> {
    scenario: &'a Scenario,
    targets: &'a [Target],
    judged: &'a JudgedScenario,
    /// By setting, value and runs; nothing where a run did not end.
    known: BTreeMap<(&'static str, u64, RunSpan), Option<Replayed>>,
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
        let events: usize = judged.runs.iter().map(|run| run.log.entries.len()).sum();
        let replays = MOST_EVENTS.checked_div(events as u64).unwrap_or(0);
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
                Remedy::Switch { value, is_so, patch } => {
                    let is_new = !is_so(self.settings(&case));
                    let replay = if is_new { self.replay(&case, 0, &patch())? } else { None };
                    replay.filter(|replay| replay.is_cure).map(|_| (*value).to_owned())
                }
                Remedy::Number { most, of, patch } => {
                    let now = of(self.settings(&case));
                    self.doubled(&case, now..*most, *patch)?.map(|number| number.to_string())
                }
                Remedy::Pages { of, patch } => {
                    let now = of(self.settings(&case));
                    self.as_many_as_pages(&case, now, *patch)?.map(|number| number.to_string())
                }
            };
            if let Some(value) = value {
                let runs = scenario.runs[case.runs].iter().map(|run| run.name.clone()).collect();
                return Ok(Some(Cure { key, value, runs }));
            }
        }
        Ok(None)
    }

    /// The settings of the target's own run.
    fn settings(&self, case: &Case<'_>) -> &'a Settings {
        &self.scenario.runs[*case.runs.end()].config
    }

    /// What comes of the target with another value of a setting; nothing where that does not go with the
    /// others or a run does not end, or once too much was replayed.
    fn replay(
        &mut self,
        case: &Case<'_>,
        value: u64,
        patch: &SettingsPatch,
    ) -> Result<Option<Replay>, JudgeError> {
        let key = (case.key, value, (*case.runs.start(), *case.runs.end()));
        if !self.known.contains_key(&key) {
            let Some(left) = self.replays.checked_sub(1) else { return Ok(None) };
            self.replays = left;
            let replayed = self.play(case, patch)?;
            self.known.insert(key, replayed);
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

    fn play(&self, case: &Case<'_>, patch: &SettingsPatch) -> Result<Option<Replayed>, JudgeError> {
        let mut scenario = self.scenario.clone();
        for run in &mut scenario.runs[case.runs.clone()] {
            run.patch.take(patch.clone());
            let Ok(config) = run.patch.resolve() else { return Ok(None) };
            run.config = config;
        }
        let options = Options { transport: Transport::Direct, ..Options::default() };
        let replayed = trial::ended(judge::run(&scenario, self.targets, &options))?;
        Ok(replayed.map(|judged| {
            let costs = [Metric::PagesFailed, Metric::PagesMistagged, Metric::PagesUnlabelled];
            let runs = self.judged.runs.iter().zip(&judged.runs);
            let rises = |(was, is): (&JudgedRun, &JudgedRun)| {
                costs.iter().any(|one| is.figures.number(*one) > was.figures.number(*one))
            };
            let costs_pages = runs.into_iter().any(rises);
            let targets = judged.runs.iter().flat_map(|run| &run.targets);
            Replayed { targets: targets.map(|is| (is.met, is.value)).collect(), costs_pages }
        }))
    }

    /// The least number that cures, if one within this range does.
    fn doubled(
        &mut self,
        case: &Case<'_>,
        range: Range<u64>,
        patch: Numbered,
    ) -> Result<Option<u64>, JudgeError> {
        let Range { start: mut too_few, end: most } = range;
        while too_few < most {
            let next = too_few.saturating_mul(2).clamp(too_few + 1, most);
            let Some(patched) = patch(next) else { return Ok(None) };
            match self.replay(case, next, &patched)? {
                Some(Replay { is_cure: true, .. }) => {
                    return self.least(case, too_few..next, patch).map(Some);
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
        now: u64,
        patch: Numbered,
    ) -> Result<Option<u64>, JudgeError> {
        let pages = self.judged.runs.iter().map(|run| run.figures.number(Metric::Pages));
        let pages = pages.max().unwrap_or(0);
        let Some(patched) = patch(pages).filter(|_| now < pages) else { return Ok(None) };
        match self.replay(case, pages, &patched)? {
            Some(Replay { is_cure: true, .. }) => self.least(case, now..pages, patch).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The least number that was found to cure, between one that does not and one that does.
    fn least(
        &mut self,
        case: &Case<'_>,
        between: Range<u64>,
        patch: Numbered,
    ) -> Result<u64, JudgeError> {
        let Range { start: mut too_few, end: mut enough } = between;
        while enough - too_few > 1 && self.replays > 0 {
            let middle = too_few + (enough - too_few) / 2;
            let Some(patched) = patch(middle) else { break };
            match self.replay(case, middle, &patched)? {
                Some(Replay { is_cure: true, .. }) => enough = middle,
                Some(_) | None => too_few = middle,
            }
        }
        Ok(enough)
    }
}
