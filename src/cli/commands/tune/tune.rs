//! `tagspace tune` from its arguments to its answer.

use std::fs;
use std::path::Path;

use crate::cli::args::TuneArgs;
use crate::cli::error::CliError;
use crate::cli::kept_report::Named;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk, jobs, kept_report};
use crate::report::tune::{minimax as robust_report, regression_targets as regression_report};
use crate::report::{page, tune as report};
use crate::study::experiment::runner::TrialRunner;
use crate::study::tune::coordinate_descent::FoundGrid;
use crate::study::tune::regression_targets::RegressionTargets;
use crate::study::tune::trials::{Results, TrialId, TrialResult};
use crate::study::tune::{
    StudySpec, TuneError, Tuned, coordinate_descent, held_out, minimax, ranking,
    regression_targets, successive_halving, trials,
};

/// The number of seeds that winning settings are played with over HTTP.
const CONFIRMED: usize = 3;
/// All that is written into the folder of an answer.
const FILES: [&str; 15] = [
    "report.html",
    "found.json",
    "tune.json",
    "tune.csv",
    "tune.md",
    "tune.env",
    "tune.toml",
    "targets.toml",
    "heat-map.svg",
    "heat-map.png",
    "front.svg",
    "front.png",
    "robust.json",
    "robust.csv",
    "robust.md",
];

/// Plays the grid, confirms its best over HTTP, writes the report and prints the answer.
pub(crate) fn tune(args: &TuneArgs) -> Result<ExitStatus, CliError> {
    if let Some(folder) = &args.merge {
        let (specs, results) = super::shards::merge(folder)?;
        return finish(args, &jobs::runner(args.play.jobs)?, (&specs, None), &results);
    }
    let mut specs = super::study_spec::all(args)?;
    for spec in &specs {
        trials::check(spec).map_err(CliError::from)?;
    }
    // What cannot be written is said before hours are played.
    make_room(args, &specs)?;
    if let Some(shard) = super::shards::shard(args)? {
        return super::shards::play(args, &specs, shard);
    }
    let runner = jobs::runner(args.play.jobs)?;
    let found = match specs.as_mut_slice() {
        [spec] if args.auto => Some(search(args, spec, &runner)?),
        _ => None,
    };
    let trials = trials::all(&specs);
    let progress = Progress::new(args.play.quiet, "simulations");
    progress.of(trials.len());
    let on_trial = |_: TrialId, _: &TrialResult| {
        progress.inc();
        Ok(())
    };
    let results = match specs.as_slice() {
        [spec] if args.race => successive_halving::play(spec, &runner, &on_trial),
        specs => trials::play(specs, &trials, &runner, &on_trial),
    };
    progress.finish();
    finish(args, &runner, (&specs, found.as_ref()), &results.map_err(CliError::from)?)
}

/// Finds a grid around the best setting, and asks about that.
fn search(
    args: &TuneArgs,
    spec: &mut StudySpec,
    runner: &TrialRunner,
) -> Result<FoundGrid, CliError> {
    let progress = Progress::new(args.play.quiet, "simulations");
    let found = coordinate_descent::search(spec, runner, &|| progress.inc());
    progress.finish();
    let found = found.map_err(CliError::from)?;
    spec.axes.clone_from(&found.axes);
    Ok(found)
}

/// The folder of the answer, and one for each of several scenarios.
fn make_room(args: &TuneArgs, specs: &[StudySpec]) -> Result<(), CliError> {
    let each = specs.iter().map(|spec| args.out.join(&spec.scenario.name));
    let each = each.filter(|_| specs.len() > 1);
    disk::make_out(&args.out)?;
    for folder in [args.out.clone()].into_iter().chain(each) {
        disk::make_folder(&folder)?;
        if let Some(path) = FILES.map(|name| folder.join(name)).iter().find(|path| path.is_dir()) {
            return Err(CliError::Usage {
                message: format!("{}: expected a file, found a folder", path.display()),
                help: "choose another --out, or remove it".to_owned(),
            });
        }
        is_room(&folder, specs)?;
    }
    Ok(())
}

