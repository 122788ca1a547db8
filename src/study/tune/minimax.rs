//! One setting for several scenarios: the one that loses least where it loses most.

use super::Tuned;
use crate::study::tune::GridPoint;

/// What a setting loses in every scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Losses {
    /// Which point of every grid.
    pub point: usize,
    /// Of each scenario, how much more of the objective it has than the best there, in millionths of
    /// that; nothing where it is not admissible.
    pub ppm: Vec<Option<u64>>,
}

impl Losses {
    /// The most that it loses; nothing if there is a scenario for which it is not fit.
    pub fn most(&self) -> Option<u64> {
        self.ppm.iter().copied().collect::<Option<Vec<u64>>>()?.into_iter().max()
    }
}

/// All settings from the best to the worst: those that are fit for every scenario first, by what they
/// lose at most, then by what they lose in all.
pub fn of(tuned: &[Tuned]) -> Vec<Losses> {
    let points = tuned.first().map_or(0, |one| one.points.len());
    let loss = |one: &Tuned, point: usize| -> Option<u64> {
        let metric = one.spec.objective.metric();
        let fit = |point: &GridPoint| point.sum(metric).filter(|_| point.is_admissible);
        let (best, own) = (fit(one.best()?)?, fit(one.points.get(point)?)?);
        // Nothing is no measure; whoever has some of it then loses all.
        let more = own.checked_sub(best)?.checked_mul(1_000_000)?;
        let share = more.checked_div(best).unwrap_or(if more == 0 { 0 } else { 1_000_000 });
        u64::try_from(share).ok()
    };
    let losses =
        |point: usize| Losses { point, ppm: tuned.iter().map(|one| loss(one, point)).collect() };
    let mut all: Vec<Losses> = (0..points).map(losses).collect();
    all.sort_by_key(|one| {
        let sum: u128 = one.ppm.iter().flatten().map(|ppm| u128::from(*ppm)).sum();
        (one.most().is_none(), one.most(), sum, one.point)
    });
    all
}

/// The grid as if the robust choice were its best: so that it can be printed and confirmed.
pub fn chosen(tuned: &Tuned, point: usize) -> Tuned {
    let mut chosen = tuned.clone();
    chosen.ranking.retain(|index| *index != point);
    chosen.ranking.insert(0, point);
    chosen
}
