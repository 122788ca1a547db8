//! `tagspace limits`: what limits a run and what to change first, or how much worse its world may become.

use crate::cli::args::{LimitsArgs, LimitsFormat, Scenarios};
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, jobs, scenarios};
use crate::report::limits as report;
use crate::sim::scenario::Scenario;
use crate::study::limits::{shadow_price, tolerance};
use crate::study::verdict::judge::Verdict;
use crate::study::verdict::target::Target;

/// Says what each limit costs a run, or what its world may come to.
pub(crate) fn limits(args: &LimitsArgs) -> Result<ExitStatus, CliError> {
    let (scenario, targets) = loaded(args)?;
    if args.tolerance { tolerance(args, scenario, targets) } else { prices(args, &scenario) }
}

/// Plays a run as it is and with each limit lifted, and prints what each costs.
fn prices(args: &LimitsArgs, scenario: &Scenario) -> Result<ExitStatus, CliError> {
    let run = asked(args, scenario)?;
    let progress = Progress::new(args.play.quiet, "simulations");
    let runner = jobs::runner(args.play.jobs)?;
    let on_trial = |all: usize| {
        progress.of(all);
        progress.inc();
    };
    let seeds: Vec<u64> = args.seeds().collect();
    let limits = shadow_price::play(&scenario.only(&run), &seeds, &runner, &on_trial);
    progress.finish();
    let limits = limits?;
    let name = &scenario.name;
    print(&match args.format {
        LimitsFormat::Text => report::text(name, &run, seeds.len(), &limits),
        LimitsFormat::Json => {
            format!("{:#}\n", report::json(name, &run, ends(args), &limits))
        }
    });
    Ok(ExitStatus::Met)
}

/// Plays a scenario with each knob of its world turned until a target is missed.
fn tolerance(
    args: &LimitsArgs,
    mut scenario: Scenario,
    mut targets: Vec<Target>,
) -> Result<ExitStatus, CliError> {
    if args.run.is_some() {
        let run = asked(args, &scenario)?;
        targets.retain(|target| target.run == run && target.limit.fixed().is_some());
        scenario = scenario.only(&run);
    }
    let progress = Progress::new(args.play.quiet, "simulations");
    let runner = jobs::runner(args.play.jobs)?;
    let seeds: Vec<u64> = args.seeds().collect();
    let found = tolerance::play(&scenario, &targets, &seeds, &runner, &|| progress.inc());
    progress.finish();
    let found = found?;
    print(&match args.format {
        LimitsFormat::Text => report::tolerance::text(&scenario.name, seeds.len(), &found),
        LimitsFormat::Json => {
            format!("{:#}\n", report::tolerance::json(&scenario.name, ends(args), &found))
        }
    });
    Ok(if found.verdict == Verdict::Missed { ExitStatus::Missed } else { ExitStatus::Met })
}

fn ends(args: &LimitsArgs) -> (u64, u64) {
    let seeds = args.seeds();
    (*seeds.start(), *seeds.end())
}

/// The scenario that is named, with its targets.
fn loaded(args: &LimitsArgs) -> Result<(Scenario, Vec<Target>), CliError> {
    let named = Scenarios {
        paths: vec![args.scenario.clone()],
        set: args.set.clone(),
        seed: None,
        env_file: None,
        env_file_all_runs: false,
        is_quiet: args.play.quiet,
    };
    let mut loaded = scenarios::load(&named)?.into_iter();
    let (Some(found), None) = (loaded.next(), loaded.next()) else {
        let message = format!("{}: expected one scenario, found several", args.scenario.display());
        return Err(CliError::Usage { message, help: "name a scenario file".to_owned() });
    };
    Ok(found)
}

/// The run that is asked about.
fn asked(args: &LimitsArgs, scenario: &Scenario) -> Result<String, CliError> {
    let names: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
    match (&args.run, names.as_slice()) {
        (Some(run), names) if names.contains(&run.as_str()) => Ok(run.clone()),
        (None, [run]) => Ok((*run).to_owned()),
        (asked, names) => {
            let found = asked.as_ref().map_or("none".to_owned(), |run| format!("`{run}`"));
            let path = args.scenario.display();
            let message = format!("{path}: expected --run with one of its runs, found {found}");
            let help = format!("the runs are: {}", names.join(", "));
            Err(CliError::Usage { message, help })
        }
    }
}