/// Whether an answer may be written into a folder: what it would write over is an earlier answer, and
/// no scenario that is read.
fn is_room(folder: &Path, specs: &[StudySpec]) -> Result<(), CliError> {
    let refused =
        |message: String| Err(CliError::Usage { message, help: "choose another --out".to_owned() });
    let found: Vec<_> = FILES.iter().filter(|name| folder.join(name).exists()).collect();
    let real = |path: &Path| fs::canonicalize(path).ok();
    for name in &found {
        let path = folder.join(name);
        let is_read = specs.iter().any(|one| real(Path::new(one.scenario.file())) == real(&path));
        if is_read {
            return refused(format!("{}: this scenario would be written over", path.display()));
        }
    }
    if folder.join("report.json").exists() {
        return refused(format!("{}: this is the report of a run", folder.display()));
    }
    // Every answer has one of these.
    let is_answer = ["tune.json", "robust.json"].iter().any(|name| folder.join(name).exists());
    match found.first().filter(|_| !is_answer) {
        Some(name) => refused(format!(
            "{}: this file would be written over, and is no part of an earlier answer",
            folder.join(name).display()
        )),
        None => Ok(()),
    }
}

/// Writes and prints what came of all trials.
fn finish(
    args: &TuneArgs,
    runner: &TrialRunner,
    (specs, found): (&[StudySpec], Option<&FoundGrid>),
    results: &Results,
) -> Result<ExitStatus, CliError> {
    let tuned = specs.iter().enumerate();
    let tuned: Vec<Tuned> =
        tuned.map(|(at, spec)| ranking::of(spec.clone(), at, results)).collect();
    let [one] = tuned.as_slice() else { return several(args, runner, &tuned) };
    let (confirmed, regression) = match confirmed(args, one, runner) {
        Ok(confirmed) => confirmed,
        Err(error @ (TuneError::Differs { .. } | TuneError::NotReplayed { .. })) => {
            return Ok(differs(&error));
        }
        Err(error) => return Err(error.into()),
    };
    let mut text = report::text(one, regression.as_ref());
    let mut files = files(one, regression.as_ref())?;
    if let Some(found) = found {
        let held_out = held_out::play(one, runner, &|| ()).map_err(CliError::from)?;
        text += &report::found(found, one, held_out.as_ref());
        let json = report::found_json(found, one, held_out.as_ref());
        files.push(("found.json", kept_report::pretty(&json)));
    }
    files.push(("report.html", page::tune(one, &text).into_bytes()));
    files.push(("tune.md", text.clone().into_bytes()));
    // Two answers at the same time are written one after the other.
    disk::make_out(&args.out)?;
    let _lock = disk::lock(&args.out)?;
    forget_earlier(&args.out, &files)?;
    kept_report::write(&args.out, &files)?;
    say(args, &text, confirmed);
    Ok(if one.best().is_some() { ExitStatus::Met } else { ExitStatus::Missed })
}

