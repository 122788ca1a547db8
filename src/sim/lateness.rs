//! How late the host is: a run in real time sleeps, and another program or a slow disk may keep it
//! from waking when it should.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often a thread is looked at.
const EVERY: Duration = Duration::from_millis(10);
/// Timers go by whole milliseconds, and a thread has other work than to wake.
const USUAL_MS: u64 = 2;

/// How much later than it should a thread woke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lateness {
    /// In all.
    pub sum_ms: u64,
    /// At the worst.
    pub most_ms: u64,
}

impl Lateness {
    /// The later of two threads: a host that stands still stops both for the same time.
    pub(super) fn or(self, other: Self) -> Self {
        Self { sum_ms: self.sum_ms.max(other.sum_ms), most_ms: self.most_ms.max(other.most_ms) }
    }
}

/// Watches a thread.
#[derive(Debug, Default)]
pub(super) struct Watch {
    sum_ms: AtomicU64,
    most_ms: AtomicU64,
}

impl Watch {
    /// Looks at the thread that drives this future, for as long as it is driven.
    pub(super) async fn look(&self) -> Infallible {
        loop {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            let late_ms = u64::try_from(due.elapsed().as_millis()).unwrap_or(u64::MAX);
            if late_ms > USUAL_MS {
                self.sum_ms.fetch_add(late_ms, Ordering::Relaxed);
                self.most_ms.fetch_max(late_ms, Ordering::Relaxed);
            }
        }
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Lateness {
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Lateness { sum_ms: of(&self.sum_ms), most_ms: of(&self.most_ms) }
    }
}
