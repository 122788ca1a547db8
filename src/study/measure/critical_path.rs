//! What held a run up, instant by instant: its critical path.
//!
//! Whatever is on its way (the list, the gatherer, each batch, each page, the writer) carries the split
//! of all the time since the run began. A wait or a call of its own adds to its split. Where it waited
//! for another, it takes that other's split over: until then the other held it up. The run's split is
//! the split of what ended last, and so it adds up to the makespan, to the millisecond.

use std::collections::{BTreeMap, VecDeque};

use super::time_split::{TimePart, TimeSplit};
use crate::fakes::world_event::WorldEvent;
use crate::pipeline::batch::BatchId;
use crate::pipeline::error::CONFLUENCE;
use crate::pipeline::event::{Awaited, CallOutcome, ConfluenceOp, Event};
use crate::pipeline::page::PageId;

/// Label readers whose ends are remembered: more than are ever at work at once.
const LABEL_ENDS: usize = 256;

/// The split of the time until an instant.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    at: u64,
    split: TimeSplit,
}

impl Clock {
    /// The next `ms` go to this, but none after `end`.
    fn spend(&mut self, part: TimePart, ms: u64, end: u64) {
        let ms = ms.min(end.saturating_sub(self.at));
        self.split.add(part, ms);
        self.at += ms;
    }

    /// All until `end` goes to this.
    fn until(&mut self, end: u64, part: TimePart) {
        self.spend(part, u64::MAX, end);
    }
}

/// The parts of a wait or a call, in the order in which they passed.
type Parts<'a> = &'a [(TimePart, u64)];

/// A batch on its way.
#[derive(Debug, Default)]
struct BatchPath {
    clock: Clock,
    /// After each of its waits and calls; pages left it then.
    ends: Vec<Clock>,
    /// What the time until its next call goes to.
    next: Option<TimePart>,
    has_fallen_back: bool,
    pages: usize,
}

/// How long reading and writing took of calls of the same input and output tokens.
type Bills = BTreeMap<(u64, u64), VecDeque<(u64, u64)>>;

/// Follows the critical path through the events of a run.
#[derive(Debug, Default)]
pub(crate) struct CriticalPath {
    /// Where everything begins.
    start: Clock,
    list: Clock,
    /// When label readers came to an end of a call, the latest at the end.
    labels: Vec<Clock>,
    gatherer: Clock,
    /// Pages that came to the gatherer since it went on last, the latest at the end.
    arrivals: Vec<Clock>,
    writer: Clock,
    batches: BTreeMap<BatchId, BatchPath>,
    pages: BTreeMap<PageId, Clock>,
    batch_of: BTreeMap<PageId, BatchId>,
    /// What was answered last.
    answered: Clock,
    /// How that batch came to it, step by step.
    answered_path: Vec<Clock>,
    /// The page that was done last.
    done: Clock,
    /// The batch whose pause ended last.
    paused: Clock,
    primary: Option<String>,
    /// Those of calls that have not ended. In real time calls and bills of different calls mix, so that
    /// they are matched by amount.
    bills: Bills,
}

/// The latest of those that were at work until `at`, or the start, with the time from then on as idle.
fn latest(at: u64, start: Clock, candidates: impl IntoIterator<Item = Clock>) -> Clock {
    let reached = candidates.into_iter().filter(|clock| clock.at <= at).chain([start]);
    // Of equals the first.
    let found = reached.reduce(|best, next| if next.at > best.at { next } else { best });
    let mut clock = found.unwrap_or(start);
    clock.until(at, TimePart::Idle);
    clock
}

