//! The event log from the server's side: what a client does, as far as the services see it.
//!
//! The same events as those of our own pipeline, without what happens inside a client: no cache,
//! no waits, no limit. A prompt is known again by its lowest page id or its digest; asked again
//! after a failure it is a retry, asked of another provider a fallback. The log goes to disk line
//! by line, so that memory does not grow with it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::{io, mem};

use lru::LruCache;
use parking_lot::Mutex;

use super::ExchangeObserver;
use crate::fakes::observation::{Given, Labelled, Observation, Operation, Prompt, Site, Use};
use crate::fakes::world_event::{Service, WorldEvent};
use crate::pipeline::batch::BatchId;
use crate::pipeline::error::ErrorClass;
use crate::pipeline::event::{CallId, CallOutcome, ConfluenceOp, Event, FallbackReason, RunEnd};
use crate::pipeline::page::{PageId, Source, Tags};
use crate::pipeline::{log, taxonomy};
use crate::sim::recorder::entry::{Entry, What};
use crate::sim::recorder::{Entries, Log, Vantage};

/// How many prompts that nobody asks again are kept; the oldest are forgotten.
const MOST_FAILED: usize = 16_384;

/// How many exchanges there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Calls of models.
    pub ai_calls: u64,
    /// Of these, refused with a 429.
    pub rate_limited: u64,
    /// Requests to Confluence.
    pub confluence_calls: u64,
}

/// Writes down what clients do.
#[derive(Debug)]
pub struct ServerLog<W> {
    taxonomy: Vec<(String, Vec<String>)>,
    state: Mutex<State<W>>,
}

#[derive(Debug)]
struct State<W> {
    /// Names the run; holds no entries.
    log: Log,
    to: W,
    failed: Option<io::Error>,
    seen: Seen,
    numbers: u64,
    calls: u64,
    in_flight: u64,
    open: BTreeMap<u64, OpenRequest>,
    batches: u64,
    failed_prompts: LruCache<u64, Failed>,
    listed: BTreeSet<u64>,
    last_ms: u64,
    begun: bool,
    closed: bool,
}

/// A call as the service counts it.
#[derive(Debug, Clone, Copy)]
struct SeenCall {
    call: CallId,
    batch: BatchId,
    attempt: u32,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct OpenRequest {
    arrived_ms: u64,
    what: Answering,
}

#[derive(Debug)]
enum Answering {
    Prompt { call: CallId, batch: BatchId, attempt: u32, prompt: Prompt },
    Site(Site),
    Other,
}

/// A prompt whose last call failed: the service, the number of calls, and why it failed. It is
/// forgotten when it is answered, and when it is asked again.
#[derive(Debug)]
struct Failed {
    batch: BatchId,
    provider: Service,
    model: String,
    attempts: u32,
    class: ErrorClass,
}

impl<W: Write> ServerLog<W> {
    /// A witness of a run with this name, whose labels are tags of this taxonomy.
    pub fn new(run: &str, taxonomy: Vec<(String, Vec<String>)>, to: W) -> Self {
        let state = State {
            log: Log { run: run.to_owned(), vantage: Vantage::Server, entries: Entries::new() },
            to,
            failed: None,
            seen: Seen::default(),
            numbers: 0,
            calls: 0,
            in_flight: 0,
            open: BTreeMap::new(),
            batches: 0,
            failed_prompts: LruCache::unbounded(),
            listed: BTreeSet::new(),
            last_ms: 0,
            begun: false,
            closed: false,
        };
        Self { taxonomy, state: Mutex::new(state) }
    }

    /// What there was so far.
    pub fn seen(&self) -> Seen {
        self.state.lock().seen
    }

    /// Whether the log cannot be written any more.
    pub fn has_failed(&self) -> bool {
        self.state.lock().failed.is_some()
    }

