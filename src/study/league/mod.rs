//! The league: every kind of limiter in every field, on the same weather.
//!
//! Each is played twice. Alone, without a fallback and with attempts enough, for its time against
//! the bound and its 429s; a limiter that does not finish then does not finish. And with the plan's four
//! attempts and a fallback, for the share that leaves the primary. The limiter that learns is played
//! a third time, for what its next job is refused.

mod league;
pub mod random;
mod results;
pub mod scaling;
pub mod worlds;

pub use self::league::{KINDS, LimiterResult, SeedResult, WorldResult, play, trial};
pub use self::results::LeagueResults;
pub use self::scaling::Scaled;
pub use self::worlds::{BASE, FIELDS, Group, World};
