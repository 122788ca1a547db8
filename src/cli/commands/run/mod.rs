//! `tagspace run`: plays scenarios, each with its own seed or with many, and judges them.

mod realtime;
mod replay;
mod run;
mod trials;
mod verdicts;

pub(crate) use self::run::{options, run};
