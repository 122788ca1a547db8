//! Questions asked of runs: what their figures are, whether targets hold, whether a weaker
//! pipeline would be noticed, whether a run repeats itself.
//!
//! Everything here is a fold over (scenario, log). What is computed here is printed by `report`.

pub mod best_known;
pub mod claims;
pub mod compare;
pub mod diagnosis;
pub mod experiment;
pub mod forecast;
pub mod league;
pub mod limits;
pub mod measure;
pub mod probe;
pub mod stats;
pub mod tune;
pub mod verdict;
