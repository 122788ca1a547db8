//! A scenario's world without luck.

use crate::sim::scenario::Scenario;
use crate::study::limits::liftable::{LIMITS, Liftable, lift_all};

/// What strikes some calls and not others.
const LUCK: [&str; 6] = [
    "gemini.latency.tail",
    "gemini.error_429_ratio",
    "gemini.fault",
    "gemini.spell",
    "confluence.fault",
    "confluence.spell",
];

/// The scenario with every draw of a latency in the middle, and without slow tails, random 429s, faults
/// and spells. Quotas, texts and answers stay.
#[must_use]
pub fn calm(scenario: &Scenario) -> Scenario {
    let luck: Vec<Liftable> =
        LIMITS.iter().filter(|limit| LUCK.contains(&limit.key)).copied().collect();
    let (mut calm, _) = lift_all(scenario, &luck);
    calm.world.gemini.1.without_spread();
    calm.world.openai.1.without_spread();
    calm.world.confluence.1.without_spread();
    calm
}
