//! How a run that goes on stands: its pages, its pace, its money. A fold over its events.

use std::collections::{BTreeMap, VecDeque};

use super::time_left::{PagePace, TimeLeft};
use crate::pipeline::control::Progress;
use crate::pipeline::event::{CallId, CallOutcome, Event};
use crate::pipeline::page::Source;
use crate::price;
use crate::price::Price;
use crate::units::{float, whole};

const MINUTE_MS: u64 = 60_000;

/// What is known of a run that goes on.
#[derive(Debug, Default)]
pub struct RunStatus {
    /// The price of each provider's model.
    prices: BTreeMap<String, Price>,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
    /// How far it is; nothing before the first page is done.
    pub progress: Option<Progress>,
    listed: u64,
    /// Pages that were answered before, or as another page was.
    kept: u64,
    calls: u64,
    /// Pages of calls that answered all of theirs.
    answered: u64,
    pages_of: BTreeMap<CallId, u64>,
    /// Pages that were tagged.
    pub tagged: u64,
    /// Pages that were given up.
    pub failed: u64,
    /// Calls that were refused with a 429.
    pub refused: u64,
    /// What the calls have cost, as far as prices are known, in millionths of a dollar.
    pub cost_usd_micros: u64,
    /// Whether a call was billed whose price is not known.
    pub is_unpriced: bool,
    /// The tokens of the last minute's calls.
    tokens: VecDeque<(u64, u64)>,
    pace: PagePace,
}

impl RunStatus {
    /// Of a run that has not begun; each provider's model has its price.
    pub fn new(models: &BTreeMap<String, String>) -> Self {
        Self { prices: price::of_models(models), ..Self::default() }
    }

    /// Takes what happened at this time since the run began.
    pub fn observed(&mut self, t_ms: u64, event: &Event) {
        match event {
            Event::PageListed { .. } => self.listed += 1,
            Event::AttemptStarted { call, pages, .. } => {
                self.calls += 1;
                self.pages_of.insert(*call, *pages);
            }
            Event::AttemptFinished { .. } => self.call_ended(t_ms, event),
            // What is answered already says nothing of how long the others take.
            Event::PageTagged { source: Source::Cache | Source::File, .. } => {
                self.tagged += 1;
                self.kept += 1;
            }
            Event::PageTagged { .. } => {
                self.tagged += 1;
                self.pace.page_ended(t_ms);
            }
            Event::PageFailed { .. } => {
                self.failed += 1;
                self.pace.page_ended(t_ms);
            }
            _ => {}
        }
    }

    fn call_ended(&mut self, t_ms: u64, event: &Event) {
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
        let pages = self.pages_of.remove(call).unwrap_or(0);
        self.answered += if *outcome == CallOutcome::Ok { pages } else { 0 };
        self.refused += u64::from(*status == Some(429));
        let tokens = input_tokens.saturating_add(*output_tokens);
        if tokens == 0 {
            return;
        }
        self.tokens.push_back((t_ms, tokens));
        match price::of_call(&self.prices, provider, model.as_deref()) {
            Some(price) => {
                let cost = price.usd_micros(*input_tokens, *output_tokens);
                self.cost_usd_micros = self.cost_usd_micros.saturating_add(cost);
            }
            None => self.is_unpriced = true,
        }
    }

    /// It is this late.
    pub fn goes_to(&mut self, t_ms: u64) {
        self.pace.goes_to(t_ms);
        while self.tokens.front().is_some_and(|(at, _)| at + MINUTE_MS <= t_ms) {
            self.tokens.pop_front();
        }
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.pages_of.len()
    }

    /// Pages that were listed so far.
    pub fn listed(&self) -> u64 {
        self.listed.max(self.progress.map_or(0, |progress| progress.listed))
    }

    /// Calls to models so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The tokens of the calls that ended within the last minute.
    pub fn tokens_a_minute(&self) -> u64 {
        self.tokens.iter().fold(0, |sum: u64, (_, tokens)| sum.saturating_add(*tokens))
    }

    /// Pages a minute of late; nothing in the first ten seconds, and where none has ended.
    pub fn pages_a_minute(&self) -> Option<u64> {
        self.pace.per_minute().filter(|pace| *pace > 0.0).map(whole)
    }

    /// How long the pages take that are not done, if none of them is answered already; nothing where that
    /// cannot be told, or none is left. The longest window of a quota that is known, in milliseconds, is what
    /// the pace is measured by.
    pub fn time_left(&self, window_ms: u64) -> Option<TimeLeft> {
        let Progress { done, listed, total } = self.progress?;
        let left = total.unwrap_or(listed).saturating_sub(done);
        self.pace.time_for(left, window_ms).filter(|_| left > 0)
    }

    /// What the run costs in all, if the pages that are not answered cost what those did that are; nothing as
    /// long as the number of pages is not known, or where a price is not.
    pub fn final_cost_usd_micros(&self) -> Option<u64> {
        let total = self.progress?.total?;
        // A call may answer a part of its pages; which, is known once they are tagged.
        let answered = self.answered.max(self.tagged.saturating_sub(self.kept));
        let left = total.saturating_sub(self.kept).saturating_sub(answered);
        let left = left.saturating_sub(self.failed);
        if self.is_unpriced || answered == 0 || left == 0 {
            return None;
        }
        let cost = float(self.cost_usd_micros);
        Some(whole(cost + cost / float(answered) * float(left)))
    }
}
