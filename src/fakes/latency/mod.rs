//! How long a service takes: a distribution, plus what the size of a call and the load add.
//!
//! Latencies are whole milliseconds, the grain of tokio's timer.

mod error;
mod measurements;
mod sample;

pub use self::error::{LatencyError, Unit};
pub use self::sample::{Dist, Latency, LatencyFile, Load, Slowness, Tail};