    /// Ends the run with the end of its last exchange.
    pub fn finish(&self) -> io::Result<Seen> {
        let mut state = self.state.lock();
        // Without a single request the run begins and ends at once.
        let last_ms = state.last_ms;
        state.begin(last_ms);
        state.observe(last_ms, Event::RunFinished { end: RunEnd::Completed });
        state.closed = true;
        let flushed = state.to.flush();
        match state.failed.take() {
            Some(failed) => Err(failed),
            None => flushed.map(|()| state.seen),
        }
    }

    /// Labels as the tags that they stand for.
    fn tags(&self, labels: &[String]) -> Tags {
        let of_category = |allowed: &[String]| {
            let given = allowed.iter().filter(|tag| labels.contains(&taxonomy::label(tag)));
            given.cloned().collect::<Vec<_>>()
        };
        let named = self.taxonomy.iter();
        Tags(named.map(|(name, allowed)| (name.clone(), of_category(allowed))).collect())
    }
}

impl<W: Write + Send> ExchangeObserver for ServerLog<W> {
    fn arrived(&self, now_ms: u64, about: Option<&Observation>, records: Vec<WorldEvent>) -> u64 {
        let mut state = self.state.lock();
        state.numbers += 1;
        let number = state.numbers;
        state.begin(now_ms);
        let what = match about {
            Some(Observation::Prompt(prompt)) => state.asked(now_ms, prompt.clone()),
            Some(Observation::Site(site)) => Answering::Site(site.clone()),
            None => Answering::Other,
        };
        for record in records {
            state.write(now_ms, What::World(record));
        }
        state.open.insert(number, OpenRequest { arrived_ms: now_ms, what });
        number
    }

    fn left(&self, now_ms: u64, number: u64, status: Option<u16>) {
        let mut state = self.state.lock();
        let Some(OpenRequest { arrived_ms, what }) = state.open.remove(&number) else { return };
        let now_ms = now_ms.max(state.last_ms);
        let latency_ms = now_ms.saturating_sub(arrived_ms);
        match what {
            Answering::Prompt { call, batch, attempt, prompt } => {
                state.answered(
                    now_ms,
                    latency_ms,
                    SeenCall { call, batch, attempt },
                    prompt,
                    status,
                );
            }
            Answering::Site(site) => {
                state.seen.confluence_calls += 1;
                let op = op(site.operation);
                let hint_ms = site.hint_ms;
                let called = Event::ConfluenceCall {
                    op,
                    page: None,
                    status,
                    latency_ms,
                    hint_ms,
                    place_ms: 0,
                    quota_ms: 0,
                    backoff_ms: 0,
                };
                state.observe(now_ms, called);
                for Given { page, version, chars } in site.given {
                    if state.listed.insert(page) {
                        let page = PageId(page);
                        state.observe(now_ms, Event::PageListed { page, version, chars });
                    }
                }
                if let Some(Labelled { page, added, removed, labels }) = site.labelled {
                    let (page, tags) = (PageId(page), self.tags(&labels));
                    if added + removed > 0 {
                        state.observe(now_ms, Event::LabelsWritten { page, added, removed });
                    }
                    let source = Source::Answer;
                    state.observe(now_ms, Event::PageTagged { page, source, tags });
                }
            }
            Answering::Other => state.last_ms = now_ms,
        }
    }
}

impl<W: Write> State<W> {
    /// The run begins with the first request.
    fn begin(&mut self, now_ms: u64) {
        if !mem::replace(&mut self.begun, true) {
            let task = self.log.run.clone();
            self.observe(now_ms, Event::RunStarted { task, limit: None });
        }
    }

    fn observe(&mut self, now_ms: u64, event: Event) {
        log::write(now_ms, &event);
        self.write(now_ms, What::Event(event));
    }

    fn write(&mut self, now_ms: u64, what: What) {
        if self.closed {
            return;
        }
        self.last_ms = now_ms.max(self.last_ms);
        let entry = Entry { t_ms: self.last_ms, what };
        let line = self.log.line(&entry);
        if let Err(error) = writeln!(self.to, "{line}") {
            self.failed = mem::take(&mut self.failed).or(Some(error));
        }
    }

