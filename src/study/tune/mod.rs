//! Which settings are best: a grid of them, each played with the same seeds, and what came of it.
//!
//! All points meet the same weather, so that the difference between two of them is the settings'. A
//! point is admissible if each requirement is met in at least 95 % of the seeds, or in as many as it
//! says itself. The best of the admissible ones has the least of the objective over all seeds; where
//! that is the same, the fewest calls, then the least cost, then the first in the order of the grid. Of
//! those that cannot be told from it the gentlest is chosen: the one with the fewest calls in flight.
//!
//! A study is played trial by trial, all of them or the share of a [`shard`], or only as far as
//! [successive halving](successive_halving) lets a point go; it does not matter where and in which
//! order. Where no grid is named, [coordinate descent](coordinate_descent) finds one, and what it found is [played again](held_out) on
//! other seeds. [`ranking`] makes
//! of the trials what came of the grid, [`minimax`] what is best for several scenarios, and
//! [`regression_targets`] the targets that keep it so. [`scenario_table`] reads what a scenario itself
//! wants to know.

pub mod coordinate_descent;
pub mod grid;
pub mod held_out;
pub mod minimax;
pub mod ranking;
pub mod regression_targets;
pub mod scenario_table;
pub mod shard;
mod study;
pub mod successive_halving;
pub mod trials;

pub use self::study::{GridPoint, Objective, StudySpec, TrialMetrics, TuneError, Tuned};
