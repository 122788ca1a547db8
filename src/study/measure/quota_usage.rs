//! How much of its quota a service gave out at most, from what it billed.

use std::collections::BTreeMap;

use crate::fakes::calendar::Calendar;
use crate::fakes::llm::AiConfig;
use crate::fakes::quota::{
    Change, Dimension, FurtherWindow, QuotaConfig, Window, WindowKind, even_day,
};
use crate::fakes::world_event::{Service, WorldEvent};
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;
use crate::sim::scenario::Scenario;
use crate::units::Count;

/// The most that was used of one limit at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peak {
    /// The service and its model.
    pub model: String,
    /// What is limited: `requests` or `input tokens` of the first window, `requests in 10 s` of a
    /// further one, or `requests a day`.
    pub what: String,
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
    let calendar = Calendar::new(world.start);
    let services = [(Service::Gemini, &world.gemini.0), (Service::Openai, &world.openai.0)];
    let of = |(service, ai): (Service, &AiConfig)| {
        let quota = ai.quota.as_ref();
        quota.map_or(Vec::new(), |quota| of_service(service, &ai.model, quota, (log, &calendar)))
    };
    services.into_iter().flat_map(of).collect()
}

/// What calls took of a model: when, and how many input tokens.
type Taken = Vec<(u64, u64)>;

/// What a service's records say, by model.
#[derive(Default)]
struct UseRecords {
    billed: BTreeMap<String, Taken>,
    /// By model.
    refused: BTreeMap<String, Vec<Refused>>,
}

/// A refusal: of what dimension and limit, and how much was used. Where refused calls count, only
/// the service knows what they took.
struct Refused {
    dimension: String,
    limit: u64,
    used: u64,
}

impl UseRecords {
    fn of(service: Service, tested: &str, log: &Log) -> Self {
        let mut recorded = Self::default();
        for entry in log.entries.without_tags() {
            match entry.what {
                What::World(WorldEvent::Billed {
                    service: by,
                    model,
                    input_tokens,
                    later: false,
                    ..
                }) if by == service => {
                    recorded.billed.entry(model).or_default().push((entry.t_ms, input_tokens));
                }
                What::World(WorldEvent::QuotaRefused {
                    service: by,
                    model,
                    quota,
                    used,
                    limit,
                    ..
                }) if by == service => {
                    let model = model.unwrap_or_else(|| tested.to_owned());
                    let refusal = Refused { dimension: quota, limit, used };
                    recorded.refused.entry(model).or_default().push(refusal);
                }
                _ => {}
            }
        }
        recorded
    }

    /// The number of refusals by limits for which this is so, and the most that was used at one.
    fn refusals(&self, model: &str, of: Dimension, is_of: impl Fn(u64) -> bool) -> (u64, u64) {
        let of_model = self.refused.get(model).into_iter().flatten();
        let of_limit = of_model
            .filter(|one| one.dimension == of.name() && is_of(one.limit))
            .map(|one| one.used);
        of_limit.fold((0, 0), |(count, most), used| (count + 1, most.max(used)))
    }

    /// The peaks of the windows beside the first.
    fn of_further(&self, quota: &QuotaConfig, model: &str, calls: &Taken) -> Vec<Peak> {
        let named = [(Dimension::Requests, "requests"), (Dimension::Tokens, "input tokens")];
        let all = quota.also.iter().flat_map(|further| named.map(|named| (further, named)));
        let peak = |(further, (dimension, words)): (&FurtherWindow, (Dimension, &str))| {
            let limit = further.limit_of(dimension)?.get();
            let window_ms = further.per_s.get().saturating_mul(1000);
            let window = Window::new(quota.window, limit, limit, window_ms);
            let taken = if dimension == Dimension::Tokens { calls.clone() } else { ones(calls) };
            let (refused, seen) = self.refusals(model, dimension, |one| one == limit);
            let what = format!("{words} in {} s", further.per_s);
            let used = of_window(window, &taken).max(seen);
            Some(Peak { model: model.to_owned(), what, used, limit, refused })
        };
        all.filter_map(peak).collect()
    }
}

/// Each call as one.
fn ones(taken: &Taken) -> Taken {
    taken.iter().map(|(t_ms, _)| (*t_ms, 1)).collect()
}

fn of_service(
    service: Service,
    tested: &str,
    quota: &QuotaConfig,
    (log, calendar): (&Log, &Calendar),
) -> Vec<Peak> {
    let recorded = UseRecords::of(service, tested, log);
    let used = |dimension, taken: &Taken| {
        quota.window_of(dimension).map_or(0, |window| of_window(window, taken))
    };
    // Where an amount changes midway, the largest is the limit.
    let largest = |first: Option<Count>, of: fn(&Change) -> Option<Count>| {
        first.into_iter().chain(quota.change.iter().filter_map(of)).max()
    };
    let mut peaks = Vec::new();
    for (model, calls) in &recorded.billed {
        let is_further = |dimension: Dimension, limit: u64| {
            quota.also.iter().any(|one| one.limit_of(dimension).is_some_and(|is| is.get() == limit))
        };
        let mut add = |what: String, dimension: Dimension, limit: Option<Count>, used: u64| {
            let Some(limit) = limit.map(Count::get) else { return };
            let is_of_first = |one: u64| one == limit || !is_further(dimension, one);
            let (refused, seen) = recorded.refusals(model, dimension, is_of_first);
            peaks.push(Peak { model: model.clone(), what, used: used.max(seen), limit, refused });
        };
        let requests = largest(quota.requests, |change| change.requests);
        let held = quota.burst.filter(|_| quota.window == WindowKind::Bucket).or(requests);
        let of_requests = used(Dimension::Requests, &ones(calls));
        add("requests".to_owned(), Dimension::Requests, quota.requests.and(held), of_requests);
        let tokens = largest(quota.tokens, |change| change.tokens);
        add("input tokens".to_owned(), Dimension::Tokens, tokens, used(Dimension::Tokens, calls));
        let most_of_day = |dimension, limit: Option<Count>, taken: &Taken| {
            let before = quota.used_of(dimension);
            match (service, limit) {
                (_, None) => 0,
                (Service::Openai, Some(limit)) => of_window(even_day(limit.get(), before), taken),
                _ => of_day((calendar, before), taken),
            }
        };
        let of_day = most_of_day(Dimension::Day, quota.per_day, &ones(calls));
        add("requests a day".to_owned(), Dimension::Day, quota.per_day, of_day);
        let of_day = most_of_day(Dimension::DayTokens, quota.tokens_per_day, calls);
        add("input tokens a day".to_owned(), Dimension::DayTokens, quota.tokens_per_day, of_day);
        peaks.extend(recorded.of_further(quota, model, calls));
    }
    peaks
}

/// The most that a window held at a time.
fn of_window(mut window: Window, taken: &Taken) -> u64 {
    let held = taken.iter().map(|(t_ms, amount)| {
        window.pass(*t_ms);
        window.take(*t_ms, *amount);
        window.used()
    });
    held.max().unwrap_or(0)
}

/// The most that was taken on one day; `before` was taken by others on the day of virtual zero.
fn of_day((calendar, before): (&Calendar, u64), taken: &Taken) -> u64 {
    let mut days = BTreeMap::from([(calendar.pacific_midnight_after(0), before)]);
    for (t_ms, amount) in taken {
        let day = days.entry(calendar.pacific_midnight_after(*t_ms)).or_insert(0);
        *day = day.saturating_add(*amount);
    }
    days.into_values().max().unwrap_or(0)
}
