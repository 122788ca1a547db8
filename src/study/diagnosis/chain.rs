//! What stands behind a metric's worst value: the page, batch or call, and the chain of events that led
//! to it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::fakes::world_event::{Service, WorldEvent};
use crate::pipeline::batch::BatchId;
use crate::pipeline::error::CONFLUENCE;
use crate::pipeline::event::{CallOutcome, Event, LimitReason};
use crate::pipeline::page::PageId;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};
use crate::study::measure::metric::{Metric, Unit};

/// What a chain is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainOf {
    /// A page, from its listing on.
    Page(PageId),
    /// A batch, from its forming on.
    Batch(BatchId),
    /// An event, by its number from 1, and those shortly before it.
    Around(usize),
}

/// The worst value of a metric, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worst {
    /// Whose chain explains it.
    pub of: ChainOf,
    /// What it is: `{}` stands for the value.
    pub said: &'static str,
    /// The value.
    pub value: u64,
    /// Its unit.
    pub unit: Unit,
}

/// What was seen of the worst so far.
#[derive(Debug, Default)]
struct Seen {
    listed_ms: BTreeMap<PageId, u64>,
    /// The slowest page, the last page, the slowest batch, the batch with most failed calls.
    slowest_page: Option<(u64, PageId)>,
    last_page: Option<(u64, PageId)>,
    first_call_ms: BTreeMap<BatchId, u64>,
    slowest_batch: Option<(u64, BatchId)>,
    failed_calls: BTreeMap<BatchId, u64>,
    refused_calls: BTreeMap<BatchId, u64>,
    longest_wait: Option<(u64, BatchId)>,
    longest_backoff: Option<(u64, BatchId)>,
    most_tokens: Option<(u64, BatchId)>,
    most_input: Option<(u64, BatchId)>,
    most_output: Option<(u64, BatchId)>,
    most_dropped: Option<(u64, BatchId)>,
    attempts: BTreeMap<BatchId, u64>,
    first_fallback: Option<BatchId>,
    failed_page: Option<PageId>,
    failed_at_ai: Option<PageId>,
    failed_at_site: Option<PageId>,
    page_not_done: Option<PageId>,
    labelled_page: Option<PageId>,
    missed_page: Option<PageId>,
    hit_page: Option<PageId>,
    deepest_cut: Option<(u64, usize)>,
    lowest_limit: Option<(u64, usize)>,
    started: Option<usize>,
    most_in_flight: Option<(u64, usize)>,
    site_call: Option<usize>,
    refused_by_site: Option<usize>,
    most_at_site: BTreeMap<PageId, u64>,
    early: Option<usize>,
    quota_refusal: Option<usize>,
    fault: Option<usize>,
    until_ms: BTreeMap<String, u64>,
}

fn larger<T>(best: &mut Option<(u64, T)>, value: u64, of: T) {
    if best.as_ref().is_none_or(|(known, _)| value > *known) {
        *best = Some((value, of));
    }
}

/// What stands behind the worst value of a metric; nothing where nothing of the kind happened.
pub fn worst(log: &Log, metric: Metric) -> Option<Worst> {
    let mut seen = Seen::default();
    for (entry, number) in log.entries.without_tags().zip(1..) {
        seen.entry(&entry, number);
    }
    seen.worst(metric)
}

impl Seen {
    fn entry(&mut self, entry: &Entry, number: usize) {
        let t_ms = entry.t_ms;
        match &entry.what {
            What::World(WorldEvent::QuotaRefused {
                service: Service::Gemini | Service::Openai,
                ..
            }) => {
                self.quota_refusal.get_or_insert(number);
            }
            What::World(WorldEvent::FaultFired { .. }) => {
                self.fault.get_or_insert(number);
            }
            What::World(_) => {}
            What::Event(event) => self.event(t_ms, event, number),
        }
    }

