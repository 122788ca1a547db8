//! Targets, and the verdict on a run and on many seeds.

pub mod judge;
pub mod outcome;
pub mod seeds;
pub mod target;
pub mod target_syntax;
