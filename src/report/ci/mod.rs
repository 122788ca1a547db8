//! What continuous integration reads: JUnit, a step summary, annotations, and figures for the
//! services that keep them over time. Times are virtual, so that a file is the same every time.

pub mod annotations;
pub mod benchmark;
mod closing;
pub mod junit;
pub mod summary;

pub(crate) use self::closing::missed;
pub use self::closing::{Closing, Replay};
