//! How long the calls to a model take, as earlier calls of a job let one expect.

use std::collections::BTreeMap;

use crate::pipeline::event::{CallId, CallOutcome, Event};
use crate::pipeline::store::CallRecord;
use crate::sim::recorder::Log;
use crate::units::{float, whole};

/// Fewer calls say nothing of the next ones.
const FEWEST_CALLS: usize = 8;

/// The latency of a model: a part for each page of a call, and what the calls took besides.
#[derive(Debug, Clone, PartialEq)]
pub struct CallLatency {
    /// What each page adds, in milliseconds.
    pub(super) per_page_ms: f64,
    /// What each call took besides, in milliseconds, the shortest first.
    pub(super) besides_ms: Vec<u64>,
    /// The output tokens of each page.
    pub(super) output_tokens_per_page: f64,
}

impl CallLatency {
    /// The latency of these calls; nothing where they are too few. The slope is the middle one of those
    /// between any two calls (Theil and Sen), so that a call in the slow tail hardly moves it.
    pub fn of(calls: &[CallRecord]) -> Option<Self> {
        if calls.len() < FEWEST_CALLS {
            return None;
        }
        let mut slopes: Vec<f64> = Vec::new();
        for (at, one) in calls.iter().enumerate() {
            for two in calls[at + 1..].iter().filter(|two| two.pages != one.pages) {
                let pages = float(two.pages) - float(one.pages);
                slopes.push((float(two.latency_ms) - float(one.latency_ms)) / pages);
            }
        }
        slopes.sort_by(f64::total_cmp);
        let per_page_ms = slopes.get(slopes.len() / 2).copied().unwrap_or(0.0).max(0.0);
        let besides = |call: &CallRecord| {
            call.latency_ms.saturating_sub(whole(per_page_ms * float(call.pages)))
        };
        let mut besides_ms: Vec<u64> = calls.iter().map(besides).collect();
        besides_ms.sort_unstable();
        let sum = |of: fn(&CallRecord) -> u64| float(calls.iter().map(of).sum());
        let pages = sum(|call| call.pages).max(1.0);
        let output_tokens_per_page = sum(|call| call.output_tokens) / pages;
        Some(Self { per_page_ms, besides_ms, output_tokens_per_page })
    }

    /// The calls that it was found from.
    pub fn calls(&self) -> usize {
        self.besides_ms.len()
    }
}

/// The calls of a run that gave an answer, by provider, in the order in which they ended.
pub fn answered_calls(log: &Log) -> BTreeMap<String, Vec<CallRecord>> {
    let mut pages_of: BTreeMap<CallId, u64> = BTreeMap::new();
    let mut calls: BTreeMap<String, Vec<CallRecord>> = BTreeMap::new();
    for event in log.events() {
        match event {
            Event::AttemptStarted { call, pages, .. } => {
                pages_of.insert(call, pages);
            }
            Event::AttemptFinished {
                call,
                provider,
                outcome: CallOutcome::Ok | CallOutcome::Partial,
                input_tokens,
                output_tokens,
                latency_ms,
                ..
            } => {
                let Some(pages) = pages_of.remove(&call) else { continue };
                let call = CallRecord { pages, input_tokens, output_tokens, latency_ms };
                calls.entry(provider).or_default().push(call);
            }
            _ => {}
        }
    }
    calls
}
