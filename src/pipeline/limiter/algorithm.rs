//! What every algorithm is told, and what it answers.
//!
//! An algorithm is a plain state machine: it never sleeps and asks no clock. Times are since the
//! limiter was made.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::line_time::Obstacle;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::{Dimension, Stated, WindowKind};

/// An algorithm that says how many calls may be in flight, and when the next may start.
pub trait Limit: fmt::Debug + Send {
    /// How many calls may be in flight; at least one.
    fn current(&self) -> u64;

    /// When a call of about this many input tokens may start. Asked only while fewer calls than
    /// the limit are in flight, for the call whose turn it is.
    fn next_start(&mut self, now: Duration, tokens: u64) -> Start {
        let _ = (now, tokens);
        Start::Now
    }

    /// A call started.
    fn on_start(&mut self, now: Duration, tokens: u64) {
        let _ = (now, tokens);
    }

    /// A call ended.
    fn on_end(&mut self, now: Duration, ended: &EndedCall);

    /// What it has learned of the provider's quotas.
    fn learned(&self) -> Vec<InferredQuota> {
        Vec::new()
    }

    /// The same with what was taken of late, for another limit to start from.
    fn remember(&self, now: Duration) -> Vec<LearnedQuota> {
        let _ = now;
        Vec::new()
    }

    /// For how long nothing may start, whatever the quotas have free.
    fn closed_for(&self, now: Duration) -> Duration {
        let _ = now;
        Duration::ZERO
    }

    /// Lets nothing start for so long; called before anything else.
    fn keep_closed(&mut self, wait: Duration) {
        let _ = wait;
    }

    /// What keeps a call from starting now; `is_full` where as many are in flight as may be.
    fn obstacle(&self, now: Duration, is_full: bool) -> Obstacle {
        let _ = now;
        if is_full { Obstacle::Place } else { Obstacle::Quota }
    }

    /// Starts from what another has learned; called before anything else.
    fn recall(&mut self, remembered: &[LearnedQuota]) {
        let _ = remembered;
    }
}

/// When a call may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Now.
    Now,
    /// At this time, if nothing changes until then.
    At(Duration),
    /// When a call that is in flight has ended.
    AfterAnother,
    /// Never: it is larger than a quota.
    Never,
}

/// What became of a call, as far as a limit cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Success,
    /// It was refused with a 429.
    RateLimited,
    /// The service failed: a 5xx, a broken connection, no answer in time.
    Failed,
    /// It ended in a way that says nothing about the limit.
    Ignored,
}

/// All that a call's end tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReport {
    /// What became of it.
    pub outcome: Outcome,
    /// The tokens that it took of the quota, if the provider says what it read.
    pub input_tokens: Option<u64>,
    /// How long the provider asks to wait.
    pub hint: Option<Duration>,
    /// Whether the quota is used up for longer than any wait.
    pub exhausted: bool,
    /// What the provider says about its quotas.
    pub quotas: Vec<Stated>,
    /// Whether nothing in the answer is of use.
    pub is_useless: bool,
}

impl From<Outcome> for CallReport {
    fn from(outcome: Outcome) -> Self {
        let (input_tokens, hint, exhausted, is_useless) = (None, None, false, false);
        Self { outcome, input_tokens, hint, exhausted, quotas: Vec::new(), is_useless }
    }
}

/// A call that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCall {
    /// When it was sent.
    pub sent: Duration,
    /// The input tokens that it was expected to take.
    pub tokens: u64,
    /// The calls in flight, it included.
    pub in_flight: u64,
    /// What became of it.
    pub verdict: CallReport,
}

impl EndedCall {
    /// A call that was sent and ended like this, the only one in flight.
    pub fn alone(sent: Duration, outcome: Outcome) -> Self {
        Self { sent, tokens: 0, in_flight: 1, verdict: outcome.into() }
    }
}

/// A quota as it was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InferredQuota {
    /// What it counts.
    pub dimension: Dimension,
    /// How much a window allows.
    pub limit: u64,
    /// How long a window is.
    pub window: Duration,
    /// How it gives back what was taken.
    pub kind: WindowKind,
    /// Whether the amount was inferred from what was admitted, not stated.
    pub is_inferred: bool,
    /// Whether refused calls use it up as well.
    pub refused_count: bool,
    /// The weight of this explanation among all that are weighed, in parts per million.
    pub weight_ppm: u64,
    /// The second likeliest explanation, if another is weighed.
    pub runner_up: Option<RunnerUp>,
}

impl InferredQuota {
    /// Whether both say the same of the quota, however sure they are.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let plain = |quota: &Self| Self { weight_ppm: 0, runner_up: None, ..*quota };
        plain(self) == plain(other)
    }
}

/// What explains a quota's answers and refusals second best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// A quota that gives back like this; none if calls are refused by chance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<WindowKind>,
    /// How much a window of it allows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<u64>,
    /// How long a window of it is, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window_ms: Option<u64>,
    /// Whether refused calls use it up as well.
    pub refused_count: bool,
    /// Its weight, in parts per million.
    pub weight_ppm: u64,
}
