//! Shadow prices: what a limit costs a run, in time, calls and money.

use crate::sim::scenario::Scenario;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::limits::liftable::{LIMITERS, LIMITS, Liftable, Lifted, Whose, lift_all};
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::stats::paired::Paired;
use crate::study::verdict::judge::JudgeError;

/// What is compared.
pub const COMPARED: [Metric; 3] = [Metric::Makespan, Metric::AiCalls, Metric::Cost];

/// What lifting a limit changes.
#[derive(Debug, Clone)]
pub struct ShadowPrice {
    /// The key of the limit.
    pub key: &'static str,
    /// Whose it is.
    pub whose: Whose,
    /// What it was, and what it was lifted to.
    pub lifted: Lifted,
    /// Without the limit against with it, for each of [`COMPARED`]; nothing where a seed did not end,
    /// or has no such figure.
    pub changes: [Option<Paired>; 3],
}

impl ShadowPrice {
    /// Whether its lifting changes nothing in any seed.
    pub fn is_nothing(&self) -> bool {
        let is_same =
            |change: &Option<Paired>| change.is_some_and(|change| change.less + change.more == 0);
        self.changes.iter().all(is_same)
    }

    /// What the limit costs in time, in thousandths of a millisecond, if it surely costs any.
    pub fn sure_cost_milli(&self) -> Option<u64> {
        let makespan = self.changes[0].filter(|change| !change.may_be_chance())?;
        u64::try_from(-makespan.mean_milli).ok()
    }
}

/// What limits a run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The mean of each of [`COMPARED`] with all limits, in thousandths of its unit; nothing where a
    /// seed did not end.
    pub means_milli: [Option<u64>; 3],
    /// The mean of the bound, in thousandths of a millisecond: with the fallback, where one helped.
    pub bound_milli: Option<u64>,
    /// The prices, those of settings first, and of these the highest: by the mean of the time that the
    /// lifting saves.
    pub prices: Vec<ShadowPrice>,
    /// What several limits cost that are lifted together: all settings, and with them the quotas and
    /// failures of the world, whose latencies stay.
    pub together: [ShadowPrice; 2],
}

/// A scenario with something lifted.
struct Relaxed {
    key: &'static str,
    whose: Whose,
    lifted: Lifted,
    scenario: Scenario,
}

impl Relaxed {
    fn of(limit: &Liftable, scenario: &Scenario) -> Option<Self> {
        let (scenario, lifted) = limit.lift(scenario)?;
        Some(Self { key: limit.key, whose: limit.whose, lifted, scenario })
    }

    fn of_all(key: &'static str, whose: Whose, scenario: &Scenario, limits: &[Liftable]) -> Self {
        let (scenario, count) = lift_all(scenario, limits);
        Self { key, whose, lifted: (count.to_string(), "none"), scenario }
    }
}

/// What one seed came to; nothing where a run did not end within its virtual time.
type PlayedFigures = Option<Figures>;

/// Plays the last run of a scenario with each of these seeds: as it is, and with each limit lifted.
pub fn play(
    scenario: &Scenario,
    seeds: &[u64],
    runner: &TrialRunner,
    on_trial: &(dyn Fn(usize) + Sync),
) -> Result<Limits, JudgeError> {
    let chosen = |is_lifted: fn(&Liftable) -> bool| LIMITS.iter().filter(move |one| is_lifted(one));
    let settings: Vec<Liftable> = chosen(|one| one.whose == Whose::Pipeline).copied().collect();
    let all: Vec<Liftable> =
        chosen(|one| !one.is_usual_latency()).chain(LIMITERS).copied().collect();
    let settings = Relaxed::of_all("all settings", Whose::Pipeline, scenario, &settings);
    let all_but_latency =
        Relaxed::of_all("all settings, quotas and failures", Whose::World, scenario, &all);
    let alone: Vec<Relaxed> =
        LIMITS.iter().filter_map(|limit| Relaxed::of(limit, scenario)).collect();
    let relaxed = [&settings, &all_but_latency].into_iter().chain(&alone);
    let worlds: Vec<&Scenario> =
        std::iter::once(scenario).chain(relaxed.map(|one| &one.scenario)).collect();
    let all = worlds.len() * seeds.len();
    let outcomes = runner.each(all, |at| {
        let played = trial::play(&worlds[at / seeds.len()].seeded(seeds[at % seeds.len()]))?;
        on_trial(all);
        Ok::<PlayedFigures, JudgeError>(
            played.and_then(|judged| Some(judged.runs.last()?.figures.clone())),
        )
    })?;
    let of = |world: usize| &outcomes[world * seeds.len()..(world + 1) * seeds.len()];
    let base = of(0);
    let values = |outcomes: &[PlayedFigures], metric: Metric| -> Option<Vec<u64>> {
        outcomes.iter().map(|outcome| outcome.as_ref()?.integer(metric)).collect()
    };
    let change = |outcomes: &[PlayedFigures], metric: Metric| {
        Paired::of(&values(outcomes, metric)?, &values(base, metric)?)
    };
    let price = |world: usize, one: Relaxed| {
        let Relaxed { key, whose, lifted, .. } = one;
        let changes = COMPARED.map(|metric| change(of(world), metric));
        ShadowPrice { key, whose, lifted, changes }
    };
    let mut prices: Vec<ShadowPrice> =
        (3..).zip(alone).map(|(world, one)| price(world, one)).collect();
    let time = |price: &ShadowPrice| price.changes[0].map_or(i64::MAX, |change| change.mean_milli);
    prices.sort_by_key(|price| (price.whose, time(price)));
    let mean = |metric: Metric| {
        let values = values(base, metric)?;
        let sum = values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
        sum.saturating_mul(1000).checked_div(values.len() as u64)
    };
    let means_milli = COMPARED.map(mean);
    let is_alone = mean(Metric::Fallbacks) == Some(0);
    let bound = if is_alone { Metric::BoundMakespan } else { Metric::BoundAny };
    let together = [price(1, settings), price(2, all_but_latency)];
    Ok(Limits { means_milli, bound_milli: mean(bound), prices, together })
}
