//! How many AI calls may be in flight.
//!
//! A [`Limit`] is the algorithm that computes the number: pure, told the time. The [`Limiter`] is
//! the gate that enforces it: first come, first served; a [`Permit`] is one call in flight and is
//! given back with what became of the call. A lower limit takes nothing away from calls that run;
//! it only lets none start until enough have ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::pipeline::event::LimitReason;

/// An algorithm that computes how many calls may be in flight. `now` is the time since the limiter
/// was made.
pub trait Limit: fmt::Debug + Send {
    /// The limit in force; at least one.
    fn current(&self) -> u64;
    /// A call succeeded.
    fn on_success(&mut self, now: Duration);
    /// A call was refused with a 429.
    fn on_rate_limited(&mut self, now: Duration);
}

/// Always the same limit.
#[derive(Debug, Clone, Copy)]
pub struct Fixed(u64);

impl Fixed {
    /// This limit, at least one.
    pub fn new(limit: u64) -> Self {
        Self(limit.max(1))
    }
}

impl Limit for Fixed {
    fn current(&self) -> u64 {
        self.0
    }
    fn on_success(&mut self, _: Duration) {}
    fn on_rate_limited(&mut self, _: Duration) {}
}

/// The plan's algorithm: half of it on a 429, and after five minutes without one a fifth more,
/// rounded down.
///
/// Rounded down, 1.2 times the limit is the limit itself for every limit below 5: from there it
/// rises only by `min_step`, which the plan does not have (0).
#[derive(Debug, Clone, Copy)]
pub struct Halving {
    limit: u64,
    ceiling: u64,
    min_step: u64,
    quiet_since: Duration,
}

/// How long no 429 may come before the limit rises.
const RECOVERY: Duration = Duration::from_mins(5);

impl Halving {
    /// Starts at `limit`, never above `ceiling`.
    pub fn new(limit: u64, ceiling: u64, min_step: u64) -> Self {
        let limit = limit.max(1);
        Self { limit, ceiling: ceiling.max(limit), min_step, quiet_since: Duration::ZERO }
    }
}

impl Limit for Halving {
    fn current(&self) -> u64 {
        self.limit
    }

    fn on_success(&mut self, now: Duration) {
        if now.saturating_sub(self.quiet_since) >= RECOVERY {
            let raised = (self.limit * 6 / 5).max(self.limit + self.min_step);
            self.limit = raised.min(self.ceiling);
            self.quiet_since = now;
        }
    }

    fn on_rate_limited(&mut self, now: Duration) {
        self.limit = (self.limit / 2).max(1);
        self.quiet_since = now;
    }
}

/// What became of a call, as far as the limit cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Success,
    /// It was refused with a 429.
    RateLimited,
    /// It ended in a way that says nothing about the limit.
    Ignored,
}

/// A change of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub old: u64,
    /// After.
    pub new: u64,
    /// Why.
    pub why: LimitReason,
}

/// The gate: lets calls start while fewer than the limit are in flight.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
    epoch: Instant,
}

#[derive(Debug)]
struct State {
    limit: Box<dyn Limit>,
    in_flight: u64,
    /// By ticket: who came first is served first.
    waiting: BTreeMap<u64, oneshot::Sender<Permit>>,
    tickets: u64,
}

/// One call in flight. Dropping it gives it back and teaches the limit nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back at once"]
pub struct Permit {
    limiter: Option<Arc<Limiter>>,
}

impl Limiter {
    /// A gate with this algorithm. Its time starts now.
    pub fn new(limit: Box<dyn Limit>) -> Arc<Self> {
        let state = State { limit, in_flight: 0, waiting: BTreeMap::new(), tickets: 0 };
        Arc::new(Self { state: Mutex::new(state), epoch: Instant::now() })
    }

    /// Waits for a permit, behind those who came before.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        let ticket = {
            let mut state = self.lock();
            state.tickets += 1;
            state.tickets
        };
        loop {
            let turn = {
                let mut state = self.lock();
                let is_next = state.waiting.keys().next().is_none_or(|first| *first > ticket);
                if is_next && state.has_room() {
                    state.in_flight += 1;
                    return self.permit();
                }
                let (sender, turn) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                turn
            };
            if let Ok(permit) = turn.await
                && let Some(permit) = self.confirm(permit)
            {
                return permit;
            }
        }
    }

    /// A permit that was on its way when the limit was cut is taken back: a cut binds everyone who
    /// has not started.
    fn confirm(&self, mut permit: Permit) -> Option<Permit> {
        let mut state = self.lock();
        if state.in_flight <= state.limit.current() {
            return Some(permit);
        }
        permit.limiter = None;
        state.in_flight -= 1;
        None
    }

    /// The calls in flight and the limit on them.
    pub fn load(&self) -> (u64, u64) {
        let state = self.lock();
        (state.in_flight, state.limit.current())
    }

    fn permit(self: &Arc<Self>) -> Permit {
        Permit { limiter: Some(Arc::clone(self)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the limit what became of a call whose permit is kept, and whether the limit changed.
    pub fn teach(self: &Arc<Self>, outcome: Outcome) -> Option<Change> {
        let mut state = self.lock();
        let change = state.learn(outcome, self.epoch.elapsed());
        self.admit(&mut state);
        change
    }

    fn give_back(self: &Arc<Self>, outcome: Outcome) -> Option<Change> {
        let mut state = self.lock();
        let change = state.learn(outcome, self.epoch.elapsed());
        state.in_flight -= 1;
        self.admit(&mut state);
        change
    }

    fn admit(self: &Arc<Self>, state: &mut State) {
        while state.has_room() {
            let Some((_, next)) = state.waiting.pop_first() else { break };
            // One who has left is passed over; the permit made for it must not be given back.
            match next.send(self.permit()) {
                Ok(()) => state.in_flight += 1,
                Err(mut unused) => unused.limiter = None,
            }
        }
    }
}

impl State {
    fn learn(&mut self, outcome: Outcome, now: Duration) -> Option<Change> {
        let old = self.limit.current();
        let why = match outcome {
            Outcome::Ignored => return None,
            Outcome::Success => {
                self.limit.on_success(now);
                LimitReason::Recovered
            }
            Outcome::RateLimited => {
                self.limit.on_rate_limited(now);
                LimitReason::RateLimited
            }
        };
        let new = self.limit.current();
        (old != new).then_some(Change { old, new, why })
    }

    fn has_room(&self) -> bool {
        self.in_flight < self.limit.current()
    }
}

impl Permit {
    /// Gives the permit back with what became of the call, and tells whether the limit changed.
    pub fn finish(mut self, outcome: Outcome) -> Option<Change> {
        self.limiter.take()?.give_back(outcome)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(limiter) = self.limiter.take() {
            limiter.give_back(Outcome::Ignored);
        }
    }
}
