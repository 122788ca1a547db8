//! The command line: arguments, terminal output, exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all targets met |
//! | 1 | internal error |
//! | 2 | usage, or an invalid scenario |
//! | 3 | regression against a baseline |
//! | 98 | two runs of one seed differ |
//! | 99 | a target missed |
//! | 130 | interrupted |

mod args;
mod baseline;
mod claims;
mod compare;
mod document;
mod find;
mod golden;
mod league;
mod mutate;
mod new;
mod progress;
mod real;
mod run;
mod seeds;
mod serve;
mod state;
mod tag;
mod tune;
mod watcher;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use self::args::{Cli, Command};
use crate::report::files::FilesError;
use crate::sim::SimError;
use crate::sim::scenario::file::ScenarioFile;
use crate::sim::scenario::problem::Problem;
use crate::study::judge::JudgeError;
use crate::study::tune::table;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// All targets met.
    Met,
    /// A bug or a fault of the machine.
    Internal,
    /// Wrong arguments or an invalid scenario.
    Usage,
    /// Something is worse than, or not the same as, what was written down.
    Regressed,
    /// Two runs of one seed differ.
    Differs,
    /// A target missed.
    Missed,
    /// Stopped from outside.
    Interrupted,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Regressed => 3,
            Self::Differs => 98,
            Self::Missed => 99,
            Self::Interrupted => 130,
        }
    }
}

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
            // If the terminal is gone there is nobody to tell.
            let _ = error.print();
            return if wrong { ExitStatus::Usage } else { ExitStatus::Met };
        }
    };
    let result = match cli.command {
        Command::Run(args) if args.mutate => mutate::mutate(&args),
        Command::Run(args) => match args.seeds.clone() {
            Some(seeds) => seeds::run(&args, &seeds),
            None => run::run(&args),
        },
        Command::Validate(scenarios) => validate(&scenarios),
        Command::List(scenarios) => list(&scenarios),
        Command::Schema => schema(),
        Command::New(args) => new::new(&args),
        Command::Tag(args) => tag::tag(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::League(args) => league::league(&args),
        Command::Claims(args) => claims::claims(&args),
        Command::Tune(args) => tune::tune(&args),
        Command::Compare(args) => compare::compare(&args),
    };
    match result {
        Ok(status) => status,
        // A reader that has seen enough is no failure.
        Err(CliError::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {
            ExitStatus::Met
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            error.status()
        }
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), CliError> {
    let written = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    written.map_err(|source| CliError::Io { what: "write to standard output".to_owned(), source })
}

/// Writes to standard error; if that fails there is nobody to tell.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Words as a shell takes them.
fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    // Only a word with a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words).unwrap_or_default()
}

fn validate(scenarios: &args::Scenarios) -> Result<ExitStatus, CliError> {
    let loaded = find::load(scenarios)?;
    for (scenario, targets) in &loaded {
        let folder = Path::new(scenario.file()).parent().unwrap_or(Path::new(""));
        table::check(scenario, folder)
            .map_err(|problem| CliError::Problems(Problems(vec![problem])))?;
        let (runs, targets) = (scenario.runs.len(), targets.len());
        print(&format!("{}: valid, {runs} runs, {targets} targets\n", scenario.origin))?;
    }
    Ok(ExitStatus::Met)
}

fn list(scenarios: &args::Scenarios) -> Result<ExitStatus, CliError> {
    let loaded = find::load(scenarios)?;
    let width = loaded.iter().map(|(scenario, _)| scenario.name.len()).max().unwrap_or(0);
    for (scenario, _) in &loaded {
        print(&format!("{:<width$}  {}\n", scenario.name, scenario.question))?;
    }
    Ok(ExitStatus::Met)
}

fn schema() -> Result<ExitStatus, CliError> {
    let schema = schemars::schema_for!(ScenarioFile);
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    print(&(text + "\n"))?;
    Ok(ExitStatus::Met)
}