    fn event(&mut self, t_ms: u64, event: &Event, number: usize) {
        match event {
            Event::RunStarted { .. } => drop(self.started.get_or_insert(number)),
            Event::PageListed { page, .. } => drop(self.listed_ms.insert(*page, t_ms)),
            Event::CacheMiss { page } => drop(self.missed_page.get_or_insert(*page)),
            Event::CacheHit { page } => drop(self.hit_page.get_or_insert(*page)),
            Event::PermitGranted { batch, waited_ms, .. } => {
                larger(&mut self.longest_wait, *waited_ms, *batch);
            }
            Event::Backoff { batch, delay_ms, .. } => {
                larger(&mut self.longest_backoff, *delay_ms, *batch);
            }
            Event::AttemptStarted { batch, provider, in_flight, .. } => {
                self.first_call_ms.entry(*batch).or_insert(t_ms);
                *self.attempts.entry(*batch).or_default() += 1;
                larger(&mut self.most_in_flight, *in_flight, number);
                if self.until_ms.get(provider).is_some_and(|until| t_ms < *until) {
                    self.early.get_or_insert(number);
                }
            }
            Event::AttemptFinished { batch, provider, hint_ms, .. } => {
                self.asked_for_peace(provider, t_ms, *hint_ms);
                self.call_ended(t_ms, *batch, event);
            }
            Event::Fallback { batch, .. } => drop(self.first_fallback.get_or_insert(*batch)),
            Event::LimitChanged { new, why, .. } => {
                // The lowest is the worst.
                larger(&mut self.lowest_limit, u64::MAX - new, number);
                if *why == LimitReason::RateLimited {
                    larger(&mut self.deepest_cut, u64::MAX - new, number);
                }
            }
            Event::LabelsWritten { page, .. } => drop(self.labelled_page.get_or_insert(*page)),
            Event::ConfluenceCall { page, status, hint_ms, latency_ms, .. } => {
                self.site_call.get_or_insert(number);
                let until = self.until_ms.get(CONFLUENCE);
                if until.is_some_and(|until| t_ms.saturating_sub(*latency_ms) < *until) {
                    self.early.get_or_insert(number);
                }
                self.asked_for_peace(CONFLUENCE, t_ms, *hint_ms);
                if *status == Some(429) {
                    self.refused_by_site.get_or_insert(number);
                }
                if let Some(page) = page {
                    *self.most_at_site.entry(*page).or_default() += 1;
                }
            }
            Event::PageTagged { page, .. } => {
                let listed_ms = self.listed_ms.get(page).copied().unwrap_or(t_ms);
                larger(&mut self.slowest_page, t_ms.saturating_sub(listed_ms), *page);
                self.last_page = Some((t_ms, *page));
            }
            Event::PageFailed { page, service, .. } => {
                self.failed_page.get_or_insert(*page);
                let of_service = if service == CONFLUENCE {
                    &mut self.failed_at_site
                } else {
                    &mut self.failed_at_ai
                };
                of_service.get_or_insert(*page);
                self.last_page = Some((t_ms, *page));
            }
            Event::PageNotDone { page } => {
                self.page_not_done.get_or_insert(*page);
                self.last_page = Some((t_ms, *page));
            }
            _ => {}
        }
    }

    fn asked_for_peace(&mut self, service: &str, t_ms: u64, hint_ms: Option<u64>) {
        if let Some(hint_ms) = hint_ms {
            let until = self.until_ms.entry(service.to_owned()).or_default();
            *until = (*until).max(t_ms.saturating_add(hint_ms));
        }
    }

    fn call_ended(&mut self, t_ms: u64, batch: BatchId, event: &Event) {
        let Event::AttemptFinished {
            outcome, status, input_tokens, output_tokens, dropped, ..
        } = event
        else {
            return;
        };
        larger(&mut self.most_input, *input_tokens, batch);
        larger(&mut self.most_output, *output_tokens, batch);
        larger(&mut self.most_dropped, *dropped, batch);
        larger(&mut self.most_tokens, input_tokens.saturating_add(*output_tokens), batch);
        if *outcome == CallOutcome::Failed {
            *self.failed_calls.entry(batch).or_default() += 1;
        } else if let Some(first) = self.first_call_ms.get(&batch) {
            larger(&mut self.slowest_batch, t_ms.saturating_sub(*first), batch);
        }
        if *status == Some(429) {
            *self.refused_calls.entry(batch).or_default() += 1;
        }
    }

