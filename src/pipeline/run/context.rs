//! What the stages of a run share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Shared;
use crate::pipeline::allowance::{Permission, Spending, Spent};
use crate::pipeline::batch::{BatchId, Room};
use crate::pipeline::cache::Content;
use crate::pipeline::config::{BatchSize, CacheKey, LabelReads, Settings};
use crate::pipeline::control::{Control, Progress};
use crate::pipeline::error::{Cause, PipelineError};
use crate::pipeline::event::{Awaited, Event};
use crate::pipeline::job::{Job, PageSelection};
use crate::pipeline::limiter::algorithm::InferredQuota;
use crate::pipeline::limiter::line_time::{LineTime, WaitParts};
use crate::pipeline::limiter::{LimitChange, LimiterUpdate};
use crate::pipeline::page::{Page, PageId, Source, Tags};
use crate::pipeline::page_filter::PageFilter;
use crate::pipeline::page_note::PageNote;
use crate::pipeline::provider::Lane;
use crate::pipeline::provider::Usage;
use crate::pipeline::provider::stated_quota::Dimension;
use crate::pipeline::run::coalesce::Coalescer;
use crate::pipeline::run::known_labels::KnownLabels;
use crate::pipeline::run::standing::Standing;
use crate::pipeline::store::LabelChange;
use crate::price;

/// A page with its tags, on its way to be written.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) page: PageId,
    pub(crate) tags: Tags,
    pub(crate) source: Source,
    pub(crate) begun: BegunWait,
    /// What a person has decided about its labels; without it they become its tags.
    pub(crate) change: Option<LabelChange>,
}

/// A wait that has begun, and for how long lines had stood still by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BegunWait {
    since: Instant,
    before: LineTime,
}

impl BegunWait {
    /// A wait for what moves as this line does.
    pub(crate) fn beside(before: LineTime) -> Self {
        Self { since: Instant::now(), before }
    }

    /// What it came to, now that the line has stood still for so long.
    pub(crate) fn parts(self, after: LineTime) -> WaitParts {
        after.parts(self.before, self.since.elapsed())
    }
}

/// Why a run ends itself.
enum Stopped {
    Pointless(Cause),
    Spent(Spent),
}

/// What the stages of a run share.
pub(crate) struct RunContext {
    pub(crate) shared: Arc<Shared>,
    /// Ends the asking for more: whoever runs this, or the run itself.
    pub(crate) cancel: CancellationToken,
    /// Whoever runs this wants it to end.
    pub(crate) interrupt: CancellationToken,
    /// How each provider fares.
    pub(crate) standings: Vec<Standing>,
    /// Why going on is pointless, if it is.
    stopped: OnceLock<Stopped>,
    spending: Mutex<Spending>,
    /// Told when a call on its way has ended.
    settled: Notify,
    pub(crate) calls: AtomicU64,
    /// Batches that were formed so far.
    pub(crate) formed: AtomicU64,
    twins: Coalescer,
    pub(crate) labels: KnownLabels,
    progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    filter: PageFilter,
    prunable: BTreeMap<PageId, BTreeSet<String>>,
    pub(crate) listed: AtomicU64,
    /// Pages that are known or expected to come, or have come already.
    pub(crate) known: AtomicU64,
    done: AtomicU64,
    total: Option<u64>,
    /// Whether the list is at its end.
    is_listed: AtomicBool,
}

