//! The limits that can be lifted, one at a time.

use crate::fakes::llm::AiConfig;
use crate::fakes::quota::{FurtherWindow, QuotaConfig};
use crate::pipeline::config::{BatchSize, ConfluencePace, LimiterKind, Settings};
use crate::sim::scenario::Scenario;
use crate::units::{Count, Ratio};

/// Calls in flight when nothing limits them.
const MOST_CALLS: u64 = 1024;
/// Batches in flight when nothing limits them.
const MOST_BATCHES: u64 = 4096;
/// Pages in a prompt when nothing but the plan limits them.
const MOST_PAGES: u64 = 1000;
/// Entries of a cache, or tokens of a prompt, that no space reaches.
const ENOUGH: u64 = 10_000_000;
/// The longest time-out that can be set, a day.
const DAY_MS: u64 = 86_400_000;

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Whose {
    /// The pipeline's: a setting.
    Pipeline,
    /// The world's.
    World,
}

/// What a limit was, and what it is when it is lifted.
pub type Lifted = (String, &'static str);

/// A limit that can be lifted alone.
#[derive(Debug, Clone, Copy)]
pub struct Liftable {
    /// Its key in a scenario.
    pub key: &'static str,
    /// Whose it is.
    pub whose: Whose,
    lift: fn(&mut Scenario) -> Option<Lifted>,
}

impl Liftable {
    /// The scenario without this limit; nothing where it has no such limit.
    pub fn lift(&self, scenario: &Scenario) -> Option<(Scenario, Lifted)> {
        let mut lifted = scenario.clone();
        let change = (self.lift)(&mut lifted)?;
        Some((lifted, change))
    }
}

impl Liftable {
    /// Whether it is how long services take when nothing goes wrong, which is no limit of theirs.
    pub fn is_usual_latency(&self) -> bool {
        let rest = self.key.split_once(".latency").map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest != ".tail")
    }
}

/// The scenario without all of these limits, and how many it had.
pub fn lift_all(scenario: &Scenario, limits: &[Liftable]) -> (Scenario, usize) {
    let mut lifted = scenario.clone();
    let count = limits.iter().filter(|limit| (limit.lift)(&mut lifted).is_some()).count();
    (lifted, count)
}

/// Changes the settings of all runs; nothing where that changes none.
fn set(
    scenario: &mut Scenario,
    change: impl Fn(&mut Settings) -> Option<Lifted>,
) -> Option<Lifted> {
    let changes: Vec<Option<Lifted>> =
        scenario.runs.iter_mut().map(|run| change(&mut run.config)).collect();
    // The run that is asked about is the last.
    changes.into_iter().next_back().flatten()
}

/// Sets a number to what nothing reaches.
fn raise(value: &mut u64, most: u64, shown: &'static str) -> Option<Lifted> {
    let was = std::mem::replace(value, most);
    (was < most).then(|| (was.to_string(), shown))
}

/// Takes a part away.
fn remove<T: ToString>(part: &mut Option<T>) -> Option<Lifted> {
    part.take().map(|was| (was.to_string(), "none"))
}

/// Takes a list of parts away, and says what they were.
fn clear_named<T: ToString>(parts: &mut Vec<T>) -> Option<Lifted> {
    let was: Vec<String> = std::mem::take(parts).iter().map(T::to_string).collect();
    (!was.is_empty()).then(|| (was.join(", "), "none"))
}

/// Takes a list of troubles away.
fn clear<T>(troubles: &mut Vec<T>) -> Option<Lifted> {
    let count = std::mem::take(troubles).len();
    (count > 0).then(|| (count.to_string(), "none"))
}

/// Takes a part of a quota away, and the quota with its last part.
fn unlimited(
    ai: &mut AiConfig,
    part: impl Fn(&mut QuotaConfig) -> Option<Lifted>,
) -> Option<Lifted> {
    let quota = ai.quota.as_mut()?;
    let lifted = part(quota)?;
    // A change midway of what is gone is gone as well.
    for change in &mut quota.change {
        change.requests = change.requests.filter(|_| quota.requests.is_some());
        change.tokens = change.tokens.filter(|_| quota.tokens.is_some());
    }
    quota.change.retain(|change| change.requests.is_some() || change.tokens.is_some());
    // Beside a further window the first stays, and takes whatever comes.
    let has =
        |of: fn(&FurtherWindow) -> Option<Count>| quota.also.iter().any(|one| of(one).is_some());
    quota.requests = quota.requests.or(has(|one| one.requests).then_some(Count::LARGEST));
    quota.tokens = quota.tokens.or(has(|one| one.tokens).then_some(Count::LARGEST));
    let parts = [quota.requests, quota.tokens, quota.per_day, quota.tokens_per_day];
    if parts.iter().all(Option::is_none) {
        ai.quota = None;
        ai.neighbour.clear();
    }
    Some(lifted)
}

