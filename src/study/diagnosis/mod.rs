//! What is odd about a run, with its evidence and what to change, and what stands behind a metric's
//! worst value.

pub mod anomaly;
mod answers;
pub mod chain;
mod find;
mod history;
mod refusals;
mod waits;

pub use self::find::{Examined, find};
