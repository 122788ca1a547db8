//! What a run did over time, reduced to as many columns as can be told apart: their number does not
//! grow with the pages.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::event::{CallId, CallOutcome, Event};
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;

/// Columns that a run is divided into.
pub const COLUMNS: usize = 200;

/// A level in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Column {
    /// At its beginning.
    pub first: u64,
    /// At its end.
    pub last: u64,
    /// The least in it.
    pub least: u64,
    /// The most in it.
    pub most: u64,
}

/// The calls to one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderLane {
    /// The provider.
    pub provider: String,
    /// ProviderCalls in flight.
    pub in_flight: Vec<Column>,
    /// 429s in each column.
    pub refused: Vec<u64>,
    /// ProviderCalls that failed otherwise in each column.
    pub failed: Vec<u64>,
    /// Changes of what is thought of its quotas, in each column.
    pub learned: Vec<u64>,
}

/// A run over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lanes {
    /// How long it took, in milliseconds.
    pub makespan_ms: u64,
    /// Pages listed so far.
    pub listed: Vec<Column>,
    /// Pages done so far, failed ones too.
    pub done: Vec<Column>,
    /// The limit on AI calls in flight; nothing where it is not known.
    pub limit: Vec<Column>,
    /// AI calls in flight, of all providers.
    pub in_flight: Vec<Column>,
    /// The providers, in the order of their first calls.
    pub providers: Vec<ProviderLane>,
    /// ProviderCalls to Confluence in flight, in the mean of each column, in thousandths.
    pub confluence_milli: Vec<u64>,
    /// Refusals of Confluence in each column.
    pub confluence_refused: Vec<u64>,
    /// Calls to Confluence that failed otherwise in each column.
    pub confluence_failed: Vec<u64>,
    /// Batches that waited for a place, in the mean of each column, in thousandths.
    pub waiting_milli: Vec<u64>,
}

/// Where columns lie in time.
#[derive(Debug, Clone, Copy)]
struct TimeColumns {
    start: u64,
    span: u64,
}

impl TimeColumns {
    /// The column of a moment.
    fn at(self, t_ms: u64) -> usize {
        let since = u128::from(t_ms.saturating_sub(self.start).min(self.span));
        let column = since * COLUMNS as u128 / u128::from(self.span);
        usize::try_from(column).unwrap_or(0).min(COLUMNS - 1)
    }

    /// When a column begins, in milliseconds since the start.
    fn begins(self, column: usize) -> u64 {
        let ms = u128::from(self.span) * column as u128 / COLUMNS as u128;
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// Adds a stretch of time to the columns that it lies in, in milliseconds.
    fn spread(self, busy_ms: &mut [u64], from: u64, to: u64) {
        let (from, to) = (from.saturating_sub(self.start), to.saturating_sub(self.start));
        let (first, last) = (self.at(self.start + from), self.at(self.start + to));
        for (column, busy) in busy_ms.iter_mut().enumerate().take(last + 1).skip(first) {
            let begin = self.begins(column).max(from);
            let end = self.begins(column + 1).min(to);
            *busy = busy.saturating_add(end.saturating_sub(begin));
        }
    }

    /// The mean number of those that were at it, in thousandths.
    fn mean_milli(self, busy_ms: Vec<u64>) -> Vec<u64> {
        let milli = |(column, busy): (usize, u64)| {
            let width = self.begins(column + 1).saturating_sub(self.begins(column)).max(1);
            busy.saturating_mul(1000) / width
        };
        busy_ms.into_iter().enumerate().map(milli).collect()
    }
}

/// A level as it goes on.
#[derive(Debug, Clone, Default)]
struct Staircase {
    columns: Vec<Column>,
    now: u64,
}

impl Staircase {
    /// Sets the level in this column; it stays until it is set again.
    fn set(&mut self, column: usize, value: u64) {
        self.reach(column);
        if let Some(last) = self.columns.last_mut() {
            last.last = value;
            last.least = last.least.min(value);
            last.most = last.most.max(value);
        }
        self.now = value;
    }

    /// Goes on as it is until this column.
    fn reach(&mut self, column: usize) {
        let now = self.now;
        let same = Column { first: now, last: now, least: now, most: now };
        while self.columns.len() <= column {
            self.columns.push(same);
        }
    }

