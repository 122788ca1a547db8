//! The page of a report: one file of HTML that needs no other, reads without its script, light and dark,
//! on paper and aloud.

mod cards;
mod cause;
mod chrome;
mod failures;
mod head;
mod lanes;
mod latency;
mod run;
mod settings;
mod spending;
mod targets;
mod time;

pub use self::run::run;
