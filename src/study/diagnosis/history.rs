//! A run's calls, batches and waits, as its log has them.

use std::collections::BTreeMap;

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::batch::BatchId;
use crate::pipeline::error::ErrorClass;
use crate::pipeline::event::{CallId, CallOutcome, Event, LimitReason};
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;

/// A call that ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) batch: BatchId,
    pub(super) provider: String,
    pub(super) started_ms: u64,
    pub(super) ended_ms: u64,
    pub(super) is_answered: bool,
    /// With 429, for want of a quota that refills soon.
    pub(super) is_refused: bool,
    /// With 429, whatever for: what is not admitted takes nothing of a quota.
    pub(super) is_admitted: bool,
    /// For how many milliseconds the provider wants to be left in peace.
    pub(super) hint_ms: u64,
    pub(super) input_tokens: u64,
    pub(super) class: Option<ErrorClass>,
    /// Its end, by its number in the log.
    pub(super) event: usize,
}

/// A batch.
#[derive(Debug, Default)]
pub(super) struct BatchHistory {
    pub(super) formed_ms: u64,
    pub(super) pages: usize,
    pub(super) answered_ms: Option<u64>,
    pub(super) attempts: usize,
    /// What its calls took.
    pub(super) called_ms: u64,
    /// When it was formed, by the number in the log.
    pub(super) event: usize,
}

/// A wait for a permit, or for a batch at the gate.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) until_ms: u64,
    pub(super) waited_ms: u64,
    /// Whom the wait was for; nothing for a batch at the gate, which waits for the primary.
    pub(super) provider: Option<String>,
    /// The parts that were for a quota, and for want of a place.
    pub(super) quota_ms: u64,
    pub(super) place_ms: u64,
    pub(super) event: usize,
}

/// A change of the limit on calls in flight.
#[derive(Debug)]
pub(super) struct LimitChange {
    pub(super) at_ms: u64,
    pub(super) old: u64,
    pub(super) new: u64,
    pub(super) why: LimitReason,
    pub(super) event: usize,
}

/// A refusal for want of quota, as the service knows it.
#[derive(Debug)]
pub(super) struct QuotaRefusal {
    pub(super) at_ms: u64,
    pub(super) service: &'static str,
    pub(super) quota: String,
    pub(super) limit: u64,
    /// The length of a window beside the first.
    pub(super) per_s: Option<u64>,
    pub(super) event: usize,
}

/// What a log tells.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) started_ms: u64,
    pub(super) ended_ms: u64,
    pub(super) first_limit: u64,
    /// The provider of the first call.
    pub(super) primary: String,
    /// In the order in which they ended.
    pub(super) calls: Vec<Call>,
    pub(super) batches: BTreeMap<BatchId, BatchHistory>,
    pub(super) waits: Vec<Wait>,
    pub(super) limits: Vec<LimitChange>,
    pub(super) refusals: Vec<QuotaRefusal>,
    /// When pages were done.
    pub(super) done_ms: Vec<u64>,
    open: BTreeMap<CallId, u64>,
    /// The last wait of each batch, whose provider its next call names.
    granted: BTreeMap<BatchId, usize>,
}

impl History {
    pub(super) fn of(log: &Log) -> Self {
        let mut history = Self::default();
        for (entry, number) in log.entries.without_tags().zip(1..) {
            history.ended_ms = entry.t_ms;
            match entry.what {
                What::Event(event) => history.event(entry.t_ms, event, number),
                What::World(WorldEvent::QuotaRefused { service, quota, limit, per_s, .. }) => {
                    let (at_ms, service) = (entry.t_ms, service.name());
                    let event = number;
                    let refusal = QuotaRefusal { at_ms, service, quota, limit, per_s, event };
                    history.refusals.push(refusal);
                }
                What::World(_) => {}
            }
        }
        history
    }

    fn event(&mut self, t_ms: u64, event: Event, number: usize) {
        match event {
            Event::RunStarted { limit, .. } => {
                self.started_ms = t_ms;
                self.first_limit = limit.unwrap_or(0);
            }
            Event::BatchFormed { batch, pages, place_ms, quota_ms, backoff_ms } => {
                let pages = pages.len();
                let history =
                    BatchHistory { formed_ms: t_ms, pages, event: number, ..Default::default() };
                self.batches.insert(batch, history);
                let waited_ms = place_ms.saturating_add(quota_ms).saturating_add(backoff_ms);
                self.wait(Wait {
                    until_ms: t_ms,
                    provider: None,
                    waited_ms,
                    quota_ms,
                    place_ms,
                    event: number,
                });
            }
            Event::PermitGranted { batch, waited_ms, quota_ms, backoff_ms } => {
                if waited_ms > 0 {
                    self.granted.insert(batch, self.waits.len());
                }
                let place_ms = waited_ms.saturating_sub(quota_ms).saturating_sub(backoff_ms);
                self.wait(Wait {
                    until_ms: t_ms,
                    provider: None,
                    waited_ms,
                    quota_ms,
                    place_ms,
                    event: number,
                });
            }
            Event::AttemptStarted { call, batch, provider, .. } => {
                if let Some(wait) =
                    self.granted.remove(&batch).and_then(|at| self.waits.get_mut(at))
                {
                    wait.provider = Some(provider.clone());
                }
                if self.primary.is_empty() {
                    self.primary = provider;
                }
                self.open.insert(call, t_ms);
                self.batches.entry(batch).or_default().attempts += 1;
            }
            Event::AttemptFinished { .. } => self.finished(t_ms, event, number),
            Event::LimitChanged { old, new, why } => {
                self.limits.push(LimitChange { at_ms: t_ms, old, new, why, event: number });
            }
            Event::PageTagged { .. } | Event::PageFailed { .. } => self.done_ms.push(t_ms),
            _ => {}
        }
    }

    fn finished(&mut self, t_ms: u64, event: Event, number: usize) {
        let Event::AttemptFinished {
            call,
            batch,
            provider,
            outcome,
            class,
            status,
            input_tokens,
            hint_ms,
            ..
        } = event
        else {
            return;
        };
        let started_ms = self.open.remove(&call).unwrap_or(t_ms);
        let is_answered = outcome != CallOutcome::Failed;
        let of_batch = self.batches.entry(batch).or_default();
        of_batch.called_ms += t_ms.saturating_sub(started_ms);
        if is_answered {
            of_batch.answered_ms = Some(t_ms);
        }
        self.calls.push(Call {
            batch,
            provider,
            started_ms,
            ended_ms: t_ms,
            is_answered,
            is_admitted: status != Some(429),
            is_refused: status == Some(429) && class == Some(ErrorClass::RateLimited),
            hint_ms: hint_ms.unwrap_or(0),
            input_tokens,
            class,
            event: number,
        });
    }

    fn wait(&mut self, wait: Wait) {
        if wait.waited_ms > 0 {
            self.waits.push(wait);
        }
    }

    /// The run's length in milliseconds.
    pub(super) fn makespan_ms(&self) -> u64 {
        self.ended_ms.saturating_sub(self.started_ms)
    }
}
