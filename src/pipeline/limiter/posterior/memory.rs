//! What is kept between runs: the likeliest hypothesis of each quota, and what was taken of it.

use std::time::Duration;

use super::super::algorithm::InferredQuota;
use super::account::QuotaAccount;
use super::constants::{
    CHANCE_BESIDE_CONFIGURED, CHANCE_BESIDE_REMEMBERED, LONGEST_MS, MOST_TOKENS,
};
use super::hypothesis::{Hypothesis, Kind};
use super::log::Fate;
use super::posterior::Posterior;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::WindowKind;
use crate::units::whole;

/// A quota that is configured.
pub(super) fn configured(limit: u64, window_ms: u64) -> Posterior {
    let mut quota = Posterior::stating(limit);
    quota.hypotheses.push(Hypothesis::new(Kind::Sliding, limit, window_ms, 0.0));
    quota.hypotheses.push(Hypothesis::chance(CHANCE_BESIDE_CONFIGURED));
    quota
}

/// The quotas that are likelier than chance, with the likeliest hypothesis of each.
fn known(account: &QuotaAccount) -> impl Iterator<Item = (&Posterior, &Hypothesis)> {
    let known = account.quotas.iter().filter(|quota| quota.is_known());
    known.filter_map(|quota| Some((quota, quota.best()?)))
}

/// The quotas of an account as events tell them.
pub(super) fn learned(account: &QuotaAccount) -> Vec<InferredQuota> {
    let told = known(account).map(|(quota, best)| InferredQuota {
        dimension: account.dimension,
        limit: best.limit,
        window: Duration::from_millis(best.window_ms),
        kind: match best.kind {
            Kind::Chance | Kind::Sliding => WindowKind::Sliding,
            Kind::Fixed { .. } => WindowKind::Fixed,
            Kind::Bucket { .. } => WindowKind::Bucket,
        },
        is_inferred: quota.stated != Some(best.limit),
        refused_count: best.refused_count,
    });
    told.collect()
}

/// The same with what was taken of late.
pub(super) fn remember(account: &QuotaAccount, now: u64) -> Vec<LearnedQuota> {
    let told = known(account).map(|(quota, best)| {
        let log = &account.log;
        let from = log.after(now.saturating_sub(best.window_ms));
        let entries = log.between(from, log.end()).iter();
        let counts = |fate: Fate| match fate {
            Fate::InFlight | Fate::Admitted => true,
            Fate::Refused(_) => best.refused_count,
            Fate::Void => false,
        };
        let taken = entries.filter(|entry| counts(entry.fate));
        LearnedQuota {
            dimension: account.dimension,
            limit: best.limit,
            window_ms: best.window_ms,
            unit_us: match best.kind {
                Kind::Bucket { .. } => Some(whole(best.pace_ms() * 1_000.0).max(1)),
                _ => None,
            },
            begun_ms_ago: match best.kind {
                Kind::Fixed { phase_ms } => Some(now.saturating_sub(phase_ms) % best.window_ms),
                _ => None,
            },
            inferred: quota.stated != Some(best.limit),
            refused_count: best.refused_count,
            stated_ms_ago: 0,
            taken: taken.map(|entry| (now.saturating_sub(entry.at), entry.amount)).collect(),
        }
    });
    told.collect()
}

/// Starts from what another limiter has learned. What a bucket holds at once is not kept: it is taken to
/// hold one call.
pub(super) fn recall(account: &mut QuotaAccount, now: u64, known: &LearnedQuota) {
    let window_ms = known.window_ms.clamp(1, LONGEST_MS);
    let limit = known.limit.clamp(1, MOST_TOKENS);
    let kind = match (known.unit_us, known.begun_ms_ago) {
        (Some(_), _) => Kind::Bucket { burst: 1 },
        (None, Some(ago)) => Kind::Fixed { phase_ms: (now - ago % window_ms) % window_ms },
        (None, None) => Kind::Sliding,
    };
    let mut quota = if known.inferred { Posterior::default() } else { Posterior::stating(limit) };
    let best = Hypothesis::new(kind, limit, window_ms, 0.0);
    quota.hypotheses.push(best.counting_refused(known.refused_count));
    quota.hypotheses.push(Hypothesis::chance(CHANCE_BESIDE_REMEMBERED));
    account.quotas.push(quota);
    account.remember_taken(now, &known.taken);
}
