//! A trace for Perfetto (<https://ui.perfetto.dev>), in the trace event format of Chrome: a lane for
//! each page, batch and call at work, flows from page to batch to call to label, and counters.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::{Value, json};

use crate::fakes::quota::{Dimension, Window};
use crate::fakes::world_event::{Service, WorldEvent};
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallId, ConfluenceOp, Event};
use crate::pipeline::page::PageId;
use crate::price;
use crate::price::Price;
use crate::sim::recorder::entry::What;
use crate::sim::scenario::Scenario;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};

/// The most pages of which a trace is written without being asked for.
pub const MOST_PAGES: u64 = 20_000;
/// Processes that a run may have: its pipeline, Confluence and providers.
const PROCESSES: usize = 16;

/// Whether a trace of these runs is small enough to be written unasked.
pub fn is_small(judged: &JudgedScenario) -> bool {
    judged.runs.iter().map(|run| run.figures.number(Metric::Pages)).sum::<u64>() <= MOST_PAGES
}

/// A trace file in the making: events, one a line.
#[derive(Debug)]
pub struct TraceFile<W: Write> {
    to: W,
    is_first: bool,
    /// The number of the next run's first process.
    next: usize,
    /// Flows so far, which are numbered: Perfetto takes no other name.
    flows: u64,
}

impl<W: Write> TraceFile<W> {
    /// A file without an event.
    pub fn new(to: W) -> Self {
        Self { to, is_first: true, next: 1, flows: 0 }
    }

