//! One run of one scenario: the pipeline in a world of fakes, in virtual time.
//!
//! Runs that follow one another share a world, a pipeline and a clock; a run that is `fresh`
//! begins a new session. Every session has an OS thread and a paused runtime of its own, which can
//! do timers and nothing else: stray I/O panics instead of leaking real time into a history.

mod lateness;
mod loopback;
mod realtime;
pub mod recorder;
mod run;
pub mod scenario;
pub mod serve;
mod transport;
pub mod wire;

pub use self::lateness::Lateness;
pub use self::run::{
    Clock, OnProgress, Options, Recording, SimError, Transport, log_span, run_scenario,
};