impl RunContext {
    pub(crate) fn new(shared: Arc<Shared>, job: &Job, control: Control) -> Self {
        let is_of_space = matches!(job.what, PageSelection::Spaces(_));
        let is_by_label = is_of_space && shared.config.label_reads == LabelReads::ByLabel;
        Self {
            standings: shared
                .lanes
                .iter()
                .map(|lane| Standing::new(lane.provider.refused()))
                .collect(),
            shared,
            // The run may stop itself as well.
            cancel: control.cancel.child_token(),
            interrupt: control.cancel,
            stopped: OnceLock::new(),
            spending: Mutex::new(Spending::of(control.allowance)),
            settled: Notify::new(),
            calls: AtomicU64::new(0),
            formed: AtomicU64::new(0),
            twins: Coalescer::default(),
            labels: KnownLabels::new(is_by_label),
            progress: control.progress,
            filter: job.filter.clone(),
            prunable: job.prunable.clone(),
            listed: AtomicU64::new(0),
            known: AtomicU64::new(0),
            done: AtomicU64::new(0),
            total: match &job.what {
                PageSelection::Pages(ids) => Some(ids.len() as u64),
                PageSelection::Spaces(_) | PageSelection::Found(_) => None,
            },
            is_listed: AtomicBool::new(false),
        }
    }

    /// Why going on is pointless, if it is.
    pub(crate) fn stopped(&self) -> Option<PipelineError> {
        Some(match self.stopped.get()? {
            Stopped::Pointless(cause) => PipelineError::Pointless { cause: cause.clone() },
            Stopped::Spent(spent) => PipelineError::Spent(spent.clone()),
        })
    }

    /// Whether an earlier job gave this label to the page, and it may go again.
    pub(crate) fn is_prunable(&self, page: PageId, label: &str) -> bool {
        self.prunable.get(&page).is_some_and(|labels| labels.contains(label))
    }

    pub(crate) fn config(&self) -> &Settings {
        &self.shared.config
    }

    pub(crate) fn observe(&self, event: Event) {
        self.shared.observer.observe(event);
    }

    pub(crate) fn noted(&self, note: &PageNote<'_>) {
        self.shared.observer.noted(note);
    }

    /// Says what a call to a provider has taught.
    pub(crate) fn taught(&self, provider_index: usize, taught: LimiterUpdate) {
        // The limit that a run shows is its primary's.
        if let Some(LimitChange { old, new, why }) = taught.limit
            && (provider_index == 0 || !self.config().keeps_quota())
        {
            self.observe(Event::LimitChanged { old, new, why });
        }
        let lane = &self.shared.lanes[provider_index];
        for dimension in taught.forgotten {
            self.observe(Event::QuotaForgotten { provider: lane.provider.name.clone(), dimension });
        }
        self.tell_quotas(lane, taught.learned);
    }

    /// Says what is known of quotas before the first call: from earlier runs, or because it is configured.
    pub(crate) fn tell_known_quotas(&self) {
        for lane in &self.shared.lanes {
            self.tell_quotas(lane, lane.limiter.learned());
        }
    }