    fn finish(mut self) -> Vec<Column> {
        self.reach(COLUMNS - 1);
        self.columns
    }
}

/// What is counted of one provider.
#[derive(Debug, Default)]
struct ProviderCalls {
    provider: String,
    open: BTreeSet<CallId>,
    in_flight: Staircase,
    refused: Vec<u64>,
    failed: Vec<u64>,
}

/// Counts a log column by column.
struct LaneFold {
    grid: TimeColumns,
    pages: [u64; 2],
    listed: Staircase,
    done: Staircase,
    limit: Option<Staircase>,
    in_flight: Staircase,
    providers: Vec<ProviderCalls>,
    provider_of: BTreeMap<CallId, usize>,
    /// Changes of what is thought of quotas, by provider: also of those that are never called.
    learned: BTreeMap<String, Vec<u64>>,
    confluence_ms: Vec<u64>,
    confluence_refused: Vec<u64>,
    confluence_failed: Vec<u64>,
    waiting_ms: Vec<u64>,
}

impl Lanes {
    /// Of a log; nothing where it has no run, or one of no length.
    pub fn of(log: &Log) -> Option<Self> {
        let (mut start, mut end) = (None, 0);
        for entry in log.entries.without_tags() {
            match &entry.what {
                What::Event(Event::RunStarted { .. }) => start = Some(entry.t_ms),
                What::Event(Event::RunFinished { .. }) => end = entry.t_ms,
                _ => {}
            }
        }
        let start = start?;
        let span = end.checked_sub(start).filter(|span| *span > 0)?;
        let mut fold = LaneFold::new(TimeColumns { start, span });
        for entry in log.entries.without_tags() {
            if let What::Event(event) = &entry.what {
                fold.event(entry.t_ms, event);
            }
        }
        Some(fold.finish())
    }
}

impl LaneFold {
    fn new(grid: TimeColumns) -> Self {
        let none = || vec![0; COLUMNS];
        Self {
            grid,
            pages: [0; 2],
            listed: Staircase::default(),
            done: Staircase::default(),
            limit: None,
            in_flight: Staircase::default(),
            providers: Vec::new(),
            provider_of: BTreeMap::new(),
            learned: BTreeMap::new(),
            confluence_ms: none(),
            confluence_refused: none(),
            confluence_failed: none(),
            waiting_ms: none(),
        }
    }

    fn event(&mut self, t_ms: u64, event: &Event) {
        let column = self.grid.at(t_ms);
        match event {
            Event::RunStarted { limit: Some(limit), .. } => {
                self.limit = Some(Staircase { columns: Vec::new(), now: *limit });
            }
            Event::LimitChanged { new, .. } => {
                self.limit.get_or_insert_default().set(column, *new);
            }
            Event::PageListed { .. } => {
                self.pages[0] += 1;
                self.listed.set(column, self.pages[0]);
            }
            Event::PageTagged { .. } | Event::PageFailed { .. } => {
                self.pages[1] += 1;
                self.done.set(column, self.pages[1]);
            }
            Event::PermitGranted { waited_ms, .. } => {
                self.grid.spread(&mut self.waiting_ms, t_ms.saturating_sub(*waited_ms), t_ms);
            }
            Event::ConfluenceCall { status, latency_ms, .. } => {
                self.grid.spread(&mut self.confluence_ms, t_ms.saturating_sub(*latency_ms), t_ms);
                let is_refused = *status == Some(429);
                let is_answered = matches!(status, Some(200..=299));
                self.confluence_refused[column] += u64::from(is_refused);
                self.confluence_failed[column] += u64::from(!is_refused && !is_answered);
            }
            Event::AttemptStarted { call, provider, .. } => {
                let at = self.provider(provider);
                self.provider_of.insert(*call, at);
                self.in_flight.set(column, self.provider_of.len() as u64);
                let calls = &mut self.providers[at];
                calls.open.insert(*call);
                calls.in_flight.set(column, calls.open.len() as u64);
            }
            Event::AttemptFinished { call, status, outcome, .. } => {
                let Some(at) = self.provider_of.remove(call) else { return };
                self.in_flight.set(column, self.provider_of.len() as u64);
                let calls = &mut self.providers[at];
                calls.open.remove(call);
                calls.in_flight.set(column, calls.open.len() as u64);
                let is_refused = *status == Some(429);
                calls.refused[column] += u64::from(is_refused);
                calls.failed[column] += u64::from(!is_refused && *outcome == CallOutcome::Failed);
            }
            Event::QuotaLearned { provider, .. } | Event::QuotaForgotten { provider, .. } => {
                let learned = self.learned.entry(provider.clone());
                learned.or_insert_with(|| vec![0; COLUMNS])[column] += 1;
            }
            _ => {}
        }
    }

    fn provider(&mut self, name: &str) -> usize {
        let known = self.providers.iter().position(|calls| calls.provider == name);
        known.unwrap_or_else(|| {
            let none = || vec![0; COLUMNS];
            let provider = name.to_owned();
            self.providers.push(ProviderCalls {
                provider,
                refused: none(),
                failed: none(),
                ..ProviderCalls::default()
            });
            self.providers.len() - 1
        })
    }

    fn finish(mut self) -> Lanes {
        let learned = &mut self.learned;
        let provider = |calls: ProviderCalls| ProviderLane {
            learned: learned.remove(&calls.provider).unwrap_or_else(|| vec![0; COLUMNS]),
            provider: calls.provider,
            in_flight: calls.in_flight.finish(),
            refused: calls.refused,
            failed: calls.failed,
        };
        Lanes {
            makespan_ms: self.grid.span,
            listed: self.listed.finish(),
            done: self.done.finish(),
            limit: self.limit.map(Staircase::finish).unwrap_or_default(),
            in_flight: self.in_flight.finish(),
            providers: self.providers.into_iter().map(provider).collect(),
            confluence_milli: self.grid.mean_milli(self.confluence_ms),
            confluence_refused: self.confluence_refused,
            confluence_failed: self.confluence_failed,
            waiting_milli: self.grid.mean_milli(self.waiting_ms),
        }
    }
}
