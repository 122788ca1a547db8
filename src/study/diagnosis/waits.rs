//! Oddities of waits: slow tails, batches that are passed over, gates that wait for nothing.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, AnomalyKind, MOST_EVENTS};
use super::history::{BatchHistory, Call, History, Wait};
use crate::fakes::quota::{QuotaConfig, WindowKind};
use crate::pipeline::batch::BatchId;
use crate::units::Count;

/// A tail, the last twentieth of the pages, is slow that takes a third of the run and at least this long;
/// of fewer pages none is told of.
const TAIL_MS: u64 = 10_000;
const LEAST_PAGES: usize = 20;
/// A call is slow that takes this many times what half of all calls take at most.
const SLOW_TIMES: u64 = 3;

/// A few pages that keep the run from its end, because of slow calls.
pub(super) fn slow_tail(history: &History) -> Option<Anomaly> {
    let mut done = history.done_ms.clone();
    done.sort_unstable();
    let before = done.len().checked_sub(done.len().div_ceil(20) + 1)?;
    let (from_ms, to_ms) = (*done.get(before)?, *done.last()?);
    let tail_ms = to_ms.saturating_sub(from_ms);
    let is_tail = tail_ms >= TAIL_MS && tail_ms.saturating_mul(3) >= history.makespan_ms();
    if done.len() < LEAST_PAGES || !is_tail {
        return None;
    }
    let within = |call: &&Call| call.ended_ms > from_ms && call.ended_ms <= to_ms;
    let slowest = history.calls.iter().filter(within).max_by_key(|call| took(call))?;
    let mut all: Vec<u64> = history.calls.iter().map(took).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().unwrap_or(0);
    let is_slow = took(slowest) >= middle.saturating_mul(SLOW_TIMES);
    (is_slow && took(slowest) * 2 >= tail_ms).then(|| Anomaly {
        kind: AnomalyKind::SlowTail,
        from_ms,
        to_ms,
        seen: format!(
            "the last {} of {} pages took {} s of {} s; a call of batch {} alone took {} s",
            done.len() - before - 1,
            done.len(),
            tail_ms / 1000,
            history.makespan_ms() / 1000,
            slowest.batch.0,
            took(slowest) / 1000
        ),
        events: vec![slowest.event],
    })
}

fn took(call: &Call) -> u64 {
    call.ended_ms.saturating_sub(call.started_ms)
}

/// A batch is starved that waited this long, while this many later ones overtook it.
const OVERTAKEN_BY: usize = 10;
const STARVED_MS: u64 = 30_000;

/// The batch that waited longest, if many later ones were answered before it.
pub(super) fn starvation(history: &History) -> Option<Anomaly> {
    let waited = |batch: &BatchHistory, answered_ms: u64| {
        let whole = answered_ms.saturating_sub(batch.formed_ms);
        whole.saturating_sub(batch.called_ms)
    };
    let answered: Vec<(BatchId, &BatchHistory, u64)> = history
        .batches
        .iter()
        .filter_map(|(id, batch)| Some((*id, batch, batch.answered_ms?)))
        .collect();
    let (id, batch, answered_ms) =
        answered.iter().max_by_key(|(_, batch, answered_ms)| waited(batch, *answered_ms))?;
    let waited_ms = waited(batch, *answered_ms);
    let overtaken = answered
        .iter()
        .filter(|(_, other, other_ms)| other.formed_ms > batch.formed_ms && other_ms < answered_ms)
        .count();
    let mut all: Vec<u64> =
        answered.iter().map(|(_, batch, answered_ms)| waited(batch, *answered_ms)).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().unwrap_or(0);
    let is_starved = waited_ms >= STARVED_MS
        && overtaken >= OVERTAKEN_BY
        && waited_ms >= middle.saturating_mul(10);
    is_starved.then(|| Anomaly {
        kind: AnomalyKind::Starvation,
        from_ms: batch.formed_ms,
        to_ms: *answered_ms,
        seen: format!(
            "batch {} of {} pages waited for {} s while {overtaken} later ones were answered; half of all waited for less than {} s",
            id.0,
            batch.pages,
            waited_ms / 1000,
            middle / 1000 + 1
        ),
        events: std::iter::once(batch.event)
            .chain(history.calls.iter().filter(|call| call.batch == *id).map(|call| call.event))
            .take(MOST_EVENTS)
            .collect(),
    })
}

/// Waits for nothing are told of from this sum on, if they are a fifth of the run.
const IDLE_MS: u64 = 10_000;

