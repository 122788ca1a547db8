//! Cures: the one setting with which a missed target is met, as a replay showed.

use std::ops::RangeInclusive;

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

/// Exchanges and events that may be replayed for one target: some dozen replays of a hundred pages, which
/// take a second.
const MOST_STEPS: u64 = 60_000;

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

/// The first setting of its run that cures a missed target, if one does within what may be replayed.
pub fn find(
    scenario: &Scenario,
    targets: &[Target],
    judged: &JudgedScenario,
    missed: &JudgedTarget,
) -> Result<Option<Cure>, JudgeError> {
    let Some(run) = scenario.runs.iter().position(|run| run.name == missed.target.run) else {
        return Ok(None);
    };
    let first = (0..=run).rev().find(|at| scenario.runs[*at].fresh).unwrap_or(0);
    let replays = MOST_STEPS.checked_div(judged.steps).unwrap_or(0);
    let runs = first..=run;
    let mut clinic = Clinic { scenario, targets, judged, missed, runs: runs.clone(), replays };
    for (key, remedy) in REMEDIES {
        let value = match remedy {
            Remedy::Switch(switch) => clinic.switched(*switch)?,
            Remedy::Number { most, of, set } => clinic.doubled(*most, *of, *set)?,
            Remedy::Pages { of, set } => clinic.as_many_as_pages(*of, *set)?,
        };
        if let Some(value) = value {
            let runs = scenario.runs[runs].iter().map(|run| run.name.clone()).collect();
            return Ok(Some(Cure { key, value, runs }));
        }
    }
    Ok(None)
}

/// What is replayed, and how often it still may be.
struct Clinic<'a> {
    scenario: &'a Scenario,
    targets: &'a [Target],
    judged: &'a JudgedScenario,
    missed: &'a JudgedTarget,
    runs: RangeInclusive<usize>,
    replays: u64,
}

/// What a replay came to.
struct Replay {
    /// The target is met, and no other is missed that was met.
    is_cure: bool,
    /// Its value is another one.
    is_other: bool,
}

impl Clinic<'_> {
    /// What comes of the target with other settings; nothing where a run does not end, or once too much
    /// was replayed.
    fn replay(&mut self, change: impl Fn(&mut Settings)) -> Result<Option<Replay>, JudgeError> {
        let Some(left) = self.replays.checked_sub(1) else { return Ok(None) };
        self.replays = left;
        let mut scenario = self.scenario.clone();
        scenario.runs[self.runs.clone()].iter_mut().for_each(|run| change(&mut run.config));
        let options = Options { transport: Transport::Direct, ..Options::default() };
        let replayed = trial::ended(judge::run(&scenario, self.targets, &options))?;
        let Some(replayed) = replayed else { return Ok(None) };
        let before = self.judged.runs.iter().flat_map(|run| &run.targets);
        let after = replayed.runs.iter().flat_map(|run| &run.targets);
        let mut replay = Replay { is_cure: true, is_other: false };
        for (was, is) in before.zip(after) {
            let is_asked = was.target == self.missed.target;
            replay.is_cure &= is.met || !was.met && !is_asked;
            replay.is_other |= is_asked && was.value != is.value;
        }
        Ok(Some(replay))
    }

    fn is_cured(&mut self, change: impl Fn(&mut Settings)) -> Result<bool, JudgeError> {
        Ok(self.replay(change)?.is_some_and(|replay| replay.is_cure))
    }

    /// The settings of the target's own run.
    fn settings(&self) -> Settings {
        self.scenario.runs[*self.runs.end()].config.clone()
    }

    /// The value that a switch has then, if that cures.
    fn switched(
        &mut self,
        switch: fn(&mut Settings) -> Option<&'static str>,
    ) -> Result<Option<String>, JudgeError> {
        let Some(value) = switch(&mut self.settings()) else { return Ok(None) };
        let is_cured = self.is_cured(|settings| {
            let _ = switch(settings);
        })?;
        Ok(is_cured.then(|| value.to_owned()))
    }

    /// The least number that cures, if one of up to `most` does.
    fn doubled(
        &mut self,
        most: u64,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        let mut too_few = of(&self.settings());
        while too_few < most {
            let next = too_few.saturating_mul(2).clamp(too_few + 1, most);
            match self.replay(|settings| set(settings, next.max(of(settings))))? {
                Some(Replay { is_cure: true, .. }) => return self.least(too_few, next, of, set),
                Some(Replay { is_other: true, .. }) => too_few = next,
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The same where nothing is gained before the number reaches that of the pages.
    fn as_many_as_pages(
        &mut self,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        let pages = self.judged.runs.iter().map(|run| run.figures.number(Metric::Pages));
        let (pages, too_few) = (pages.max().unwrap_or(0), of(&self.settings()));
        if too_few < pages && self.is_cured(|settings| set(settings, pages.max(of(settings))))? {
            return self.least(too_few, pages, of, set);
        }
        Ok(None)
    }

    /// The least number that was found to cure, between one that does not and one that does.
    fn least(
        &mut self,
        mut too_few: u64,
        mut enough: u64,
        of: fn(&Settings) -> u64,
        set: fn(&mut Settings, u64),
    ) -> Result<Option<String>, JudgeError> {
        while enough - too_few > 1 && self.replays > 0 {
            let middle = too_few + (enough - too_few) / 2;
            if self.is_cured(|settings| set(settings, middle.max(of(settings))))? {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        Ok(Some(enough.to_string()))
    }
}
