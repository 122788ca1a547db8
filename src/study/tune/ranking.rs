//! The order of a grid: from what came of its trials.

use super::trials::{Results, TrialId};
use super::{GridPoint, StudySpec, TrialMetrics, Tuned, grid};
use crate::study::measure::metric::Metric;

/// The share of seeds in which a requirement must be met, unless it states one: 95 %.
const MOST_SEEDS_PPM: u64 = 950_000;

/// What came of a question, the first of its trials' number being `at`.
pub fn of(question: StudySpec, at: usize, results: &Results) -> Tuned {
    let seeds = question.seeds.clone().count();
    let grid = grid::cells(&question.axes);
    let mut cells: Vec<GridPoint> = Vec::with_capacity(grid.len());
    for (cell, values) in grid.into_iter().enumerate() {
        let first = TrialId { question: at, cell, seed: 0 };
        let last = TrialId { seed: seeds, ..first };
        let (mut outcomes, mut met): (Vec<TrialMetrics>, _) =
            (Vec::new(), vec![0; question.require.len()]);
        for (_, played) in results.range(first..last) {
            outcomes.push(played.outcome.clone());
            for (count, is_met) in met.iter_mut().zip(&played.met) {
                *count += usize::from(*is_met);
            }
        }
        let played = outcomes.len();
        let mut enough = question.require.iter().zip(&met);
        let is_admissible = played > 0
            && outcomes.iter().all(Option::is_some)
            && enough.all(|(one, met)| one.is_met_in(*met, played, MOST_SEEDS_PPM));
        cells.push(GridPoint { values, outcomes, met, is_admissible, is_on_front: false });
    }
    mark_front(&mut cells, seeds);
    let mut ranking: Vec<usize> = (0..cells.len()).collect();
    ranking.sort_by_key(|index| {
        let cell = &cells[*index];
        let metrics = [question.objective.metric(), Metric::AiCalls, Metric::Cost];
        // A cell that was stopped earlier in a race is further behind.
        let missing = seeds - cell.outcomes.len();
        let sums = metrics.map(|metric| cell.sum(metric).unwrap_or(u128::MAX));
        (missing, !cell.is_admissible, sums, *index)
    });
    Tuned { question, cells, ranking }
}

/// Marks those that were played to the end and that no other beats in both time and cost.
fn mark_front(cells: &mut [GridPoint], seeds: usize) {
    let both = |cell: &GridPoint| {
        let sums = cell.sum(Metric::Makespan).zip(cell.sum(Metric::Cost));
        sums.filter(|_| cell.is_admissible && cell.outcomes.len() == seeds)
    };
    let fit: Vec<(u128, u128)> = cells.iter().filter_map(both).collect();
    for cell in cells {
        let Some((time, cost)) = both(cell) else { continue };
        cell.is_on_front = fit.iter().all(|(other_time, other_cost)| {
            *other_time > time || *other_cost > cost || (*other_time, *other_cost) == (time, cost)
        });
    }
}
