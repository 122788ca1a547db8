//! One setting for several scenarios: the one that loses least where it loses most.

use super::Tuned;
use crate::study::tune::GridPoint;

/// What a setting loses in every scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Losses {
    /// Which cell of every grid.
    pub cell: usize,
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
    let cells = tuned.first().map_or(0, |one| one.cells.len());
    let loss = |one: &Tuned, cell: usize| -> Option<u64> {
        let metric = one.question.objective.metric();
        let fit = |cell: &GridPoint| cell.sum(metric).filter(|_| cell.is_admissible);
        let (best, own) = (fit(one.best()?)?, fit(one.cells.get(cell)?)?);
        // Nothing is no measure; whoever has some of it then loses all.
        let more = own.checked_sub(best)?.checked_mul(1_000_000)?;
        let share = more.checked_div(best).unwrap_or(if more == 0 { 0 } else { 1_000_000 });
        u64::try_from(share).ok()
    };
    let losses =
        |cell: usize| Losses { cell, ppm: tuned.iter().map(|one| loss(one, cell)).collect() };
    let mut all: Vec<Losses> = (0..cells).map(losses).collect();
    all.sort_by_key(|one| {
        let sum: u128 = one.ppm.iter().flatten().map(|ppm| u128::from(*ppm)).sum();
        (one.most().is_none(), one.most(), sum, one.cell)
    });
    all
}

/// The grid as if the robust choice were its best: so that it can be printed and confirmed.
pub fn chosen(tuned: &Tuned, cell: usize) -> Tuned {
    let mut chosen = tuned.clone();
    chosen.ranking.retain(|index| *index != cell);
    chosen.ranking.insert(0, cell);
    chosen
}
