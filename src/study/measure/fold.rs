//! What is counted of a run while its log is read, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::figures::Figures;
use crate::fakes::world_event::{Service, WorldEvent};
use crate::pipeline::batch::BatchId;
use crate::pipeline::error::{CONFLUENCE, ErrorClass};
use crate::pipeline::event::{CallOutcome, Event, LimitReason};
use crate::pipeline::page::{PageId, Source};
use crate::price;
use crate::price::Price;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;
use crate::study::measure::critical_path::CriticalPath;
use crate::study::measure::distribution::Distribution;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::time_split::TimePart;
use crate::study::measure::value::Value;
use crate::units::Share;

/// The tags of a page as digests, in their order and without one: as good as the tags themselves to
/// tell whether they are the same, and a fiftieth of the size.
#[derive(Clone, Copy)]
struct Digests {
    ordered: [u8; 16],
    sorted: [u8; 16],
}

impl Digests {
    fn of(tags: &BTreeMap<String, Vec<String>>) -> Self {
        let (mut ordered, mut sorted) = (Sha256::new(), Sha256::new());
        let add = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        for (category, tags) in tags {
            let mut in_order: Vec<&String> = tags.iter().collect();
            for hash in [&mut ordered, &mut sorted] {
                add(hash, category);
                hash.update((tags.len() as u64).to_le_bytes());
                for tag in &in_order {
                    add(hash, tag);
                }
                in_order.sort();
            }
        }
        let half = |hash: Sha256| -> [u8; 16] {
            let hash: [u8; 32] = hash.finalize().into();
            std::array::from_fn(|at| hash[at])
        };
        Self { ordered: half(ordered), sorted: half(sorted) }
    }
}

/// What is known so far of a run.
#[derive(Default)]
pub(crate) struct Fold {
    numbers: BTreeMap<Metric, u64>,
    started_ms: u64,
    ended_ms: u64,
    primary_calls: u64,
    fallback_prompts: u64,
    listed_ms: BTreeMap<PageId, u64>,
    truths: BTreeMap<PageId, Digests>,
    tagged: BTreeMap<PageId, Digests>,
    page_latency: BTreeMap<PageId, u64>,
    batch_started_ms: BTreeMap<BatchId, u64>,
    batch_answered_ms: BTreeMap<BatchId, u64>,
    queue_wait: Vec<u64>,
    backoff_wait: Vec<u64>,
    limit: Option<(u64, u64, u64)>,
    in_flight: Option<(u64, u64, u64)>,
    tokens: BTreeMap<String, (u64, u64)>,
    /// The same by model, as the services count them.
    billed: BTreeMap<String, (u64, u64)>,
    /// What batch jobs took of it, at half the price.
    billed_later: BTreeMap<String, (u64, u64)>,
    not_before_ms: BTreeMap<(String, Option<String>), u64>,
    /// The provider that is asked first.
    primary: Option<String>,
    /// Batches that went on with another provider.
    fallen: BTreeSet<BatchId>,
    labelled: BTreeSet<PageId>,
    /// Pages whose labels were right already.
    right: BTreeSet<PageId>,
    path: CriticalPath,
    from_outside: bool,
    /// Whether an answer may have come from the taxonomy in the prompt.
    is_taxonomy_in_page: bool,
}

fn level(seen: &mut Option<(u64, u64, u64)>, now: u64) {
    let (min, max, _) = seen.unwrap_or((now, now, now));
    *seen = Some((min.min(now), max.max(now), now));
}

impl Fold {
    fn count(&mut self, metric: Metric) {
        self.add(metric, 1);
    }

    fn add(&mut self, metric: Metric, amount: u64) {
        let number = self.numbers.entry(metric).or_insert(0);
        *number = number.saturating_add(amount);
    }

