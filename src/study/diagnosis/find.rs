//! Finds what is odd about the runs of a scenario.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, AnomalyKind};
use super::history::History;
use super::{answers, refusals, waits};
use crate::fakes::quota::QuotaConfig;
use crate::sim::recorder::{Log, Vantage};
use crate::sim::scenario::Scenario;

/// A run as far as it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    /// Its log.
    pub log: &'a Log,
    /// Pages that failed.
    pub failed: u64,
}

/// What is odd about each run, in order of time. Without a scenario, as against real services, what
/// needs the true quotas or the cache's size is not looked for; of what was seen from outside nothing is.
pub fn find(scenario: Option<&Scenario>, runs: &[Examined<'_>]) -> Vec<Vec<Anomaly>> {
    (0..runs.len()).map(|at| of_run(scenario, runs, at)).collect()
}

fn of_run(scenario: Option<&Scenario>, runs: &[Examined<'_>], at: usize) -> Vec<Anomaly> {
    let Examined { log, failed } = runs[at];
    if log.vantage == Vantage::Server {
        return Vec::new();
    }
    let history = History::of(log);
    let mut found = vec![
        refusals::storm(&history),
        refusals::amplification(&history),
        refusals::stuck_limit(&history),
        waits::slow_tail(&history),
        waits::starvation(&history),
        answers::hidden_primary(&history, failed),
    ];
    if let Some(scenario) = scenario {
        let quotas = quotas(scenario);
        found.push(refusals::neighbour(&history, &quotas));
        // What a neighbour leaves of a quota is not weighed.
        let is_shared = !scenario.world.gemini.0.neighbour.is_empty()
            || !scenario.world.openai.0.neighbour.is_empty();
        if !is_shared {
            found.push(waits::idle_gate(&history, &quotas));
        }
        found.push(thrash(scenario, runs, at));
    }
    let mut found: Vec<Anomaly> = found.into_iter().flatten().collect();
    // A primary that fails because of a storm is told of once.
    if found.iter().any(|one| one.kind == AnomalyKind::HiddenPrimary) {
        found.retain(|one| one.kind != AnomalyKind::RateLimitStorm);
    }
    found.sort_by_key(|one| (one.from_ms, one.kind));
    found
}

fn thrash(scenario: &Scenario, runs: &[Examined<'_>], at: usize) -> Option<Anomaly> {
    let config = &scenario.runs.get(at)?.config;
    if !config.cache {
        return None;
    }
    let fresh = (0..=at).rev().find(|one| scenario.runs[*one].fresh).unwrap_or(0);
    let before: Vec<&Log> = runs[fresh..at].iter().map(|run| run.log).collect();
    answers::cache_thrash(runs[at].log, &before, config.cache_size)
}

/// The true quotas of the AI services.
fn quotas(scenario: &Scenario) -> BTreeMap<&'static str, QuotaConfig> {
    let world = &scenario.world;
    let all = [("gemini", &world.gemini.0), ("openai", &world.openai.0)];
    all.into_iter().filter_map(|(name, ai)| Some((name, ai.quota.clone()?))).collect()
}
