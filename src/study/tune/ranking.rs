//! The order of a grid: from what came of its trials.

use super::trials::{Results, TrialId, TrialResult};
use super::{GridPoint, StudySpec, TrialMetrics, Tuned, grid};
use crate::study::measure::metric::Metric;
use crate::study::stats::paired::Paired;

/// The share of seeds in which a requirement must be met, unless it states one: 95 %.
const MOST_SEEDS_PPM: u64 = 950_000;

/// A setting that is slower than the best by no more than this, in millionths, and not surely slower, is
/// as good.
const AS_GOOD_PPM: u128 = 10_000;

/// How a setting stands: of two, the better one is less.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    is_refused: bool,
    /// Seeds in which requirements are missed, if it is refused.
    misses: usize,
    /// The objective, the calls and the cost, over all seeds.
    sums: [u128; 3],
}

impl Standing {
    /// Of a point of a study.
    pub fn of(point: &GridPoint, spec: &StudySpec) -> Self {
        let is_refused = !point.is_admissible;
        let misses: usize = point.met.iter().map(|met| point.outcomes.len() - met).sum();
        let metrics = [spec.objective.metric(), Metric::AiCalls, Metric::Cost];
        let sums = metrics.map(|metric| point.sum(metric).unwrap_or(u128::MAX));
        Self { is_refused, misses: if is_refused { misses } else { 0 }, sums }
    }

    /// The sum of the objective, if the setting is fit to be chosen.
    pub fn admissible_sum(&self) -> Option<u128> {
        (!self.is_refused).then_some(self.sums[0])
    }
}

/// A point, from what came of its trials.
pub fn point<'a>(
    spec: &StudySpec,
    values: Vec<usize>,
    played: impl Iterator<Item = &'a TrialResult>,
) -> GridPoint {
    let (mut outcomes, mut met): (Vec<TrialMetrics>, _) = (Vec::new(), vec![0; spec.require.len()]);
    for one in played {
        outcomes.push(one.outcome.clone());
        for (count, is_met) in met.iter_mut().zip(&one.met) {
            *count += usize::from(*is_met);
        }
    }
    let played = outcomes.len();
    let mut enough = spec.require.iter().zip(&met);
    let is_admissible = played > 0
        && outcomes.iter().all(Option::is_some)
        && enough.all(|(one, met)| one.is_met_in(*met, played, MOST_SEEDS_PPM));
    GridPoint { values, outcomes, met, is_admissible, is_on_front: false }
}

/// What came of a study, the first of its trials' number being `at`.
pub fn of(spec: StudySpec, at: usize, results: &Results) -> Tuned {
    let seeds = spec.seeds.clone().count();
    let played = |number: usize| {
        let first = TrialId { spec: at, point: number, seed: 0 };
        results.range(first..TrialId { seed: seeds, ..first }).map(|(_, result)| result)
    };
    let grid = grid::points(&spec.axes).into_iter().enumerate();
    let mut points: Vec<GridPoint> =
        grid.map(|(number, values)| point(&spec, values, played(number))).collect();
    mark_front(&mut points, seeds);
    let mut ranking: Vec<usize> = (0..points.len()).collect();
    ranking.sort_by_cached_key(|index| {
        let point = &points[*index];
        // A point that was stopped earlier in a race is further behind.
        let missing = seeds - point.outcomes.len();
        (missing, Standing::of(point, &spec), *index)
    });
    if let Some(at) = gentlest(&spec, &points, &ranking) {
        let gentlest = ranking.remove(at);
        ranking.insert(0, gentlest);
    }
    Tuned { spec, points, ranking }
}

/// Of the settings that cannot be told from the first in this order, the gentlest: the one with the
/// fewest calls in flight, then with the fewest calls.
fn gentlest(spec: &StudySpec, points: &[GridPoint], ranking: &[usize]) -> Option<usize> {
    let seeds = spec.seeds.clone().count();
    let objective = spec.objective.metric();
    let is_whole = |point: &&GridPoint| point.is_admissible && point.outcomes.len() == seeds;
    let first = points.get(*ranking.first()?).filter(is_whole)?;
    let (best, sum) = (first.values_of(objective)?, first.sum(objective)?);
    let is_as_good = |point: &GridPoint| {
        let Some(values) = point.values_of(objective) else { return false };
        let more = values.iter().map(|value| u128::from(*value)).sum::<u128>().saturating_sub(sum);
        more * 1_000_000 <= sum * AS_GOOD_PPM
            && Paired::of(&best, &values).is_some_and(|paired| paired.may_be_chance())
    };
    let gentle = |point: &GridPoint| {
        let sums = [Metric::InFlight, Metric::AiCalls, objective];
        sums.map(|metric| point.sum(metric).unwrap_or(u128::MAX))
    };
    let others = ranking.iter().enumerate().skip(1).map(|(at, index)| (at, &points[*index]));
    let as_good = others.filter(|(_, point)| is_whole(point) && is_as_good(point));
    let (at, gentlest) = as_good.min_by_key(|(_, point)| gentle(point))?;
    (gentle(gentlest) < gentle(first)).then_some(at)
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