impl CriticalPath {
    /// Takes the next event, which happened at `t_ms`.
    pub(crate) fn event(&mut self, t_ms: u64, event: &Event) {
        match event {
            Event::RunStarted { .. } => self.begin(t_ms),
            Event::PageListed { page, .. } => {
                self.list.until(t_ms, TimePart::Idle);
                self.pages.insert(*page, self.list);
            }
            Event::CacheMiss { page } => self.arrives(t_ms, *page),
            Event::CacheHit { page } => self.hit(t_ms, *page),
            Event::BatchFormed { batch, pages, place_ms, quota_ms, backoff_ms } => {
                let parts = ai_wait(*place_ms, *quota_ms, *backoff_ms);
                self.formed(t_ms, (*batch, pages), &parts);
            }
            Event::PermitGranted { batch, waited_ms, quota_ms, backoff_ms } => {
                let place_ms = waited_ms.saturating_sub(*quota_ms).saturating_sub(*backoff_ms);
                let parts = ai_wait(place_ms, *quota_ms, *backoff_ms);
                self.batch_goes_on(t_ms, *batch, &parts);
            }
            Event::Waited { .. } => self.waited(t_ms, event),
            Event::AttemptStarted { batch, provider, .. } => {
                self.primary.get_or_insert_with(|| provider.clone());
                self.batch_goes_on(t_ms, *batch, &[]);
            }
            Event::AttemptFinished { .. } => self.attempt(t_ms, event),
            Event::Backoff { batch, hinted, .. } => {
                let next = if *hinted { TimePart::AiQuota } else { TimePart::Backoff };
                self.batch(*batch).next = Some(next);
            }
            Event::Fallback { batch, .. } => {
                self.batch_goes_on(t_ms, *batch, &[]);
                self.batch(*batch).has_fallen_back = true;
            }
            Event::ConfluenceCall { .. } => self.confluence_call(t_ms, event),
            Event::PageTagged { page, .. } => self.ends(t_ms, *page, false),
            Event::PageFailed { page, service, .. } => {
                self.ends(t_ms, *page, service != CONFLUENCE);
            }
            Event::PageNotDone { page } => self.ends(t_ms, *page, true),
            Event::QuotaLearned { .. }
            | Event::QuotaForgotten { .. }
            | Event::LimitChanged { .. }
            | Event::LabelsWritten { .. }
            | Event::LabelsUnchanged { .. }
            | Event::CancelRequested
            | Event::RunFinished { .. } => {}
        }
    }

    /// Takes what the fakes know.
    pub(crate) fn record(&mut self, record: &WorldEvent) {
        let WorldEvent::Billed { input_tokens, output_tokens, input_ms, output_ms, .. } = record
        else {
            return;
        };
        let alike = self.bills.entry((*input_tokens, *output_tokens)).or_default();
        alike.push_back((*input_ms, *output_ms));
    }

    /// The split of a run that ended now.
    pub(crate) fn split(&self, t_ms: u64) -> TimeSplit {
        let last_labels = self.labels.last().copied();
        self.latest(t_ms, [self.done, self.list, self.paused].into_iter().chain(last_labels)).split
    }

    fn latest(&self, at: u64, candidates: impl IntoIterator<Item = Clock>) -> Clock {
        latest(at, self.start, candidates)
    }

    /// A batch, which may have been formed before the log begins.
    fn batch(&mut self, id: BatchId) -> &mut BatchPath {
        let clock = self.start;
        self.batches.entry(id).or_insert_with(|| BatchPath { clock, ..BatchPath::default() })
    }

    fn begin(&mut self, t_ms: u64) {
        let start = Clock { at: t_ms, split: TimeSplit::default() };
        *self = Self::default();
        (self.start, self.list, self.gatherer, self.writer) = (start, start, start, start);
        (self.answered, self.done, self.paused) = (start, start, start);
    }

    /// A page came to the gatherer.
    fn arrives(&mut self, t_ms: u64, page: PageId) {
        let Some(clock) = self.pages.get(&page).filter(|clock| clock.at == t_ms) else { return };
        if self.arrivals.last().is_none_or(|last| last.at < clock.at) {
            self.arrivals.push(*clock);
        }
    }

