//! The figures of a run: names, units, and the fold over its log that gives them.
//!
//! What is gated is an integer (milliseconds, tokens, counts, millionths of a dollar) or a share
//! kept as numerator and denominator. Percentiles are exact, by nearest rank. A figure without
//! samples is `None`, never zero.

use std::collections::BTreeMap;

use crate::fakes::record::{Record, Service};
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallOutcome, Event, LimitReason};
use crate::pipeline::page::{PageId, Source, Tags};
use crate::price::Price;
use crate::sim::recorder::{Log, What};
use crate::units::Share;

/// The provider that is asked first.
const PRIMARY: &str = "gemini";

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A share of things.
    Ratio,
    /// Milliseconds.
    Millis,
    /// Millionths of a dollar.
    UsdMicros,
}

/// The shape of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Single,
    /// Many samples, of which statistics are asked.
    Distribution,
    /// A number that changes over time.
    Level,
}

/// A figure that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name in targets.
    pub name: &'static str,
    /// Its name in files, with the unit.
    pub key: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its shape.
    pub shape: Shape,
    /// What it is.
    pub doc: &'static str,
}

/// The statistics of a distribution.
pub const DISTRIBUTION_STATS: &[&str] = &["p50", "p95", "p99", "max", "sum", "count"];
/// The statistics of a level.
pub const LEVEL_STATS: &[&str] = &["min", "max", "final"];

const fn single(name: &'static str, unit: Unit, doc: &'static str) -> Metric {
    Metric { name, key: name, unit, shape: Shape::Single, doc }
}

const fn times(name: &'static str, key: &'static str, doc: &'static str) -> Metric {
    Metric { name, key, unit: Unit::Millis, shape: Shape::Distribution, doc }
}

/// All figures, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    single("pages", Unit::Count, "pages that were listed"),
    single("pages_tagged", Unit::Count, "pages with the right labels from an answer of this run"),
    single("pages_cached", Unit::Count, "pages with the right labels from the cache"),
    single("pages_failed", Unit::Count, "pages that were given up"),
    single("pages_not_done", Unit::Count, "pages that a cancelled run left alone"),
    single(
        "pages_mistagged",
        Unit::Count,
        "pages whose tags are not those that the model gives for the page alone",
    ),
    single("ai_calls", Unit::Count, "requests to any AI provider, retries included"),
    single("prompts", Unit::Count, "batches that were answered, at least in part"),
    single("retries", Unit::Count, "attempts after the first at the same provider"),
    single("rate_limited", Unit::Count, "429s of the primary"),
    single("rate_limited_ratio", Unit::Ratio, "429s of requests to the primary"),
    single("fallbacks", Unit::Count, "batches that went on with the next provider"),
    single("fallback_ratio", Unit::Ratio, "prompts that a fallback answered, of all prompts"),
    single("cache_hits", Unit::Count, "pages that the cache had an answer for"),
    single("cache_misses", Unit::Count, "pages that it had none for"),
    single("cache_hit_ratio", Unit::Ratio, "hits of look-ups"),
    Metric {
        name: "makespan",
        key: "makespan_ms",
        unit: Unit::Millis,
        shape: Shape::Single,
        doc: "from the start of the run to its end",
    },
    single("pages_per_minute", Unit::Count, "pages tagged or cached per minute of the run"),
    times("page_latency", "page_latency_ms", "from listed to tagged"),
    times("ai_latency", "ai_latency_ms", "from the first attempt of a batch to its last answer"),
    times("queue_wait", "queue_wait_ms", "waits for a permit"),
    times("backoff_wait", "backoff_wait_ms", "waits before another attempt"),
    Metric {
        name: "concurrency",
        key: "concurrency",
        unit: Unit::Count,
        shape: Shape::Level,
        doc: "the limit on AI calls in flight",
    },
    Metric {
        name: "in_flight",
        key: "in_flight",
        unit: Unit::Count,
        shape: Shape::Level,
        doc: "AI calls in flight",
    },
    single("limit_cuts", Unit::Count, "times that a 429 cut the limit"),
    single("input_tokens", Unit::Count, "input tokens that providers reported"),
    single("output_tokens", Unit::Count, "output tokens that providers reported"),
    Metric {
        name: "cost",
        key: "cost_usd_micros",
        unit: Unit::UsdMicros,
        shape: Shape::Single,
        doc: "what these tokens cost",
    },
    single("labels_written", Unit::Count, "pages whose labels were changed"),
    single("confluence_calls", Unit::Count, "requests to Confluence, retries included"),
    single("confluence_rate_limited", Unit::Count, "429s of Confluence"),
    single("faults_fired", Unit::Count, "faults that the scenario injected"),
    single("quota_refusals", Unit::Count, "calls that an AI provider's quota refused"),
];

