//! Scenarios: what is rehearsed, checked and ready to run.
//!
//! [`mod@file`] holds the types of the TOML file; a [`Scenario`] is made from it once everything that
//! can be known beforehand is known to hold.

pub(crate) mod bytes;
mod combinations;
mod depth;
pub mod diagnostic;
pub mod env_file;
mod examined;
mod faults;
pub mod file;
pub mod limit;
mod open;
pub mod overrides;
mod reader;
mod recover;
mod scenario;
mod tree;

pub use self::examined::Examined;
pub use self::open::OuterSettings;
pub use self::scenario::{Run, Scenario, TargetText, default_taxonomy};
