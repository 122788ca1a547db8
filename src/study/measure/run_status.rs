//! How a run that goes on stands: its pages, its pace, its money. A fold over its events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::time_left::{PagePace, TimeLeft};
use crate::pipeline::control::Progress;
use crate::pipeline::event::{CallId, Event};
use crate::price;
use crate::price::Price;
use crate::units::{float, whole};

const MINUTE_MS: u64 = 60_000;

/// What is known of a run that goes on.
#[derive(Debug, Default)]
pub struct RunStatus {
    /// The price of each provider's model.
    prices: BTreeMap<String, Price>,
    /// How far it is; nothing before the first page is done.
    pub progress: Option<Progress>,
    /// Pages that were tagged.
    pub tagged: u64,
    /// Pages that were given up.
    pub failed: u64,
    in_flight: BTreeSet<CallId>,
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
            Event::AttemptStarted { call, .. } => drop(self.in_flight.insert(*call)),
            Event::AttemptFinished { .. } => self.call_ended(t_ms, event),
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
            status,
            input_tokens,
            output_tokens,
            ..
        } = event
        else {
            return;
        };
        self.in_flight.remove(call);
        self.refused += u64::from(*status == Some(429));
        let tokens = input_tokens.saturating_add(*output_tokens);
        if tokens == 0 {
            return;
        }
        self.tokens.push_back((t_ms, tokens));
        let price = match model {
            Some(model) => price::of(model),
            None => self.prices.get(provider).copied(),
        };
        match price {
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
        self.in_flight.len()
    }

    /// The tokens of the calls that ended within the last minute.
    pub fn tokens_a_minute(&self) -> u64 {
        self.tokens.iter().fold(0, |sum: u64, (_, tokens)| sum.saturating_add(*tokens))
    }

    /// Pages a minute of late; nothing in the first ten seconds.
    pub fn pages_a_minute(&self) -> Option<u64> {
        self.pace.per_minute().map(whole)
    }

    /// How long the pages take that are not done; nothing where that cannot be told, or none is left.
    pub fn time_left(&self) -> Option<TimeLeft> {
        let Progress { done, listed, total } = self.progress?;
        let left = total.unwrap_or(listed).saturating_sub(done);
        self.pace.time_for(left).filter(|_| left > 0)
    }

    /// What the run costs in all, if the other pages cost what those did that are done; nothing as long as
    /// the number of pages is not known.
    pub fn final_cost_usd_micros(&self) -> Option<u64> {
        let Progress { done, total, .. } = self.progress?;
        let total = total.filter(|total| done > 0 && *total > done)?;
        Some(whole(float(self.cost_usd_micros) / float(done) * float(total)))
    }
}
