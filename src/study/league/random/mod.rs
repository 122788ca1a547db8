//! The random league: limiters in worlds that nobody has seen.
//!
//! A limiter that is tuned in known worlds is good in known worlds. Here each world is drawn from its
//! number: a family of services, as often as people meet it, then quota, window, hint, latencies and
//! the size of the job. Anyone can play fresh numbers. All limiters meet the same weather, and each is
//! measured by the fastest rival that lost no page in the same world.

mod against_rivals;
mod family;
mod result;
mod world;

pub use self::against_rivals::{AgainstRivals, BetterRival, RIVALS, ratio_milli};
pub use self::family::Family;
pub use self::result::{RandomResult, play};
pub use self::world::RandomWorld;
