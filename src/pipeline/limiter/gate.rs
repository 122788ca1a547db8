//! The gate: lets calls start as its algorithm says, in the order of their batches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::algorithm::{CallReport, EndedCall, InferredQuota, Limit, Outcome, Start};
use super::line_time::{LineClock, LineTime, Obstacle};
use crate::pipeline::event::LimitReason;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::Dimension;

/// A wait of up to this long is no closed gate.
const BRIEFLY: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A change of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitChange {
    /// Before.
    pub old: u64,
    /// After.
    pub new: u64,
    /// Why.
    pub why: LimitReason,
}

/// What a call's end changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimiterUpdate {
    /// The limit, if it is another one now.
    pub limit: Option<LimitChange>,
    /// What was learned of the quotas, if it is news.
    pub learned: Vec<InferredQuota>,
    /// What was known to have a quota and is not thought to have one any more.
    pub forgotten: BTreeSet<Dimension>,
}

/// What a call asks of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitRequest {
    /// Its place in the line: lower goes first, among equals the first that came.
    pub order: u64,
    /// How long it would wait for a gate that is closed.
    pub patience: Duration,
}

impl Default for PermitRequest {
    fn default() -> Self {
        Self { order: 0, patience: Duration::MAX }
    }
}

/// What is left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// How much a window allows.
    pub limit: u64,
    /// How much of that is free now.
    pub free: u64,
    /// How long a window is, in milliseconds.
    pub window_ms: u64,
    /// Whether it comes back evenly, like a bucket's, and nothing is saved up.
    pub is_bucket: bool,
}

/// What a gate has to give, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// How many calls may be in flight.
    pub limit: u64,
    /// How many are.
    pub in_flight: u64,
    /// Calls that were answered within the last minute.
    pub answered: u64,
    /// The quota of requests.
    pub requests: Option<Remaining>,
    /// The quota of input tokens.
    pub tokens: Option<Remaining>,
    /// What the first call in line waits for.
    pub waits_for: Option<Obstacle>,
    /// How long it waits at most until it asks again, where that is known.
    pub waits: Option<Duration>,
}

/// Why a call is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The gate stays closed for this long, which is longer than the patience of the call.
    For(Duration),
    /// The call is larger than a quota: no wait helps.
    TooLarge,
}

/// The gate: lets calls start as its algorithm says.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<LimiterState>,
    epoch: Instant,
}

#[derive(Debug)]
struct LimiterState {
    limit: Box<dyn Limit>,
    in_flight: u64,
    /// The line, by order and arrival.
    waiting: BTreeMap<(u64, u64), Arc<Notify>>,
    arrivals: u64,
    /// For how long the line has stood still.
    line: LineClock,
    /// When the first in line asks again, if it knows.
    next_start: Option<Duration>,
    /// When calls were answered within the last minute.
    answered: VecDeque<Duration>,
}

/// One call in flight. Dropping it gives it back and teaches the limit nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back at once"]
pub struct Permit {
    limiter: Option<Arc<Limiter>>,
    sent: Duration,
    tokens: u64,
}

/// A place in the line. Once it is left, the next one steps forward.
struct Place<'a> {
    limiter: &'a Limiter,
    at: (u64, u64),
    turn: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state.lock();
        state.waiting.remove(&self.at);
        if state.waiting.is_empty() {
            state.line.stands_for(self.limiter.epoch.elapsed(), None);
        }
        state.wake_first();
    }
}

impl Limiter {
    /// A gate with this algorithm. Its time starts now.
    pub fn new(limit: Box<dyn Limit>) -> Arc<Self> {
        let state = LimiterState {
            limit,
            in_flight: 0,
            waiting: BTreeMap::new(),
            arrivals: 0,
            line: LineClock::default(),
            next_start: None,
            answered: VecDeque::new(),
        };
        Arc::new(Self { state: Mutex::new(state), epoch: Instant::now() })
    }

