//! What closes the gate whatever the hypotheses say: stated times, refusals in a row, failures.

use super::super::outage::Outage;
use super::constants::{ALONE_AFTER, FAILURE_MS, FAILURES, IN_VAIN_LONGER, IN_VAIN_MS};

/// What is next at a gate that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    /// Nothing special.
    None,
    /// The next call goes alone.
    Due,
    /// It is in flight: sent at this time.
    Out(u64),
}

/// The gate, and the calls that may be in flight behind it.
#[derive(Debug, Clone)]
pub(super) struct QuotaGate {
    pub(super) closed_until: u64,
    probe: Probe,
    /// When the last refusal came that was news.
    last_cut: Option<u64>,
    /// Refusals in a row of calls that were sent after the one before came back.
    in_vain: u32,
    /// Calls that are on their way.
    flying: u64,
    /// Whether a call was ever of use; nothing before the first that says so.
    is_of_use: Option<bool>,
    /// The calls that may be in flight.
    pub(super) in_flight: u64,
    ceiling: u64,
    failures: u64,
    /// The calls in flight that the service bore before it failed.
    bore: u64,
    last_failure_cut: Option<u64>,
    pub(super) outage: Outage,
}

impl QuotaGate {
    pub(super) fn new(start: u64, ceiling: u64, patience_ms: u64) -> Self {
        Self {
            closed_until: 0,
            probe: Probe::None,
            last_cut: None,
            in_vain: 0,
            flying: 0,
            is_of_use: None,
            in_flight: start.clamp(1, ceiling.max(1)),
            ceiling: ceiling.max(1),
            failures: 0,
            bore: 1,
            last_failure_cut: None,
            outage: Outage::new(patience_ms),
        }
    }

    /// Closes it until this time; then one call goes alone.
    pub(super) fn close(&mut self, until: u64) {
        self.closed_until = self.closed_until.max(until);
        self.probe = Probe::Due;
    }

    /// Closes it until this time.
    pub(super) fn wait_until(&mut self, until: u64) {
        self.closed_until = self.closed_until.max(until);
    }

    /// Whether the call that goes alone is on its way.
    pub(super) fn is_probing(&self) -> bool {
        matches!(self.probe, Probe::Out(_)) || self.is_of_use == Some(false) && self.flying > 0
    }

    /// A call is sent.
    pub(super) fn sent(&mut self, now: u64) {
        self.flying += 1;
        if self.probe == Probe::Due {
            self.probe = Probe::Out(now);
        }
    }

    /// A call that was sent then ended; without an answer the next one goes alone as well.
    pub(super) fn ended(&mut self, sent: u64, is_answered: bool) {
        self.flying = self.flying.saturating_sub(1);
        if self.probe == Probe::Out(sent) {
            self.probe = if is_answered { Probe::None } else { Probe::Due };
        }
    }

    /// Whether a call was of use. Calls go one by one while none ever was, from the first that was not: a
    /// request that is refused for what it is, or brings nothing, is paid for all the same.
    pub(super) fn was_of_use(&mut self, is_of_use: bool) {
        self.is_of_use = Some(is_of_use || self.is_of_use == Some(true));
    }

    /// A call was answered, with this number in flight.
    pub(super) fn answered(&mut self, in_flight: u64) {
        (self.in_vain, self.failures) = (0, 0);
        self.outage.end();
        if in_flight * 2 >= self.in_flight {
            self.in_flight = (self.in_flight + 1).min(self.ceiling);
        }
    }

    /// Whether a refusal is news: of a call that was sent after the last one came back.
    pub(super) fn is_news(&self, sent: u64) -> bool {
        self.last_cut.is_none_or(|cut| sent >= cut)
    }

    /// A refusal that is news: the n-th in a row closes the gate for 2^n times a base at least, and after some
    /// the next call goes alone.
    pub(super) fn cut(&mut self, now: u64) {
        self.last_cut = Some(now);
        self.in_vain += 1;
        let (base, longest) = IN_VAIN_MS;
        let (row, more) = IN_VAIN_LONGER;
        // A long window that refused calls keep full would never be found empty.
        let longest = longest + more * u64::from(self.in_vain.saturating_sub(row));
        let wait = (base << self.in_vain.min(16)).min(longest);
        if self.in_vain < ALONE_AFTER {
            self.wait_until(now + wait);
        } else {
            self.close(now + wait);
        }
    }

    /// The refusals in a row.
    pub(super) fn in_vain(&self) -> u32 {
        self.in_vain
    }

    /// The service failed.
    pub(super) fn failed(&mut self, now: u64, sent: u64) {
        self.outage.failed(now);
        if self.last_failure_cut.is_none_or(|cut| sent >= cut) {
            self.last_failure_cut = Some(now);
            if self.failures == 0 {
                self.bore = self.in_flight;
            }
            self.failures += 1;
            // If calls fail at every concurrency, the service is down, not overloaded: one epoch.
            let calls = if self.failures < FAILURES { self.in_flight } else { self.bore };
            self.in_flight = (calls / 2).max(1);
        }
        if self.failures >= FAILURES {
            let (first, longest) = FAILURE_MS;
            let wait = first << (self.failures - FAILURES).min(16);
            self.close(now + wait.min(longest));
        }
    }
}
