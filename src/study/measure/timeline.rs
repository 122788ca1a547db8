//! The state of a run over time: a row for every moment at which it changed.

use std::collections::BTreeSet;

use crate::pipeline::event::{CallId, CallOutcome, Event};
use crate::pipeline::page::Source;
use crate::sim::recorder;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};

/// The state of a run at a moment, after everything that happened then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimelineRow {
    /// Milliseconds since the run's start.
    pub t_ms: u64,
    /// The limit on AI calls in flight, where it is known.
    pub limit: Option<u64>,
    /// AI calls in flight.
    pub in_flight: u64,
    /// AI calls started so far.
    pub ai_calls: u64,
    /// 429s so far, of any AI provider.
    pub rate_limited: u64,
    /// Calls that failed otherwise so far.
    pub calls_failed: u64,
    /// Waits before another attempt so far.
    pub backoffs: u64,
    /// Fallbacks so far.
    pub fallbacks: u64,
    /// Pages listed so far.
    pub pages_listed: u64,
    /// Pages tagged so far from answers of this run.
    pub pages_tagged: u64,
    /// Pages tagged so far from the cache.
    pub pages_cached: u64,
    /// Pages failed so far.
    pub pages_failed: u64,
    /// Cache hits so far.
    pub cache_hits: u64,
    /// Cache misses so far.
    pub cache_misses: u64,
}

/// The rows of a run.
pub fn rows(log: &Log) -> Vec<TimelineRow> {
    each_row(log).collect()
}

/// The rows of a run, one after the other.
pub fn each_row(log: &Log) -> Rows<'_> {
    let starts = |entry: &Entry| matches!(entry.what, What::Event(Event::RunStarted { .. }));
    let start = log.entries.without_tags().find(starts).map_or(0, |entry| entry.t_ms);
    let entries = log.entries.without_tags();
    Rows { entries, start, now: TimelineRow::default(), open: BTreeSet::new(), last: None }
}

/// Makes the rows of a run.
#[derive(Debug)]
pub struct Rows<'a> {
    entries: recorder::Iter<'a>,
    start: u64,
    now: TimelineRow,
    open: BTreeSet<CallId>,
    /// The last row, which more may happen in.
    last: Option<TimelineRow>,
}

impl Iterator for Rows<'_> {
    type Item = TimelineRow;

    fn next(&mut self) -> Option<TimelineRow> {
        while let Some(entry) = self.entries.next() {
            let What::Event(event) = &entry.what else { continue };
            let before = self.now;
            if !self.count(event) {
                continue;
            }
            self.now.in_flight = self.open.len() as u64;
            self.now.t_ms = entry.t_ms.saturating_sub(self.start);
            let now = self.now;
            match &mut self.last {
                Some(last) if last.t_ms == now.t_ms => *last = now,
                _ if now == (TimelineRow { t_ms: now.t_ms, ..before })
                    && !matches!(event, Event::RunFinished { .. }) => {}
                last => {
                    if let Some(row) = last.replace(now) {
                        return Some(row);
                    }
                }
            }
        }
        self.last.take()
    }
}

impl Rows<'_> {
    /// Counts an event; whether it is one that a row shows.
    fn count(&mut self, event: &Event) -> bool {
        let now = &mut self.now;
        match event {
            Event::RunStarted { limit, .. } => now.limit = *limit,
            Event::PageListed { .. } => now.pages_listed += 1,
            Event::CacheHit { .. } => now.cache_hits += 1,
            Event::CacheMiss { .. } => now.cache_misses += 1,
            Event::AttemptStarted { call, .. } => {
                self.open.insert(*call);
                now.ai_calls += 1;
            }
            Event::AttemptFinished { call, status, outcome, .. } => {
                self.open.remove(call);
                let refused = *status == Some(429);
                now.rate_limited += u64::from(refused);
                now.calls_failed += u64::from(!refused && *outcome == CallOutcome::Failed);
            }
            Event::Backoff { .. } => now.backoffs += 1,
            Event::LimitChanged { new, .. } => now.limit = Some(*new),
            Event::Fallback { .. } => now.fallbacks += 1,
            Event::PageTagged { source: Source::Answer, .. } => now.pages_tagged += 1,
            Event::PageTagged { source: Source::Cache | Source::File, .. } => {
                now.pages_cached += 1;
            }
            Event::PageFailed { .. } => now.pages_failed += 1,
            Event::RunFinished { .. } => {}
            _ => return false,
        }
        true
    }
}

/// When the run was asked to stop, in milliseconds since its start.
pub fn cancelled_ms(log: &Log) -> Option<u64> {
    let at = |wanted: fn(&Event) -> bool| {
        let is_it = |entry: &Entry| matches!(&entry.what, What::Event(event) if wanted(event));
        log.entries.without_tags().find(is_it).map(|entry| entry.t_ms)
    };
    let start = at(|event| matches!(event, Event::RunStarted { .. }))?;
    Some(at(|event| matches!(event, Event::CancelRequested))?.saturating_sub(start))
}

/// How AI calls of one provider ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// The provider.
    pub provider: String,
    /// Answered in full.
    pub ok: u64,
    /// Answered in part.
    pub partial: u64,
    /// Refused with a 429.
    pub rate_limited: u64,
    /// Failed otherwise.
    pub failed: u64,
}

/// How the AI calls of a run ended, by provider in order of their first call.
pub fn outcomes(log: &Log) -> Vec<Outcomes> {
    let mut found: Vec<Outcomes> = Vec::new();
    for entry in log.entries.without_tags() {
        let What::Event(Event::AttemptFinished { provider, outcome, status, .. }) = &entry.what
        else {
            continue;
        };
        let index =
            found.iter().position(|known| known.provider == *provider).unwrap_or_else(|| {
                let provider = provider.clone();
                found.push(Outcomes { provider, ok: 0, partial: 0, rate_limited: 0, failed: 0 });
                found.len() - 1
            });
        let counts = &mut found[index];
        match (outcome, status) {
            (_, Some(429)) => counts.rate_limited += 1,
            (CallOutcome::Ok, _) => counts.ok += 1,
            (CallOutcome::Partial, _) => counts.partial += 1,
            (CallOutcome::Failed, _) => counts.failed += 1,
        }
    }
    found
}
