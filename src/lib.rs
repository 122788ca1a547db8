//! x
pub mod cli;
pub mod fakes;
pub mod pipeline;
pub mod price;
pub mod report;
pub mod rng;
pub mod sim;
pub mod study;
pub mod units;
