//! The gate that all calls to a site wait at.
//!
//! A site that asks for a pause, or that fails several calls in a row, closes it. When the time is
//! over one call goes first; the others follow when it was answered. So one refusal is enough, and
//! an outage meets one call at a time instead of every page's own attempts.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::pipeline::limiter::line_time::{LineClock, LineTime, Obstacle};

/// Failures in a row that close the gate.
const FAILURES: u32 = 3;
/// For how long they do at first, and at most.
const FAILURE_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// For how long a refusal without a stated time does at first, and at most.
const REFUSAL_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The longest stated wait that is waited: a quota of an hour is full again by then.
const STATED_WAIT: Duration = Duration::from_secs(3_700);

/// What a call met that the site could not answer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// A refusal that says for how long.
    RefusedFor(Duration),
    /// A refusal that does not.
    Refused,
    /// A failure.
    Failure,
}

/// The gate.
#[derive(Debug)]
pub(super) struct Gate {
    epoch: Instant,
    state: Mutex<GateState>,
    /// Wakes calls that wait for the first one.
    opened: Notify,
}

#[derive(Debug, Default)]
struct GateState {
    closed_until: Option<Instant>,
    /// Whether the next call goes alone, and whether it is out.
    is_probing: bool,
    is_probe_out: bool,
    /// Refusals and failures in a row, and since when.
    in_vain: u32,
    since: Option<Instant>,
    answers: u64,
    /// Calls that wait, and for how long some did.
    waiting: u64,
    line: LineClock,
    /// Whether it was closed by a refusal.
    is_refused: bool,
}

/// A call that waits at the gate.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.waiting -= 1;
        state.count_line(self.0.epoch.elapsed());
    }
}

/// A call that may go. Dropped without an end, it lets the next one try.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    is_probe: bool,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.gate.state.lock().is_probe_out = false;
            self.gate.opened.notify_waiters();
        }
    }
}

impl GateState {
    /// Says whether calls wait, and for what.
    fn count_line(&mut self, now: Duration) {
        let obstacle = if self.is_refused { Obstacle::Quota } else { Obstacle::Failures };
        self.line.stands_for(now, (self.waiting > 0).then_some(obstacle));
    }
}

impl Gate {
    /// A gate that is open.
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), state: Mutex::default(), opened: Notify::new() }
    }

    /// For how long calls have waited at it.
    pub(super) fn line_time(&self) -> LineTime {
        self.state.lock().line.passed(self.epoch.elapsed())
    }

    /// Waits until a call may go; nothing if that is longer than anybody waits.
    pub(super) async fn pass(&self) -> Option<Pass<'_>> {
        loop {
            let opened = self.opened.notified();
            let wait = {
                let mut state = self.state.lock();
                match state.closed_until.filter(|until| *until > Instant::now()) {
                    Some(until) if until > Instant::now() + STATED_WAIT => return None,
                    Some(until) => Some(until),
                    None if state.is_probe_out => None,
                    None => {
                        let is_probe = state.is_probing;
                        state.is_probe_out = is_probe;
                        return Some(Pass { gate: self, is_probe });
                    }
                }
            };
            let _waiting = self.wait();
            match wait {
                Some(until) => sleep_until(until).await,
                None => opened.await,
            }
        }
    }

    fn wait(&self) -> Waiting<'_> {
        let mut state = self.state.lock();
        state.waiting += 1;
        state.count_line(self.epoch.elapsed());
        Waiting(self)
    }

    /// Whether it is closed now.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed_until.is_some_and(|until| until > Instant::now())
    }

    /// The number of calls that were answered.
    pub(super) fn answers(&self) -> u64 {
        self.state.lock().answers
    }

    /// Since when nothing is answered, if so.
    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.state.lock().since
    }

    /// A call was answered: the gate is open to all.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock();
        state.answers += 1;
        (state.in_vain, state.since, state.is_probing) = (0, None, false);
        drop(state);
        self.opened.notify_waiters();
    }

    /// A call was not answered. Gives for how long that closes the gate, if it does.
    pub(super) fn failed(&self, met: Met) -> Option<Duration> {
        let mut state = self.state.lock();
        let now = Instant::now();
        state.since.get_or_insert(now);
        // Calls that were on their way together have met the same.
        let is_news = state.closed_until.is_none_or(|until| until <= now);
        state.in_vain += u32::from(is_news);
        let nth = |(first, most): (Duration, Duration), before: u32| {
            first.saturating_mul(1 << before.min(16)).min(most)
        };
        let wait = match met {
            Met::RefusedFor(wait) => wait,
            Met::Refused => nth(REFUSAL_WAIT, state.in_vain.saturating_sub(1)),
            Met::Failure if state.in_vain < FAILURES => return None,
            Met::Failure => nth(FAILURE_WAIT, state.in_vain - FAILURES),
        };
        let until = now + wait;
        state.closed_until = Some(state.closed_until.map_or(until, |before| before.max(until)));
        state.is_probing = true;
        state.is_refused = met != Met::Failure;
        state.count_line(self.epoch.elapsed());
        Some(wait)
    }
}
