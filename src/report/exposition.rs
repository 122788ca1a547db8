//! A run that goes on, as Prometheus reads it: text of version 0.0.4.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::pipeline::event::{CallOutcome, Event};
use crate::pipeline::page::Source;
use crate::pipeline::provider::stated_quota::Dimension;
use crate::price;
use crate::price::Price;
use crate::units::float;

/// The labels of a series.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Amounts = Family<Labels, Counter<f64, AtomicU64>>;
type Levels = Family<Labels, Gauge<f64, AtomicU64>>;
type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// Up to how many seconds the calls of each bucket take: those of small models to those that a time limit
/// ends.
const BUCKETS_S: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

/// The series of a run.
#[derive(Debug)]
pub struct Exposition {
    registry: Registry,
    prices: BTreeMap<String, Price>,
    listed: Counter,
    pages: Counters,
    calls: Counters,
    call_seconds: Durations,
    tokens: Counters,
    cost_usd: Amounts,
    waited_seconds: Amounts,
    in_flight: Levels,
    limit: Levels,
    quota: Levels,
    quota_seconds: Levels,
    fallbacks: Counters,
    site_calls: Counters,
    labels: Counters,
}

impl Exposition {
    /// Of a run that asks these models, by provider.
    pub fn new(models: &BTreeMap<String, String>) -> Self {
        let mut registry = Registry::with_prefix("tagspace");
        let listed = Counter::default();
        let pages = Counters::default();
        let calls = Counters::default();
        let call_seconds: Durations = Family::new_with_constructor(|| Histogram::new(BUCKETS_S));
        let (tokens, fallbacks) = (Counters::default(), Counters::default());
        let (site_calls, labels) = (Counters::default(), Counters::default());
        let (cost_usd, waited_seconds) = (Amounts::default(), Amounts::default());
        let (in_flight, limit) = (Levels::default(), Levels::default());
        let (quota, quota_seconds) = (Levels::default(), Levels::default());
        add(&mut registry, "listed_pages", "Pages that were listed", &listed);
        add(
            &mut registry,
            "done_pages",
            "Pages that came to their end, by what became of them",
            &pages,
        );
        add(&mut registry, "model_calls", "Calls to models that ended, by outcome", &calls);
        add(
            &mut registry,
            "model_call_duration_seconds",
            "How long calls to models took",
            &call_seconds,
        );
        add(&mut registry, "billed_tokens", "Tokens that answers reported", &tokens);
        add(
            &mut registry,
            "spent_usd",
            "What answers cost at the prices that are known",
            &cost_usd,
        );
        add(
            &mut registry,
            "batch_wait_seconds",
            "How long batches waited for a quota or after failures before they were sent",
            &waited_seconds,
        );
        add(&mut registry, "model_calls_in_flight", "Calls to models on their way", &in_flight);
        add(&mut registry, "model_call_limit", "The limit on calls in flight", &limit);
        add(&mut registry, "quota_limit", "What a window of a quota is thought to give", &quota);
        add(&mut registry, "quota_window_seconds", "How long that window is", &quota_seconds);
        add(
            &mut registry,
            "fallback_batches",
            "Batches that left their provider for the next",
            &fallbacks,
        );
        add(&mut registry, "site_calls", "Calls to Confluence that ended, by status", &site_calls);
        add(&mut registry, "changed_labels", "Labels that were added and removed", &labels);
        let prices = price::of_models(models);
        Self {
            registry,
            prices,
            listed,
            pages,
            calls,
            call_seconds,
            tokens,
            cost_usd,
            waited_seconds,
            in_flight,
            limit,
            quota,
            quota_seconds,
            fallbacks,
            site_calls,
            labels,
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A string cannot fail to be written.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// Takes what happened.
    pub fn observed(&self, event: &Event) {
        match event {
            Event::PageListed { .. } => drop(self.listed.inc()),
            Event::PageTagged { source, .. } => self.page_ended(match source {
                Source::Answer => "tagged",
                Source::Cache => "kept",
                Source::File => "applied",
            }),
            Event::PageFailed { .. } => self.page_ended("failed"),
            Event::PageNotDone { .. } => self.page_ended("not_done"),
            Event::PermitGranted { quota_ms, backoff_ms, .. }
            | Event::BatchFormed { quota_ms, backoff_ms, .. } => {
                self.waited("quota", *quota_ms);
                self.waited("backoff", *backoff_ms);
            }
            Event::AttemptStarted { provider, limit, .. } => {
                let of = labels([("provider", provider)]);
                self.in_flight.get_or_create(&of).inc();
                if let Some(limit) = limit {
                    self.limit.get_or_create(&of).set(float(*limit));
                }
            }
            Event::AttemptFinished { .. } => self.call_ended(event),
            Event::QuotaLearned { provider, dimension, limit, window_ms, .. } => {
                let of = of_quota(provider, *dimension);
                self.quota.get_or_create(&of).set(float(*limit));
                self.quota_seconds.get_or_create(&of).set(float(*window_ms) / 1_000.0);
            }
            Event::QuotaForgotten { provider, dimension } => {
                let of = of_quota(provider, *dimension);
                self.quota.remove(&of);
                self.quota_seconds.remove(&of);
            }
            Event::Fallback { from, to, .. } => {
                self.fallbacks.get_or_create(&labels([("from", from), ("to", to)])).inc();
            }
            Event::ConfluenceCall { status, .. } => {
                let status = status.map_or_else(|| "none".to_owned(), |code| code.to_string());
                self.site_calls.get_or_create(&labels([("status", &status)])).inc();
            }
            Event::LabelsWritten { added, removed, .. } => {
                self.labels.get_or_create(&labels([("change", "added")])).inc_by(*added);
                self.labels.get_or_create(&labels([("change", "removed")])).inc_by(*removed);
            }
            _ => {}
        }
    }

    fn page_ended(&self, how: &str) {
        self.pages.get_or_create(&labels([("end", how)])).inc();
    }

    fn waited(&self, cause: &str, ms: u64) {
        if ms > 0 {
            let of = labels([("cause", cause)]);
            self.waited_seconds.get_or_create(&of).inc_by(float(ms) / 1_000.0);
        }
    }

    fn call_ended(&self, event: &Event) {
        let Event::AttemptFinished {
            provider,
            model,
            outcome,
            status,
            input_tokens,
            output_tokens,
            latency_ms,
            ..
        } = event
        else {
            return;
        };
        let outcome = match (outcome, status) {
            (_, Some(429)) => "refused",
            (CallOutcome::Ok, _) => "ok",
            (CallOutcome::Partial, _) => "partial",
            (CallOutcome::Failed, _) => "failed",
        };
        self.calls.get_or_create(&labels([("provider", provider), ("outcome", outcome)])).inc();
        let of = labels([("provider", provider)]);
        self.call_seconds.get_or_create(&of).observe(float(*latency_ms) / 1_000.0);
        self.in_flight.get_or_create(&of).dec();
        for (direction, tokens) in [("input", input_tokens), ("output", output_tokens)] {
            let of = labels([("provider", provider), ("direction", direction)]);
            self.tokens.get_or_create(&of).inc_by(*tokens);
        }
        if let Some(price) = price::of_call(&self.prices, provider, model.as_deref()) {
            let cost = float(price.usd_micros(*input_tokens, *output_tokens)) / 1e6;
            self.cost_usd.get_or_create(&of).inc_by(cost);
        }
    }
}

fn of_quota(provider: &str, dimension: Dimension) -> Labels {
    let dimension = match dimension {
        Dimension::Requests => "requests",
        Dimension::Tokens => "tokens",
    };
    labels([("provider", provider), ("dimension", dimension)])
}

fn add(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, help, metric.clone());
}

fn labels<const N: usize>(of: [(&'static str, &str); N]) -> Labels {
    of.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}
