//! What no scheduler could beat: the fewest calls and the shortest makespan of a run.
//!
//! The bound is for the primary alone, with the run's pages, batch limits and Confluence
//! concurrency. It knows the true quota and every latency beforehand, meets no failure, and never
//! asks twice. It is a lower bound: where something is left out (other calls in service, retries, slow
//! spells, a neighbour that uses the same quota, what was used before), the truth is longer.
//! Each attempt at a page has a latency of its own, so that a failure may have been lucky: the bound
//! takes the shortest of those that the run has met.

use std::collections::{BTreeMap, BTreeSet};

use crate::fakes::calendar::Calendar;
use crate::fakes::content::space::Space;
use crate::fakes::latency::Load;
use crate::fakes::llm::tokens::Tokenizer;
use crate::fakes::quota::{Dimension, QuotaConfig, Window, WindowKind};
use crate::fakes::world_event::Service;
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{ConfluenceOp, Event, RunEnd};
use crate::pipeline::page::PageId;
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{prompt, text};
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;
use crate::sim::scenario::Scenario;
use crate::units::Count;

/// The bound of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The fewest calls.
    pub calls: u64,
    /// The shortest makespan.
    pub makespan_ms: u64,
}

/// The output tokens that a page takes at least: its entry with four empty lists.
const LEAST_OUTPUT_TOKENS: u64 = 12;

/// What a log tells of the work that was to be done. Times are since the run's start.
#[derive(Debug, Default)]
struct Work {
    started_ms: u64,
    /// When the list had come so far, and how many pages it had brought.
    listed: Vec<(u64, u64)>,
    /// Pages that had to be asked about.
    asked: Vec<Listed>,
    cached: u64,
    /// The latencies of reading and of changing labels.
    reads_ms: Vec<u64>,
    writes_ms: Vec<u64>,
    unchanged: bool,
    /// The number of attempts with a page in them.
    attempts: BTreeMap<PageId, u64>,
    completed: bool,
}

/// A page as it was listed.
#[derive(Debug, Clone, Copy)]
struct Listed {
    page: PageId,
    version: u64,
    /// Its place in the list, from 1.
    place: u64,
    /// Whether a text of it came.
    has_text: bool,
}

/// What the primary counts of prompts.
struct Tokens {
    tokenizer: Tokenizer,
    /// The weight of what every prompt begins with.
    fixed: u64,
    /// The weights of the pages, in the order of the list; nothing where no token counts.
    pages: Vec<u64>,
}

impl Tokens {
    fn of(scenario: &Scenario, work: &Work, limit_chars: u64) -> Self {
        let world = &scenario.world;
        let (ai, latency) = &world.gemini;
        let tokenizer = Tokenizer::of(Service::Gemini, ai.token_skew);
        let taxonomy = Taxonomy::new(world.taxonomy.clone());
        let fixed = tokenizer.weight(&prompt::render(&taxonomy, &[]));
        let counts = |quota: &QuotaConfig| quota.window_of(Dimension::Tokens).is_some();
        if !latency.is_slowed_by_input() && !ai.quota.as_ref().is_some_and(counts) {
            return Self { tokenizer, fixed, pages: Vec::new() };
        }
        let space = world.space.clone();
        let space = Space::new(space, world.taxonomy.clone(), world.documents.clone(), world.seed);
        let limit = usize::try_from(limit_chars).unwrap_or(usize::MAX);
        let weight = |listed: &Listed| {
            let page = space.page_at(listed.page.0, listed.version).filter(|_| listed.has_text);
            let text = page.map(|page| text::extract(&page.storage, limit)).unwrap_or_default();
            // A title may have been left out of the list.
            tokenizer.weight(&prompt::line_of(listed.page)) + tokenizer.weight(&text)
        };
        let pages = work.asked.iter().map(weight).collect();
        Self { tokenizer, fixed, pages }
    }

    /// Of a prompt about the page at this index alone.
    fn alone(&self, index: usize) -> u64 {
        let page = self.pages.get(index).copied().unwrap_or(0);
        self.tokenizer.count_weight(self.fixed.saturating_add(page))
    }

    /// Of `calls` prompts about all pages.
    fn of_all(&self, calls: u64) -> u64 {
        let fixed = calls.saturating_mul(self.fixed);
        self.tokenizer.count_weight(fixed.saturating_add(sum(&self.pages)))
    }
}

