//! Weakens the pipeline on purpose, to see which targets notice.
//!
//! A claim that no target guards is a claim that can rot: a mutant that no scenario notices is
//! listed as a survivor.

use crate::pipeline::config::{BatchSize, LimiterKind, PermitScope, Settings};
use crate::sim::scenario::Scenario;

/// A weakening of the pipeline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Mutant {
    /// Nothing is cached.
    CacheOff,
    /// One page per prompt.
    BatchOfOne,
    /// Waits that servers state are ignored.
    HintsIgnored,
    /// No batch goes on with the next provider.
    NoFallback,
    /// A permit is held through a backoff.
    PermitHeld,
    /// A 429 never cuts the limit.
    LimitNeverCut,
}

impl Mutant {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn weaken(self, config: &mut Settings) {
        match self {
            Self::CacheOff => config.cache = false,
            Self::BatchOfOne => config.batch_size = BatchSize::Pages(1),
            Self::HintsIgnored => config.retry_hints = false,
            Self::NoFallback => config.fallback = false,
            Self::PermitHeld => config.permit_scope = PermitScope::Batch,
            Self::LimitNeverCut => config.limiter = LimiterKind::Fixed,
        }
    }

    /// The scenario with a weakened pipeline, or nothing if it is that weak already.
    pub fn of(self, scenario: &Scenario) -> Option<Scenario> {
        let mut mutant = scenario.clone();
        for run in &mut mutant.runs {
            self.weaken(&mut run.config);
        }
        let changed = mutant.runs.iter().zip(&scenario.runs).any(|(a, b)| a.config != b.config);
        changed.then_some(mutant)
    }
}