    /// Adds all runs of a scenario, each with processes of its own.
    pub fn add(&mut self, scenario: &Scenario, judged: &JudgedScenario) -> io::Result<()> {
        for run in &judged.runs {
            let name = format!("{}, {}", scenario.name, run.name);
            let first = self.next;
            self.next += PROCESSES;
            Trace::of(scenario, run).write(self, first, &name)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<W> {
        if self.is_first {
            self.begin_event()?;
        }
        self.to.write_all(b"\n]}\n")?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn begin_event(&mut self) -> io::Result<()> {
        let is_first = std::mem::take(&mut self.is_first);
        let before: &[u8] =
            if is_first { b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" } else { b",\n" };
        self.to.write_all(before)
    }

    fn event(&mut self, event: &Value) -> io::Result<()> {
        self.begin_event()?;
        serde_json::to_writer(&mut self.to, event)?;
        Ok(())
    }
}

/// Something that took from one moment to another.
struct Slice {
    process: usize,
    name: String,
    start_ms: u64,
    /// Nothing until it has ended.
    end_ms: Option<u64>,
    args: Value,
    /// Its lane within the process.
    lane: usize,
}

impl Slice {
    fn ended_ms(&self) -> u64 {
        self.end_ms.unwrap_or(self.start_ms)
    }
}

/// A counter at a moment.
struct Counted {
    name: &'static str,
    t_ms: u64,
    value: u64,
}

/// What is drawn of a run.
#[derive(Default)]
struct Trace {
    /// Their names: `pages`, `batches`, `confluence`, and the providers.
    processes: Vec<String>,
    slices: Vec<Slice>,
    counters: Vec<Counted>,
    /// The slices that each page goes through, in their order.
    flows: BTreeMap<PageId, Vec<usize>>,
    open_pages: BTreeMap<PageId, usize>,
    open_batches: BTreeMap<BatchId, (usize, Vec<PageId>)>,
    open_calls: BTreeMap<CallId, (usize, BatchId)>,
    /// The input and output tokens of each provider, with its price.
    paid: BTreeMap<String, (Price, u64, u64)>,
    refused: u64,
    done: u64,
    /// What is left of the quotas that the scenario states.
    quotas: Vec<QuotaLeft>,
}

/// What is left of an amount of a window.
struct QuotaLeft {
    service: Service,
    name: &'static str,
    dimension: Dimension,
    window: Window,
    left: u64,
}

/// The amounts of the windows of the AI services.
fn quotas(scenario: &Scenario) -> Vec<QuotaLeft> {
    let world = &scenario.world;
    let (gemini, openai) = (world.gemini.0.quota.as_ref(), world.openai.0.quota.as_ref());
    let all = [
        (Service::Gemini, gemini, Dimension::Requests, "gemini: requests left"),
        (Service::Gemini, gemini, Dimension::Tokens, "gemini: input tokens left"),
        (Service::Openai, openai, Dimension::Requests, "openai: requests left"),
        (Service::Openai, openai, Dimension::Tokens, "openai: input tokens left"),
    ];
    let left = all.into_iter().filter_map(|(service, quota, dimension, name)| {
        let window = quota?.window_of(dimension)?;
        // Nothing is counted before the first call.
        Some(QuotaLeft { service, name, dimension, window, left: u64::MAX })
    });
    left.collect()
}

impl Trace {
    fn of(scenario: &Scenario, run: &JudgedRun) -> Self {
        let mut trace = Self { quotas: quotas(scenario), ..Self::default() };
        let mut last_ms = 0;
        for entry in run.log.entries.without_tags() {
            last_ms = entry.t_ms;
            match entry.what {
                What::Event(event) => trace.event(scenario, entry.t_ms, event),
                What::World(record) => trace.took(entry.t_ms, &record),
            }
        }
        // What had not ended when the run did.
        for slice in &mut trace.slices {
            slice.end_ms.get_or_insert(last_ms);
        }
        trace.find_lanes();
        trace
    }

    fn process(&mut self, name: &str) -> usize {
        self.processes.iter().position(|known| known == name).unwrap_or_else(|| {
            self.processes.push(name.to_owned());
            self.processes.len() - 1
        })
    }

    fn begin(&mut self, process: &str, name: String, start_ms: u64, args: Value) -> usize {
        let process = self.process(process);
        self.slices.push(Slice { process, name, start_ms, end_ms: None, args, lane: 0 });
        self.slices.len() - 1
    }

    fn count(&mut self, name: &'static str, t_ms: u64, value: u64) {
        self.counters.push(Counted { name, t_ms, value });
    }

    fn event(&mut self, scenario: &Scenario, t_ms: u64, event: Event) {
        match event {
            Event::RunStarted { limit: Some(limit), .. } => self.count("limit", t_ms, limit),
            Event::LimitChanged { new, .. } => self.count("limit", t_ms, new),
            Event::PageListed { page, chars, .. } => {
                let name = format!("page {page}");
                let at = self.begin("pages", name, t_ms, json!({ "chars": chars }));
                self.open_pages.insert(page, at);
                self.flows.entry(page).or_default().push(at);
            }
            Event::BatchFormed { batch, pages, .. } => {
                let name = format!("batch {} of {} pages", batch.0, pages.len());
                let args = json!({ "batch": batch.0, "pages": pages });
                let at = self.begin("batches", name, t_ms, args);
                for page in &pages {
                    self.flows.entry(*page).or_default().push(at);
                }
                self.open_batches.insert(batch, (at, pages));
            }
            Event::AttemptStarted { .. } => self.started(t_ms, event),
            Event::AttemptFinished { .. } => self.finished(scenario, t_ms, event),
            Event::ConfluenceCall { op, page, status, latency_ms, .. } => {
                let name = json!(op).as_str().unwrap_or_default().replace('_', " ");
                let args = json!({ "page": page, "status": status });
                let at = self.begin("confluence", name, t_ms.saturating_sub(latency_ms), args);
                self.slices[at].end_ms = Some(t_ms);
                if let Some(page) = page.filter(|_| op == ConfluenceOp::AddLabels) {
                    self.flows.entry(page).or_default().push(at);
                }
            }
            Event::PageTagged { page, .. } | Event::PageFailed { page, .. } => {
                if let Some(at) = self.open_pages.remove(&page) {
                    self.done += 1;
                    self.count("pages done", t_ms, self.done);
                    self.slices[at].end_ms = Some(t_ms);
                }
            }
            _ => {}
        }
    }

    /// Counts what a call took of its service's quota.
    fn took(&mut self, t_ms: u64, record: &WorldEvent) {
        let WorldEvent::Billed { service: by, input_tokens, later: false, .. } = record else {
            return;
        };
        for quota in self.quotas.iter_mut().filter(|quota| quota.service == *by) {
            let amount = if quota.dimension == Dimension::Requests { 1 } else { *input_tokens };
            quota.window.pass(t_ms);
            quota.window.take(t_ms, amount);
        }
        self.count_quotas(t_ms);
    }

    fn count_quotas(&mut self, t_ms: u64) {
        for at in 0..self.quotas.len() {
            let quota = &mut self.quotas[at];
            let left = quota.window.left(t_ms).left;
            let (name, before) = (quota.name, std::mem::replace(&mut quota.left, left));
            if left != before {
                self.count(name, t_ms, left);
            }
        }
    }

    fn started(&mut self, t_ms: u64, event: Event) {
        let Event::AttemptStarted { call, batch, provider, attempt, pages, .. } = event else {
            return;
        };
        let name = format!("call {} for {pages} pages", call.0);
        let args = json!({ "call": call.0, "batch": batch.0, "attempt": attempt });
        let at = self.begin(&provider, name, t_ms, args);
        for page in self.open_batches.get(&batch).map(|(_, pages)| pages).into_iter().flatten() {
            self.flows.entry(*page).or_default().push(at);
        }
        self.open_calls.insert(call, (at, batch));
        self.count("in flight", t_ms, self.open_calls.len() as u64);
        self.count_quotas(t_ms);
    }

    fn finished(&mut self, scenario: &Scenario, t_ms: u64, event: Event) {
        let Event::AttemptFinished {
            call,
            provider,
            model,
            outcome,
            status,
            input_tokens,
            output_tokens,
            ..
        } = event
        else {
            return;
        };
        let Some((at, batch)) = self.open_calls.remove(&call) else { return };
        let slice = &mut self.slices[at];
        slice.end_ms = Some(t_ms);
        slice.args["outcome"] = json!(outcome);
        slice.args["status"] = json!(status);
        slice.args[Metric::InputTokens.key()] = json!(input_tokens);
        slice.args[Metric::OutputTokens.key()] = json!(output_tokens);
        if let Some((at, _)) = self.open_batches.get(&batch) {
            self.slices[*at].end_ms = Some(t_ms);
        }
        if let Some(price) = price::of_call(&scenario.prices, &provider, model.as_deref()) {
            let paid = self.paid.entry(provider).or_insert((price, 0, 0));
            paid.1 = paid.1.saturating_add(input_tokens);
            paid.2 = paid.2.saturating_add(output_tokens);
            let cost = self.paid.values().map(|(price, input, output)| {
                // Rounded once for each provider, as the report does it.
                price.usd_micros(*input, *output)
            });
            let cost = cost.fold(0, u64::saturating_add);
            self.count("cost in millionths of a dollar", t_ms, cost);
        }
        self.refused += u64::from(status == Some(429));
        self.count("429s", t_ms, self.refused);
        self.count("in flight", t_ms, self.open_calls.len() as u64);
    }

    /// Gives each slice the first lane of its process that is free when it begins.
    fn find_lanes(&mut self) {
        let mut order: Vec<usize> = (0..self.slices.len()).collect();
        order.sort_by_key(|at| (self.slices[*at].start_ms, *at));
        let mut ends: Vec<Vec<u64>> = vec![Vec::new(); self.processes.len()];
        for at in order {
            let slice = &mut self.slices[at];
            let lanes = &mut ends[slice.process];
            let free = lanes.iter().position(|end| *end <= slice.start_ms);
            slice.lane = free.unwrap_or(lanes.len());
            // Even what takes no time has its lane for itself.
            let end_ms = slice.ended_ms().max(slice.start_ms.saturating_add(1));
            match lanes.get_mut(slice.lane) {
                Some(end) => *end = end_ms,
                None => lanes.push(end_ms),
            }
        }
    }

    fn write(&self, to: &mut TraceFile<impl Write>, first: usize, run: &str) -> io::Result<()> {
        let us = |ms: u64| ms.saturating_mul(1000);
        for (at, name) in self.processes.iter().enumerate() {
            let name = format!("{run}: {name}");
            to.event(&json!({"ph": "M", "pid": first + at, "name": "process_name", "args": {"name": name}}))?;
            to.event(&json!({"ph": "M", "pid": first + at, "name": "process_sort_index", "args": {"sort_index": first + at}}))?;
        }
        for slice in &self.slices {
            let duration = us(slice.ended_ms().saturating_sub(slice.start_ms));
            to.event(&json!({
                "ph": "X", "pid": first + slice.process, "tid": slice.lane + 1, "name": slice.name,
                "ts": us(slice.start_ms), "dur": duration, "args": slice.args,
            }))?;
        }
        for Counted { name, t_ms, value } in &self.counters {
            to.event(&json!({"ph": "C", "pid": first, "name": name, "ts": us(*t_ms), "args": {"value": value}}))?;
        }
        for steps in self.flows.values() {
            to.flows += 1;
            let id = to.flows;
            for (at, step) in steps.iter().enumerate().filter(|_| steps.len() > 1) {
                let kind = match at {
                    0 => "s",
                    at if at + 1 == steps.len() => "f",
                    _ => "t",
                };
                let slice = &self.slices[*step];
                to.event(&json!({
                    "ph": kind, "bp": "e", "cat": "page", "name": "page", "id": id,
                    "pid": first + slice.process, "tid": slice.lane + 1, "ts": us(slice.start_ms),
                }))?;
            }
        }
        Ok(())
    }
}