/// The fallback, where some run may ask it.
fn fallback(scenario: &mut Scenario) -> Option<&mut AiConfig> {
    let is_asked = scenario.has_fallback && scenario.runs.iter().any(|run| run.config.fallback);
    is_asked.then_some(&mut scenario.world.openai.0)
}

const fn pipeline(key: &'static str, lift: fn(&mut Scenario) -> Option<Lifted>) -> Liftable {
    Liftable { key, whose: Whose::Pipeline, lift }
}

const fn world(key: &'static str, lift: fn(&mut Scenario) -> Option<Lifted>) -> Liftable {
    Liftable { key, whose: Whose::World, lift }
}

/// What finds the pace of the models and of Confluence. Alone these are no limits to lift: where there
/// is a quota, they keep it.
pub const LIMITERS: &[Liftable] = &[
    pipeline("pipeline.limiter", |scenario| {
        set(scenario, |settings| {
            let was = std::mem::replace(&mut settings.limiter, LimiterKind::Fixed);
            (was != LimiterKind::Fixed).then(|| (<&str>::from(was).to_owned(), "fixed"))
        })
    }),
    pipeline("pipeline.confluence_pace", |scenario| {
        set(scenario, |settings| {
            let was = std::mem::replace(&mut settings.confluence_pace, ConfluencePace::Fixed);
            (was != ConfluencePace::Fixed).then(|| ("found".to_owned(), "fixed"))
        })
    }),
];

