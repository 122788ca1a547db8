//! The order of a grid: from what came of its trials.

use super::trials::{Results, TrialId};
use super::{GridPoint, StudySpec, TrialMetrics, Tuned, grid};
use crate::study::measure::metric::Metric;

/// The share of seeds in which a requirement must be met, unless it states one: 95 %.
const MOST_SEEDS_PPM: u64 = 950_000;

/// What came of a study, the first of its trials' number being `at`.
pub fn of(spec: StudySpec, at: usize, results: &Results) -> Tuned {
    let seeds = spec.seeds.clone().count();
    let grid = grid::points(&spec.axes);
    let mut points: Vec<GridPoint> = Vec::with_capacity(grid.len());
    for (point, values) in grid.into_iter().enumerate() {
        let first = TrialId { spec: at, point, seed: 0 };
        let last = TrialId { seed: seeds, ..first };
        let (mut outcomes, mut met): (Vec<TrialMetrics>, _) =
            (Vec::new(), vec![0; spec.require.len()]);
        for (_, played) in results.range(first..last) {
            outcomes.push(played.outcome.clone());
            for (count, is_met) in met.iter_mut().zip(&played.met) {
                *count += usize::from(*is_met);
            }
        }
        let played = outcomes.len();
        let mut enough = spec.require.iter().zip(&met);
        let is_admissible = played > 0
            && outcomes.iter().all(Option::is_some)
            && enough.all(|(one, met)| one.is_met_in(*met, played, MOST_SEEDS_PPM));
        points.push(GridPoint { values, outcomes, met, is_admissible, is_on_front: false });
    }
    mark_front(&mut points, seeds);
    let mut ranking: Vec<usize> = (0..points.len()).collect();
    ranking.sort_by_key(|index| {
        let point = &points[*index];
        let metrics = [spec.objective.metric(), Metric::AiCalls, Metric::Cost];
        // A point that was stopped earlier in a race is further behind.
        let missing = seeds - point.outcomes.len();
        let sums = metrics.map(|metric| point.sum(metric).unwrap_or(u128::MAX));
        (missing, !point.is_admissible, sums, *index)
    });
    Tuned { spec, points, ranking }
}

/// Marks those that were played to the end and that no other beats in both time and cost.
fn mark_front(points: &mut [GridPoint], seeds: usize) {
    let both = |point: &GridPoint| {
        let sums = point.sum(Metric::Makespan).zip(point.sum(Metric::Cost));
        sums.filter(|_| point.is_admissible && point.outcomes.len() == seeds)
    };
    let fit: Vec<(u128, u128)> = points.iter().filter_map(both).collect();
    for point in points {
        let Some((time, cost)) = both(point) else { continue };
        point.is_on_front = fit.iter().all(|(other_time, other_cost)| {
            *other_time > time || *other_cost > cost || (*other_time, *other_cost) == (time, cost)
        });
    }
}
