//! Experiments with whole runs: trials, several at once; repeated, in real time, or with a weaker
//! pipeline.

pub mod counterpart;
pub mod determinism;
pub mod mutation;
pub mod realtime_check;
pub mod runner;
pub mod trial;
