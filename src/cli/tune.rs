//! `tagspace tune`: a grid of settings.

use std::path::Path;

use super::args::{ObjectiveArg, TuneArgs};
use super::golden::{self, File};
use super::{CliError, ExitStatus, Problems, print};
use crate::report::tune as report;
use crate::sim::scenario::Scenario;
use crate::study::target::{self, Target};
use crate::study::tune::{self, Objective, Question, TuneError, Tuned};

/// What is required unless something else is.
const REQUIRED: [&str; 2] = ["pages_failed == 0", "rate_limited_ratio <= 1%"];
/// The best setting is played over HTTP with so many seeds.
const CONFIRMED: usize = 3;

/// Plays the grid, confirms its best over HTTP, writes the report and prints the answer.
pub(super) fn tune(args: &TuneArgs) -> Result<ExitStatus, CliError> {
    let question = question(args)?;
    let bar =
        golden::bar(args.quiet, "{elapsed}  {bar:30} {pos} of {len} simulations, about {eta} left");
    let on_game = |all: usize| {
        bar.set_length(all as u64);
        bar.inc(1);
    };
    let tuned = tune::play(question, args.run.as_deref(), golden::jobs(args.jobs), &on_game);
    bar.finish_and_clear();
    let tuned = tuned.map_err(cli_error)?;
    let confirmed = match tune::confirm(&tuned, CONFIRMED) {
        Ok(confirmed) => confirmed,
        Err(error @ TuneError::Differs { .. }) => {
            super::note(&format!("error: {error}"));
            return Ok(ExitStatus::Differs);
        }
        Err(error) => return Err(cli_error(error)),
    };
    golden::write(&args.out, &files(&tuned)?)?;
    if !args.quiet {
        print(&report::text(&tuned))?;
        let out = args.out.display();
        print(&match confirmed {
            0 => format!("\nreport in {out}\n"),
            seeds => format!(
                "\nThe best was played again over HTTP with {seeds} of the seeds: the same to the byte.\nreport in {out}\n"
            ),
        })?;
    }
    Ok(if tuned.best().is_some() { ExitStatus::Met } else { ExitStatus::Missed })
}

fn question(args: &TuneArgs) -> Result<Question, CliError> {
    let mut require: Vec<Target> = Vec::new();
    let written: Vec<&str> = match args.require.as_slice() {
        [] => REQUIRED.to_vec(),
        written => written.iter().map(String::as_str).collect(),
    };
    let run = args.run.as_deref().unwrap_or_default();
    for text in written {
        let read = target::in_one_piece(run, text);
        require.push(read.map_err(|message| CliError::Usage {
            message,
            help:
                "--require takes what a target takes, such as `page_latency p95 <= 45s`".to_owned(),
        })?);
    }
    let mut keys: Vec<&str> = args.set.iter().map(|axis| axis.key.as_str()).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0]));
    if let Some(twice) = twice {
        return Err(CliError::Usage {
            message: format!("got --set {twice} twice, wanted each key once"),
            help: format!("write all its values into one, such as --set {twice}=1,2,5"),
        });
    }
    if keys.contains(&"seed") {
        return Err(CliError::Usage {
            message: "got --set seed, wanted --seeds".to_owned(),
            help: "every setting is played with the same seeds, such as --seeds 1..=16".to_owned(),
        });
    }
    let objective = match args.objective {
        ObjectiveArg::Fastest => Objective::Fastest,
        ObjectiveArg::Cheapest => Objective::Cheapest,
        ObjectiveArg::FewestCalls => Objective::FewestCalls,
    };
    let scenario = Scenario::read(&args.scenario, &[])
        .map_err(|problem| CliError::Problems(Problems(vec![problem])))?;
    let folder = args.scenario.parent().map(Path::to_path_buf).unwrap_or_default();
    let (axes, seeds) = (args.set.clone(), args.seeds.clone());
    Ok(Question { scenario, folder, axes, seeds, objective, require })
}

fn cli_error(error: TuneError) -> CliError {
    match error {
        TuneError::Problem(problem) => CliError::Problems(Problems(vec![*problem])),
        TuneError::Judge(error) => CliError::Judge(error),
        error @ TuneError::NoSuchRun { .. } => CliError::Usage {
            message: error.to_string(),
            help: "--run names one of the scenario's [[run]] tables".to_owned(),
        },
        error @ TuneError::Differs { .. } => CliError::Live(error.to_string()),
    }
}

fn files(tuned: &Tuned) -> Result<Vec<File>, CliError> {
    let mut csv = Vec::new();
    report::csv(tuned, &mut csv).map_err(|error| golden::failed("tune.csv", &error))?;
    let mut files = vec![
        ("tune.json", golden::pretty(&report::json(tuned))),
        ("tune.csv", csv),
        ("tune.md", report::text(tuned).into_bytes()),
    ];
    if let Some(best) = tuned.best() {
        files.push(("tune.env", report::env_block(tuned, best).into_bytes()));
        files.push(("tune.toml", report::toml_block(tuned, best).into_bytes()));
    }
    files.extend(golden::picture(("heat-map.svg", "heat-map.png"), report::heat_map(tuned))?);
    files.extend(golden::picture(("front.svg", "front.png"), report::front(tuned))?);
    Ok(files)
}
