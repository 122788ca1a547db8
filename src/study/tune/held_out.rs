//! What was found, on seeds that the search has not seen, beside the profiles and the bound.

use std::ops::RangeInclusive;

use super::trials::{TrialId, TrialResult};
use super::{StudySpec, TuneError, Tuned, trials};
use crate::pipeline::config::Profile;
use crate::sim::scenario::file::MAX_SEED;
use crate::study::experiment::runner::TrialRunner;
use crate::study::measure::metric::Metric;
use crate::study::tune::grid::Axis;

/// What a setting comes to: means in thousandths of each metric's unit. Nothing where a seed has no such
/// figure, or did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOutRow {
    /// What it is.
    pub name: &'static str,
    /// The makespan.
    pub makespan_milli: Option<u64>,
    /// The cost.
    pub cost_milli: Option<u64>,
    /// The share of prompts that a fallback answered, in millionths.
    pub fallback_milli: Option<u64>,
    /// The bound of its makespan: with the primary alone.
    pub bound_milli: Option<u64>,
    /// Pages with other tags than the model gives for them alone.
    pub mistagged_milli: Option<u64>,
}

/// The best of a study beside what one would use without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// The seeds, as many as the search had.
    pub seeds: RangeInclusive<u64>,
    /// The best, the scenario as it is, and the profiles.
    pub rows: Vec<HeldOutRow>,
}

/// Plays the best setting, the scenario as it is and the profiles on the seeds that come after the
/// study's, or before where none come after; nothing where no setting was fit to be chosen.
pub fn play(
    tuned: &Tuned,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<Option<HeldOut>, TuneError> {
    let Some(best) = tuned.best() else { return Ok(None) };
    let (spec, count) = (&tuned.spec, tuned.seeds() as u64);
    let after = spec.seeds.end().saturating_add(count) <= MAX_SEED;
    let first = if after { spec.seeds.end() + 1 } else { spec.seeds.start().saturating_sub(count) };
    let seeds = first..=first + count - 1;
    let best: Vec<Axis> =
        spec.axes.iter().zip(&best.values).map(|(axis, value)| one(axis, *value)).collect();
    let profiles = [Profile::Recommended, Profile::Documented, Profile::Before];
    let profile = |profile: Profile| {
        let (key, name) = ("pipeline.profile".to_owned(), profile.name());
        (name, vec![Axis { key, values: vec![format!("\"{name}\"")] }])
    };
    let settings: Vec<(&'static str, Vec<Axis>)> = [("best", best), ("as it is", Vec::new())]
        .into_iter()
        .chain(profiles.map(profile))
        .collect();
    let specs: Vec<StudySpec> = settings
        .iter()
        .map(|(_, axes)| StudySpec { axes: axes.clone(), seeds: seeds.clone(), ..spec.clone() })
        .collect();
    let told = |_: TrialId, _: &TrialResult| {
        on_trial();
        Ok(())
    };
    let results = trials::play(&specs, &trials::all(&specs), runner, &told)?;
    let rows = settings.iter().enumerate().map(|(at, (name, _))| {
        let mean = |metric: Metric| -> Option<u64> {
            let trials = results.iter().filter(|(trial, _)| trial.spec == at);
            let values: Option<Vec<u64>> =
                trials.map(|(_, result)| result.outcome.as_ref()?.get(&metric).copied()).collect();
            let sum: u64 = values?.into_iter().sum();
            sum.saturating_mul(1000).checked_div(count)
        };
        HeldOutRow {
            name,
            makespan_milli: mean(Metric::Makespan),
            cost_milli: mean(Metric::Cost),
            fallback_milli: mean(Metric::FallbackRatio),
            bound_milli: mean(Metric::BoundMakespan),
            mistagged_milli: mean(Metric::PagesMistagged),
        }
    });
    Ok(Some(HeldOut { seeds, rows: rows.collect() }))
}

/// An axis with this value alone.
fn one(axis: &Axis, value: usize) -> Axis {
    Axis { key: axis.key.clone(), values: vec![axis.values[value].clone()] }
}