    /// A page was found in the cache as it came, or answered with another of its text.
    fn hit(&mut self, t_ms: u64, page: PageId) {
        self.arrives(t_ms, page);
        let own = self.pages.get(&page).copied().unwrap_or(self.start);
        let clock = self.latest(t_ms, [own, self.gatherer, self.answered]);
        self.pages.insert(page, clock);
    }

    /// The gatherer at this moment: where it was at work until then, or what it had waited for.
    fn gatherer_at(&self, at: u64) -> Clock {
        let arrivals = self.arrivals.iter().rev().copied();
        self.latest(at, [self.gatherer].into_iter().chain(arrivals).chain([self.list]))
    }

    /// The gatherer now, after a wait of its own.
    fn gatherer_after(&self, t_ms: u64, parts: Parts<'_>) -> Clock {
        let mut clock = self.gatherer_at(t_ms.saturating_sub(all_of(parts)));
        for (part, ms) in parts {
            clock.spend(*part, *ms, t_ms);
        }
        clock.until(t_ms, TimePart::Idle);
        clock
    }

    fn formed(&mut self, t_ms: u64, (batch, pages): (BatchId, &[PageId]), parts: Parts<'_>) {
        self.gatherer = self.gatherer_after(t_ms, parts);
        self.arrivals.retain(|arrival| arrival.at > t_ms);
        self.batch_of.extend(pages.iter().map(|page| (*page, batch)));
        let (clock, pages) = (self.gatherer, pages.len());
        let path = BatchPath { clock, pages, ..BatchPath::default() };
        self.batches.insert(batch, path);
    }

    /// A batch goes on after a wait.
    fn batch_goes_on(&mut self, t_ms: u64, batch: BatchId, parts: Parts<'_>) {
        let path = self.batch(batch);
        let (clock, has_fallen_back) = (&mut path.clock, path.has_fallen_back);
        let waited = all_of(parts);
        let next = path.next.take().unwrap_or(TimePart::Idle);
        let of = |part| if has_fallen_back { TimePart::Fallback } else { part };
        clock.until(t_ms.saturating_sub(waited), of(next));
        for (part, ms) in parts {
            clock.spend(of(*part), *ms, t_ms);
        }
        clock.until(t_ms, of(TimePart::Idle));
        path.ends.push(path.clock);
    }

    /// What the batch whose place became free was held up by since then: neither a place nor a call.
    fn held_up_slot(&self, since: u64) -> Vec<(TimePart, u64)> {
        let path = &self.answered_path;
        let Some(end) = path.last() else { return Vec::new() };
        let start = path.iter().rev().find(|clock| clock.at <= since).or(path.first());
        let before = start.map_or(end.split, |clock| clock.split);
        let is_wait = |part: &&TimePart| !part.is_of_model() && **part != TimePart::AiPlace;
        let waits = TimePart::ALL.iter().filter(is_wait);
        waits.map(|part| (*part, end.split.of(*part).saturating_sub(before.of(*part)))).collect()
    }

