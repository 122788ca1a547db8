//! The observer of exchanges with clients.

use crate::fakes::observation::Observation;
use crate::fakes::world_event::WorldEvent;

/// Is told of every exchange, in the order in which requests arrive. It must not block.
pub trait ExchangeObserver: Send + Sync {
    /// A request was understood at this time of the world; this is what the fakes recorded.
    /// Gives a number by which its end is told.
    fn arrived(&self, now_ms: u64, about: Option<&Observation>, records: Vec<WorldEvent>) -> u64;

    /// Its answer was sent with this status, or nothing was.
    fn left(&self, now_ms: u64, number: u64, status: Option<u16>);
}
