//! How long a service takes: a distribution, plus what the size of a call and the load add.
//!
//! Latencies are whole milliseconds, the grain of tokio's timer.

mod measurements;
mod sample;

pub use self::sample::{Dist, Latency, LatencyError, LatencyFile, Load, Slowness, Tail, Unit};