    fn waited(&mut self, t_ms: u64, event: &Event) {
        let Event::Waited { on, batch, page, waited_ms, quota_ms, backoff_ms } = event else {
            return;
        };
        let place_ms = waited_ms.saturating_sub(*quota_ms).saturating_sub(*backoff_ms);
        match (on, batch, page) {
            (Awaited::Gate, Some(batch), _) => {
                self.batch_goes_on(t_ms, *batch, &ai_wait(place_ms, *quota_ms, *backoff_ms));
            }
            (Awaited::Gate, None, _) => {
                let parts = ai_wait(place_ms, *quota_ms, *backoff_ms);
                self.gatherer = self.gatherer_after(t_ms, &parts);
            }
            (Awaited::Gatherer, ..) => self.list = self.latest(t_ms, [self.gatherer, self.list]),
            (Awaited::Slot, batch, _) => {
                let since = t_ms.saturating_sub(*waited_ms);
                let mut clock = self.gatherer_at(since);
                clock.spend(TimePart::AiQuota, *quota_ms, t_ms);
                clock.spend(TimePart::Backoff, *backoff_ms, t_ms);
                for (part, ms) in self.held_up_slot(since) {
                    clock.spend(part, ms, t_ms);
                }
                clock.until(t_ms, TimePart::AiPlace);
                self.gatherer = clock;
                if let Some(path) = batch.and_then(|batch| self.batches.get_mut(&batch)) {
                    path.clock = clock;
                }
            }
            (Awaited::Pause, ..) => {
                let since = t_ms.saturating_sub(*waited_ms);
                self.paused = self.latest(since, [self.answered, self.done, self.paused]);
                self.paused.until(t_ms, TimePart::AiPlace);
            }
            (Awaited::Writer, Some(batch), _) => {
                let own = self.batch(*batch).clock;
                self.answered = self.latest(t_ms, [self.writer, own]);
                let clock = self.answered;
                let path = self.batch(*batch);
                path.clock = clock;
                path.ends.push(clock);
                self.answered_path = path.ends.clone();
            }
            (Awaited::Writer, None, _) => {
                self.gatherer = self.latest(t_ms, [self.writer, self.gatherer]);
            }
            (Awaited::WriterSlot, _, Some(page)) => {
                let since = t_ms.saturating_sub(*waited_ms);
                let mut clock = self.page_at(since, *page);
                for (part, ms) in site_wait(place_ms, *quota_ms, *backoff_ms) {
                    clock.spend(part, ms, t_ms);
                }
                self.writer = clock;
                self.pages.insert(*page, clock);
            }
            (Awaited::Others, _, Some(page)) => {
                let own = self.pages.get(page).copied().unwrap_or(self.start);
                self.pages.insert(*page, self.latest(t_ms, [self.done, own]));
            }
            (Awaited::Labels, _, Some(page)) => {
                let own = self.page_at(t_ms.saturating_sub(*waited_ms), *page);
                let clock =
                    self.latest(t_ms, self.labels.iter().rev().copied().chain([self.list, own]));
                self.pages.insert(*page, clock);
            }
            (Awaited::WriterSlot | Awaited::Others | Awaited::Labels, ..) => {}
        }
    }

    /// How long reading and writing took of a call that ended, as far as a fake has told.
    fn bill_of(&mut self, ended: &Event) -> (u64, u64) {
        let Event::AttemptFinished { input_tokens, output_tokens, .. } = ended else {
            return (0, 0);
        };
        let amount = (*input_tokens, *output_tokens);
        let Some(alike) = self.bills.get_mut(&amount) else { return (0, 0) };
        let bill = alike.pop_front();
        if alike.is_empty() {
            self.bills.remove(&amount);
        }
        bill.unwrap_or_default()
    }

    fn attempt(&mut self, t_ms: u64, event: &Event) {
        let Event::AttemptFinished { batch, provider, outcome, status, latency_ms, .. } = event
        else {
            return;
        };
        let (input_ms, output_ms) = self.bill_of(event);
        let is_fallback = self.primary.as_ref() != Some(provider);
        let path = self.batch(*batch);
        path.clock.until(t_ms.saturating_sub(*latency_ms), TimePart::Idle);
        let clock = &mut path.clock;
        match (outcome, status) {
            _ if is_fallback => clock.until(t_ms, TimePart::Fallback),
            (CallOutcome::Failed, Some(429)) => clock.until(t_ms, TimePart::AiQuota),
            (CallOutcome::Failed, _) => clock.until(t_ms, TimePart::Backoff),
            (CallOutcome::Ok | CallOutcome::Partial, _) => {
                let queue_ms = latency_ms.saturating_sub(input_ms).saturating_sub(output_ms);
                clock.spend(TimePart::ModelQueue, queue_ms, t_ms);
                clock.spend(TimePart::ModelInput, input_ms, t_ms);
                clock.until(t_ms, TimePart::ModelOutput);
            }
        }
        path.ends.push(path.clock);
        let (clock, ends) = (path.clock, path.ends.clone());
        (self.answered, self.answered_path) = (clock, ends);
    }