    /// Waits for a permit, behind the calls that came before, for as long as it takes. It asks for no
    /// tokens, so that it is never too large.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            if let Ok(permit) = self.acquire_for(PermitRequest::default()).await {
                return permit;
            }
        }
    }

    /// Waits for a permit for a call of no tokens, or says that the gate is closed for too long.
    pub async fn acquire_for(self: &Arc<Self>, ask: PermitRequest) -> Result<Permit, Closed> {
        self.acquire_with(ask, || (0, ())).await.map(|(permit, ())| permit)
    }

    /// The same for a call that is made up only when it may start: `plan` is asked again whenever
    /// it might, and says what it is and how many input tokens it takes, as far as one can tell.
    pub async fn acquire_with<T>(
        self: &Arc<Self>,
        ask: PermitRequest,
        mut plan: impl FnMut() -> (u64, T),
    ) -> Result<(Permit, T), Closed> {
        let place = self.stand_in_line(ask.order);
        loop {
            let (tokens, planned) = plan();
            let (now, start) = {
                let mut state = self.state.lock();
                let now = self.epoch.elapsed();
                let start = state.start_of(place.at, now, tokens);
                if start == Some(Start::Now) {
                    state.in_flight += 1;
                    state.limit.on_start(now, tokens);
                    drop(state);
                    let limiter = Some(Arc::clone(self));
                    return Ok((Permit { limiter, sent: now, tokens }, planned));
                }
                (now, start)
            };
            if start == Some(Start::Never) {
                return Err(Closed::TooLarge);
            }
            let turn = place.turn.notified();
            let Some(Start::At(at)) = start else {
                turn.await;
                continue;
            };
            let wait = at.saturating_sub(now);
            if wait > ask.patience.max(BRIEFLY) {
                return Err(Closed::For(wait));
            }
            tokio::select! {
                biased;
                () = turn => {}
                () = self.until(at) => {}
            }
        }
    }

    /// Waits until this time; for ever, where no clock has it.
    async fn until(&self, at: Duration) {
        match self.epoch.checked_add(at) {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    fn stand_in_line(&self, order: u64) -> Place<'_> {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let at = (order, state.arrivals);
        let turn = Arc::new(Notify::new());
        state.waiting.insert(at, Arc::clone(&turn));
        Place { limiter: self, at, turn }
    }

    /// For how long the line has stood still.
    pub fn line_time(&self) -> LineTime {
        let now = self.epoch.elapsed();
        self.state.lock().line.passed(now)
    }

    /// The calls in flight and the limit on them.
    pub fn load(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.in_flight, state.limit.current())
    }

    /// What the gate has to give.
    pub fn outlook(&self) -> Outlook {
        let now = self.epoch.elapsed();
        self.state.lock().outlook(now)
    }

    /// What is known of the quotas.
    pub fn learned(&self) -> Vec<InferredQuota> {
        self.state.lock().limit.learned()
    }

    /// What is known of the quotas, for another limiter to start from.
    pub fn remember(&self) -> Vec<LearnedQuota> {
        let now = self.epoch.elapsed();
        self.state.lock().limit.remember(now)
    }

    /// For how long it is closed, whoever asks.
    pub fn closed_for(&self) -> Duration {
        let now = self.epoch.elapsed();
        self.state.lock().limit.closed_for(now)
    }

    /// Stays closed for so long; to be called before anyone asks.
    pub fn keep_closed(&self, wait: Duration) {
        self.state.lock().limit.keep_closed(wait);
    }

    /// Starts from what another has learned.
    pub fn recall(&self, remembered: &[LearnedQuota]) {
        self.state.lock().limit.recall(remembered);
    }

    fn end(&self, permit: &Permit, verdict: CallReport, is_given_back: bool) -> LimiterUpdate {
        let mut state = self.state.lock();
        let in_flight = state.in_flight;
        let ended = EndedCall { sent: permit.sent, tokens: permit.tokens, in_flight, verdict };
        let taught = state.learn(&ended, self.epoch.elapsed());
        if is_given_back {
            state.in_flight -= 1;
        }
        state.wake_first();
        taught
    }
}

