//! `tagspace league`: all limiters in all fields.

use std::path::PathBuf;

use crate::cli::args::{LEAGUE_SEEDS, LeagueArgs};
use crate::cli::error::CliError;
use crate::cli::kept_report::Named;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk, jobs, kept_report};
use crate::report::league::random as random_report;
use crate::report::{league as report, page};
use crate::study::league;
use crate::study::league::random::{self, RandomWorld};
use crate::study::league::{LeagueResults, scaling};

/// Worlds that are drawn for the report that is kept.
const RANDOM_WORLDS: u64 = 200;

/// Plays the league, and prints it, writes it, or compares it with what was written.
pub(crate) fn league(args: &LeagueArgs) -> Result<ExitStatus, CliError> {
    if let Some(number) = args.show {
        print(&RandomWorld::drawn(number).scenario()?);
        return Ok(ExitStatus::Met);
    }
    if let Some(worlds) = args.random {
        return drawn_worlds(args, worlds);
    }
    let seeds = args.seeds.unwrap_or(LEAGUE_SEEDS);
    let is_whole = args.only.is_empty() && seeds == LEAGUE_SEEDS;
    let out = kept_report::folder("league", args.out.as_deref(), is_whole, args.check)?;
    if !args.check {
        // Not after minutes of play.
        disk::make_folder(&out)?;
    }
    let progress = Progress::new(args.play.quiet, "simulations");
    let runner = jobs::runner(args.play.jobs)?;
    let on_trial = |all: usize| {
        progress.of(all);
        progress.inc();
    };
    let played = league::play(&args.only, seeds, &runner, &on_trial);
    progress.finish();
    let played = played?;
    if played.is_empty() {
        let names: Vec<&str> = league::FIELDS.iter().map(|field| field.name).collect();
        return Err(CliError::Usage {
            message: format!("expected a part of a field's name, found `--only {}`", args.only),
            help: format!("the fields are: {}", names.join(", ")),
        });
    }
    // A part of the fields is asked for itself.
    let (scaled, random) = if args.only.is_empty() {
        (scaling::play(seeds, &runner)?, random::play(1..=RANDOM_WORLDS, 1, &runner, &|_| {})?)
    } else {
        (Vec::new(), Vec::new())
    };
    let results = LeagueResults { fields: played, scaled, random, seeds };
    let files = files(&results)?;
    if args.check {
        return kept_report::check("league", &out, &files, args.play.quiet);
    }
    let _lock = disk::lock(&out)?;
    kept_report::write(&out, &files)?;
    if !args.play.quiet {
        print(&report::text(&results));
        print(&format!("\nreport in {}\n", out.display()));
    }
    Ok(ExitStatus::Met)
}

/// Plays worlds that are drawn from their numbers.
fn drawn_worlds(args: &LeagueArgs, worlds: u64) -> Result<ExitStatus, CliError> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("reports/out/league-random"));
    disk::make_folder(&out)?;
    // A weather for each world, unless more are asked for.
    let seeds = args.seeds.unwrap_or(1);
    let progress = Progress::new(args.play.quiet, "simulations");
    let runner = jobs::runner(args.play.jobs)?;
    let on_trial = |all: usize| {
        progress.of(all);
        progress.inc();
    };
    let first = args.from.unwrap_or(1);
    let played = random::play(first..=first + worlds - 1, seeds, &runner, &on_trial);
    progress.finish();
    let played = played?;
    let mut csv = Vec::new();
    random_report::csv(&played, &mut csv)
        .map_err(|error| kept_report::failed("random.csv", &error))?;
    let text = random_report::text(&played);
    let files = [
        ("random.json", kept_report::pretty(&random_report::json(&played))),
        ("random.csv", csv),
        ("random.md", text.clone().into_bytes()),
        ("report.html", page::drawn_league(&played).into_bytes()),
    ];
    let _lock = disk::lock(&out)?;
    kept_report::write(&out, &files)?;
    if !args.play.quiet {
        print(&text);
        print(&format!("\nreport in {}\n", out.display()));
    }
    Ok(ExitStatus::Met)
}

fn files(results: &LeagueResults) -> Result<Vec<Named>, CliError> {
    let mut csv = Vec::new();
    report::csv(&results.fields, &mut csv)
        .map_err(|error| kept_report::failed("league.csv", &error))?;
    let mut files = vec![
        ("league.json", kept_report::pretty(&report::json(results))),
        ("league.csv", csv),
        ("league.md", report::text(results).into_bytes()),
    ];
    files.push(("report.html", page::league(results).into_bytes()));
    let picture = report::picture(&results.fields);
    files.extend(kept_report::picture(("league.svg", "league.png"), picture)?);
    Ok(files)
}
