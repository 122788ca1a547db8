//! What came of each limiter in a random world.

use std::ops::RangeInclusive;

use super::world::RandomWorld;
use crate::pipeline::config::LimiterKind;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial::{self, TrialError};
use crate::study::league::league::{KINDS, SeedResult, of_one};

/// A world with one weather, and what came of each limiter in it.
#[derive(Debug, Clone)]
pub struct RandomResult {
    /// The world.
    pub world: RandomWorld,
    /// The seed of the weather.
    pub seed: u64,
    /// By kind, in the order of [`RandomResult::kinds`].
    pub outcomes: Vec<SeedResult>,
}

impl RandomResult {
    /// The limiters: all that need not be told the quota.
    pub fn kinds() -> Vec<LimiterKind> {
        KINDS.iter().copied().filter(|kind| *kind != LimiterKind::Pace).collect()
    }

    /// What came of a kind.
    pub fn of(&self, kind: LimiterKind) -> Option<&SeedResult> {
        let at = Self::kinds().iter().position(|one| *one == kind)?;
        self.outcomes.get(at)
    }
}

/// The seed of a world's weather: in every world another one.
fn weather(number: u64, seed: u64) -> u64 {
    const APART: u64 = 1_000_000;
    number + (seed - 1) * APART
}

/// Plays the worlds of these numbers with `seeds` kinds of weather each; `on_trial` is told how many
/// trials there are whenever one is over.
pub fn play(
    numbers: RangeInclusive<u64>,
    seeds: u64,
    runner: &TrialRunner,
    on_trial: &(dyn Fn(usize) + Sync),
) -> Result<Vec<RandomResult>, TrialError> {
    let worlds: Vec<RandomWorld> = numbers.map(RandomWorld::drawn).collect();
    let kinds = RandomResult::kinds();
    let places = worlds.iter().flat_map(|world| (1..=seeds).map(move |seed| (world, seed)));
    let places: Vec<(&RandomWorld, u64)> = places.collect();
    let count = places.len() * kinds.len();
    let outcomes = runner.each(count, |index| {
        let (world, seed) = places[index / kinds.len()];
        let kind = kinds[index % kinds.len()];
        let outcome = one(world, kind, weather(world.number, seed));
        on_trial(count);
        outcome
    })?;
    let each = places.iter().zip(outcomes.chunks(kinds.len().max(1)));
    let results = each.map(|((world, seed), outcomes)| RandomResult {
        world: (*world).clone(),
        seed: weather(world.number, *seed),
        outcomes: outcomes.to_vec(),
    });
    Ok(results.collect())
}

fn one(world: &RandomWorld, kind: LimiterKind, seed: u64) -> Result<SeedResult, TrialError> {
    let scenario = world.trial(kind, seed).scenario()?;
    let judged = trial::measure(&scenario)?;
    let run = judged.and_then(|mut judged| judged.runs.pop());
    Ok(of_one(world.pages, run.as_ref()))
}