    fn tell_quotas(&self, lane: &Lane, quotas: Vec<InferredQuota>) {
        for quota in quotas {
            self.observe(Event::QuotaLearned {
                provider: lane.provider.name.clone(),
                dimension: quota.dimension,
                limit: quota.limit,
                window_ms: u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX),
                kind: quota.kind,
                inferred: quota.is_inferred,
                refused_count: quota.refused_count,
                weight_ppm: Some(quota.weight_ppm),
                runner_up: quota.runner_up,
            });
        }
    }

    /// Whether the job takes this page.
    pub(crate) fn takes(&self, page: PageId, title: Option<&str>) -> bool {
        self.filter.takes(page, title, self.listed.load(Ordering::Relaxed))
    }

    /// Whether the job takes no page after those that are listed.
    pub(crate) fn has_all(&self) -> bool {
        self.filter.is_full(self.listed.load(Ordering::Relaxed))
    }

    /// The list is at its end: no page follows.
    pub(crate) fn list_ended(&self) {
        self.is_listed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn page_listed(&self, page: PageId, version: u64, chars: u64) {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.observe(Event::PageListed { page, version, chars });
    }

    /// Says that something went on, if it had to wait at all.
    pub(crate) fn waited(
        &self,
        on: Awaited,
        batch: Option<BatchId>,
        page: Option<PageId>,
        parts: WaitParts,
    ) {
        let WaitParts { waited_ms, quota_ms, backoff_ms } = parts;
        if waited_ms > 0 {
            self.observe(Event::Waited { on, batch, page, waited_ms, quota_ms, backoff_ms });
        }
    }

    /// Hands a page to the writer, which may be busy.
    pub(crate) async fn hand_over(
        &self,
        to: &mpsc::Sender<Tagged>,
        (page, source): (PageId, Source),
        tags: Tags,
        batch: Option<BatchId>,
    ) {
        let since = Instant::now();
        let begun = BegunWait::beside(self.shared.confluence.line_time());
        // The writer outlives every batch; if it is gone, the run has failed as a whole.
        let _ = to.send(Tagged { page, tags, source, begun, change: None }).await;
        self.waited(Awaited::Writer, batch, None, WaitParts::of(since.elapsed()));
    }

    pub(crate) fn page_tagged(&self, Tagged { page, tags, source, .. }: Tagged) {
        self.shared.note(|journal| journal.ended(page, None));
        self.observe(Event::PageTagged { page, source, tags });
        self.count_done();
    }

    pub(crate) fn page_failed(&self, page: PageId, cause: &Cause) {
        self.shared.note(|journal| journal.ended(page, Some(cause)));
        let Cause { service, class, status } = cause.clone();
        self.observe(Event::PageFailed { page, class, service, status });
        self.count_done();
    }

    /// The place of the first provider that is worth asking; the last, if none is.
    pub(crate) fn first_provider(&self) -> usize {
        let usable = if self.config().fallback { self.standings.len() } else { 1 };
        let is_worth_it = |standing: &Standing| standing.lost().is_none();
        self.standings[..usable].iter().position(is_worth_it).unwrap_or(0)
    }

    /// What a prompt may hold: no more than is configured, and not more tokens than a window has.
    pub(crate) fn room(&self) -> Room {
        let config = self.config();
        let learned = self.shared.lanes[self.first_provider()].limiter.learned();
        let window = learned.iter().find(|quota| quota.dimension == Dimension::Tokens);
        let is_bounded = config.batch_tokens.is_some() || config.batch_size == BatchSize::Auto;
        Room {
            pages: usize::try_from(config.most_pages()).unwrap_or(usize::MAX).max(1),
            input_tokens: config.batch_tokens.into_iter().chain(window.map(|q| q.limit)).min(),
            output_tokens: is_bounded.then_some(config.max_output_tokens),
        }
    }

    /// The end of the line: behind every batch that there is.
    pub(crate) fn end_of_line(&self) -> u64 {
        self.formed.load(Ordering::Relaxed) + 1
    }

    /// Ends the run because no provider is worth asking: what is in flight is finished, the rest is
    /// left.
    pub(crate) fn stop(&self, cause: &Cause) {
        if !self.cancel.is_cancelled() {
            let _ = self.stopped.set(Stopped::Pointless(cause.clone()));
            self.cancel.cancel();
        }
    }

    /// Whether no more calls are made because the run has spent what it may. What is answered already is
    /// still written.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.stopped.get(), Some(Stopped::Spent(_)))
    }

    /// Sets aside what a call can cost at most, in millionths of a dollar, as soon as that is allowed;
    /// nothing if it never will be.
    pub(crate) async fn set_aside(&self, provider_index: usize, input_bytes: u64) -> Option<u64> {
        loop {
            let settled = self.settled.notified();
            match self.permission(provider_index, input_bytes) {
                Permission::Given(set_aside) => return Some(set_aside),
                Permission::Refused(spent) => {
                    let _ = self.stopped.set(Stopped::Spent(spent));
                    return None;
                }
                Permission::Later => tokio::select! {
                    biased;
                    () = self.cancel.cancelled() => return None,
                    () = settled => {}
                },
            }
        }
    }

    fn permission(&self, provider_index: usize, input_bytes: u64) -> Permission {
        let mut spending = self.spending.lock();
        if !spending.is_bounded() {
            return Permission::Given(0);
        }
        let model = &self.shared.lanes[provider_index].provider.model;
        match price::of(model) {
            None if spending.is_of_money() => Permission::Refused(Spent::NoPrice(model.clone())),
            price => {
                // No token is shorter than a byte.
                let output = self.config().max_output_tokens;
                let most = price.map_or(0, |price| price.usd_micros(input_bytes, output));
                spending.set_aside(most)
            }
        }
    }

    /// A call for which that was set aside has used these tokens; without them it may have cost all of it.
    pub(crate) fn settle(&self, provider_index: usize, set_aside: u64, usage: Option<Usage>) {
        if set_aside == 0 {
            return;
        }
        let price = price::of(&self.shared.lanes[provider_index].provider.model);
        let cost = price.zip(usage).map_or(set_aside, |(price, usage)| {
            price.usd_micros(usage.input_tokens, usage.output_tokens)
        });
        self.spending.lock().settle(set_aside, cost);
        self.settled.notify_waiters();
    }

    /// How many pages are known to be on their way still, when `came` have come.
    pub(crate) fn coming(&self, came: u64) -> u64 {
        let known = self.total.unwrap_or_else(|| self.known.load(Ordering::Relaxed));
        known.saturating_sub(came)
    }

    /// Gives the page back unless one with the same text is being asked about; then it waits.
    pub(crate) fn first_of_its_kind(&self, page: Page) -> Option<Page> {
        if !self.config().single_flight {
            return Some(page);
        }
        self.twins.join(self.asked_about(&page), page)
    }

    /// What makes a page the same to a provider: its title and text, or the text alone where the
    /// cache goes by that. Its version is never asked about.
    fn asked_about(&self, page: &Page) -> Content {
        let key = match self.config().cache_key {
            CacheKey::PageVersion | CacheKey::Content => CacheKey::Content,
            CacheKey::Text => CacheKey::Text,
        };
        Content::new(page, key)
    }

    fn twins_of(&self, page: &Page) -> Vec<Page> {
        if !self.config().single_flight {
            return Vec::new();
        }
        self.twins.leave(self.asked_about(page))
    }

    /// A page was answered, and with it those that say the same.
    pub(crate) async fn answered(
        &self,
        page: &Page,
        tags: Tags,
        batch: BatchId,
        tagged: &mpsc::Sender<Tagged>,
    ) {
        for twin in self.twins_of(page) {
            self.noted(&PageNote::Copied { page: twin.id });
            self.observe(Event::CacheHit { page: twin.id });
            let twin = (twin.id, Source::Cache);
            self.hand_over(tagged, twin, tags.clone(), Some(batch)).await;
        }
        self.hand_over(tagged, (page.id, Source::Answer), tags, Some(batch)).await;
    }

    /// A page was given up, and with it those that say the same.
    pub(crate) fn given_up(&self, page: &Page, cause: &Cause) {
        for twin in self.twins_of(page) {
            self.observe(Event::CacheMiss { page: twin.id });
            self.page_failed(twin.id, cause);
        }
        self.page_failed(page.id, cause);
    }

    /// The same for pages that were to be asked about, and those that say the same.
    pub(crate) fn leave_pages(&self, pages: &[Page]) {
        for page in pages {
            let twins = self.twins_of(page);
            self.leave(twins.iter().chain([page]).map(|page| page.id));
        }
    }

    /// Leaves pages as they are, because the run was cancelled.
    pub(crate) fn leave(&self, pages: impl IntoIterator<Item = PageId>) {
        for page in pages {
            self.observe(Event::PageNotDone { page });
        }
    }

    fn count_done(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = &self.progress {
            let listed = self.listed.load(Ordering::Relaxed);
            let is_listed = self.is_listed.load(Ordering::Relaxed);
            progress(Progress { done, listed, total: self.total.or(is_listed.then_some(listed)) });
        }
    }
}
