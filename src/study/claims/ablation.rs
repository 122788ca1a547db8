//! C16: what cache, batches and the limiter bring, alone, in pairs and together.

use super::Verdict;
use super::lab::{ClaimsError, Game, Lab};
use super::observable::Quantity;
use super::statement::Sample;
use super::worlds::{TIERS, TWICE, Tier};

/// Its number in the list of claims.
pub const ID: &str = "C16";
/// What it says.
pub const SAYS: &str = "all modules are independent and can be integrated one by one";

/// A part of the plan, with the settings that bring it into the state before.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    settings: &'static [&'static str],
}

/// The parts. Retries with growing waits came with the limiter.
pub const PARTS: [Part; 3] = [
    Part { name: "cache", settings: &["pipeline.cache=true", "pipeline.cache_size=1000"] },
    Part { name: "batches", settings: &["pipeline.batch_size=5"] },
    Part {
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
pub const QUANTITIES: [Quantity; 7] = [
    Quantity::Figure(0, "ai_calls"),
    Quantity::Figure(0, "rate_limited"),
    Quantity::Figure(0, "fallbacks"),
    Quantity::Figure(0, "makespan"),
    Quantity::Figure(0, "cost"),
    Quantity::Figure(1, "ai_calls"),
    Quantity::Figure(1, "makespan"),
];

/// Which of them must not become worse for a part to be of use alone. Cost is shown, not judged:
/// a fallback may be cheaper.
const JUDGED: [usize; 6] = [0, 1, 2, 3, 5, 6];

/// Some parts together in one world.
#[derive(Debug)]
pub struct Row {
    /// The world.
    pub tier: &'static Tier,
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
    pub verdict: Verdict,
    /// World by world, the state before first.
    pub rows: Vec<Row>,
}

impl Ablation {
    /// Plays all combinations.
    pub fn play(lab: &Lab<'_>) -> Result<Self, ClaimsError> {
        let mut rows: Vec<Row> = Vec::new();
        for tier in TIERS {
            let first = rows.len();
            for chosen in 0..1_usize << PARTS.len() {
                let parts: Vec<&Part> =
                    (0..PARTS.len()).filter(|i| chosen >> i & 1 == 1).map(|i| &PARTS[i]).collect();
                let samples = samples(lab, tier, &parts)?;
                let before = rows.get(first).map(|row| row.samples.as_slice());
                let worse = before.map_or(Vec::new(), |before| worse(before, &samples));
                rows.push(Row {
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
            (true, _) => Verdict::Holds,
            (false, true) => Verdict::HoldsWhen,
            (false, false) => Verdict::Refuted,
        };
        Ok(Self { verdict, rows })
    }
}

fn samples(
    lab: &Lab<'_>,
    tier: &'static Tier,
    parts: &[&Part],
) -> Result<Vec<Sample>, ClaimsError> {
    let mut game = Game::new(&TWICE, tier.quota, "before");
    for setting in parts.iter().flat_map(|part| part.settings) {
        game = game.with(*setting);
    }
    let played = lab.play(&[&game], 1..=lab.seeds)?;
    let read = |quantity: Quantity| {
        let values: Vec<Option<u64>> =
            played.iter().map(|games| quantity.of(&games[0], &games[0])).collect();
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
