//! The kinds of limiter that can be configured, and how each is built.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aimd::Aimd;
use super::algorithm::Limit;
use super::aws_cubic::AwsCubic;
use super::fixed::Fixed;
use super::halving::Halving;
use super::paced::{KnownQuota, Paced};
use super::quota::QuotaLimiter;
use super::sre_throttle::SreThrottle;
use super::vector_arc::VectorArc;
use crate::rng::Seed;

/// The kinds of limiter.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum LimiterKind {
    /// Always `concurrency`.
    Fixed,
    /// The plan's: half on a 429, a fifth more after five minutes without one.
    Halving,
    /// Netflix: a tenth less on every refusal, one more on every success.
    Aimd,
    /// Vector: one decision per round trip.
    Arc,
    /// The AWS SDKs: a rate on a cubic curve.
    Cubic,
    /// Google's SRE book: calls are held back with the probability that they are refused.
    Sre,
    /// Evenly by `quota`, which it must be told.
    Pace,
    /// Keeps an account of the quota, weighs what may explain its refusals, and prices the next one.
    Quota,
}

/// The settings that a limiter starts from.
#[derive(Debug, Clone, Copy)]
pub struct LimiterStart {
    /// Calls in flight at the start.
    pub concurrency: u64,
    /// The highest limit that it may reach.
    pub max_concurrency: u64,
    /// How much a raised limit rises at least.
    pub min_step: u64,
    /// The longest time for which a call waits at a closed gate.
    pub patience: Duration,
    /// The quota, where it is known beforehand.
    pub quota: Option<KnownQuota>,
}

impl LimiterStart {
    /// The limiter that keeps an account of a quota.
    pub(crate) fn quota_limiter(&self, quota: Option<KnownQuota>) -> QuotaLimiter {
        QuotaLimiter::new(self.concurrency, self.max_concurrency, self.patience, quota)
    }
}

impl LimiterKind {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its name, as scenarios have it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The algorithm of this kind, at its start.
    pub(crate) fn build(self, start: &LimiterStart, seed: Seed) -> Box<dyn Limit> {
        let ceiling = start.max_concurrency;
        match (self, start.quota) {
            (Self::Fixed, _) => Box::new(Fixed::new(start.concurrency)),
            (Self::Halving, _) => {
                Box::new(Halving::new(start.concurrency, ceiling, start.min_step))
            }
            (Self::Aimd, _) => Box::new(Aimd::new()),
            (Self::Arc, _) => Box::new(VectorArc::new()),
            (Self::Cubic, _) => Box::new(AwsCubic::new(ceiling)),
            (Self::Sre, _) => Box::new(SreThrottle::new(ceiling, seed)),
            (Self::Pace, Some(quota)) => Box::new(Paced::new(ceiling, quota)),
            // Pacing without a quota is refused with the other settings.
            (Self::Pace | Self::Quota, quota) => Box::new(start.quota_limiter(quota)),
        }
    }
}
