//! What is kept between runs: the likeliest hypothesis of each quota, and what was taken of it.

use std::time::Duration;

use super::super::algorithm::{InferredQuota, RunnerUp};
use super::account::QuotaAccount;
use super::constants::{
    CHANCE_BESIDE_CONFIGURED, CHANCE_BESIDE_REMEMBERED, DAY_MS, LONGEST_MS, MOST_TOKENS,
};
use super::hypothesis::{Hypothesis, Kind};
use super::log::Fate;
use super::posterior::Posterior;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::WindowKind;
use crate::units::{float, whole};

/// A quota that is configured.
pub(super) fn configured(now: u64, limit: u64, window_ms: u64) -> Posterior {
    let mut quota = Posterior::stating(limit, now);
    quota.hypotheses.push(Hypothesis::new(Kind::Sliding, limit, window_ms, 0.0));
    quota.hypotheses.push(Hypothesis::chance(CHANCE_BESIDE_CONFIGURED));
    quota
}

/// The quotas that there are, with the likeliest hypothesis of each.
fn known(account: &QuotaAccount) -> impl Iterator<Item = (&Posterior, &Hypothesis)> {
    account.quotas.iter().filter_map(|quota| Some((quota, quota.known()?)))
}

/// The quotas of an account as events tell them.
pub(super) fn learned(account: &QuotaAccount) -> Vec<InferredQuota> {
    let told = known(account).map(|(quota, best)| {
        let (weight, other) = quota.sureness_of(best);
        InferredQuota {
            dimension: account.dimension,
            limit: best.limit,
            window: Duration::from_millis(best.window_ms),
            kind: window_kind(best.kind).unwrap_or(WindowKind::Sliding),
            is_inferred: quota.stated != Some(best.limit),
            refused_count: best.refused_count,
            weight_ppm: ppm(weight),
            runner_up: other.map(|(weight, other)| runner_up(weight, other)),
        }
    });
    told.collect()
}

/// The kind of window; chance has none.
fn window_kind(kind: Kind) -> Option<WindowKind> {
    match kind {
        Kind::Chance => None,
        Kind::Sliding => Some(WindowKind::Sliding),
        Kind::Fixed { .. } => Some(WindowKind::Fixed),
        Kind::Bucket { .. } => Some(WindowKind::Bucket),
    }
}

fn ppm(weight: f64) -> u64 {
    whole(weight * 1e6)
}

fn runner_up(weight: f64, other: &Hypothesis) -> RunnerUp {
    let kind = window_kind(other.kind);
    RunnerUp {
        kind,
        limit: kind.map(|_| other.limit),
        window_ms: kind.map(|_| other.window_ms),
        refused_count: other.refused_count,
        weight_ppm: ppm(weight),
    }
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
        // A share is only for as long as somebody else takes the rest.
        let limit = quota.stated.filter(|_| best.is_shared).unwrap_or(best.limit);
        LearnedQuota {
            dimension: account.dimension,
            limit,
            window_ms: best.window_ms,
            unit_us: match best.kind {
                Kind::Bucket { .. } => Some(whole(best.pace_ms() * 1_000.0).max(1)),
                _ => None,
            },
            burst: match best.kind {
                Kind::Bucket { burst } => Some(burst),
                _ => None,
            },
            begun_ms_ago: match best.kind {
                Kind::Fixed { phase_ms } => Some(now.saturating_sub(phase_ms) % best.window_ms),
                _ => None,
            },
            inferred: quota.stated != Some(limit),
            refused_count: best.refused_count,
            stated_ms_ago: now.saturating_sub(quota.confirmed_at),
            taken: taken.map(|entry| (now.saturating_sub(entry.at), entry.amount)).collect(),
        }
    });
    told.collect()
}

/// Starts from what another limiter has learned. It fades: the older it is, the likelier is chance.
pub(super) fn recall(account: &mut QuotaAccount, now: u64, known: &LearnedQuota) {
    let window_ms = known.window_ms.clamp(1, LONGEST_MS);
    let limit = known.limit.clamp(1, MOST_TOKENS);
    let kind = match (known.unit_us, known.begun_ms_ago) {
        (Some(_), _) => Kind::Bucket { burst: known.burst.unwrap_or(1).clamp(1, MOST_TOKENS) },
        (None, Some(ago)) => Kind::Fixed { phase_ms: (now - ago % window_ms) % window_ms },
        (None, None) => Kind::Sliding,
    };
    let confirmed_at = now.saturating_sub(known.stated_ms_ago);
    let mut quota = Posterior::stating(limit, confirmed_at);
    quota.stated = quota.stated.filter(|_| !known.inferred);
    let best = Hypothesis::new(kind, limit, window_ms, 0.0);
    quota.hypotheses.push(best.counting_refused(known.refused_count));
    let days = float(known.stated_ms_ago) / float(DAY_MS);
    quota.hypotheses.push(Hypothesis::chance(CHANCE_BESIDE_REMEMBERED * libm::exp2(-days)));
    account.quotas.push(quota);
    account.remember_taken(now, &known.taken);
}
