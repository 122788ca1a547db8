//! A scenario's world without luck.

use crate::fakes::llm::completion::AnswerConfig;
use crate::sim::scenario::Scenario;
use crate::study::limits::liftable::{LIMITS, Liftable, lift_all};
use crate::units::Ratio;

/// What strikes some calls and not others.
const LUCK: [&str; 6] = [
    "gemini.latency.tail",
    "gemini.error_429_ratio",
    "gemini.fault",
    "gemini.spell",
    "confluence.fault",
    "confluence.spell",
];

/// The scenario with every draw of a latency in the middle, without slow tails, random 429s, faults and
/// spells, and with answers that lack nothing. Quotas and texts stay.
#[must_use]
pub fn calm(scenario: &Scenario) -> Scenario {
    let luck: Vec<Liftable> =
        LIMITS.iter().filter(|limit| LUCK.contains(&limit.key)).copied().collect();
    let (mut calm, _) = lift_all(scenario, &luck);
    calm.world.gemini.1.without_spread();
    calm.world.openai.1.without_spread();
    calm.world.confluence.1.without_spread();
    for ai in [&mut calm.world.gemini.0, &mut calm.world.openai.0] {
        ai.answer = AnswerConfig {
            miss_ratio_per_extra_page: Ratio::ZERO,
            tag_miss_ratio_per_extra_page: Ratio::ZERO,
            malformed_ratio: Ratio::ZERO,
            blocked_ratio: Ratio::ZERO,
            invented_tag_ratio: Ratio::ZERO,
            ..ai.answer.clone()
        };
    }
    calm
}
