//! The adaptive retry mode of the AWS SDKs: a token bucket whose rate is cut to seven tenths on
//! a throttle and grows along a cubic curve; off until the first throttle. Its rate never falls
//! below one call in two seconds.

use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome, Start};
use crate::units::float;

/// A token bucket on a cubic curve.
#[derive(Debug, Clone, Copy)]
pub struct AwsCubic {
    ceiling: u64,
    /// Calls per second; nothing before the first throttle.
    rate: Option<f64>,
    last_max_rate: f64,
    throttled_at: Duration,
    level: f64,
    filled_at: Duration,
    measured: f64,
    sent: f64,
    half_second: u64,
}

/// Its published defaults.
const BETA: f64 = 0.7;
const SCALE: f64 = 0.4;
const LOWEST_PER_S: f64 = 0.5;
const SMOOTH: f64 = 0.8;

impl AwsCubic {
    /// Not limiting yet; it does not limit the calls in flight, so these are `ceiling`.
    pub fn new(ceiling: u64) -> Self {
        Self {
            ceiling: ceiling.max(1),
            rate: None,
            last_max_rate: 0.0,
            throttled_at: Duration::ZERO,
            level: 0.0,
            filled_at: Duration::ZERO,
            measured: 0.0,
            sent: 0.0,
            half_second: 0,
        }
    }

    fn fill(&mut self, now: Duration) {
        let Some(rate) = self.rate else { return };
        let gained = now.saturating_sub(self.filled_at).as_secs_f64() * rate;
        self.level = (self.level + gained).min(rate.max(1.0));
        self.filled_at = now;
    }

    /// The rate of calls in half-seconds, smoothed.
    fn measure(&mut self, now: Duration) {
        let half_second = u64::try_from(now.as_millis() / 500).unwrap_or(u64::MAX);
        self.sent += 1.0;
        if half_second > self.half_second {
            let spent = float(half_second - self.half_second) / 2.0;
            self.measured = SMOOTH * (self.sent / spent) + (1.0 - SMOOTH) * self.measured;
            self.sent = 0.0;
            self.half_second = half_second;
        }
    }
}

impl Limit for AwsCubic {
    fn current(&self) -> u64 {
        self.ceiling
    }

    fn next_start(&mut self, now: Duration, _: u64) -> Start {
        self.fill(now);
        match self.rate {
            Some(rate) if self.level < 1.0 => {
                let missing = Duration::from_secs_f64((1.0 - self.level) / rate);
                Start::At(now + missing.max(Duration::from_millis(1)))
            }
            _ => Start::Now,
        }
    }

    fn on_start(&mut self, now: Duration, _: u64) {
        self.fill(now);
        self.level = (self.level - 1.0).max(0.0);
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        if ended.verdict.outcome == Outcome::Ignored {
            return;
        }
        self.measure(now);
        self.fill(now);
        let wanted = if ended.verdict.outcome == Outcome::RateLimited {
            let max = self.rate.map_or(self.measured, |rate| self.measured.min(rate));
            self.last_max_rate = max;
            self.throttled_at = now;
            if self.rate.is_none() {
                // The bucket begins empty.
                self.filled_at = now;
                self.rate = Some(LOWEST_PER_S);
            }
            max * BETA
        } else {
            let since = now.saturating_sub(self.throttled_at).as_secs_f64();
            let flat = libm::cbrt(self.last_max_rate * (1.0 - BETA) / SCALE);
            SCALE * libm::pow(since - flat, 3.0) + self.last_max_rate
        };
        if self.rate.is_some() {
            let rate = wanted.min(2.0 * self.measured).max(LOWEST_PER_S);
            self.rate = Some(rate);
            self.level = self.level.min(rate.max(1.0));
        }
    }
}
