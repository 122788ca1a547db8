//! What is odd about runs, and chains of events, in words.

pub mod chain;
pub mod text;
pub(crate) mod words;