    fn asked(&mut self, now_ms: u64, prompt: Prompt) -> Answering {
        self.calls += 1;
        self.in_flight += 1;
        self.seen.ai_calls += 1;
        let call = CallId(self.calls);
        let (provider, model) = (prompt.service, &prompt.model);
        let (batch, attempt) = match self.failed_prompts.pop(&prompt.identity) {
            Some(Failed { batch, provider: before, model: same, attempts, .. })
                if before == provider && same == *model =>
            {
                (batch, attempts + 1)
            }
            // Another model of the same provider is a new start, no fallback.
            Some(Failed { batch, provider: before, .. }) if before == provider => (batch, 1),
            Some(Failed { batch, provider: before, class, .. }) => {
                let (from, to, why) = (name(before), name(provider), FallbackReason::Unknown);
                self.observe(now_ms, Event::Fallback { batch, from, to, class, why });
                (batch, 1)
            }
            None => {
                self.batches += 1;
                (BatchId(self.batches), 1)
            }
        };
        let started = Event::AttemptStarted {
            call,
            batch,
            provider: name(provider),
            model: Some(model.clone()),
            attempt,
            pages: prompt.pages,
            in_flight: self.in_flight,
            limit: None,
        };
        self.observe(now_ms, started);
        Answering::Prompt { call, batch, attempt, prompt }
    }

    fn answered(
        &mut self,
        now_ms: u64,
        latency_ms: u64,
        SeenCall { call, batch, attempt }: SeenCall,
        prompt: Prompt,
        status: Option<u16>,
    ) {
        self.in_flight -= 1;
        self.seen.rate_limited += u64::from(status == Some(429));
        let (outcome, class) = judged(status, prompt.use_of);
        let Prompt { service, model, identity, input_tokens, output_tokens, hint_ms, .. } = prompt;
        if let Some(class) = class.filter(|_| outcome == CallOutcome::Failed) {
            let (model, attempts) = (model.clone(), attempt);
            let failed = Failed { batch, provider: service, model, attempts, class };
            self.failed_prompts.put(identity, failed);
            if self.failed_prompts.len() > MOST_FAILED {
                self.failed_prompts.pop_lru();
            }
        }
        let finished = Event::AttemptFinished {
            call,
            batch,
            provider: name(service),
            model: Some(model),
            outcome,
            class,
            status,
            input_tokens,
            output_tokens,
            latency_ms,
            dropped: 0,
            hint_ms: hint_ms.filter(|_| status.is_some()),
        };
        self.observe(now_ms, finished);
    }
}

/// How a call went for whoever made it.
fn judged(status: Option<u16>, use_of: Use) -> (CallOutcome, Option<ErrorClass>) {
    let failed = |class| (CallOutcome::Failed, Some(class));
    match (status, use_of) {
        (None, _) => failed(ErrorClass::Connection),
        (Some(200), Use::Whole) => (CallOutcome::Ok, None),
        (Some(200), Use::Part) => (CallOutcome::Partial, Some(ErrorClass::Incomplete)),
        (Some(200), Use::Malformed | Use::Nothing) => failed(ErrorClass::Malformed),
        (Some(200), Use::Blocked) => failed(ErrorClass::Blocked),
        (Some(_), Use::Exhausted) => failed(ErrorClass::QuotaExhausted),
        (Some(status), _) => failed(ErrorClass::of_status(status)),
    }
}

fn name(service: Service) -> String {
    match service {
        Service::Confluence => "confluence",
        Service::Gemini => "gemini",
        Service::Openai => "openai",
    }
    .to_owned()
}

fn op(operation: Operation) -> ConfluenceOp {
    match operation {
        Operation::Spaces => ConfluenceOp::Space,
        Operation::Pages => ConfluenceOp::Pages,
        Operation::Labels => ConfluenceOp::Labels,
        Operation::AddLabels => ConfluenceOp::AddLabels,
        Operation::RemoveLabel => ConfluenceOp::RemoveLabel,
        Operation::EditPage | Operation::Other => ConfluenceOp::Other,
    }
}
