//! `tagspace league`: all limiters in all fields.

use crate::cli::args::{LEAGUE_SEEDS, LeagueArgs};
use crate::cli::error::CliError;
use crate::cli::kept_report::Named;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk, jobs, kept_report};
use crate::report::{league as report, page};
use crate::study::league;
use crate::study::league::{Scaled, WorldResult, scaling};

/// Plays the league, and prints it, writes it, or compares it with what was written.
pub(crate) fn league(args: &LeagueArgs) -> Result<ExitStatus, CliError> {
    let is_whole = args.only.is_empty() && args.seeds == LEAGUE_SEEDS;
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
    let played = league::play(&args.only, args.seeds, &runner, &on_trial);
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
    let scaled =
        if args.only.is_empty() { scaling::play(args.seeds, &runner) } else { Ok(Vec::new()) };
    let scaled = scaled?;
    let files = files(&played, &scaled, args.seeds)?;
    if args.check {
        return kept_report::check("league", &out, &files, args.play.quiet);
    }
    let _lock = disk::lock(&out)?;
    kept_report::write(&out, &files)?;
    if !args.play.quiet {
        print(&report::text(&played, &scaled, args.seeds));
        print(&format!("\nreport in {}\n", out.display()));
    }
    Ok(ExitStatus::Met)
}

fn files(played: &[WorldResult], scaled: &[Scaled], seeds: u64) -> Result<Vec<Named>, CliError> {
    let mut csv = Vec::new();
    report::csv(played, &mut csv).map_err(|error| kept_report::failed("league.csv", &error))?;
    let mut files = vec![
        ("league.json", kept_report::pretty(&report::json(played, scaled, seeds))),
        ("league.csv", csv),
        ("league.md", report::text(played, scaled, seeds).into_bytes()),
    ];
    files.push(("report.html", page::league(played, seeds).into_bytes()));
    files.extend(kept_report::picture(("league.svg", "league.png"), report::picture(played))?);
    Ok(files)
}