/// Waits for a quota that had room.
pub(super) fn idle_gate(
    history: &History,
    quotas: &BTreeMap<&'static str, QuotaConfig>,
) -> Option<Anomaly> {
    let quota = quotas.get(history.primary.as_str());
    // What a day's quota or a change of it does is not weighed here.
    let is_known = quota.is_none_or(|quota| quota.change.is_empty() && quota.used.is_none());
    let is_closed = history.refusals.iter().any(|one| one.quota.contains("day"));
    if !is_known || is_closed {
        return None;
    }
    let usage = Usage::of(history, quota);
    let mut idle: Vec<(u64, u64, &Wait)> = Vec::new();
    let is_primary =
        |wait: &&Wait| wait.provider.as_ref().is_none_or(|one| *one == history.primary);
    for wait in history.waits.iter().filter(|wait| wait.quota_ms > 0).filter(is_primary) {
        let free = usage.free_from(wait.until_ms.saturating_sub(wait.quota_ms), wait.until_ms);
        // Waits that overlap are one.
        let from = idle.last().map_or(free, |(_, until, _)| free.max(*until));
        if from < wait.until_ms {
            idle.push((from, wait.until_ms, wait));
        }
    }
    let idle_ms: u64 = idle.iter().map(|(from, until, _)| until - from).sum();
    let longest = idle.iter().max_by_key(|(from, until, _)| until - from)?;
    let is_odd = idle_ms >= IDLE_MS && idle_ms.saturating_mul(5) >= history.makespan_ms();
    is_odd.then(|| Anomaly {
        kind: AnomalyKind::IdleGate,
        from_ms: longest.0,
        to_ms: longest.1,
        seen: format!(
            "calls waited for {} s of {} s for a quota that had room, the longest time for {} s",
            idle_ms / 1000,
            history.makespan_ms() / 1000,
            (longest.1 - longest.0) / 1000
        ),
        events: vec![longest.2.event],
    })
}

/// What was taken of one limit of a window: when, and how much.
struct LimitUse {
    /// How much the window holds, and for how long what was taken counts.
    holds: u64,
    window_ms: u64,
    /// What the next call takes: as much as the largest.
    next: u64,
    /// In order of time.
    amounts: Vec<(u64, u64)>,
}

/// What the primary's calls took of its quota, and until when it wanted to be left in peace.
struct Usage {
    limits: Vec<LimitUse>,
    /// Up to each end of a call: the latest time that was asked for.
    asked: Vec<(u64, u64)>,
}

impl Usage {
    fn of(history: &History, quota: Option<&QuotaConfig>) -> Self {
        let own = || history.calls.iter().filter(|call| call.provider == history.primary);
        let mut latest = 0;
        let asked = own().map(|call| {
            latest = latest.max(call.ended_ms.saturating_add(call.hint_ms));
            (call.ended_ms, latest)
        });
        let asked = asked.collect();
        let limits = quota.map_or_else(Vec::new, |quota| {
            let counts = |call: &&Call| call.is_admitted || quota.refused_count;
            let taken =
                |limit: Count, per_s: u64, amount: fn(&Call) -> u64, burst: Option<Count>| {
                    let (limit, per_ms) = (limit.get(), per_s.saturating_mul(1000));
                    let holds = burst.map_or(limit, Count::get);
                    let mut amounts: Vec<(u64, u64)> =
                        own().filter(counts).map(|call| (call.started_ms, amount(call))).collect();
                    amounts.sort_unstable();
                    let window_ms = per_ms.saturating_mul(holds) / limit.max(1);
                    let next = own().map(amount).max().unwrap_or(0);
                    LimitUse { holds, window_ms, next, amounts }
                };
            let burst = quota.burst.filter(|_| quota.window == WindowKind::Bucket);
            let one: fn(&Call) -> u64 = |_| 1;
            let tokens: fn(&Call) -> u64 = |call| call.input_tokens;
            let per_s = quota.per_s.get();
            let first = quota.requests.map(|limit| taken(limit, per_s, one, burst));
            let of_tokens = quota.tokens.map(|limit| taken(limit, per_s, tokens, None));
            let further = quota.also.iter().flat_map(|further| {
                let per_s = further.per_s.get();
                let requests = further.requests.map(|limit| taken(limit, per_s, one, None));
                requests
                    .into_iter()
                    .chain(further.tokens.map(|limit| taken(limit, per_s, tokens, None)))
            });
            first.into_iter().chain(of_tokens).chain(further).collect()
        });
        Self { limits, asked }
    }

    /// From when on the quota surely had room for a call, within a wait.
    fn free_from(&self, from: u64, until: u64) -> u64 {
        let ended = self.asked.partition_point(|(at_ms, _)| *at_ms <= until);
        let asked = ended.checked_sub(1).map_or(0, |last| self.asked[last].1);
        self.limits.iter().fold(asked.max(from), |free, limit| free.max(limit.free_from(until)))
    }
}

impl LimitUse {
    /// When what must leave the window for the next call has left it.
    fn free_from(&self, until: u64) -> u64 {
        let before = self.amounts.partition_point(|(at_ms, _)| *at_ms < until);
        let mut held = self.next;
        for (at_ms, amount) in self.amounts[..before].iter().rev() {
            held = held.saturating_add(*amount);
            if held > self.holds {
                return at_ms.saturating_add(self.window_ms);
            }
        }
        0
    }
}