/// The figure of this name, in targets or in files.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name || metric.key == name)
}

/// The statistics of many samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution(Vec<u64>);

impl Distribution {
    /// Of these samples.
    pub fn new(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    /// The samples, in order.
    pub fn sorted(&self) -> &[u64] {
        &self.0
    }

    /// The sample of nearest rank: the smallest that `percent` of all do not exceed.
    pub fn percentile(&self, percent: usize) -> Option<u64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// A statistic by its name.
    pub fn stat(&self, stat: &str) -> Option<u64> {
        match stat {
            "max" => self.0.last().copied(),
            "sum" => (!self.0.is_empty()).then(|| self.0.iter().sum()),
            "count" => Some(self.0.len() as u64),
            percentile => self.percentile(percentile.strip_prefix('p')?.parse().ok()?),
        }
    }
}

/// The value of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One number.
    Number(u64),
    /// A share; of nothing it is without samples.
    Share(Share),
    /// Many samples.
    Distribution(Distribution),
    /// A number over time.
    Level {
        /// Its lowest.
        min: u64,
        /// Its highest.
        max: u64,
        /// Its last.
        last: u64,
    },
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures(BTreeMap<&'static str, Value>);

impl Figures {
    /// A figure, if the run has samples of it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(find(name)?.name)
    }

    /// A figure that is one number; zero if there is none.
    pub fn number(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// The figures of a run, from its log and what each provider charges.
    pub fn of(log: &Log, prices: &BTreeMap<String, Price>) -> Self {
        let mut fold = Fold::default();
        for entry in &log.entries {
            match &entry.what {
                What::Event(event) => fold.event(entry.t_ms, event),
                What::World(record) => fold.record(record),
            }
        }
        fold.figures(prices)
    }
}

/// What is known so far of a run.
#[derive(Default)]
struct Fold {
    numbers: BTreeMap<&'static str, u64>,
    started_ms: u64,
    ended_ms: u64,
    primary_calls: u64,
    fallback_prompts: u64,
    listed_ms: BTreeMap<PageId, u64>,
    truths: BTreeMap<PageId, Tags>,
    tagged: BTreeMap<PageId, Tags>,
    page_latency: Vec<u64>,
    batch_started_ms: BTreeMap<BatchId, u64>,
    batch_answered_ms: BTreeMap<BatchId, u64>,
    queue_wait: Vec<u64>,
    backoff_wait: Vec<u64>,
    limit: Option<(u64, u64, u64)>,
    in_flight: Option<(u64, u64, u64)>,
    tokens: BTreeMap<String, (u64, u64)>,
}

fn level(seen: &mut Option<(u64, u64, u64)>, now: u64) {
    let (min, max, _) = seen.unwrap_or((now, now, now));
    *seen = Some((min.min(now), max.max(now), now));
}

impl Fold {
    fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    fn add(&mut self, name: &'static str, amount: u64) {
        *self.numbers.entry(name).or_insert(0) += amount;
    }

    fn event(&mut self, t_ms: u64, event: &Event) {
        match event {
            Event::RunStarted { limit, .. } => {
                self.started_ms = t_ms;
                level(&mut self.limit, *limit);
            }
            Event::PageListed { page, .. } => {
                self.count("pages");
                self.listed_ms.insert(*page, t_ms);
            }
            Event::CacheHit { .. } => self.count("cache_hits"),
            Event::CacheMiss { .. } => self.count("cache_misses"),
            Event::PermitGranted { waited_ms, .. } => self.queue_wait.push(*waited_ms),
            Event::AttemptStarted { batch, provider, attempt, in_flight, .. } => {
                self.count("ai_calls");
                if *attempt > 1 {
                    self.count("retries");
                }
                if provider == PRIMARY {
                    self.primary_calls += 1;
                }
                self.batch_started_ms.entry(*batch).or_insert(t_ms);
                level(&mut self.in_flight, *in_flight);
            }
            Event::AttemptFinished {
                batch,
                provider,
                outcome,
                status,
                input_tokens,
                output_tokens,
                ..
            } => {
                if *status == Some(429) && provider == PRIMARY {
                    self.count("rate_limited");
                }
                if *outcome != CallOutcome::Failed {
                    self.count("prompts");
                    if provider != PRIMARY {
                        self.fallback_prompts += 1;
                    }
                    self.batch_answered_ms.insert(*batch, t_ms);
                }
                let billed = self.tokens.entry(provider.clone()).or_insert((0, 0));
                billed.0 += input_tokens;
                billed.1 += output_tokens;
                if let Some((min, _, last)) = &mut self.in_flight {
                    *last = last.saturating_sub(1);
                    *min = (*min).min(*last);
                }
            }
            Event::Backoff { delay_ms, .. } => self.backoff_wait.push(*delay_ms),
            Event::LimitChanged { new, why, .. } => {
                level(&mut self.limit, *new);
                if *why == LimitReason::RateLimited {
                    self.count("limit_cuts");
                }
            }
            Event::Fallback { .. } => self.count("fallbacks"),
            Event::ConfluenceCall { status, .. } => {
                self.count("confluence_calls");
                if *status == Some(429) {
                    self.count("confluence_rate_limited");
                }
            }
            Event::LabelsWritten { .. } => self.count("labels_written"),
            Event::PageTagged { page, source, tags } => {
                self.count(match source {
                    Source::Answer => "pages_tagged",
                    Source::Cache => "pages_cached",
                });
                if let Some(listed_ms) = self.listed_ms.get(page) {
                    self.page_latency.push(t_ms - listed_ms);
                }
                self.tagged.insert(*page, tags.clone());
            }
            Event::PageFailed { .. } => self.count("pages_failed"),
            Event::PageNotDone { .. } => self.count("pages_not_done"),
            Event::RunFinished { .. } => self.ended_ms = t_ms,
            Event::BatchFormed { .. } | Event::LabelsUnchanged { .. } | Event::CancelRequested => {}
        }
    }

    fn record(&mut self, record: &Record) {
        match record {
            Record::PageTruth { page, tags } => {
                self.truths.insert(PageId(*page), Tags(tags.clone()));
            }
            Record::FaultFired { .. } => self.count("faults_fired"),
            Record::QuotaRefused { service: Service::Gemini | Service::Openai, .. } => {
                self.count("quota_refusals");
            }
            Record::QuotaRefused { .. } | Record::Billed { .. } | Record::LabelsChanged { .. } => {}
        }
    }

    fn figures(mut self, prices: &BTreeMap<String, Price>) -> Figures {
        let numbers = std::mem::take(&mut self.numbers);
        let number = |name: &str| numbers.get(name).copied().unwrap_or(0);
        let mut figures = Figures::default();
        let singles = METRICS.iter().filter(|m| m.shape == Shape::Single && m.unit == Unit::Count);
        for metric in singles {
            figures.0.insert(metric.name, Value::Number(number(metric.name)));
        }
        let mut put = |name: &'static str, value: Value| figures.0.insert(name, value);
        let mut share = |name: &'static str, num: u64, den: u64| {
            if den > 0 {
                put(name, Value::Share(Share { num, den }));
            }
        };
        share("rate_limited_ratio", number("rate_limited"), self.primary_calls);
        share("fallback_ratio", self.fallback_prompts, number("prompts"));
        let looked_up = number("cache_hits") + number("cache_misses");
        share("cache_hit_ratio", number("cache_hits"), looked_up);

        let makespan_ms = self.ended_ms.saturating_sub(self.started_ms);
        put("makespan", Value::Number(makespan_ms));
        let done = number("pages_tagged") + number("pages_cached");
        if let Some(per_minute) = (done * 60_000).checked_div(makespan_ms) {
            put("pages_per_minute", Value::Number(per_minute));
        }
        if self.truths.is_empty() {
            figures.0.remove("pages_mistagged");
        } else {
            let wrong =
                self.tagged.iter().filter(|(page, tags)| self.truths.get(page) != Some(*tags));
            figures.0.insert("pages_mistagged", Value::Number(wrong.count() as u64));
        }
        let answered = self.batch_answered_ms.iter();
        let ai_latency = answered
            .filter_map(|(batch, end)| Some(end - self.batch_started_ms.get(batch)?))
            .collect();
        for (name, samples) in [
            ("page_latency", self.page_latency),
            ("ai_latency", ai_latency),
            ("queue_wait", self.queue_wait),
            ("backoff_wait", self.backoff_wait),
        ] {
            if !samples.is_empty() {
                figures.0.insert(name, Value::Distribution(Distribution::new(samples)));
            }
        }
        for (name, seen) in [("concurrency", self.limit), ("in_flight", self.in_flight)] {
            if let Some((min, max, last)) = seen {
                figures.0.insert(name, Value::Level { min, max, last });
            }
        }
        let input = self.tokens.values().map(|(input, _)| input).sum();
        let output = self.tokens.values().map(|(_, output)| output).sum();
        figures.0.insert("input_tokens", Value::Number(input));
        figures.0.insert("output_tokens", Value::Number(output));
        let cost = self.tokens.iter().map(|(provider, (input, output))| {
            prices.get(provider).map_or(0, |price| price.usd_micros(*input, *output))
        });
        figures.0.insert("cost", Value::Number(cost.sum()));
        figures
    }
}