    pub(crate) fn event(&mut self, t_ms: u64, event: &Event) {
        self.path.event(t_ms, event);
        match event {
            Event::RunStarted { limit, .. } => {
                self.started_ms = t_ms;
                if let Some(limit) = limit {
                    level(&mut self.limit, *limit);
                }
                self.from_outside = limit.is_none();
            }
            Event::PageListed { page, .. } => {
                self.count(Metric::Pages);
                self.listed_ms.insert(*page, t_ms);
            }
            Event::CacheHit { .. } => self.count(Metric::CacheHits),
            Event::CacheMiss { .. } => self.count(Metric::CacheMisses),
            Event::PermitGranted { waited_ms, .. } => self.queue_wait.push(*waited_ms),
            Event::AttemptStarted { .. } => self.started(t_ms, event),
            Event::AttemptFinished { .. } => self.finished(t_ms, event),
            Event::Backoff { delay_ms, .. } => self.backoff_wait.push(*delay_ms),
            Event::LimitChanged { new, why, .. } => {
                level(&mut self.limit, *new);
                if *why == LimitReason::RateLimited {
                    self.count(Metric::LimitCuts);
                }
            }
            Event::Fallback { batch, .. } => {
                self.count(Metric::Fallbacks);
                self.fallen.insert(*batch);
            }
            Event::ConfluenceCall { .. } => self.confluence_call(t_ms, event),
            Event::LabelsWritten { page, .. } => {
                if self.labelled.insert(*page) {
                    self.count(Metric::LabelsWritten);
                }
            }
            Event::LabelsUnchanged { page } => {
                self.right.insert(*page);
            }
            Event::PageTagged { page, source, tags } => {
                // From outside, a page is tagged label by label: only the last state counts.
                if !self.tagged.contains_key(page) {
                    self.count(match source {
                        Source::Answer => Metric::PagesTagged,
                        Source::Cache | Source::File => Metric::PagesCached,
                    });
                }
                if let Some(listed_ms) = self.listed_ms.get(page) {
                    self.page_latency.insert(*page, t_ms.saturating_sub(*listed_ms));
                }
                self.tagged.insert(*page, Digests::of(&tags.0));
            }
            Event::PageFailed { service, .. } => {
                self.count(Metric::PagesFailed);
                self.count(if service == CONFLUENCE {
                    Metric::PagesFailedConfluence
                } else {
                    Metric::PagesFailedAi
                });
            }
            Event::PageNotDone { .. } => self.count(Metric::PagesNotDone),
            Event::RunFinished { .. } => self.ended_ms = t_ms,
            Event::BatchFormed { .. }
            | Event::Waited { .. }
            | Event::QuotaLearned { .. }
            | Event::QuotaForgotten { .. }
            | Event::CancelRequested => {}
        }
    }

    fn confluence_call(&mut self, t_ms: u64, event: &Event) {
        let Event::ConfluenceCall { status, latency_ms, hint_ms, .. } = event else { return };
        self.count(Metric::ConfluenceCalls);
        let site = ("confluence".to_owned(), None);
        let sent_ms = t_ms.saturating_sub(*latency_ms);
        if self.not_before_ms.get(&site).is_some_and(|until| sent_ms < *until) {
            self.count(Metric::EarlyCalls);
        }
        if let Some(hint_ms) = hint_ms {
            let until = self.not_before_ms.entry(site).or_insert(0);
            *until = (*until).max(t_ms.saturating_add(*hint_ms));
        }
        if *status == Some(429) {
            self.count(Metric::ConfluenceRateLimited);
        }
    }

    fn started(&mut self, t_ms: u64, event: &Event) {
        let Event::AttemptStarted { batch, provider, model, attempt, in_flight, .. } = event else {
            return;
        };
        self.count(Metric::AiCalls);
        if *attempt > 1 {
            self.count(Metric::Retries);
        }
        let primary = self.primary.get_or_insert_with(|| provider.clone());
        if provider == primary {
            self.primary_calls += 1;
        }
        let asked = (provider.clone(), model.clone());
        if self.not_before_ms.get(&asked).is_some_and(|until| t_ms < *until) {
            self.count(Metric::EarlyCalls);
        }
        self.batch_started_ms.entry(*batch).or_insert(t_ms);
        level(&mut self.in_flight, *in_flight);
    }