/// The bound of a run, if it was carried through; `before` are the logs of the runs that went
/// before it in the same world.
pub fn of(scenario: &Scenario, before: &[Log], log: &Log) -> Option<Bound> {
    let run = scenario.runs.iter().find(|run| run.name == log.run)?;
    let work = Work::of(log);
    if !work.completed {
        return None;
    }
    let (ai, latency) = &scenario.world.gemini;
    let pages = work.asked.len() as u64;
    let size = run.config.most_pages().max(1);
    let calls = pages.div_ceil(size);

    // A page that was asked about before meets another draw.
    let earlier: Vec<_> = before.iter().map(|log| Work::of(log).attempts).collect();
    let attempts = |page: &PageId| -> u64 {
        let all = earlier.iter().chain([&work.attempts]);
        sum(all.filter_map(|attempts| attempts.get(page))).max(1)
    };
    let tokens = Tokens::of(scenario, &work, run.config.text_limit_chars);
    let drawn = |(index, Listed { page, .. }): (usize, &Listed)| {
        let load = Load {
            input_tokens: tokens.alone(index),
            output_tokens: LEAST_OUTPUT_TOKENS,
            ..Load::default()
        };
        let of =
            |attempt| latency.draw(scenario.world.weather_seed(), "gemini", page.0, attempt, load);
        (0..attempts(page)).map(of).min().unwrap_or(0)
    };
    let mut latencies: Vec<u64> = work.asked.iter().enumerate().map(drawn).collect();
    latencies.sort_unstable();
    latencies.truncate(usize::try_from(calls).unwrap_or(usize::MAX));
    let quickest = latencies.first().copied().unwrap_or(0);

    let mut starts = vec![0; latencies.len()];
    if let Some(quota) = &ai.quota {
        let calendar = Calendar::new(scenario.world.start);
        let first = work.started_ms.saturating_add(work.available(1));
        starts = earliest(&quota.loosest(), &calendar, first, (calls, tokens.of_all(calls)));
        for start in &mut starts {
            *start = start.saturating_sub(work.started_ms);
        }
    }
    for (index, start) in (0..).zip(&mut starts) {
        // The pages that are in the calls up to this one at least.
        let needed = pages.saturating_sub((calls - 1 - index).saturating_mul(size)).max(1);
        *start = (*start).max(work.available(needed));
    }
    let answered = least_end(&starts, &latencies);
    let slots = run.config.in_flight_batches.max(1);
    let worked = work.available(1).saturating_add(sum(&latencies) / slots);

    let least = |times: &[u64]| times.iter().min().copied().unwrap_or(0);
    let writes = if work.unchanged { 0 } else { least(&work.writes_ms) };
    let chain = least(&work.reads_ms).saturating_add(writes);
    let labels = sum(work.reads_ms.iter().chain(&work.writes_ms));
    let first_listed = work.listed.first().map_or(0, |(at, _)| *at);
    let first_tagged = first_listed.saturating_add(if work.cached > 0 { 0 } else { quickest });
    let written = first_tagged.saturating_add(labels / run.config.confluence_concurrency.max(1));
    let listed = work.listed.last().map_or(0, |(at, _)| *at);
    let makespan_ms = answered.max(worked).saturating_add(chain).max(written).max(listed);
    Some(Bound { calls, makespan_ms })
}

impl Work {
    fn of(log: &Log) -> Self {
        let mut work = Self::default();
        let (mut at, mut count, mut hits) = (0, 0, BTreeSet::new());
        let mut batches: BTreeMap<BatchId, Vec<PageId>> = BTreeMap::new();
        for entry in log.entries.without_tags() {
            let What::Event(event) = entry.what else { continue };
            match event {
                Event::RunStarted { .. } => work.started_ms = entry.t_ms,
                Event::ConfluenceCall { op, status: Some(200..=299), latency_ms, .. } => match op {
                    ConfluenceOp::Space | ConfluenceOp::Pages => {
                        // One page of the list after the other.
                        at = latency_ms.saturating_add(at);
                    }
                    ConfluenceOp::Labels => work.reads_ms.push(latency_ms),
                    ConfluenceOp::AddLabels | ConfluenceOp::RemoveLabel => {
                        work.writes_ms.push(latency_ms);
                    }
                    ConfluenceOp::Other => {}
                },
                Event::PageListed { page, version, chars } => {
                    count += 1;
                    match work.listed.last_mut() {
                        Some((known, pages)) if *known == at => *pages = count,
                        _ => work.listed.push((at, count)),
                    }
                    let (place, has_text) = (count, chars > 0);
                    work.asked.push(Listed { page, version, place, has_text });
                }
                Event::CacheHit { page } => {
                    hits.insert(page);
                }
                Event::LabelsUnchanged { .. } => work.unchanged = true,
                Event::BatchFormed { batch, pages } => {
                    batches.insert(batch, pages);
                }
                Event::AttemptStarted { batch, .. } => {
                    for page in batches.get(&batch).into_iter().flatten() {
                        *work.attempts.entry(*page).or_default() += 1;
                    }
                }
                Event::RunFinished { end } => work.completed = end == RunEnd::Completed,
                _ => {}
            }
        }
        work.cached = hits.len() as u64;
        work.asked.retain(|listed| !hits.contains(&listed.page));
        work
    }

