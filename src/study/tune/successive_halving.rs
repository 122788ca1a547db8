//! A race: after a few seeds the better half goes on, with twice as many, until all are played.
//!
//! Successive halving (Jamieson and Talwalkar, 2016). It finds out sooner, and says less of those
//! that it leaves behind: what it drops it might have been wrong about.

use super::trials::{Results, TrialId, TrialResult};
use super::{StudySpec, TuneError, ranking, trials};
use crate::study::experiment::runner::TrialRunner;

/// Nobody is dropped after fewer seeds than this.
const FEWEST_SEEDS: usize = 2;

/// Plays one study as a race.
pub fn play(
    spec: &StudySpec,
    runner: &TrialRunner,
    on_trial: &(dyn Fn(TrialId, &TrialResult) -> Result<(), TuneError> + Sync),
) -> Result<Results, TuneError> {
    let seeds = spec.seeds.clone().count();
    let points = super::grid::points(&spec.axes).len();
    let mut alive: Vec<usize> = (0..points).collect();
    let mut results = Results::new();
    let (mut before, mut until) = (0, first_round(seeds, points));
    let specs = std::slice::from_ref(spec);
    loop {
        let round: Vec<TrialId> = alive
            .iter()
            .flat_map(|point| (before..until).map(|seed| TrialId { spec: 0, point: *point, seed }))
            .collect();
        results.extend(trials::play(specs, &round, runner, on_trial)?);
        if until == seeds {
            return Ok(results);
        }
        let order = ranking::of(spec.clone(), 0, &results).ranking;
        alive = order.into_iter().take(alive.len().div_ceil(2)).collect();
        (before, until) = (until, (until * 2).min(seeds));
    }
}

/// Enough seeds that, with the points halved and the seeds doubled each time, few are left at the end.
fn first_round(seeds: usize, points: usize) -> usize {
    let mut first = seeds;
    let mut left = points;
    while left > 1 && first / 2 >= FEWEST_SEEDS {
        first = first.div_ceil(2);
        left = left.div_ceil(2);
    }
    first
}
