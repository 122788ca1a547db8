//! Questions asked of runs: what their figures are, whether targets hold, whether a weaker
//! pipeline would be noticed, whether a run repeats itself.
//!
//! Everything here is a fold over (scenario, log). What is computed here is printed by `report`.

pub mod bound;
pub mod claims;
pub mod compare;
pub mod conservation;
pub mod counterpart;
pub mod determinism;
pub mod distribution;
pub mod figures;
mod fold;
pub mod judge;
pub mod league;
pub mod metric;
pub mod mutate;
pub mod outcome;
pub mod paired;
pub mod prediction;
pub mod quota_use;
pub mod series;
pub mod sign;
pub mod target;
mod target_syntax;
pub mod timeline;
pub mod tune;
pub mod workers;