/// One setting for several scenarios.
fn several(args: &TuneArgs, runner: &TrialRunner, tuned: &[Tuned]) -> Result<ExitStatus, CliError> {
    let losses = minimax::of(tuned);
    let best = losses.first().filter(|one| one.most().is_some());
    let (mut points, mut least, mut regressions) = (0, usize::MAX, Vec::new());
    for one in best.map_or(&[][..], |_| tuned) {
        let chosen = minimax::chosen(one, losses[0].point);
        match confirmed(args, &chosen, runner) {
            Ok(((winners, seeds), regression)) => {
                (points, least) = (points + winners, least.min(seeds));
                regressions.extend(
                    regression.map(|regression| (one.spec.scenario.name.clone(), regression)),
                );
            }
            Err(error @ (TuneError::Differs { .. } | TuneError::NotReplayed { .. })) => {
                return Ok(differs(&error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    disk::make_out(&args.out)?;
    let _lock = disk::lock(&args.out)?;
    for one in tuned {
        let name = &one.spec.scenario.name;
        let regression = regressions
            .iter()
            .find(|(guarded, _)| guarded == name)
            .map(|(_, regression)| regression);
        let mut files = files(one, regression)?;
        let text = report::text(one, regression);
        files.push(("report.html", page::tune(one, &text).into_bytes()));
        files.push(("tune.md", text.into_bytes()));
        // The answer is that for all of them, and not the one that is best here.
        files.retain(|(name, _)| !matches!(*name, "tune.env" | "tune.toml"));
        let out = args.out.join(name);
        forget_earlier(&out, &files)?;
        kept_report::write(&out, &files)?;
    }
    let text = robust_report::text(tuned, &losses, &regressions);
    let mut csv = Vec::new();
    robust_report::csv(tuned, &losses, &mut csv)
        .map_err(|error| kept_report::failed("robust.csv", &error))?;
    let mut files = vec![
        ("robust.json", kept_report::pretty(&robust_report::json(tuned, &losses))),
        ("robust.csv", csv),
        ("robust.md", text.clone().into_bytes()),
    ];
    if let (Some(best), Some(first)) = (best, tuned.first()) {
        let point = &first.points[best.point];
        files.push(("tune.env", report::env_block(tuned, &point.values).into_bytes()));
        files.push(("tune.toml", report::toml_block(first, point).into_bytes()));
    }
    forget_earlier(&args.out, &files)?;
    kept_report::write(&args.out, &files)?;
    say(args, &text, (points, least));
    Ok(if best.is_some() { ExitStatus::Met } else { ExitStatus::Missed })
}

/// How many winning settings were played over HTTP, and with how many seeds.
type Confirmed = (usize, usize);

/// Plays the winning settings over HTTP, and finds what keeps the best as it is.
fn confirmed(
    args: &TuneArgs,
    tuned: &Tuned,
    runner: &TrialRunner,
) -> Result<(Confirmed, Option<RegressionTargets>), TuneError> {
    let winners = tuned.winners();
    let is_of_parts = args.merge.is_some();
    let confirm = |at: usize| trials::confirm(tuned, winners[at], CONFIRMED, is_of_parts);
    let seeds = runner.each(winners.len(), confirm)?;
    let confirmed = (winners.len(), seeds.into_iter().min().unwrap_or(0));
    Ok((confirmed, regression_targets::of(tuned, runner)?))
}

fn differs(error: &TuneError) -> ExitStatus {
    crate::cli::terminal::note(&format!("error: {error}"));
    ExitStatus::Differs
}

/// Removes what an earlier study left: it must not be taken for a part of this answer.
fn forget_earlier(out: &Path, files: &[Named]) -> Result<(), CliError> {
    for name in FILES {
        let path = out.join(name);
        if !files.iter().any(|(written, _)| *written == name) && path.is_file() {
            fs::remove_file(&path).map_err(|source| disk::io_error("remove", &path, source))?;
        }
    }
    Ok(())
}

fn say(args: &TuneArgs, text: &str, (points, seeds): Confirmed) {
    if args.play.quiet {
        return;
    }
    print(text);
    let out = args.out.display();
    print(&match points {
        0 => format!("\nreport in {out}\n"),
        1 => format!(
            "\nThe best was played again over HTTP with {seeds} of the seeds: the same to the byte.\nreport in {out}\n"
        ),
        more => format!(
            "\nThe best and the front, {more} settings, were played again over HTTP with {seeds} of the seeds: the same to the byte.\nreport in {out}\n"
        ),
    });
}

fn files(tuned: &Tuned, regression: Option<&RegressionTargets>) -> Result<Vec<Named>, CliError> {
    let mut csv = Vec::new();
    report::csv(tuned, &mut csv).map_err(|error| kept_report::failed("tune.csv", &error))?;
    let mut files =
        vec![("tune.json", kept_report::pretty(&report::json(tuned))), ("tune.csv", csv)];
    if let Some(best) = tuned.best() {
        files.push((
            "tune.env",
            report::env_block(std::slice::from_ref(tuned), &best.values).into_bytes(),
        ));
        files.push(("tune.toml", report::toml_block(tuned, best).into_bytes()));
    }
    if let Some(regression) = regression {
        files.push(("targets.toml", regression_report::targets(regression).into_bytes()));
    }
    files.extend(kept_report::picture(("heat-map.svg", "heat-map.png"), report::heat_map(tuned))?);
    files.extend(kept_report::picture(("front.svg", "front.png"), report::front(tuned))?);
    Ok(files)
}
