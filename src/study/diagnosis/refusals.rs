//! Oddities of calls that were refused or failed: storms, retries, limits that stay low, neighbours.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, AnomalyKind, MOST_EVENTS};
use super::history::{Call, History};
use crate::fakes::quota::{QuotaConfig, WindowKind};
use crate::pipeline::event::LimitReason;
use crate::units::Count;

/// In a storm at least this many of this many calls in a row were refused.
const STORM_CALLS: usize = 20;
const STORM_REFUSED: usize = 10;

/// The longest time in which most calls were refused.
pub(super) fn storm(history: &History) -> Option<Anomaly> {
    let refused_in = |calls: &[Call]| calls.iter().filter(|call| call.is_refused).count();
    let is_storm: Vec<bool> = history
        .calls
        .windows(STORM_CALLS)
        .map(|calls| refused_in(calls) >= STORM_REFUSED)
        .collect();
    let (mut longest, mut from) = (0..0, None);
    for (at, is_storm) in is_storm.iter().copied().chain([false]).enumerate() {
        match (is_storm, from) {
            (true, None) => from = Some(at),
            (false, Some(first)) => {
                // The last window reaches beyond its first call.
                let range = first..at + STORM_CALLS - 1;
                if range.len() > longest.len() {
                    longest = range;
                }
                from = None;
            }
            _ => {}
        }
    }
    let calls = history.calls.get(longest).filter(|calls| !calls.is_empty())?;
    let mut refused = calls.iter().filter(|call| call.is_refused);
    let (first, last) = (refused.next()?, refused.next_back()?);
    let within =
        calls.iter().filter(|call| (first.event..=last.event).contains(&call.event)).count();
    let refused = refused_in(calls);
    Some(Anomaly {
        kind: AnomalyKind::RateLimitStorm,
        from_ms: first.ended_ms,
        to_ms: last.ended_ms,
        seen: format!("of {within} calls in a row {refused} were answered with 429"),
        events: vec![first.event, last.event],
    })
}

/// Retries are told of from this many failed calls on, if they are this share of the batches.
const FAILED_PERCENT: usize = 50;
const LEAST_FAILED: usize = 10;

/// Much more calls than prompts, for other reasons than a storm of 429s.
pub(super) fn amplification(history: &History) -> Option<Anomaly> {
    let asked = history.batches.values().filter(|batch| batch.attempts > 0).count();
    let calls = history.calls.len();
    let failed = || history.calls.iter().filter(|call| !call.is_answered);
    let refused = failed().filter(|call| call.is_refused).count();
    let count = failed().count();
    let is_amplified = count >= LEAST_FAILED && count * 100 >= asked * FAILED_PERCENT;
    // Where the primary answers nothing no call adds to another.
    let is_alive =
        history.calls.iter().any(|call| call.is_answered && call.provider == history.primary);
    if !is_amplified || refused * 2 > count || !is_alive {
        return None;
    }
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for class in failed().filter_map(|call| call.class) {
        *classes.entry(class.to_string()).or_default() += 1;
    }
    let (class, count) = classes.into_iter().max_by_key(|(_, count)| *count)?;
    let (worst, batch) = history.batches.iter().max_by_key(|(_, batch)| batch.attempts)?;
    let (first, last) = (failed().next()?, failed().next_back()?);
    Some(Anomaly {
        kind: AnomalyKind::RetryAmplification,
        from_ms: first.ended_ms,
        to_ms: last.ended_ms,
        seen: format!(
            "{calls} calls were made for {asked} batches, up to {} for one (batch {}); {count} ended with {class}",
            batch.attempts, worst.0
        ),
        events: history
            .calls
            .iter()
            .filter(|call| call.batch == *worst)
            .map(|call| call.event)
            .take(MOST_EVENTS)
            .collect(),
    })
}

/// A limit is stuck that stood still for this long, and for half of the run.
const STUCK_MS: u64 = 60_000;

