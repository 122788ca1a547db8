//! `tagspace limits`: what limits a run, and what to change first.

use crate::cli::args::{LimitsArgs, LimitsFormat, Scenarios};
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, jobs, scenarios};
use crate::report::limits as report;
use crate::sim::scenario::Scenario;
use crate::study::limits::shadow_price;

/// Plays a run as it is and with each limit lifted, and prints what each costs.
pub(crate) fn limits(args: &LimitsArgs) -> Result<ExitStatus, CliError> {
    let (scenario, run) = asked(args)?;
    let progress = Progress::new(args.play.quiet, "simulations");
    let runner = jobs::runner(args.play.jobs)?;
    let on_trial = |all: usize| {
        progress.of(all);
        progress.inc();
    };
    let seeds: Vec<u64> = args.seeds.clone().collect();
    let limits = shadow_price::play(&scenario.only(&run), &seeds, &runner, &on_trial);
    progress.finish();
    let limits = limits?;
    let name = &scenario.name;
    print(&match args.format {
        LimitsFormat::Text => report::text(name, &run, seeds.len(), &limits),
        LimitsFormat::Json => {
            let ends = (*args.seeds.start(), *args.seeds.end());
            format!("{:#}\n", report::json(name, &run, ends, &limits))
        }
    });
    Ok(ExitStatus::Met)
}

/// The scenario, and the run of it that is asked about.
fn asked(args: &LimitsArgs) -> Result<(Scenario, String), CliError> {
    let named = Scenarios {
        paths: vec![args.scenario.clone()],
        set: args.set.clone(),
        seed: None,
        env_file: None,
        env_file_all_runs: false,
        is_quiet: args.play.quiet,
    };
    let path = args.scenario.display();
    let usage = |message: String, help: String| CliError::Usage { message, help };
    let mut loaded = scenarios::load(&named)?.into_iter().map(|(scenario, _)| scenario);
    let (Some(scenario), None) = (loaded.next(), loaded.next()) else {
        let help = "name a scenario file".to_owned();
        return Err(usage(format!("{path}: expected one scenario, found several"), help));
    };
    let names: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
    let run = match (&args.run, names.as_slice()) {
        (Some(run), names) if names.contains(&run.as_str()) => run.clone(),
        (None, [run]) => (*run).to_owned(),
        (asked, names) => {
            let found = asked.as_ref().map_or("none".to_owned(), |run| format!("`{run}`"));
            let message = format!("{path}: expected --run with one of its runs, found {found}");
            return Err(usage(message, format!("the runs are: {}", names.join(", "))));
        }
    };
    Ok((scenario, run))
}
