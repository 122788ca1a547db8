//! How many calls may be in flight, to a model or to Confluence, and when the next may start.
//!
//! A [`Limit`](algorithm::Limit) is the algorithm: pure, told the time. The [`Limiter`] is the gate that enforces
//! it: waiting calls stand in one line and hold nothing; a [`Permit`] is one call in flight and is
//! given back with what became of the call. A lower limit takes nothing away from calls that run;
//! it only lets none start until enough have ended.

pub mod aimd;
pub mod algorithm;
pub mod aws_cubic;
mod clock;
pub mod fixed;
mod gate;
pub mod halving;
pub mod kind;
pub mod line_time;
mod outage;
pub mod paced;
pub mod quota;
pub mod site_pace;
pub mod sre_throttle;
pub mod vector_arc;

pub use self::gate::{
    Closed, LimitChange, Limiter, LimiterUpdate, Outlook, Permit, PermitRequest, Remaining,
};
