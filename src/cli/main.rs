//! The way through a command: arguments, dispatch, exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use super::args::{Cli, Command};
use super::exit::ExitStatus;
use super::terminal::note;

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
        && let Err(error) = super::interrupt::Interrupt::exit_at_first()
    {
        note(&error.to_string());
        return error.status();
    }
    let result = match command {
        Command::Run(args) if args.mutate => super::commands::mutate::mutate(&args),
        Command::Run(args) => super::commands::run::run(&args),
        Command::Validate(args) => super::commands::validate::validate(&args),
        Command::List(args) => super::commands::validate::list(&args),
        Command::Schema => Ok(super::commands::schema::schema()),
        Command::New(args) => super::commands::new::new(&args),
        Command::Demo(args) => super::commands::demo::demo(&args),
        Command::Guide(args) => super::commands::guide::guide(&args),
        Command::Metrics(args) => super::commands::metrics::metrics(&args),
        Command::Tag(args) => match &args.apply {
            Some(changes) => super::commands::tag::apply(&args, changes),
            None => super::commands::tag::tag(&args),
        },
        Command::Plan(args) => super::commands::tag::plan(&args),
        Command::Undo(args) => super::commands::undo::undo(&args),
        Command::Cache(args) => super::commands::cache::cache(&args),
        Command::Serve(args) => super::commands::serve::serve(&args),
        Command::Limits(args) => super::commands::limits::limits(&args),
        Command::BestKnown(args) => super::commands::best_known::best_known(&args),
        Command::League(args) => super::commands::league::league(&args),
        Command::Claims(args) => super::commands::claims::claims(&args),
        Command::Tune(args) => super::commands::tune::tune(&args),
        Command::Report(args) => super::commands::report::report(&args),
        Command::Explain(args) => super::commands::explain::explain(&args),
        Command::Compare(args) => super::commands::compare::compare(&args),
    };
    let status = result.unwrap_or_else(|error| {
        note(&error.to_string());
        error.status()
    });
    match super::terminal::failure() {
        Some(error) if status == ExitStatus::Met => {
            note(&format!("error: write to standard output: {error}"));
            ExitStatus::Internal
        }
        _ => status,
    }
}
