//! The command line: arguments, terminal output, exit codes ([`ExitStatus`]).

mod args;
mod baseline;
mod commands;
mod disk;
mod document;
mod documents;
mod error;
mod exit;
mod interrupt;
mod jobs;
mod kept_report;
mod main;
mod outputs;
mod platform;
mod progress;
mod quota_file;
mod saved_report;
mod scenarios;
mod terminal;

pub use self::exit::ExitStatus;
pub use self::main::main;
