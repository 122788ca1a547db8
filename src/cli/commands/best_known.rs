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
use crate::study::tune::StudySpec;

/// Where the settings are kept.
const KEPT: &str = "best-known.json";

/// Finds the best settings of each scenario, or plays those that are known, and prints, writes or
/// compares what they come to.
pub(crate) fn best_known(args: &BestKnownArgs) -> Result<ExitStatus, CliError> {
    let asked = asked(args, &loaded(args)?, &known(&args.out.join(KEPT))?)?;
    if !args.check {
        // Not after minutes of play.
        disk::make_folder(&args.out)?;
    }
    let runner = jobs::runner(args.play.jobs)?;
    let all: Vec<BestKnown> =
        asked.into_iter().map(|asked| one(args, asked, &runner)).collect::<Result<_, _>>()?;
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

/// A scenario's study, with the settings that are known for it; nothing where they are sought.
type Asked = (StudySpec, Option<KnownSettings>);

/// What is to be played: settled before anything is, so that no search is lost, and nothing that is known.
fn asked(
    args: &BestKnownArgs,
    scenarios: &[Scenario],
    known: &[KnownSettings],
) -> Result<Vec<Asked>, CliError> {
    let path = args.out.join(KEPT);
    let is_named = |one: &KnownSettings| scenarios.iter().any(|named| named.name == one.scenario);
    if let Some(lost) = known.iter().find(|one| !args.check && !is_named(one)) {
        return Err(CliError::Usage {
            message: format!("{} knows {} as well", path.display(), lost.scenario),
            help: "name all its scenarios, or another --out".to_owned(),
        });
    }
    let one = |scenario: &Scenario| {
        let name = &scenario.name;
        let folder = Path::new(scenario.file()).parent().unwrap_or(Path::new("."));
        let spec = best_known::spec(scenario, folder);
        if args.search.as_ref().is_some_and(|part| name.contains(part.as_str())) {
            return Ok((spec, None));
        }
        let mut own = known.iter().filter(|one| one.scenario == *name && one.run == spec.run);
        match own.next() {
            Some(settings) => Ok((spec, Some(settings.clone()))),
            None => Err(CliError::Usage {
                message: format!("{name}: no settings are known in {}", path.display()),
                help: format!("--search={name} finds them"),
            }),
        }
    };
    scenarios.iter().map(one).collect()
}

fn one(
    args: &BestKnownArgs,
    (spec, known): Asked,
    runner: &TrialRunner,
) -> Result<BestKnown, CliError> {
    let progress = Progress::new(args.play.quiet, "simulations");
    let on_trial = || progress.inc();
    let settings = match known {
        Some(settings) => settings,
        None => best_known::find(&spec, runner, &on_trial)?,
    };
    let measured = best_known::measure(settings, &spec, runner, &on_trial);
    progress.finish();
    Ok(measured?)
}
