//! The targets that keep a setting as good as it was found: limits with a margin, and which
//! weakenings of the pipeline they notice.

use std::ops::RangeInclusive;

use super::games;
use super::{TuneError, Tuned};
use crate::sim::{Options, Transport};
use crate::study::judge;
use crate::study::metric::{self, Unit};
use crate::study::mutate::Mutant;
use crate::study::target::{self, Target};

/// What is watched.
const WATCHED: [&str; 7] = [
    "pages_failed",
    "pages_mistagged",
    "ai_calls",
    "fallbacks",
    "rate_limited_ratio",
    "makespan",
    "cost",
];
/// So much more than was measured is still fine, in percent.
const MARGIN_PERCENT: u64 = 10;

/// What keeps a setting as it is.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The targets, with what was measured at worst.
    pub targets: Vec<Target>,
    /// Each weakening that changes the pipeline's settings, and what is noticed of it with the
    /// scenario's own seed, as `run --mutate` does.
    pub noticed: Vec<(Mutant, Noticed)>,
    /// The seeds that the targets are of.
    pub seeds: RangeInclusive<u64>,
    /// The scenario's own seed.
    pub seed: u64,
    /// Of the targets, those that are missed with that seed as it is.
    pub missed: Vec<Target>,
    /// Its own targets, as far as they are missed with that seed.
    pub own_missed: Vec<Target>,
}

/// What is noticed of a weakening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// The targets of these metrics are missed.
    By(Vec<&'static str>),
    /// No target is missed, though something else happens.
    Not,
    /// The history is the same.
    Harmless,
}

/// The guard of the best cell; nothing if there is none.
pub fn of(tuned: &Tuned) -> Result<Option<Guard>, TuneError> {
    let Some(best) = tuned.best() else { return Ok(None) };
    let run = &tuned.question.run;
    let limit = |name: &&str| -> Option<Target> {
        let worst = best.values_of(name)?.into_iter().max()?;
        let unit = metric::find(name)?.unit;
        let limit = written(with_margin(worst, unit), unit);
        target::in_one_piece(run, &format!("{name} <= {limit}")).ok()
    };
    let targets: Vec<Target> = WATCHED.iter().filter_map(limit).collect();
    let seed = tuned.question.scenario.world.seed.0;
    let scenario = games::scenario(&tuned.question, &best.values, seed)?;
    let options = Options { transport: Transport::Direct, ..Options::default() };
    let digests = |judged: &judge::JudgedScenario| -> Vec<String> {
        judged.runs.iter().map(judge::JudgedRun::events_sha256).collect()
    };
    let unweakened = judge::run(&scenario, &targets, &options)?;
    let as_it_is = digests(&unweakened);
    let own = target::of(&scenario).unwrap_or_default();
    let own = judge::run(&scenario, &own, &options)?;
    let missed_of = |judged: &judge::JudgedScenario| -> Vec<Target> {
        let all = judged.runs.iter().flat_map(|run| &run.targets);
        all.filter(|judged| !judged.met).map(|judged| judged.target.clone()).collect()
    };
    let (missed, own_missed) = (missed_of(&unweakened), missed_of(&own));
    let mut noticed = Vec::new();
    for mutant in Mutant::ALL {
        let Some(weakened) = mutant.of(&scenario) else { continue };
        let by = match judge::run(&weakened, &targets, &options) {
            Ok(judged) => {
                let all = judged.runs.iter().flat_map(|run| &run.targets);
                let before = unweakened.runs.iter().flat_map(|run| &run.targets);
                let missed = all.zip(before).filter(|(now, before)| before.met && !now.met);
                let missed: Vec<_> = missed.map(|(now, _)| now.target.metric.name).collect();
                if !missed.is_empty() {
                    Noticed::By(missed)
                } else if digests(&judged) == as_it_is {
                    Noticed::Harmless
                } else {
                    Noticed::Not
                }
            }
            // It does not even end.
            Err(judge::JudgeError::Sim(crate::sim::SimError::Deadline { .. })) => {
                Noticed::By(vec!["makespan"])
            }
            Err(error) => return Err(error.into()),
        };
        noticed.push((mutant, by));
    }
    let seeds = tuned.question.seeds.clone();
    Ok(Some(Guard { targets, noticed, seeds, seed, missed, own_missed }))
}

/// A limit above what was measured: nothing stays nothing.
fn with_margin(worst: u64, unit: Unit) -> u64 {
    let more = worst.saturating_add((worst.saturating_mul(MARGIN_PERCENT)).div_ceil(100));
    match unit {
        Unit::Count => more,
        Unit::Ratio => more.div_ceil(1_000).saturating_mul(1_000).min(1_000_000),
        Unit::Millis | Unit::UsdMicros => more.div_ceil(100).saturating_mul(100),
    }
}

/// A value as targets have it.
fn written(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => value.to_string(),
        Unit::Ratio if value == 0 => "0%".to_owned(),
        Unit::Ratio => format!("{}.{}%", value / 10_000, value / 1_000 % 10),
        Unit::Millis => format!("{value}ms"),
        Unit::UsdMicros => format!("${}.{:04}", value / 1_000_000, value / 100 % 10_000),
    }
}
