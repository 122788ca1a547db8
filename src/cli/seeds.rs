//! `tagspace run --seeds`: every scenario with many seeds, several at once.

use std::ops::RangeInclusive;

use super::args::{Format, RunArgs};
use super::document::Part;
use super::find::{self, Loaded};
use super::progress::Progress;
use super::run::{Outputs, closing, colour, diverged, options, replay, status};
use super::{CliError, ExitStatus, baseline, golden, note, print};
use crate::report::ci::Replay;
use crate::report::files::Folder;
use crate::report::series as report;
use crate::report::text::Colour;
use crate::sim::Options;
use crate::sim::scenario::Scenario;
use crate::study::compare::Recordings;
use crate::study::compare::recorded::Recorded;
use crate::study::determinism::{self, Divergence};
use crate::study::judge::{self, Verdict};
use crate::study::series::{Played, Series};
use crate::study::workers::share_out;

/// Runs the scenarios with all seeds, writes their reports and gives the verdict.
pub(super) fn run(args: &RunArgs, seeds: &RangeInclusive<u64>) -> Result<ExitStatus, CliError> {
    let wants_logs = args.output.iter().any(|(format, _)| *format == Format::Jsonl);
    if wants_logs || args.format == Format::Jsonl {
        return Err(CliError::Usage {
            message: "got the format jsonl with --seeds, wanted another one".to_owned(),
            help: format!(
                "each seed has its log in {}/NAME/seeds/N/events.jsonl",
                args.out.display()
            ),
        });
    }
    let loaded = find::load(&args.scenarios)?;
    find::require_targets(&loaded, args.require_targets)?;
    let colour = colour(args.color);
    let progress = Progress::new(args.quiet, "simulations");
    progress.of(loaded.len() * seeds.clone().count());
    let mut outputs = Outputs::new(args, &loaded)?;
    let options = options(args, &indicatif::ProgressBar::hidden())?;
    let (mut reported, mut missed, mut differs) = (0, Vec::new(), false);
    let mut recordings = Recordings::new();
    for one in &loaded {
        let scenario = &one.0;
        let (series, divergences) = play(args, one, seeds, &options, &|| progress.inc())?;
        let replays = |seed| replay(args, scenario, seed);
        let worst = replays(series.worst().unwrap_or(*seeds.start()));
        let shown = report::text(scenario, &series, &worst, colour);
        let plain = report::text(scenario, &series, &worst, Colour::Off);
        let (judged, replay_of): (_, Replay<'_>) = (&series.judged, &replays);
        let part =
            Part { scenario, judged, text: &plain, replay: replay_of, series: Some(&series) };
        progress.suspend(|| outputs.add(&part, &shown))?;
        for (seed, divergence) in divergences {
            differs = true;
            progress.suspend(|| note(&diverged(scenario, &divergence, &replays(seed))));
        }
        recordings.insert(scenario.name.clone(), Recorded::of_played(scenario, &series.played));
        reported += 1;
        if series.judged.verdict() == Verdict::Missed {
            missed.push(scenario.name.clone());
            if args.fail_fast {
                break;
            }
        }
    }
    progress.finish();
    outputs.finish()?;
    if !args.quiet && args.format == Format::Text {
        print(&closing(&loaded, reported, &missed, args));
    }
    let compared = baseline::after_run(args, &recordings)?;
    let verdict = if missed.is_empty() { Verdict::Met } else { Verdict::Missed };
    Ok(status(verdict, differs, compared))
}

/// Plays a scenario with all seeds and writes its folder.
fn play(
    args: &RunArgs,
    (scenario, targets): &Loaded,
    seeds: &RangeInclusive<u64>,
    options: &Options,
    on_game: &(dyn Fn() + Sync),
) -> Result<(Series, Vec<(u64, Divergence)>), CliError> {
    let folder = Folder::begin(&args.out, scenario)?;
    let seeds: Vec<u64> = seeds.clone().collect();
    let played = share_out(golden::jobs(args.jobs), seeds.len(), |at| {
        let seeded: Scenario = scenario.seeded(seeds[at]);
        let judged = judge::run(&seeded, targets, options)?;
        let divergence = if args.check_determinism {
            let logs: Vec<_> = judged.runs.iter().map(|run| run.log.clone()).collect();
            determinism::check(&seeded, options, &logs)?
        } else {
            None
        };
        folder.seed(&seeded, &judged)?;
        on_game();
        Ok::<_, CliError>((Played::of(seeds[at], &judged), divergence))
    })?;
    let mut divergences = Vec::new();
    let mut all = Vec::new();
    for (one, divergence) in played {
        divergences.extend(divergence.map(|divergence| (one.seed, divergence)));
        all.push(one);
    }
    let series = Series::of(all).ok_or_else(|| CliError::Usage {
        message: "got no seeds, wanted at least one".to_owned(),
        help: "such as --seeds 1..=16".to_owned(),
    })?;
    folder.summary(scenario, &series)?;
    folder.finish()?;
    Ok((series, divergences))
}
