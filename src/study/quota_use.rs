//! How much of its quota a service gave out at most, from what it billed.

use std::collections::{BTreeMap, VecDeque};

use crate::fakes::ai::AiConfig;
use crate::fakes::quota::{QuotaConfig, WindowKind};
use crate::fakes::record::{Record, Service};
use crate::sim::recorder::{Log, What};
use crate::sim::scenario::Scenario;

/// The most that was used of one limit at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peak {
    /// The service and its model.
    pub model: String,
    /// What is limited: `requests` or `tokens` of a window, or `requests a day`.
    pub what: &'static str,
    /// The most at a time.
    pub used: u64,
    /// Of how much.
    pub limit: u64,
    /// How many calls this limit refused.
    pub refused: u64,
}

/// The peaks of all limits that the scenario states, by model.
pub fn of(scenario: &Scenario, log: &Log) -> Vec<Peak> {
    let world = &scenario.world;
    let services = [(Service::Gemini, &world.gemini.0), (Service::Openai, &world.openai.0)];
    let of = |(service, ai): (Service, &AiConfig)| {
        let quota = ai.quota.as_ref();
        quota.map_or(Vec::new(), |quota| of_service(service, &ai.model, quota, log))
    };
    services.into_iter().flat_map(of).collect()
}

fn of_service(service: Service, tested: &str, quota: &QuotaConfig, log: &Log) -> Vec<Peak> {
    let mut billed: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    let mut refused: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for entry in &log.entries {
        match &entry.what {
            What::World(Record::Billed {
                service: by, model, input_tokens, later: false, ..
            }) if *by == service => {
                billed.entry(model).or_default().push((entry.t_ms, *input_tokens));
            }
            What::World(Record::QuotaRefused { service: by, model, quota, .. })
                if *by == service =>
            {
                let model = model.as_deref().unwrap_or(tested);
                *refused.entry((model, quota)).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    let window_ms = quota.per_s.get() * 1000;
    let mut peaks = Vec::new();
    for (model, calls) in &billed {
        let mut add = |what, name, used, limit| {
            let refused = refused.get(&(*model, name)).copied().unwrap_or(0);
            let model = (*model).to_owned();
            peaks.push(Peak { model, what, used, limit, refused });
        };
        if let Some(limit) = quota.requests {
            let used = peak(quota.window, window_ms, calls.iter().map(|(t_ms, _)| (*t_ms, 1)));
            add("requests", "requests", used, limit.get());
        }
        if let Some(limit) = quota.tokens {
            let used = peak(quota.window, window_ms, calls.iter().copied());
            add("input tokens", "tokens", used, limit.get());
        }
        if let Some(limit) = quota.per_day {
            let day_ms = 86_400_000;
            let used = peak(WindowKind::Sliding, day_ms, calls.iter().map(|(t_ms, _)| (*t_ms, 1)));
            add("requests a day", "per_day", used, limit.get());
        }
        if let Some(limit) = quota.tokens_per_day {
            let used = peak(WindowKind::Sliding, 86_400_000, calls.iter().copied());
            add("input tokens a day", "tokens_per_day", used, limit.get());
        }
    }
    peaks
}

/// The largest sum within one window.
fn peak(kind: WindowKind, per_ms: u64, taken: impl Iterator<Item = (u64, u64)>) -> u64 {
    let mut open: VecDeque<(u64, u64)> = VecDeque::new();
    let (mut sum, mut most) = (0, 0);
    for (t_ms, amount) in taken {
        let starts_ms = match kind {
            WindowKind::Fixed => t_ms / per_ms * per_ms,
            WindowKind::Sliding | WindowKind::Bucket => (t_ms + 1).saturating_sub(per_ms),
        };
        while let Some((_, old)) = open.front().copied().filter(|(at, _)| *at < starts_ms) {
            sum -= old;
            open.pop_front();
        }
        open.push_back((t_ms, amount));
        sum += amount;
        most = most.max(sum);
    }
    most
}
