//! What is asked: the command line over the scenario's own `[tune]`.

use std::ops::RangeInclusive;
use std::path::Path;

use crate::cli::args::{ObjectiveArg, TuneArgs};
use crate::cli::error::{CliError, Problems};
use crate::sim::scenario::Scenario;
use crate::study::measure::metric::Metric;
use crate::study::tune::grid::Axis;
use crate::study::tune::{Objective, StudySpec, grid, scenario_table};
use crate::study::verdict::target::Target;
use crate::study::verdict::target_syntax;

/// What is required unless something else is.
const REQUIRED: [(Metric, &str); 4] = [
    (Metric::PagesFailed, "== 0"),
    (Metric::PagesNotDone, "== 0"),
    (Metric::PagesUnlabelled, "== 0"),
    (Metric::RateLimitedRatio, "<= 1%"),
];

fn usage(message: String, help: &str) -> CliError {
    CliError::Usage { message, help: help.to_owned() }
}

/// The study to every scenario.
pub(super) fn all(args: &TuneArgs) -> Result<Vec<StudySpec>, CliError> {
    let specs: Vec<StudySpec> =
        args.scenarios.iter().map(|path| one(args, path)).collect::<Result<_, _>>()?;
    let Some(first) = specs.first() else { return Ok(specs) };
    for (at, other) in specs.iter().enumerate() {
        let name = &other.scenario.name;
        if other.axes != first.axes
            || other.seeds != first.seeds
            || other.objective != first.objective
        {
            return Err(usage(
                format!("{name} is another study than {}", first.scenario.name),
                "one setting for several scenarios needs one grid: name it with --set, --seeds and --objective",
            ));
        }
        if specs[..at].iter().any(|known| known.scenario.name == *name) {
            return Err(usage(
                format!("two scenarios are named `{name}`"),
                "the name is the folder of the report; rename one of the files",
            ));
        }
    }
    grid::check_size(&first.axes, &first.seeds, specs.len())
        .map_err(|message| usage(message, grid::VARY_LESS))?;
    if args.auto && specs.len() > 1 {
        return Err(usage(
            format!("expected one scenario with --auto, found {}", specs.len()),
            "what is found for one scenario can be compared in a grid for several",
        ));
    }
    if args.race && specs.len() > 1 {
        return Err(usage(
            format!("expected one scenario with --race, found {}", specs.len()),
            "for one setting for all of them every setting must be played to the end",
        ));
    }
    Ok(specs)
}

fn one(args: &TuneArgs, path: &Path) -> Result<StudySpec, CliError> {
    let problems = |problems| CliError::Problems(Problems(problems));
    let scenario = Scenario::read(path, &[]).map_err(|problem| problems(vec![problem]))?;
    let table = scenario_table::read(&scenario).map_err(problems)?;
    check(&args.set)?;
    let axes = together(table.axes, &args.set);
    if let Some(axis) = axes.iter().find(|axis| axis.is_luck()) {
        return Err(usage(format!("expected --seeds, found --set {}", axis.key), grid::SAME_LUCK));
    }
    if axes.is_empty() && !args.auto {
        return Err(usage(
            format!("{}: there is nothing to vary", path.display()),
            "name it, such as --set pipeline.batch_size=5,10,20, write a [tune] table into the scenario, or let --auto find it",
        ));
    }
    let run = args.run.clone().or(table.run);
    let first = || scenario.runs.first().map(|run| run.name.clone()).unwrap_or_default();
    let run = run.unwrap_or_else(first);
    let seeds = args.seeds.clone().or(table.seeds).unwrap_or(grid::SEEDS);
    let require = required(args, &scenario, (&run, &seeds), table.require)?;
    let objective = args.objective.map(|objective| match objective {
        ObjectiveArg::Fastest => Objective::Fastest,
        ObjectiveArg::Cheapest => Objective::Cheapest,
        ObjectiveArg::FewestCalls => Objective::FewestCalls,
    });
    Ok(StudySpec {
        folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
        axes,
        seeds,
        objective: objective.or(table.objective).unwrap_or(Objective::Fastest),
        require,
        run,
        scenario,
    })
}

/// What a setting must meet: what is asked for; else, where settings are found by themselves, the
/// scenario's own targets for the run.
fn required(
    args: &TuneArgs,
    scenario: &Scenario,
    (run, seeds): (&str, &RangeInclusive<u64>),
    of_table: Option<Vec<String>>,
) -> Result<Vec<Target>, CliError> {
    let is_usual = args.require.is_empty() && of_table.is_none();
    let written = match (args.require.as_slice(), of_table) {
        ([], None) => REQUIRED.map(|(metric, limit)| format!("{metric} {limit}")).to_vec(),
        ([], Some(written)) => written,
        (written, _) => written.to_vec(),
    };
    if args.auto && is_usual {
        let targets = target_syntax::of(scenario)
            .map_err(|problem| CliError::Problems(Problems(vec![problem])))?;
        let is_about_it = |one: &Target| one.run == run && one.limit.fixed().is_some();
        let seeds = seeds.clone().count() as u64;
        let own = targets.into_iter().filter(is_about_it);
        let own: Vec<Target> = own.map(|one| one.in_so_few(seeds)).collect();
        if !own.is_empty() {
            return Ok(own);
        }
    }
    let help = "--require takes what a target takes, such as `page_latency p95 <= 45s`";
    let read = |text: &String| {
        target_syntax::in_one_piece(run, text).map_err(|message| usage(message, help))
    };
    written.iter().map(read).collect()
}

/// The scenario's own keys, those of the command line in their place, and what else it names.
fn together(mut axes: Vec<Axis>, set: &[Axis]) -> Vec<Axis> {
    for named in set {
        match axes.iter_mut().find(|axis| axis.key == named.key) {
            Some(axis) => *axis = named.clone(),
            None => axes.push(named.clone()),
        }
    }
    axes
}

fn check(axes: &[Axis]) -> Result<(), CliError> {
    let mut keys: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0]));
    if let Some(twice) = twice {
        return Err(CliError::Usage {
            message: format!("expected each key once, found --set {twice} twice"),
            help: format!("write all its values into one, such as --set {twice}=1,2,5"),
        });
    }
    Ok(())
}