    fn worst(&self, metric: Metric) -> Option<Worst> {
        let told = |of: ChainOf, said, value, unit| Some(Worst { of, said, value, unit });
        let batch = |found: Option<(u64, BatchId)>, said, unit| {
            let (value, id) = found?;
            told(ChainOf::Batch(id), said, value, unit)
        };
        match metric {
            Metric::PageLatency => {
                let (ms, id) = self.slowest_page?;
                let said = "took {} from its listing to its tags, the longest of all";
                told(ChainOf::Page(id), said, ms, Unit::Millis)
            }
            Metric::AiLatency => {
                let said = "took {} from its first call to its answer, the longest of all";
                batch(self.slowest_batch, said, Unit::Millis)
            }
            Metric::QueueWait => {
                let said = "waited {} for a permit, the longest of all";
                batch(self.longest_wait, said, Unit::Millis)
            }
            Metric::BackoffWait => {
                let said = "waited {} after a failed call, the longest of all";
                batch(self.longest_backoff, said, Unit::Millis)
            }
            Metric::Retries | Metric::AiCalls | Metric::Prompts => {
                batch(most(&self.attempts), "took most calls: {}", Unit::Count)
            }
            Metric::WastedCalls => {
                batch(most(&self.failed_calls), "had most failed calls: {}", Unit::Count)
            }
            Metric::RateLimited | Metric::RateLimitedRatio => {
                batch(most(&self.refused_calls), "had most refused calls: {}", Unit::Count)
            }
            Metric::InputTokens => {
                batch(self.most_input, "had most input tokens in one call: {}", Unit::Count)
            }
            Metric::OutputTokens => {
                batch(self.most_output, "had most output tokens in one call: {}", Unit::Count)
            }
            Metric::Cost => batch(self.most_tokens, "had most tokens in one call: {}", Unit::Count),
            Metric::TagsDropped => {
                batch(self.most_dropped, "had most tags dropped of one answer: {}", Unit::Count)
            }
            Metric::ConfluenceCalls => {
                let Some((count, id)) = most(&self.most_at_site) else {
                    let said = "the first call to Confluence";
                    return told(ChainOf::Around(self.site_call?), said, 0, Unit::Count);
                };
                let said = "took most calls to Confluence: {}";
                told(ChainOf::Page(id), said, count, Unit::Count)
            }
            metric => self.first(metric),
        }
    }

    /// The first of its kind, for metrics of which none is worse than another.
    fn first(&self, metric: Metric) -> Option<Worst> {
        let told = |of: ChainOf, said| Some(Worst { of, said, value: 0, unit: Unit::Count });
        let page = |id: Option<PageId>, said| told(ChainOf::Page(id?), said);
        let around = |number: Option<usize>, said| told(ChainOf::Around(number?), said);
        match metric {
            Metric::Fallbacks | Metric::FallbackRatio => {
                told(ChainOf::Batch(self.first_fallback?), "was the first to fall back")
            }
            Metric::PagesFailed => page(self.failed_page, "was the first that failed"),
            Metric::PagesFailedAi => page(self.failed_at_ai, "was the first that failed at the AI"),
            Metric::PagesFailedConfluence => {
                page(self.failed_at_site, "was the first that failed at Confluence")
            }
            Metric::PagesNotDone => page(self.page_not_done, "was the first that was left"),
            Metric::LabelsWritten => {
                page(self.labelled_page, "was the first whose labels were written")
            }
            // No event tells which pages they are.
            Metric::PagesMistagged | Metric::PagesUnlabelled => None,
            Metric::CacheMisses | Metric::CacheHitRatio => {
                page(self.missed_page, "was the first that the cache did not know")
            }
            Metric::CacheHits | Metric::PagesCached => {
                page(self.hit_page, "was the first that the cache knew")
            }
            Metric::LimitCuts => {
                around(self.deepest_cut.map(|(_, number)| number), "the deepest cut after a 429")
            }
            Metric::Concurrency => match self.lowest_limit {
                Some((_, number)) => around(Some(number), "the lowest limit"),
                None => around(self.started, "the limit never changed"),
            },
            Metric::InFlight => around(
                self.most_in_flight.map(|(_, number)| number),
                "the first time that most calls were in flight",
            ),
            Metric::ConfluenceRateLimited => {
                around(self.refused_by_site, "the first call that Confluence refused")
            }
            Metric::EarlyCalls => around(
                self.early,
                "the first call that came before the time that the service had asked for",
            ),
            Metric::QuotaRefusals => {
                around(self.quota_refusal, "the first call that a quota refused")
            }
            Metric::FaultsFired => around(self.fault, "the first fault"),
            // The rest is of the run as a whole, which ends with its last page.
            _ => page(self.last_page.map(|(_, id)| id), "was done last"),
        }
    }
}

/// The largest count, and the first that has it.
fn most<T: Copy + Ord>(counts: &BTreeMap<T, u64>) -> Option<(u64, T)> {
    let most = counts.iter().max_by_key(|(id, count)| (**count, Reverse(**id)));
    most.map(|(id, count)| (*count, *id))
}