/// The limits of the pipeline, then those of the primary, the fallback and Confluence.
pub const LIMITS: &[Liftable] = &[
    pipeline("pipeline.concurrency", |scenario| {
        set(scenario, |settings| {
            settings.in_flight_batches = settings.in_flight_batches.max(MOST_CALLS);
            settings.max_concurrency = MOST_CALLS;
            raise(&mut settings.concurrency, MOST_CALLS, "1024")
        })
    }),
    pipeline("pipeline.max_concurrency", |scenario| {
        set(scenario, |settings| {
            settings.in_flight_batches = settings.in_flight_batches.max(MOST_CALLS);
            raise(&mut settings.max_concurrency, MOST_CALLS, "1024")
        })
    }),
    pipeline("pipeline.in_flight_batches", |scenario| {
        set(scenario, |settings| raise(&mut settings.in_flight_batches, MOST_BATCHES, "4096"))
    }),
    pipeline("pipeline.batch_size", |scenario| {
        set(scenario, |settings| match settings.batch_size {
            BatchSize::Auto => None,
            BatchSize::Pages(pages) => {
                settings.batch_size = BatchSize::Auto;
                settings.max_batch_size = settings.max_batch_size.max(pages);
                Some((pages.to_string(), "auto"))
            }
        })
    }),
    pipeline("pipeline.max_batch_size", |scenario| {
        set(scenario, |settings| match settings.batch_size {
            BatchSize::Auto => raise(&mut settings.max_batch_size, MOST_PAGES, "1000"),
            BatchSize::Pages(_) => None,
        })
    }),
    pipeline("pipeline.batch_tokens", |scenario| {
        set(scenario, |settings| {
            settings.batch_tokens.as_mut().and_then(|tokens| raise(tokens, ENOUGH, "10000000"))
        })
    }),
    pipeline("pipeline.cache_size", |scenario| {
        set(scenario, |settings| {
            let lifted = raise(&mut settings.cache_size, ENOUGH, "10000000");
            lifted.filter(|_| settings.cache)
        })
    }),
    pipeline("pipeline.timeout_ms", |scenario| {
        set(scenario, |settings| raise(&mut settings.timeout_ms, DAY_MS, "86400000"))
    }),
    pipeline("pipeline.pause_ms", |scenario| {
        set(scenario, |settings| {
            let was = std::mem::take(&mut settings.pause_ms);
            (was > 0).then(|| (was.to_string(), "0"))
        })
    }),
    pipeline("pipeline.backoff_base_ms", |scenario| {
        set(scenario, |settings| {
            let was = std::mem::take(&mut settings.backoff.base_ms);
            (was > 0).then(|| (was.to_string(), "0"))
        })
    }),
    pipeline("pipeline.confluence_concurrency", |scenario| {
        set(scenario, |settings| raise(&mut settings.confluence_concurrency, 256, "256"))
    }),
    world("gemini.quota.requests", |scenario| {
        unlimited(&mut scenario.world.gemini.0, |quota| {
            quota.burst = None;
            remove(&mut quota.requests)
        })
    }),
    world("gemini.quota.tokens", |scenario| {
        unlimited(&mut scenario.world.gemini.0, |quota| remove(&mut quota.tokens))
    }),
    world("gemini.quota.per_day", |scenario| {
        unlimited(&mut scenario.world.gemini.0, |quota| remove(&mut quota.per_day))
    }),
    world("gemini.quota.tokens_per_day", |scenario| {
        unlimited(&mut scenario.world.gemini.0, |quota| remove(&mut quota.tokens_per_day))
    }),
    world("gemini.quota.also", |scenario| {
        clear_named(&mut scenario.world.gemini.0.quota.as_mut()?.also)
    }),
    world("gemini.neighbour", |scenario| clear_named(&mut scenario.world.gemini.0.neighbour)),
    world("gemini.latency", |scenario| {
        Some((scenario.world.gemini.1.without_draw(), "0 ms")).filter(|(was, _)| was != "0 ms")
    }),
    world("gemini.latency.ms_per_1k_input_tokens", |scenario| {
        scenario.world.gemini.1.without_input().map(|was| (was, "0"))
    }),
    world("gemini.latency.output_tokens_per_s", |scenario| {
        scenario.world.gemini.1.without_output().map(|was| (was, "any"))
    }),
    world("gemini.latency.tail", |scenario| {
        scenario.world.gemini.1.without_tail().map(|was| (was, "none"))
    }),
    world("gemini.error_429_ratio", |scenario| {
        let was = std::mem::replace(&mut scenario.world.gemini.0.error_429_ratio, Ratio::ZERO);
        (was.get() > 0.0).then(|| (was.get().to_string(), "0"))
    }),
    world("gemini.fault", |scenario| clear(&mut scenario.world.gemini.0.fault)),
    world("gemini.spell", |scenario| clear(&mut scenario.world.gemini.0.spell)),
    world("openai.quota.requests", |scenario| {
        unlimited(fallback(scenario)?, |quota| {
            quota.burst = None;
            remove(&mut quota.requests)
        })
    }),
    world("openai.quota.also", |scenario| {
        clear_named(&mut fallback(scenario)?.quota.as_mut()?.also)
    }),
    world("openai.quota.tokens", |scenario| {
        unlimited(fallback(scenario)?, |quota| remove(&mut quota.tokens))
    }),
    world("openai.error_429_ratio", |scenario| {
        let was = std::mem::replace(&mut fallback(scenario)?.error_429_ratio, Ratio::ZERO);
        (was.get() > 0.0).then(|| (was.get().to_string(), "0"))
    }),
    world("openai.fault", |scenario| clear(&mut fallback(scenario)?.fault)),
    world("openai.latency", |scenario| {
        fallback(scenario)?;
        Some((scenario.world.openai.1.without_draw(), "0 ms")).filter(|(was, _)| was != "0 ms")
    }),
    world("confluence.latency", |scenario| {
        Some((scenario.world.confluence.1.without_draw(), "0 ms")).filter(|(was, _)| was != "0 ms")
    }),
    world("confluence.rate_limit", |scenario| {
        let limit = scenario.world.confluence.0.rate_limit.take();
        limit.map(|limit| (limit.requests.to_string(), "none"))
    }),
    world("confluence.fault", |scenario| clear(&mut scenario.world.confluence.0.fault)),
    world("confluence.spell", |scenario| clear(&mut scenario.world.confluence.0.spell)),
];
