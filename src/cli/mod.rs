//! The command line: arguments, terminal output, exit codes ([`ExitStatus`]).

mod args;
mod baseline;
mod claims;
mod compare;
mod disk;
mod document;
mod documents;
mod environment;
mod exit;
mod find;
mod golden;
mod interrupt;
mod league;
mod mutate;
mod new;
mod outputs;
mod progress;
mod real;
mod run;
mod scenarios;
mod schema;
mod serve;
mod state;
mod tag;
mod terminal;
mod tune;
mod verdict;
mod watcher;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use self::args::{Cli, Command};
pub use self::exit::ExitStatus;
use self::terminal::{note, print};
use crate::report::files::FilesError;
use crate::sim::SimError;
use crate::sim::scenario::problem::Problem;
use crate::study::judge::JudgeError;

/// What ends a command early.
#[derive(Debug, Error)]
enum CliError {
    #[error("{0}")]
    Problems(Problems),
    #[error("{message}\n  help: {help}")]
    Usage { message: String, help: String },
    #[error("error: {0}")]
    Judge(#[from] JudgeError),
    #[error("error: {0}")]
    Sim(#[from] SimError),
    #[error("error: {0}")]
    Files(#[from] FilesError),
    #[error("error: {what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("error: {0}")]
    Live(String),
    #[error("interrupted")]
    Interrupted,
}

/// All problems of the scenarios that were read.
#[derive(Debug)]
struct Problems(Vec<Problem>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl CliError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Problems(_) | Self::Usage { .. } | Self::Files(FilesError::NotOurs { .. }) => {
                ExitStatus::Usage
            }
            Self::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Internal,
        }
    }
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn main<I, T>(args: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    ExitCode::from(start(args).code())
}

fn start<I, T>(args: I) -> ExitStatus
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; everything else is wrong usage.
            let wrong = error.use_stderr();
            let is_printed = match error.print() {
                Ok(()) => true,
                // A reader that leaves changes nothing.
                Err(error) => error.kind() == io::ErrorKind::BrokenPipe,
            };
            return match (wrong, is_printed) {
                (true, _) => ExitStatus::Usage,
                (false, true) => ExitStatus::Met,
                (false, false) => ExitStatus::Internal,
            };
        }
    };
    let command = cli.command.quietly();
    if !command.ends_in_order()
        && let Err(error) = interrupt::Interrupt::exit_at_first()
    {
        note(&error.to_string());
        return error.status();
    }
    let result = match command {
        Command::Run(args) if args.mutate => mutate::mutate(&args),
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => scenarios::validate(&args),
        Command::List(args) => scenarios::list(&args),
        Command::Schema => Ok(schema::schema()),
        Command::New(args) => new::new(&args),
        Command::Tag(args) => tag::tag(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::League(args) => league::league(&args),
        Command::Claims(args) => claims::claims(&args),
        Command::Tune(args) => tune::tune(&args),
        Command::Compare(args) => compare::compare(&args),
    };
    let status = result.unwrap_or_else(|error| {
        note(&error.to_string());
        error.status()
    });
    match terminal::failure() {
        Some(error) if status == ExitStatus::Met => {
            note(&format!("error: write to standard output: {error}"));
            ExitStatus::Internal
        }
        _ => status,
    }
}

/// Words as a shell takes them.
fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    // Only a word with a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words).unwrap_or_default()
}