impl LimiterState {
    /// When the call at this place may start; nothing while others stand before it or too many
    /// are in flight.
    fn start_of(&mut self, at: (u64, u64), now: Duration, tokens: u64) -> Option<Start> {
        let is_first = self.waiting.keys().next().is_none_or(|first| *first == at);
        if !is_first {
            return None;
        }
        let has_room = self.in_flight < self.limit.current();
        let start = has_room.then(|| self.limit.next_start(now, tokens));
        let obstacle = match start {
            Some(Start::Now | Start::Never) => None,
            Some(Start::At(_) | Start::AfterAnother) | None => {
                Some(self.limit.obstacle(now, start.is_none()))
            }
        };
        self.line.stands_for(now, obstacle);
        self.next_start = match start {
            Some(Start::At(at)) => Some(at),
            _ => None,
        };
        start
    }

    fn outlook(&self, now: Duration) -> Outlook {
        let mut outlook = Outlook {
            limit: self.limit.current(),
            in_flight: self.in_flight,
            answered: self.answered_since(now) as u64,
            waits_for: self.line.obstacle(),
            waits: self.next_start.map(|at| at.saturating_sub(now)),
            ..Outlook::default()
        };
        for quota in self.limit.remember(now) {
            let LearnedQuota { dimension, limit, window_ms, unit_us, taken, .. } = quota;
            let used = taken.iter().fold(0, |sum: u64, (_, amount)| sum.saturating_add(*amount));
            let left = Remaining {
                limit,
                free: limit.saturating_sub(used),
                window_ms,
                is_bucket: unit_us.is_some(),
            };
            match dimension {
                Dimension::Requests => outlook.requests = Some(left),
                Dimension::Tokens => outlook.tokens = Some(left),
            }
        }
        outlook
    }

    /// How many calls were answered within the last minute.
    fn answered_since(&self, now: Duration) -> usize {
        let is_over = |at: &Duration| at.saturating_add(MINUTE) <= now;
        self.answered.len() - self.answered.partition_point(is_over)
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.first_key_value() {
            first.notify_one();
        }
    }

    fn learn(&mut self, ended: &EndedCall, now: Duration) -> LimiterUpdate {
        let (old, known) = (self.limit.current(), self.limit.learned());
        self.limit.on_end(now, ended);
        if ended.verdict.outcome == Outcome::Success {
            self.answered.push_back(now);
            while self.answered.front().is_some_and(|at| *at + MINUTE <= now) {
                self.answered.pop_front();
            }
        }
        let (new, learned) = (self.limit.current(), self.limit.learned());
        let why = match ended.verdict.outcome {
            Outcome::RateLimited => LimitReason::RateLimited,
            Outcome::Failed => LimitReason::Overloaded,
            Outcome::Success | Outcome::Ignored => LimitReason::Recovered,
        };
        let limit = (old != new).then_some(LimitChange { old, new, why });
        let of = |quotas: &[InferredQuota]| -> BTreeSet<Dimension> {
            quotas.iter().map(|quota| quota.dimension).collect()
        };
        let forgotten = &of(&known) - &of(&learned);
        let is_news = |quota: &InferredQuota| !known.iter().any(|other| other.is_same_as(quota));
        LimiterUpdate { limit, learned: learned.into_iter().filter(is_news).collect(), forgotten }
    }
}

impl Permit {
    /// Gives the permit back with what became of the call, and tells what that changed.
    pub fn finish(mut self, verdict: impl Into<CallReport>) -> LimiterUpdate {
        let limiter = self.limiter.take();
        limiter
            .map_or_else(LimiterUpdate::default, |limiter| limiter.end(&self, verdict.into(), true))
    }

    /// Tells the limit what became of a call, and keeps the permit for the next one.
    pub fn teach(&mut self, verdict: impl Into<CallReport>) -> LimiterUpdate {
        let Some(limiter) = self.limiter.clone() else { return LimiterUpdate::default() };
        let taught = limiter.end(self, verdict.into(), false);
        self.sent = limiter.epoch.elapsed();
        taught
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(limiter) = self.limiter.take() {
            limiter.end(self, Outcome::Ignored.into(), true);
        }
    }
}
