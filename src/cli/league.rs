//! `tagspace league`: all limiters in all fields.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::LeagueArgs;
use super::{CliError, ExitStatus, note, print};
use crate::report::{league as report, plot};
use crate::study::league::{self, LeagueError, Played, Scaled, scale};

/// Plays the league, and prints it, writes it, or compares it with what was written.
pub(super) fn league(args: &LeagueArgs) -> Result<ExitStatus, CliError> {
    let bar = if args.quiet || !io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        let style = ProgressStyle::with_template("{elapsed}  {bar:30} {pos} of {len} games");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    };
    let jobs = args
        .jobs
        .map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let on_game = |_: usize, all: usize| {
        bar.set_length(all as u64);
        bar.inc(1);
    };
    let played = league::play(&args.only, args.seeds, jobs, &on_game);
    bar.finish_and_clear();
    let played = played.map_err(cli_error)?;
    if played.is_empty() {
        return Err(CliError::Usage {
            message: format!("got `--only {}`, wanted a part of a field's name", args.only),
            help: format!("the fields are: {}", names().join(", ")),
        });
    }
    // A part of the fields is asked for itself.
    let scaled = if args.only.is_empty() { scale::play(args.seeds, jobs) } else { Ok(Vec::new()) };
    let scaled = scaled.map_err(cli_error)?;
    let files = files(&played, &scaled, args.seeds)?;
    if args.check {
        return check(&args.out, &files, args.quiet);
    }
    fs::create_dir_all(&args.out).map_err(|source| io_error("create", &args.out, source))?;
    for (name, bytes) in &files {
        let path = args.out.join(name);
        fs::write(&path, bytes).map_err(|source| io_error("write", &path, source))?;
    }
    if !args.quiet {
        print(&report::text(&played, &scaled, args.seeds))?;
        print(&format!("\nreport in {}\n", args.out.display()))?;
    }
    Ok(ExitStatus::Met)
}

fn cli_error(error: LeagueError) -> CliError {
    match error {
        LeagueError::Judge(error) => CliError::Judge(error),
        LeagueError::Field(problem) => CliError::Live(problem.to_string()),
    }
}

fn names() -> Vec<&'static str> {
    league::FIELDS.iter().map(|field| field.name).collect()
}

fn io_error(what: &str, path: &Path, source: io::Error) -> CliError {
    CliError::Io { what: format!("{what} {}", path.display()), source }
}

/// The files of a report; those that are the same on every machine.
fn files(
    played: &[Played],
    scaled: &[Scaled],
    seeds: u64,
) -> Result<Vec<(&'static str, Vec<u8>)>, CliError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| CliError::Io {
        what: format!("make {what}"),
        source: io::Error::other(error.to_string()),
    };
    let mut json =
        serde_json::to_vec_pretty(&report::json(played, scaled, seeds)).unwrap_or_default();
    json.push(b'\n');
    let mut csv = Vec::new();
    report::csv(played, &mut csv).map_err(|error| failed("league.csv", &error))?;
    let svg = report::picture(played).map_err(|error| failed("league.svg", &error))?;
    let png = plot::png(&svg).map_err(|error| failed("league.png", &error))?;
    Ok(vec![
        ("league.json", json),
        ("league.csv", csv),
        ("league.md", report::text(played, scaled, seeds).into_bytes()),
        ("league.svg", svg.into_bytes()),
        ("league.png", png),
    ])
}

fn is_picture(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "svg" || extension == "png")
}

/// Compares with the golden report; only data counts, not pictures.
fn check(
    out: &Path,
    files: &[(&'static str, Vec<u8>)],
    quiet: bool,
) -> Result<ExitStatus, CliError> {
    let mut differs = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| !is_picture(name)) {
        let path = out.join(name);
        let golden = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
        if golden != *bytes {
            differs.push(*name);
        }
    }
    if differs.is_empty() {
        if !quiet {
            note("the league is as it was");
        }
        return Ok(ExitStatus::Met);
    }
    note(&format!(
        "the league differs from {}: {}\n  help: `tagspace league --out {}` writes it anew; say why in the commit",
        out.display(),
        differs.join(", "),
        out.display()
    ));
    Ok(ExitStatus::Regressed)
}
