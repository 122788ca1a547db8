//! The fakes on real ports, in real time: for clients of any language, and for runs that check
//! what virtual time predicted.
//!
//! One world behind three listeners, one for each service. A request is answered by the same
//! state machine as in a simulation, under one lock and at once; then its latency passes in real
//! time. An [`ExchangeObserver`] is told of every exchange. Nothing is kept of a request once it is
//! answered.

mod connections;
mod exchange;
mod listener;
mod observer;
mod open_exchange;
mod scaled_clock;
pub mod server_log;
mod stream_body;

pub use self::listener::{ListenError, Origins, Places, Services};
pub use self::observer::ExchangeObserver;
pub use self::scaled_clock::ScaledClock;
