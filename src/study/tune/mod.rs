//! Which settings are best: a grid of them, each played with the same seeds, and what came of it.
//!
//! All points meet the same weather, so that the difference between two of them is the settings'. A
//! point is admissible if each requirement is met in at least 95 % of the seeds, or in as many as it
//! says itself. The best of the admissible ones has the least of the objective over all seeds; where
//! that is the same, the fewest calls, then the least cost, then the first in the order of the grid.
//!
//! A study is played trial by trial, all of them or the share of a [`shard`], or only as far as
//! [successive halving](successive_halving) lets a point go; it does not matter where and in which
//! order. [`ranking`] makes of the trials what came of the grid, [`minimax`] what is best for
//! several scenarios, and [`regression_targets`] the targets that keep it so. [`scenario_table`] reads
//! what a scenario itself wants to know.

pub mod grid;
pub mod minimax;
pub mod ranking;
pub mod regression_targets;
pub mod scenario_table;
pub mod shard;
mod study;
pub mod successive_halving;
pub mod trials;

pub use self::study::{GridPoint, Objective, StudySpec, TrialMetrics, TuneError, Tuned};
