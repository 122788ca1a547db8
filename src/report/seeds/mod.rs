//! The report on a scenario with many seeds: each target with its worst seed, and a map of seeds
//! and targets.

pub(crate) mod plot;
mod text;

pub(crate) use self::text::named;
pub use self::text::text;
