//! How much of its quota a service gave out at most, from what it billed.

use std::collections::BTreeMap;

use crate::fakes::calendar::Calendar;
use crate::fakes::llm::AiConfig;
use crate::fakes::quota::{Change, Dimension, QuotaConfig, Window, WindowKind, even_day};
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
    refused: BTreeMap<String, BTreeMap<QuotaPart, Refused>>,
}

/// A dimension by its name, and of windows beside the first the length in seconds.
type QuotaPart = (String, Option<u64>);

/// Refusals by one limit: their number, and the most that was used at one. Where refused calls count,
/// only the service knows what they took.
#[derive(Default, Clone, Copy)]
struct Refused {
    count: u64,
    most_used: u64,
}

impl UseRecords {
    fn of(service: Service, tested: &str, log: &Log) -> Self {
        let mut records = Self::default();
        for entry in log.entries.without_tags() {
            match entry.what {
                What::World(WorldEvent::Billed {
                    service: by,
                    model,
                    input_tokens,
                    later: false,
                    ..
                }) if by == service => {
                    records.billed.entry(model).or_default().push((entry.t_ms, input_tokens));
                }
                What::World(WorldEvent::QuotaRefused {
                    service: by,
                    model,
                    quota,
                    used,
                    per_s,
                    ..
                }) if by == service => {
                    let model = model.unwrap_or_else(|| tested.to_owned());
                    let of_model = records.refused.entry(model).or_default();
                    let refused = of_model.entry((quota, per_s)).or_default();
                    refused.count += 1;
                    refused.most_used = refused.most_used.max(used);
                }
                _ => {}
            }
        }
        records
    }

    /// The peak of one limit, of which `used` was taken at most by what was billed.
    fn peak(&self, model: &str, what: String, part: &QuotaPart, (used, limit): (u64, u64)) -> Peak {
        let of_model = self.refused.get(model);
        let refused = of_model.and_then(|parts| parts.get(part)).copied().unwrap_or_default();
        let used = used.max(refused.most_used);
        Peak { model: model.to_owned(), what, used, limit, refused: refused.count }
    }

    /// The peaks of the windows beside the first.
    fn of_further(&self, quota: &QuotaConfig, model: &str, calls: &Taken) -> Vec<Peak> {
        let named = [(Dimension::Requests, "requests"), (Dimension::Tokens, "input tokens")];
        let peaks = named.into_iter().flat_map(|(dimension, words)| {
            quota.further_of(dimension).map(move |(per_s, window)| {
                let taken =
                    if dimension == Dimension::Tokens { calls.clone() } else { ones(calls) };
                let (what, limit) = (format!("{words} in {per_s} s"), window.limit());
                let part = (dimension.name().to_owned(), Some(per_s.get()));
                self.peak(model, what, &part, (of_window(window, &taken), limit))
            })
        });
        peaks.collect()
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
    let records = UseRecords::of(service, tested, log);
    let used = |dimension, taken: &Taken| {
        quota.window_of(dimension).map_or(0, |window| of_window(window, taken))
    };
    // Where an amount changes midway, the largest is the limit.
    let largest = |first: Option<Count>, of: fn(&Change) -> Option<Count>| {
        first.into_iter().chain(quota.change.iter().filter_map(of)).max()
    };
    let mut peaks = Vec::new();
    for (model, calls) in &records.billed {
        let mut add = |what: &str, of: Dimension, limit: Option<Count>, used: &dyn Fn() -> u64| {
            let Some(limit) = limit else { return };
            let part = (of.name().to_owned(), None);
            peaks.push(records.peak(model, what.to_owned(), &part, (used(), limit.get())));
        };
        let requests = largest(quota.requests, |change| change.requests);
        let held = quota.burst.filter(|_| quota.window == WindowKind::Bucket).or(requests);
        add("requests", Dimension::Requests, quota.requests.and(held), &|| {
            used(Dimension::Requests, &ones(calls))
        });
        let tokens = largest(quota.tokens, |change| change.tokens);
        add("input tokens", Dimension::Tokens, tokens, &|| used(Dimension::Tokens, calls));
        let most_of_day = |dimension, limit: Option<Count>, taken: &Taken| {
            let before = quota.used_of(dimension);
            match (service, limit) {
                (Service::Openai, Some(limit)) => of_window(even_day(limit.get(), before), taken),
                _ => of_day((calendar, before), taken),
            }
        };
        add("requests a day", Dimension::Day, quota.per_day, &|| {
            most_of_day(Dimension::Day, quota.per_day, &ones(calls))
        });
        add("input tokens a day", Dimension::DayTokens, quota.tokens_per_day, &|| {
            most_of_day(Dimension::DayTokens, quota.tokens_per_day, calls)
        });
        peaks.extend(records.of_further(quota, model, calls));
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