    /// When `pages` pages that have to be asked about can have been listed.
    fn available(&self, pages: u64) -> u64 {
        let index = usize::try_from(pages.saturating_sub(1)).unwrap_or(usize::MAX);
        let place = self.asked.get(index).map_or(0, |listed| listed.place);
        let found = self.listed.partition_point(|(_, listed)| *listed < place);
        self.listed.get(found).or(self.listed.last()).map_or(0, |(at, _)| *at)
    }
}

/// The earliest times of `calls` calls with `tokens` tokens in all, the first at `first`, in a
/// quota of which nothing is used.
pub fn earliest(
    quota: &QuotaConfig,
    calendar: &Calendar,
    first: u64,
    (calls, tokens): (u64, u64),
) -> Vec<u64> {
    let per_ms = quota.per_s.get() * 1000;
    let day = quota.per_day.map(Count::get);
    // When the day begins to which each call belongs, one call after the other.
    let mut at = first;
    let mut of_day = |call: u64| {
        if day.is_some_and(|limit| call > 1 && (call - 1).is_multiple_of(limit)) {
            at = calendar.pacific_midnight_after(at);
        }
        at
    };
    if !quota.change.is_empty() {
        let window = |dimension| quota.window_of(dimension);
        let requests = window(Dimension::Requests).map(|window| admitted(window, first, calls));
        let mut starts: Vec<u64> = (1..=calls).map(of_day).collect();
        for (start, at) in starts.iter_mut().zip(requests.unwrap_or_default()) {
            *start = (*start).max(at);
        }
        if let (Some(window), Some(last)) = (window(Dimension::Tokens), starts.last_mut()) {
            *last = (*last).max(given_out(window, first, tokens));
        }
        return starts;
    }
    // When the last of an amount is given out.
    let given = |amount: u64, limit: u64, burst: u64| match quota.window {
        WindowKind::Sliding => {
            first.saturating_add((amount.saturating_sub(1) / limit).saturating_mul(per_ms))
        }
        WindowKind::Fixed => match amount.saturating_sub(1) / limit {
            0 => first,
            windows => (first / per_ms).saturating_add(windows).saturating_mul(per_ms),
        },
        WindowKind::Bucket => {
            let dripped = amount.saturating_sub(burst).saturating_mul(per_ms).div_ceil(limit);
            first.saturating_add(dripped)
        }
    };
    let mut starts: Vec<u64> = (1..=calls)
        .map(|call| {
            let requests = quota.requests.map_or(first, |limit| {
                given(call, limit.get(), quota.burst.unwrap_or(limit).get())
            });
            requests.max(of_day(call))
        })
        .collect();
    if let (Some(limit), Some(last)) = (quota.tokens, starts.last_mut()) {
        // The last call has its own tokens in the last window; at least one of them.
        *last = (*last).max(given(tokens, limit.get(), limit.get()));
    }
    starts
}

/// When a window takes each of `calls` calls, as early as it can be. Where its amount changes midway
/// as well, nothing is gained by waiting: a client that took less until then has no more room later,
/// because at every moment the room is what is allowed less what was taken within the window.
fn admitted(mut window: Window, first: u64, calls: u64) -> Vec<u64> {
    let mut now = first;
    let mut times = Vec::new();
    for _ in 0..calls {
        now = next_room(&mut window, now);
        window.take(now, 1);
        times.push(now);
    }
    times
}

/// How often a window is emptied at most to find out when it has given out an amount.
const MOST_BITES: u64 = 200_000;

/// When the last of `amount` units is given out, each as early as it can be; or earlier, where
/// nobody could count the windows that they take.
fn given_out(mut window: Window, first: u64, amount: u64) -> u64 {
    let (mut now, mut left, mut bites) = (first, amount, 0);
    while left > 0 && bites < MOST_BITES {
        bites += 1;
        now = next_room(&mut window, now);
        let fits = window.left(now).left.clamp(1, left);
        window.take(now, fits);
        left -= fits;
    }
    now
}

/// From `now` on, when a window has room for one more.
fn next_room(window: &mut Window, mut now: u64) -> u64 {
    while let Some(wait) = window.wait(now, 1) {
        // The amount may change before the wait is over.
        let until = now.saturating_add(wait);
        let next = window.next_step().map_or(until, |step| step.min(until));
        now = next.max(now.saturating_add(1));
    }
    now
}

/// The earliest end of calls with these latencies, each at one of these starts: the longest goes
/// first.
pub fn least_end(starts: &[u64], latencies: &[u64]) -> u64 {
    let mut latencies = latencies.to_vec();
    latencies.sort_unstable_by(|a, b| b.cmp(a));
    let ends = starts.iter().zip(latencies).map(|(start, latency)| start.saturating_add(latency));
    ends.max().unwrap_or(0)
}

fn sum<'a>(times: impl IntoIterator<Item = &'a u64>) -> u64 {
    times.into_iter().fold(0, |sum, time| sum.saturating_add(*time))
}