    fn finished(&mut self, t_ms: u64, event: &Event) {
        let Event::AttemptFinished {
            batch,
            provider,
            model,
            outcome,
            class,
            status,
            input_tokens,
            output_tokens,
            hint_ms,
            dropped,
            ..
        } = event
        else {
            return;
        };
        if let Some(hint_ms) = hint_ms {
            let asked = (provider.clone(), model.clone());
            let until = self.not_before_ms.entry(asked).or_insert(0);
            *until = (*until).max(t_ms.saturating_add(*hint_ms));
        }
        let is_primary = self.primary.as_ref() == Some(provider);
        // Money that is gone and prompts that are too large have the same status.
        let is_limit = class.is_none_or(ErrorClass::is_of_the_service);
        if *status == Some(429) && is_primary && is_limit {
            self.count(Metric::RateLimited);
        }
        self.add(Metric::TagsDropped, *dropped);
        if *outcome == CallOutcome::Failed {
            self.count(Metric::WastedCalls);
        } else {
            self.count(Metric::Prompts);
            // From outside, another provider may be asked for reasons of its own.
            if !is_primary && (!self.from_outside || self.fallen.contains(batch)) {
                self.fallback_prompts += 1;
            }
            self.batch_answered_ms.insert(*batch, t_ms);
        }
        let billed = self.tokens.entry(provider.clone()).or_insert((0, 0));
        billed.0 = billed.0.saturating_add(*input_tokens);
        billed.1 = billed.1.saturating_add(*output_tokens);
        if let Some((min, _, last)) = &mut self.in_flight {
            *last = last.saturating_sub(1);
            *min = (*min).min(*last);
        }
    }

    pub(crate) fn record(&mut self, record: &WorldEvent) {
        self.path.record(record);
        match record {
            WorldEvent::PageTruth { page, tags } => {
                self.truths.insert(PageId(*page), Digests::of(tags));
            }
            WorldEvent::FaultFired { .. } => self.count(Metric::FaultsFired),
            WorldEvent::QuotaRefused { service: Service::Gemini | Service::Openai, .. } => {
                self.count(Metric::QuotaRefusals);
            }
            WorldEvent::Billed { model, input_tokens, output_tokens, later, .. } => {
                let billed = if *later { &mut self.billed_later } else { &mut self.billed };
                let billed = billed.entry(model.clone()).or_insert((0, 0));
                billed.0 = billed.0.saturating_add(*input_tokens);
                billed.1 = billed.1.saturating_add(*output_tokens);
            }
            WorldEvent::TaxonomyInPage { .. } => self.is_taxonomy_in_page = true,
            WorldEvent::QuotaRefused { .. }
            | WorldEvent::LabelsChanged { .. }
            | WorldEvent::Neighbour { .. } => {}
        }
    }