/// Events before one that explain it, and the most of a chain.
const AROUND: usize = 8;
const MOST_EVENTS: usize = 60;

/// The events of a chain, each with its number from 1; and how many were left out in the middle.
pub fn events(log: &Log, of: &ChainOf) -> (Vec<(usize, Entry)>, usize) {
    let numbered =
        || log.entries.iter().zip(1..).map(|(entry, number): (Entry, usize)| (number, entry));
    let mut found: Vec<(usize, Entry)> = match of {
        ChainOf::Around(at) => {
            let from = at.saturating_sub(AROUND);
            numbered().filter(|(number, _)| (from..=at + 1).contains(number)).collect()
        }
        ChainOf::Page(page) => {
            let batches = batches_of(log, *page);
            numbered().filter(|(_, entry)| is_of(&entry.what, Some(*page), &batches)).collect()
        }
        ChainOf::Batch(batch) => {
            let batches = BTreeSet::from([*batch]);
            numbered().filter(|(_, entry)| is_of(&entry.what, None, &batches)).collect()
        }
    };
    if let Some(waits) = quota_waits(&found) {
        found.extend(known_quotas(log, &waits));
        found.sort_by_key(|(number, _)| *number);
    }
    let left = found.len().saturating_sub(MOST_EVENTS);
    if left > 0 {
        // How it began and how it ended tell most.
        found.drain(MOST_EVENTS / 2..MOST_EVENTS / 2 + left);
    }
    (found, left)
}

/// From when to when the events waited for a quota.
fn quota_waits(events: &[(usize, Entry)]) -> Option<RangeInclusive<u64>> {
    let wait = |(_, entry): &(usize, Entry)| match &entry.what {
        What::Event(
            Event::PermitGranted { quota_ms, .. } | Event::BatchFormed { quota_ms, .. },
        ) if *quota_ms > 0 => Some((entry.t_ms.saturating_sub(*quota_ms), entry.t_ms)),
        _ => None,
    };
    let waits = events.iter().filter_map(wait);
    let all = waits.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)));
    all.map(|(from, to)| from..=to)
}

/// What was known of quotas when a wait began, and what was learned during it, each with its number from 1:
/// that is why it lasted.
pub fn known_quotas(log: &Log, wait: &RangeInclusive<u64>) -> Vec<(usize, Entry)> {
    let (mut before, mut during) = (BTreeMap::new(), Vec::new());
    let numbered = log.entries.without_tags().zip(1..);
    for (entry, number) in numbered.filter(|(entry, _)| entry.t_ms <= *wait.end()) {
        let What::Event(
            Event::QuotaLearned { provider, dimension, .. }
            | Event::QuotaForgotten { provider, dimension },
        ) = &entry.what
        else {
            continue;
        };
        if wait.contains(&entry.t_ms) {
            during.push((number, entry));
        } else {
            before.insert((provider.clone(), *dimension), (number, entry));
        }
    }
    let mut all: Vec<(usize, Entry)> = before.into_values().chain(during).collect();
    all.sort_by_key(|(number, _)| *number);
    all
}

/// The batches in which a page was asked about.
fn batches_of(log: &Log, page: PageId) -> BTreeSet<BatchId> {
    let batch = |event| match event {
        Event::BatchFormed { batch, pages, .. } if pages.contains(&page) => Some(batch),
        _ => None,
    };
    log.events().filter_map(batch).collect()
}

fn is_of(what: &What, page: Option<PageId>, batches: &BTreeSet<BatchId>) -> bool {
    let What::Event(event) = what else { return false };
    match event {
        Event::BatchFormed { batch, .. }
        | Event::PermitGranted { batch, .. }
        | Event::AttemptStarted { batch, .. }
        | Event::AttemptFinished { batch, .. }
        | Event::Backoff { batch, .. }
        | Event::Fallback { batch, .. } => batches.contains(batch),
        Event::PageListed { page: of, .. }
        | Event::CacheHit { page: of }
        | Event::CacheMiss { page: of }
        | Event::LabelsWritten { page: of, .. }
        | Event::LabelsUnchanged { page: of }
        | Event::PageTagged { page: of, .. }
        | Event::PageFailed { page: of, .. }
        | Event::PageNotDone { page: of } => page == Some(*of),
        Event::ConfluenceCall { page: of, .. } => page.is_some() && *of == page,
        Event::Waited { page: of, batch, .. } => {
            (page.is_some() && *of == page) || batch.is_some_and(|batch| batches.contains(&batch))
        }
        _ => false,
    }
}
