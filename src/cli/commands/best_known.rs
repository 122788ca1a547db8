//! `tagspace best-known`: how close the best known settings come to the bound.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::cli::args::{BestKnownArgs, Scenarios};
use crate::cli::error::CliError;
use crate::cli::kept_report::Named;
use crate::cli::progress::Progress;
use crate::cli::terminal::{note, print};
use crate::cli::{ExitStatus, disk, jobs, kept_report, scenarios};
use crate::report::best_known as report;
use crate::sim::scenario::Scenario;
use crate::study::best_known;
use crate::study::best_known::{BestKnown, KnownSettings};
use crate::study::experiment::runner::TrialRunner;

/// Where the settings are kept.
const KEPT: &str = "best-known.json";

/// Finds the best settings of each scenario, or plays those that are known, and prints, writes or
/// compares what they come to.
pub(crate) fn best_known(args: &BestKnownArgs) -> Result<ExitStatus, CliError> {
    let scenarios = loaded(args)?;
    let known = known(&args.out.join(KEPT))?;
    check_named(args, &scenarios, &known)?;
    if !args.check {
        // Not after minutes of play.
        disk::make_folder(&args.out)?;
    }
    let runner = jobs::runner(args.play.jobs)?;
    let mut all = Vec::new();
    for scenario in &scenarios {
        all.push(one(args, scenario, &known, &runner)?);
    }
    if args.check {
        return check(args, &all);
    }
    let text = report::text(&all);
    let mut csv = Vec::new();
    report::csv(&all, &mut csv).map_err(|error| kept_report::failed("best-known.csv", &error))?;
    let files: [Named; 3] = [
        (KEPT, kept_report::pretty(&report::json(&all))),
        ("best-known.csv", csv),
        ("best-known.md", text.clone().into_bytes()),
    ];
    let _lock = disk::lock(&args.out)?;
    kept_report::write(&args.out, &files)?;
    if !args.play.quiet {
        print(&text);
        print(&format!("\nreport in {}\n", args.out.display()));
    }
    Ok(ExitStatus::Met)
}

/// Compares what was played with what was written, scenario by scenario.
fn check(args: &BestKnownArgs, all: &[BestKnown]) -> Result<ExitStatus, CliError> {
    let path = args.out.join(KEPT);
    let text = fs::read(&path).map_err(|source| disk::io_error("read", &path, source))?;
    let written: Value = serde_json::from_slice(&text).unwrap_or_default();
    let written = written["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
    let differs: Vec<&str> = all
        .iter()
        .filter(|one| !written.contains(&report::one_json(one)))
        .map(|one| one.known.scenario.as_str())
        .collect();
    if differs.is_empty() {
        if !args.play.quiet {
            note(&format!("{} is as it was written down", path.display()));
        }
        return Ok(ExitStatus::Met);
    }
    note(&format!(
        "what was played differs from {}: {}\n  help: `tagspace best-known` writes it anew; say why in the commit",
        path.display(),
        differs.join(", ")
    ));
    Ok(ExitStatus::Regressed)
}

fn loaded(args: &BestKnownArgs) -> Result<Vec<Scenario>, CliError> {
    let named = Scenarios {
        paths: args.paths.clone(),
        set: Vec::new(),
        seed: None,
        env_file: None,
        env_file_all_runs: false,
        is_quiet: args.play.quiet,
    };
    Ok(scenarios::load(&named)?.into_iter().map(|(scenario, _)| scenario).collect())
}

/// The settings that an earlier report knows.
fn known(path: &Path) -> Result<Vec<KnownSettings>, CliError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(disk::io_error("read", path, source)),
    };
    report::known(&text).map_err(|message| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "name another --out, or remove the file and find the settings anew with --search"
            .to_owned(),
    })
}

/// Whether the settings of all that is named are known or sought, and nothing that is known is lost.
fn check_named(
    args: &BestKnownArgs,
    scenarios: &[Scenario],
    known: &[KnownSettings],
) -> Result<(), CliError> {
    let path = args.out.join(KEPT);
    let is_sought =
        |name: &str| args.search.as_ref().is_some_and(|part| name.contains(part.as_str()));
    let is_known = |name: &str| known.iter().any(|one| one.scenario == name);
    let names = || scenarios.iter().map(|scenario| scenario.name.as_str());
    if let Some(name) = names().find(|name| !is_sought(name) && !is_known(name)) {
        return Err(CliError::Usage {
            message: format!("{name}: no settings are known in {}", path.display()),
            help: format!("--search={name} finds them"),
        });
    }
    let lost = known.iter().find(|one| names().all(|name| name != one.scenario));
    match lost.filter(|_| !args.check) {
        Some(lost) => Err(CliError::Usage {
            message: format!("{} knows {} as well", path.display(), lost.scenario),
            help: "name all its scenarios, or another --out".to_owned(),
        }),
        None => Ok(()),
    }
}

fn one(
    args: &BestKnownArgs,
    scenario: &Scenario,
    known: &[KnownSettings],
    runner: &TrialRunner,
) -> Result<BestKnown, CliError> {
    let name = &scenario.name;
    let folder = Path::new(scenario.file()).parent().unwrap_or(Path::new("."));
    let spec = best_known::spec(scenario, folder);
    let progress = Progress::new(args.play.quiet, "simulations");
    let on_trial = || progress.inc();
    let is_sought = args.search.as_ref().is_some_and(|part| name.contains(part.as_str()));
    let settings = match known.iter().find(|one| one.scenario == *name && one.run == spec.run) {
        _ if is_sought => best_known::find(&spec, runner, &on_trial)?,
        Some(settings) => settings.clone(),
        // That was checked before anything was played.
        None => KnownSettings { scenario: name.clone(), run: spec.run.clone(), settings: None },
    };
    let measured = best_known::measure(settings, &spec, runner, &on_trial);
    progress.finish();
    Ok(measured?)
}