    pub(crate) fn figures(mut self, prices: &BTreeMap<String, Price>) -> Figures {
        let numbers = std::mem::take(&mut self.numbers);
        let number = |metric| numbers.get(&metric).copied().unwrap_or(0);
        let mut figures = Figures::default();
        for metric in Metric::singles().filter(|metric| metric.unit() == Unit::Count) {
            figures.values.insert(metric, Value::Number(number(metric)));
        }
        let mut put = |metric: Metric, value: Value| figures.values.insert(metric, value);
        let mut share = |metric: Metric, num: u64, den: u64| {
            if den > 0 {
                put(metric, Value::Share(Share { num, den }));
            }
        };
        share(Metric::RateLimitedRatio, number(Metric::RateLimited), self.primary_calls);
        share(Metric::FallbackRatio, self.fallback_prompts, number(Metric::Prompts));
        let looked_up = number(Metric::CacheHits).saturating_add(number(Metric::CacheMisses));
        share(Metric::CacheHitRatio, number(Metric::CacheHits), looked_up);

        let makespan_ms = self.ended_ms.saturating_sub(self.started_ms);
        put(Metric::Makespan, Value::Number(makespan_ms));
        let split = self.path.split(self.ended_ms);
        for part in TimePart::ALL {
            put(part.metric(), Value::Number(split.of(*part)));
        }
        let has_labels =
            |page: &&PageId| self.labelled.contains(*page) || self.right.contains(*page);
        let unlabelled = self.tagged.keys().filter(|page| !has_labels(page)).count();
        put(Metric::PagesUnlabelled, Value::Number(unlabelled as u64));
        let done = number(Metric::PagesTagged).saturating_add(number(Metric::PagesCached));
        if let Some(per_minute) = done.saturating_mul(60_000).checked_div(makespan_ms) {
            put(Metric::PagesPerMinute, Value::Number(per_minute));
        }
        match self.mistagged() {
            Ok(pages) => drop(figures.values.insert(Metric::PagesMistagged, Value::Number(pages))),
            Err(why) => {
                figures.values.remove(&Metric::PagesMistagged);
                figures.absent.insert(Metric::PagesMistagged, why);
            }
        }
        self.spent(prices, &mut figures);
        let answered = self.batch_answered_ms.iter();
        let ai_latency = answered
            .filter_map(|(batch, end)| Some(end.saturating_sub(*self.batch_started_ms.get(batch)?)))
            .collect();
        let page_latency = self.page_latency.into_values().collect();
        for (metric, samples) in [
            (Metric::PageLatency, Distribution::of_some(page_latency, number(Metric::Pages))),
            (
                Metric::AiLatency,
                Distribution::of_some(ai_latency, self.batch_started_ms.len() as u64),
            ),
            (Metric::QueueWait, Distribution::new(self.queue_wait)),
            (Metric::BackoffWait, Distribution::new(self.backoff_wait)),
        ] {
            figures.values.insert(metric, Value::Distribution(samples));
        }
        // Without a call none was in flight.
        let in_flight = self.in_flight.or(Some((0, 0, 0)));
        for (metric, seen) in [(Metric::Concurrency, self.limit), (Metric::InFlight, in_flight)] {
            if let Some((min, max, last)) = seen {
                figures.values.insert(metric, Value::Level { min, max, last });
            }
        }
        if self.from_outside {
            figures.values.retain(|metric, _| metric.is_seen_from_outside());
        }
        figures
    }

    /// The pages with other tags than the model gives for them alone, or why nobody knows.
    fn mistagged(&self) -> Result<u64, &'static str> {
        if self.is_taxonomy_in_page {
            return Err("the fake model cannot tell the page from the taxonomy in the prompt");
        }
        if self.truths.is_empty() && !self.tagged.is_empty() {
            return Err("the right tags of the pages are not known");
        }
        // From outside, tags are labels, and labels have no order.
        let of = |tags: &Digests| if self.from_outside { tags.sorted } else { tags.ordered };
        let is_wrong =
            |(page, tags): &(&PageId, &Digests)| self.truths.get(page).map(of) != Some(of(tags));
        Ok(self.tagged.iter().filter(is_wrong).count() as u64)
    }

    /// Adds the tokens and what they cost.
    fn spent(&self, prices: &BTreeMap<String, Price>, figures: &mut Figures) {
        // A client may ask any model, now or later; the bill names it.
        let (spent, later) = if self.from_outside {
            (&self.billed, Some(&self.billed_later))
        } else {
            (&self.tokens, None)
        };
        let (mut input, mut output, mut cost) = (0_u64, 0_u64, Some(0_u64));
        let now = spent.iter().map(|spent| (spent, 1));
        for ((whose, tokens), half) in now.chain(later.into_iter().flatten().map(|l| (l, 2))) {
            let price = prices.get(whose).copied().or_else(|| price::of(whose));
            input = input.saturating_add(tokens.0);
            output = output.saturating_add(tokens.1);
            // What is free needs no price.
            let spent = if *tokens == (0, 0) {
                Some(0)
            } else {
                price.map(|price| price.usd_micros(tokens.0, tokens.1) / half)
            };
            cost = cost.zip(spent).map(|(cost, spent)| cost.saturating_add(spent));
        }
        figures.values.insert(Metric::InputTokens, Value::Number(input));
        figures.values.insert(Metric::OutputTokens, Value::Number(output));
        match cost {
            Some(cost) => drop(figures.values.insert(Metric::Cost, Value::Number(cost))),
            None => drop(figures.absent.insert(Metric::Cost, "the price of a model is not known")),
        }
    }
}

impl Figures {
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
