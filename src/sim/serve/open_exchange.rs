//! An exchange that is not over yet.

use std::sync::Arc;

use crate::sim::serve::{ExchangeObserver, ScaledClock};

/// An exchange that the audience has been told of, until it is told of its end. A client that
/// hangs up drops it.
pub(super) struct OpenExchange {
    audience: Arc<dyn ExchangeObserver>,
    pace: ScaledClock,
    number: u64,
    status: u16,
    is_sent: bool,
}

impl OpenExchange {
    pub(super) fn new(
        audience: Arc<dyn ExchangeObserver>,
        pace: ScaledClock,
        number: u64,
        status: u16,
    ) -> Self {
        Self { audience, pace, number, status, is_sent: false }
    }

    /// All of the answer is on its way.
    pub(super) fn sent(&mut self) {
        self.is_sent = true;
    }
}

impl Drop for OpenExchange {
    fn drop(&mut self) {
        let now_ms = self.pace.now_ms();
        let status = self.is_sent.then_some(self.status);
        self.audience.left(now_ms, self.number, status);
    }
}