/// A limit that was cut to half or less, and stayed there though nothing was refused and calls waited for
/// a place.
pub(super) fn stuck_limit(history: &History) -> Option<Anomaly> {
    let last = history.limits.last()?;
    let is_cut = matches!(last.why, LimitReason::RateLimited | LimitReason::Overloaded);
    let highest = history.limits.iter().map(|one| one.old).max()?.max(history.first_limit);
    if !is_cut || last.new * 2 > highest {
        return None;
    }
    let failed = history.calls.iter().rev().find(|call| !call.is_answered);
    let since = failed.map_or(last.at_ms, |call| call.ended_ms.max(last.at_ms));
    let quiet_ms = history.ended_ms.saturating_sub(since);
    let waited = || {
        let after = history.waits.iter().filter(move |wait| wait.until_ms > since);
        after.filter(|wait| wait.place_ms > 0)
    };
    let longest = waited().max_by_key(|wait| wait.place_ms)?;
    let waited_ms: u64 = waited().map(|wait| wait.place_ms).sum();
    let is_long = quiet_ms >= STUCK_MS && quiet_ms * 2 >= history.makespan_ms();
    (is_long && waited_ms * 2 >= quiet_ms).then(|| Anomaly {
        kind: AnomalyKind::StuckLimit,
        from_ms: since,
        to_ms: history.ended_ms,
        seen: format!(
            "the limit was cut from {} to {} and stayed there to the end, for {} s after the last failure",
            highest,
            last.new,
            quiet_ms / 1000
        ),
        events: vec![last.event, longest.event],
    })
}

/// A neighbour is told of from this many refusals on, at which our own calls came to less than this
/// part of the limit.
const LEAST_FOREIGN: usize = 3;
const OWN_PART_PERCENT: u64 = 70;

/// Refusals at a time when our own calls cannot have used up the quota.
pub(super) fn neighbour(
    history: &History,
    quotas: &BTreeMap<&'static str, QuotaConfig>,
) -> Option<Anomaly> {
    let starts: BTreeMap<&str, Vec<u64>> =
        quotas.iter().map(|(service, quota)| (*service, starts(history, service, quota))).collect();
    let mut foreign = Vec::new();
    let mut of_requests = 0;
    for refusal in history.refusals.iter().filter(|refusal| refusal.quota == "requests") {
        let Some(quota) = quotas.get(refusal.service) else { continue };
        of_requests += 1;
        let (limit, first) = (refusal.limit, quota.requests.map_or(refusal.limit, Count::get));
        let per_ms = refusal.per_s.unwrap_or(quota.per_s.get()).saturating_mul(1000);
        let window_ms = match quota.window {
            // What a bucket holds drips back in this time.
            WindowKind::Bucket if refusal.per_s.is_none() => {
                per_ms.saturating_mul(limit) / first.max(1)
            }
            WindowKind::Bucket | WindowKind::Sliding | WindowKind::Fixed => per_ms,
        };
        let own = starts.get(refusal.service).map_or(0, |starts| {
            let until = starts.partition_point(|at_ms| *at_ms <= refusal.at_ms);
            let from =
                starts.partition_point(|at_ms| at_ms.saturating_add(window_ms) <= refusal.at_ms);
            until.saturating_sub(from) as u64
        });
        if own.saturating_mul(100) < limit.saturating_mul(OWN_PART_PERCENT) {
            foreign.push((refusal, own));
        }
    }
    let ((first, own), (last, _)) = (foreign.first()?, foreign.last()?);
    (foreign.len() >= LEAST_FOREIGN && foreign.len() * 2 >= of_requests).then(|| Anomaly {
        kind: AnomalyKind::Neighbour,
        from_ms: first.at_ms,
        to_ms: last.at_ms,
        seen: format!(
            "{} of {of_requests} refusals came when our own calls had used far less than the quota: at the first, {own} of {}",
            foreign.len(),
            first.limit
        ),
        events: foreign.iter().map(|(refusal, _)| refusal.event).take(MOST_EVENTS).collect(),
    })
}

/// When the calls were sent that took of a service's quota, in order.
fn starts(history: &History, service: &str, quota: &QuotaConfig) -> Vec<u64> {
    let is_own =
        |call: &&Call| call.provider == service && (call.is_admitted || quota.refused_count);
    let mut starts: Vec<u64> =
        history.calls.iter().filter(is_own).map(|call| call.started_ms).collect();
    starts.sort_unstable();
    starts
}
