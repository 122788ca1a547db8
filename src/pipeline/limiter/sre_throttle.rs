//! Client-side throttling, as Google's book on site reliability has it: a call is held back with
//! the probability by which the requests of the last two minutes exceed `K` times those that were
//! accepted.

use std::collections::VecDeque;
use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome, Start};
use crate::rng::Seed;
use crate::units::float;

/// Holds calls back with the probability that they are refused.
#[derive(Debug, Clone)]
pub struct SreThrottle {
    ceiling: u64,
    seed: Seed,
    /// Requests and whether they were accepted, by time.
    history: VecDeque<(Duration, bool)>,
    /// How many of them were accepted.
    accepted: u64,
    asked: u64,
    decided: Option<Duration>,
}

/// Its published defaults.
const K: f64 = 2.0;
const WINDOW: Duration = Duration::from_mins(2);
/// When a call that was held back is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

impl SreThrottle {
    /// It does not limit the calls in flight, so these are `ceiling`.
    pub fn new(ceiling: u64, seed: Seed) -> Self {
        let (history, ceiling) = (VecDeque::new(), ceiling.max(1));
        Self { ceiling, seed, history, accepted: 0, asked: 0, decided: None }
    }

    fn rejects(&mut self, now: Duration) -> bool {
        let old = |(at, _): &(Duration, bool)| *at + WINDOW <= now;
        while let Some((_, was_accepted)) = self.history.pop_front_if(|call| old(call)) {
            self.accepted -= u64::from(was_accepted);
        }
        let requests = float(self.history.len() as u64);
        let accepts = float(self.accepted);
        let chance = ((requests - K * accepts) / (requests + 1.0)).max(0.0);
        self.asked += 1;
        self.seed.draw("client throttling", 0, self.asked).unit() < chance
    }
}

impl Limit for SreThrottle {
    fn current(&self) -> u64 {
        self.ceiling
    }

    fn next_start(&mut self, now: Duration, _: u64) -> Start {
        match self.decided {
            Some(until) if now < until => return Start::At(until),
            _ => self.decided = None,
        }
        if self.rejects(now) {
            // A call that the client itself rejects is a request that was not accepted.
            self.history.push_back((now, false));
            self.decided = Some(now + AGAIN);
            return Start::At(now + AGAIN);
        }
        Start::Now
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        match ended.verdict.outcome {
            Outcome::Ignored => {}
            Outcome::Success => {
                self.history.push_back((now, true));
                self.accepted += 1;
            }
            Outcome::RateLimited | Outcome::Failed => self.history.push_back((now, false)),
        }
    }
}
