//! What the plan did not expect: measured, and printed beside its claims.

use std::time::Duration;

use super::PROFILES;
use super::factor::FEW;
use super::measurements::Measurements;
use super::observable::Observable;
use super::statement::Sample;
use super::worlds::{Setup, TIERS, UNCHANGED, once};
use crate::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome};
use crate::pipeline::limiter::halving::Halving;
use crate::study::experiment::trial::TrialError;
use crate::study::measure::metric::{Metric, Unit};

/// A value of a finding, with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub name: String,
    /// How much; nothing if there was nothing to read.
    pub value: Option<u64>,
    /// Its unit.
    pub unit: Unit,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name in files.
    pub id: &'static str,
    /// What was asked.
    pub asks: &'static str,
    /// What was measured: rows with a name and values.
    pub rows: Vec<(String, Vec<Found>)>,
}

/// All findings.
pub fn all(measurements: &Measurements<'_>) -> Result<Vec<Finding>, TrialError> {
    Ok(vec![
        rounding(),
        recovery(measurements)?,
        scan(measurements)?,
        falling_back(measurements)?,
        price_of_batches(measurements)?,
    ])
}

fn found(name: impl Into<String>, value: Option<u64>, unit: Unit) -> Found {
    Found { name: name.into(), value, unit }
}

/// Which limits the plan's rule never leaves, and how long it takes from the others to the ceiling.
pub fn rounding() -> Finding {
    const CEILING: u64 = 10;
    const MINUTES: u64 = 24 * 60;
    let row = |start: u64| {
        let mut limit = Halving::new(start, CEILING, 0);
        let mut arrived = None;
        for minute in 1..=MINUTES {
            let now = Duration::from_mins(minute);
            limit.on_end(now, &EndedCall::alone(now, Outcome::Success));
            if arrived.is_none() && limit.current() >= CEILING {
                arrived = Some(minute * 60_000);
            }
        }
        let after = found("limit after a day without a 429", Some(limit.current()), Unit::Count);
        (format!("from {start}"), vec![after, found("10 is reached after", arrived, Unit::Millis)])
    };
    Finding {
        id: "rounding",
        asks: "From which limits does a fifth more, rounded down, never lead to 10?",
        rows: (1..CEILING).map(row).collect(),
    }
}

/// Whether a limit that was cut comes back within the run.
fn recovery(measurements: &Measurements<'_>) -> Result<Finding, TrialError> {
    let mut rows = Vec::new();
    for tier in TIERS {
        let trial = once(100).trial(tier.quota, "documented");
        let played = measurements.of(&[&trial], 1..=measurements.seeds)?;
        let read = |quantity: Observable| -> Vec<Option<u64>> {
            played.iter().map(|trials| quantity.of(&trials[0], &trials[0])).collect()
        };
        let (cuts, finals) = (
            read(Observable::Figure(0, Metric::LimitCuts)),
            read(Observable::Final(Metric::Concurrency)),
        );
        let cut = cuts.iter().zip(&finals).filter(|(cuts, _)| cuts.is_some_and(|cuts| cuts > 0));
        let back = cut.clone().filter(|(_, last)| last.is_some_and(|last| last >= 3));
        rows.push((
            tier.name.to_owned(),
            vec![
                found("runs with a cut", Some(cut.count() as u64), Unit::Count),
                found("of them back at 3", Some(back.count() as u64), Unit::Count),
                found(
                    "longest run",
                    middle_and_most(read(Observable::Figure(0, Metric::Makespan))).1,
                    Unit::Millis,
                ),
            ],
        ));
    }
    Ok(Finding {
        id: "recovery",
        asks: "Does a limit that was cut recover within a run of 100 pages, when it takes five quiet minutes?",
        rows,
    })
}

/// An LRU cache under a scan that is longer than it.
fn scan(measurements: &Measurements<'_>) -> Result<Finding, TrialError> {
    let quota = TIERS[TIERS.len() - 1].quota;
    let mut rows = Vec::new();
    for pages in [100, 900, 1000, 1100, 2000] {
        let setup = Setup { pages, ..UNCHANGED };
        let mut values = Vec::new();
        for profile in PROFILES {
            let trial = setup.trial(quota, profile);
            // Without luck in it, two seeds tell as much as many.
            let played = measurements.of(&[&trial], 1..=measurements.seeds.min(FEW))?;
            let hits = Observable::Figure(1, Metric::CacheHitRatio);
            let read = played.iter().map(|trials| hits.of(&trials[0], &trials[0])).collect();
            values.push(found(profile, middle_and_most(read).0, Unit::Ratio));
        }
        rows.push((format!("{pages} pages"), values));
    }
    Ok(Finding {
        id: "scan",
        asks: "How much of an unchanged space does the second run find in the cache?",
        rows,
    })
}

/// What is won by leaving the primary, and what the plan costs.
fn falling_back(measurements: &Measurements<'_>) -> Result<Finding, TrialError> {
    side_by_side(
        measurements,
        "falling-back",
        "Which runs are quick because another provider did the work, and what does it cost?",
        &[Metric::Makespan, Metric::FallbackRatio, Metric::Cost],
        |values| middle_and_most(values).0,
    )
}

/// What larger batches cost in tags, under the assumption that the scenarios state.
fn price_of_batches(measurements: &Measurements<'_>) -> Result<Finding, TrialError> {
    side_by_side(
        measurements,
        "price-of-batches",
        "How many pages of all seeds together get other tags than the model would give them alone?",
        &[Metric::PagesMistagged],
        // The middle of them has none.
        |values| values.into_iter().sum(),
    )
}

fn side_by_side(
    measurements: &Measurements<'_>,
    id: &'static str,
    asks: &'static str,
    metrics: &[Metric],
    of_seeds: fn(Vec<Option<u64>>) -> Option<u64>,
) -> Result<Finding, TrialError> {
    let mut rows = Vec::new();
    for tier in TIERS {
        let mut values = Vec::new();
        for metric in metrics {
            for profile in PROFILES {
                let trial = once(100).trial(tier.quota, profile);
                let played = measurements.of(&[&trial], 1..=measurements.seeds)?;
                let quantity = Observable::Figure(0, *metric);
                let read =
                    played.iter().map(|trials| quantity.of(&trials[0], &trials[0])).collect();
                values.push(found(
                    format!("{}, {profile}", metric.name()),
                    of_seeds(read),
                    metric.unit(),
                ));
            }
        }
        rows.push((tier.name.to_owned(), values));
    }
    Ok(Finding { id, asks, rows })
}

fn middle_and_most(values: Vec<Option<u64>>) -> (Option<u64>, Option<u64>) {
    let spread = Sample { values, held: 0 }.spread();
    (spread.map(|(_, middle, _)| middle), spread.map(|(_, _, most)| most))
}
