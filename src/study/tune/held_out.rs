//! What was found, on seeds that the search has not seen, beside the profiles and the bound.

use std::ops::RangeInclusive;

use super::trials::{TrialId, TrialResult};
use super::{GridPoint, StudySpec, TuneError, Tuned, coordinate_descent, trials};
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
    /// Pages that failed.
    pub failed_milli: Option<u64>,
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
    let spec = &tuned.spec;
    let best = axes_of(tuned, best);
    let unseen = StudySpec { seeds: unseen(&spec.seeds), ..spec.clone() };
    let rows = rows(&unseen, Some(&best), runner, on_trial)?;
    Ok(Some(HeldOut { seeds: unseen.seeds, rows }))
}

/// As many seeds that come after these, or before where none come after.
pub fn unseen(seeds: &RangeInclusive<u64>) -> RangeInclusive<u64> {
    let count = seeds.clone().count() as u64;
    let after = seeds.end().saturating_add(count) <= MAX_SEED;
    let first = if after { seeds.end() + 1 } else { seeds.start().saturating_sub(count) };
    first..=first + count - 1
}

/// Plays the best setting, where there is one, the scenario as it is and the profiles on the seeds of a
/// study, one row each.
pub fn rows(
    spec: &StudySpec,
    best: Option<&[Axis]>,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<Vec<HeldOutRow>, TuneError> {
    let count = spec.seeds.clone().count() as u64;
    let profiles = [Profile::Recommended, Profile::Documented, Profile::Before];
    let profile = |profile: Profile| (profile.name(), profile_axes(profile));
    let best = best.map(|axes| ("best", axes.to_vec()));
    let settings: Vec<(&'static str, Vec<Axis>)> =
        best.into_iter().chain([("as it is", Vec::new())]).chain(profiles.map(profile)).collect();
    let specs: Vec<StudySpec> =
        settings.iter().map(|(_, axes)| StudySpec { axes: axes.clone(), ..spec.clone() }).collect();
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
            failed_milli: mean(Metric::PagesFailed),
        }
    });
    Ok(rows.collect())
}

/// A point of a study, as keys with one value each.
pub fn axes_of(tuned: &Tuned, point: &GridPoint) -> Vec<Axis> {
    let chosen = tuned.spec.axes.iter().zip(&point.values);
    let one = |(axis, value): (&Axis, &usize)| Axis {
        key: axis.key.clone(),
        values: vec![axis.values[*value].clone()],
    };
    chosen.map(one).collect()
}

/// A profile in place of what the scenario sets itself, for the keys of pace, order and size. What is
/// read, asked and written stays as the scenario has it, and so does a `batch_tokens` of its own where
/// the profile has none.
pub fn profile_axes(profile: Profile) -> Vec<Axis> {
    let settings = serde_json::to_value(profile.settings()).unwrap_or_default();
    let own = coordinate_descent::keys().filter_map(|key| {
        let bare = key.strip_prefix("pipeline.")?;
        // The schedule of waits is a table of its own.
        let of_schedule =
            bare.strip_prefix("backoff_").and_then(|key| settings.get("backoff")?.get(key));
        let value = settings.get(bare).or(of_schedule)?;
        Some((key, value.to_string()))
    });
    let profile = ("pipeline.profile", format!("\"{}\"", profile.name()));
    let axis = |(key, value): (&str, String)| Axis { key: key.to_owned(), values: vec![value] };
    [profile].into_iter().chain(own).map(axis).collect()
}
