//! C16: what cache, batches and the limiter bring, alone, in pairs and together.

use super::ClaimVerdict;
use super::measurements::Measurements;
use super::observable::Observable;
use super::statement::Sample;
use super::worlds::{AccountTier, TIERS, TWICE};
use crate::study::experiment::trial::TrialError;
use crate::study::measure::metric::Metric;

/// Its number in the list of claims.
pub const ID: &str = "C16";
/// What it says.
pub const SAYS: &str = "all modules are independent and can be integrated one by one";

/// A part of the plan, with the settings that bring it into the state before.
#[derive(Debug)]
pub struct PlanPart {
    /// Its name.
    pub name: &'static str,
    settings: &'static [&'static str],
}

/// The parts. Retries with growing waits came with the limiter.
pub const PARTS: [PlanPart; 3] = [
    PlanPart { name: "cache", settings: &["pipeline.cache=true", "pipeline.cache_size=1000"] },
    PlanPart { name: "batches", settings: &["pipeline.batch_size=5"] },
    PlanPart {
        name: "limiter",
        settings: &[
            "pipeline.limiter=halving",
            "pipeline.concurrency=3",
            "pipeline.max_concurrency=10",
            "pipeline.attempts=4",
            "pipeline.backoff_base_ms=500",
            "pipeline.backoff_factor=2.0",
            "pipeline.backoff_max_ms=30000",
        ],
    },
];

/// What is read: of the first of two runs, and of the second what the cache is for.
pub const QUANTITIES: [Observable; 7] = [
    Observable::Figure(0, Metric::AiCalls),
    Observable::Figure(0, Metric::RateLimited),
    Observable::Figure(0, Metric::Fallbacks),
    Observable::Figure(0, Metric::Makespan),
    Observable::Figure(0, Metric::Cost),
    Observable::Figure(1, Metric::AiCalls),
    Observable::Figure(1, Metric::Makespan),
];

/// Which of them must not become worse for a part to be of use alone. Cost is shown, not judged:
/// a fallback may be cheaper.
const JUDGED: [usize; 6] = [0, 1, 2, 3, 5, 6];

/// Some parts together in one world.
#[derive(Debug)]
pub struct AblationRow {
    /// The world.
    pub tier: &'static AccountTier,
    /// Which parts, as in [`PARTS`].
    pub parts: Vec<&'static str>,
    /// By quantity.
    pub samples: Vec<Sample>,
    /// What became worse by more than a hundredth of the state before, by the middle of all seeds.
    pub worse: Vec<String>,
}

/// All combinations in all worlds.
#[derive(Debug)]
pub struct Ablation {
    /// The verdict: whether each part alone makes nothing worse.
    pub verdict: ClaimVerdict,
    /// World by world, the state before first.
    pub rows: Vec<AblationRow>,
}

impl Ablation {
    /// Plays all combinations.
    pub fn play(measurements: &Measurements<'_>) -> Result<Self, TrialError> {
        let mut rows: Vec<AblationRow> = Vec::new();
        for tier in TIERS {
            let first = rows.len();
            for chosen in 0..1_usize << PARTS.len() {
                let parts: Vec<&PlanPart> =
                    (0..PARTS.len()).filter(|i| chosen >> i & 1 == 1).map(|i| &PARTS[i]).collect();
                let samples = samples(measurements, tier, &parts)?;
                let before = rows.get(first).map(|row| row.samples.as_slice());
                let worse = before.map_or(Vec::new(), |before| worse(before, &samples));
                rows.push(AblationRow {
                    tier,
                    parts: parts.iter().map(|part| part.name).collect(),
                    samples,
                    worse,
                });
            }
        }
        let alone: Vec<bool> = rows
            .iter()
            .filter(|row| row.parts.len() == 1)
            .map(|row| row.worse.is_empty())
            .collect();
        let verdict = match (alone.iter().all(|fine| *fine), alone.contains(&true)) {
            (true, _) => ClaimVerdict::Holds,
            (false, true) => ClaimVerdict::HoldsWhen,
            (false, false) => ClaimVerdict::Refuted,
        };
        Ok(Self { verdict, rows })
    }
}

fn samples(
    measurements: &Measurements<'_>,
    tier: &'static AccountTier,
    parts: &[&PlanPart],
) -> Result<Vec<Sample>, TrialError> {
    let mut trial = TWICE.trial(tier.quota, "before");
    for setting in parts.iter().flat_map(|part| part.settings) {
        trial = trial.with(*setting);
    }
    let played = measurements.of(&[&trial], 1..=measurements.seeds)?;
    let read = |quantity: Observable| {
        let values: Vec<Option<u64>> =
            played.iter().map(|trials| quantity.of(&trials[0], &trials[0])).collect();
        Sample { held: 0, values }
    };
    Ok(QUANTITIES.into_iter().map(read).collect())
}

fn worse(before: &[Sample], after: &[Sample]) -> Vec<String> {
    let middle = |sample: &Sample| sample.spread().map_or(0, |(_, middle, _)| middle);
    JUDGED
        .into_iter()
        .filter(|index| middle(&after[*index]) * 100 > middle(&before[*index]) * 101)
        .map(|index| QUANTITIES[index].name())
        .collect()
}