    fn confluence_call(&mut self, t_ms: u64, event: &Event) {
        let Event::ConfluenceCall {
            op,
            page,
            status,
            latency_ms,
            place_ms,
            quota_ms,
            backoff_ms,
            ..
        } = event
        else {
            return;
        };
        let sent = t_ms.saturating_sub(*latency_ms);
        let asked =
            [*place_ms, *quota_ms, *backoff_ms].iter().fold(sent, |at, ms| at.saturating_sub(*ms));
        let is_list = matches!(op, ConfluenceOp::Space | ConfluenceOp::Pages);
        let mut clock = match page {
            Some(page) => self.page_at(asked, *page),
            None if is_list => self.latest(asked, [self.list]),
            None => self.latest(asked, self.labels.iter().rev().copied().chain([self.list])),
        };
        for (part, ms) in site_wait(*place_ms, *quota_ms, *backoff_ms) {
            clock.spend(part, ms, sent);
        }
        clock.until(
            t_ms,
            match status {
                Some(429) => TimePart::ConfluenceQuota,
                None | Some(500..) => TimePart::Backoff,
                Some(_) if page.is_some() => TimePart::Writing,
                Some(_) => TimePart::Listing,
            },
        );
        match page {
            Some(page) => drop(self.pages.insert(*page, clock)),
            None if is_list => self.list = clock,
            None => {}
        }
        // The labels of a space are read from the moment on at which the space is known.
        if page.is_none() && *op != ConfluenceOp::Pages {
            if self.labels.len() >= LABEL_ENDS {
                self.labels.remove(0);
            }
            self.labels.push(clock);
        }
    }

    /// A page at this moment, which may have been the one at which its batch was answered.
    fn page_at(&self, at: u64, page: PageId) -> Clock {
        let own = self.pages.get(&page).copied();
        let batch = self.batch_of.get(&page).and_then(|batch| self.batches.get(batch));
        let ends = batch.into_iter().flat_map(|batch| batch.ends.iter().rev().copied());
        self.latest(at, own.into_iter().chain(ends))
    }

    /// A page is done, however it came out; `is_left` where it never was answered.
    fn ends(&mut self, t_ms: u64, page: PageId, is_left: bool) {
        let mut clock = self.page_at(t_ms, page);
        let own_at = self.pages.remove(&page).map_or(0, |own| own.at);
        if let Some(batch) = self.batch_of.remove(&page)
            && let Some(path) = self.batches.get_mut(&batch)
        {
            // It ends with its batch, which may be in a wait.
            if is_left && own_at <= path.clock.at {
                clock = path.clock;
                clock.until(t_ms, path.next.unwrap_or(TimePart::Idle));
            }
            path.pages = path.pages.saturating_sub(1);
            if path.pages == 0 {
                self.batches.remove(&batch);
            }
        } else if is_left {
            clock = self.latest(t_ms, [self.gatherer, self.list]);
        }
        if clock.at >= self.done.at {
            self.done = clock;
        }
    }
}

/// How long a wait was, whatever a log says of it.
fn all_of(parts: Parts<'_>) -> u64 {
    parts.iter().fold(0, |all, (_, ms)| all.saturating_add(*ms))
}

/// The parts of a wait for a model, in one of the orders in which they may have passed.
fn ai_wait(place_ms: u64, quota_ms: u64, backoff_ms: u64) -> [(TimePart, u64); 3] {
    [(TimePart::AiPlace, place_ms), (TimePart::AiQuota, quota_ms), (TimePart::Backoff, backoff_ms)]
}

/// The same of a wait for Confluence.
fn site_wait(place_ms: u64, quota_ms: u64, backoff_ms: u64) -> [(TimePart, u64); 3] {
    [
        (TimePart::ConfluencePlace, place_ms),
        (TimePart::ConfluenceQuota, quota_ms),
        (TimePart::Backoff, backoff_ms),
    ]
}
