//! Adaptive request concurrency, as Vector's sinks have it: once per round trip, one more if the
//! limit was reached and nothing pushed back, a tenth less if something did or the round trips
//! grew by more than two and a half deviations (of a millisecond at least: in virtual time they may
//! have none). Refused calls do not count as round trips.

use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome};
use crate::units::float;

/// One decision per round trip.
#[derive(Debug, Clone, Copy)]
pub struct VectorArc {
    limit: u64,
    /// Of the round trips before this period: mean and variance, in milliseconds.
    past: Option<(f64, f64)>,
    period_until: Duration,
    period: Period,
}

#[derive(Debug, Clone, Copy, Default)]
struct Period {
    rtt_sum_ms: f64,
    rtts: u64,
    reached_limit: bool,
    back_pressure: bool,
}

/// Its published defaults.
const HIGHEST: u64 = 200;
const ALPHA: f64 = 0.4;
const DEVIATIONS: f64 = 2.5;

impl VectorArc {
    /// At its start: one call in flight.
    pub fn new() -> Self {
        let (period_until, period) = (Duration::ZERO, Period::default());
        Self { limit: 1, past: None, period_until, period }
    }

    fn decide(&mut self, now: Duration) {
        let Period { rtt_sum_ms, rtts, reached_limit, back_pressure } =
            std::mem::take(&mut self.period);
        let mean = (rtts > 0).then(|| rtt_sum_ms / float(rtts));
        let grew = match (mean, self.past) {
            (Some(mean), Some((past, variance))) => {
                mean >= past + DEVIATIONS * libm::sqrt(variance).max(1.0)
            }
            _ => false,
        };
        let is_no_slower = mean.zip(self.past).is_none_or(|(mean, (past, _))| mean <= past);
        if back_pressure || grew {
            self.limit = (self.limit * 9 / 10).max(1);
        } else if reached_limit && is_no_slower {
            self.limit = (self.limit + 1).min(HIGHEST);
        }
        if let Some(mean) = mean {
            let (past, variance) = self.past.unwrap_or((mean, 0.0));
            let off = mean - past;
            let smoothed = (1.0 - ALPHA) * (variance + ALPHA * off * off);
            self.past = Some((past + ALPHA * off, smoothed));
        }
        let rtt_ms = self.past.map_or(0.0, |(past, _)| past);
        let rtt = Duration::from_millis(crate::units::whole(rtt_ms));
        self.period_until = now.saturating_add(rtt);
    }
}

impl Default for VectorArc {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for VectorArc {
    fn current(&self) -> u64 {
        self.limit
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        match ended.verdict.outcome {
            Outcome::Ignored => return,
            Outcome::Success => {
                let rtt = now.saturating_sub(ended.sent).as_millis();
                self.period.rtt_sum_ms += float(u64::try_from(rtt).unwrap_or(u64::MAX));
                self.period.rtts += 1;
            }
            Outcome::RateLimited | Outcome::Failed => self.period.back_pressure = true,
        }
        self.period.reached_limit |= ended.in_flight >= self.limit;
        if now >= self.period_until {
            self.decide(now);
        }
    }
}
