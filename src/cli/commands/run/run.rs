//! `tagspace run` from its arguments to its exit code.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use super::replay::portable;
use super::trials::{Entry, Rules};
use super::verdicts::Verdicts;
use crate::cli::args::{ClockArg, Format, RunArgs, TransportArg};
use crate::cli::baseline::Baseline;
use crate::cli::documents::Documents;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::outputs::{Failures, Stamp, subscriber};
use crate::cli::progress::Progress;
use crate::cli::terminal::note;
use crate::cli::{ExitStatus, disk, jobs, scenarios};
use crate::report::folder;
use crate::report::folder::Kind;
use crate::sim::{Clock, Options, Transport};

/// Runs the scenarios, writes their reports and gives the verdict.
pub(crate) fn run(args: &RunArgs) -> Result<ExitStatus, CliError> {
    check_usage(args)?;
    let loaded = scenarios::load(&args.scenarios)?;
    scenarios::require_targets(&loaded, args.require_targets)?;
    let baseline = Baseline::read(args)?;
    let entries: Vec<Entry<'_>> = loaded
        .iter()
        .map(|one| {
            let asked = args.seeds.clone().map(Iterator::collect);
            let seeds = asked.or_else(|| baseline.seeds_of(&one.0));
            Entry::new(&args.out, one, seeds)
        })
        .collect();
    let mut documents = prepare(args, &entries, &baseline)?;
    let interrupt =
        Interrupt::listen("stopping: what was played is kept; once more to stop at once")?;
    interrupt.exit_at_second();
    let trials = entries.iter().map(|entry| entry.seeds.len()).sum();
    let failures = Failures::default();
    let progress = Progress::new(args.quiet, "simulations");
    progress.of(trials);
    let options =
        Options { interrupt: interrupt.stop.clone(), ..options(args, progress.bar(), &failures)? };
    let stop = Arc::new(AtomicBool::new(false));
    let runner = jobs::runner(args.jobs)?;
    let rules = Rules {
        runner: &runner,
        options: &options,
        check_determinism: args.check_determinism,
        fail_fast: args.fail_fast,
        stop: &stop,
        interrupt: &interrupt.stop,
        on_trial: &|| progress.inc(),
        replay: &|scenario, seed| portable(args, scenario, seed),
    };
    let is_compared = baseline.is_wanted() || args.clock == ClockArg::Real;
    let mut verdicts = Verdicts::new(args, entries.len(), is_compared);
    super::trials::play(&entries, &rules, |entry, results| {
        progress.suspend(|| verdicts.take(entry, results, &mut documents));
        if args.fail_fast && verdicts.has_failed() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    progress.finish();
    if args.clock == ClockArg::Real && !interrupt.stop.is_cancelled() {
        let played = verdicts.play_in_real_time(&options);
        if !interrupt.stop.is_cancelled() {
            played?;
        }
    }
    let is_interrupted = interrupt.stop.is_cancelled();
    let status = verdicts.finish(documents, &baseline, is_interrupted)?;
    Ok(failures.turn(status))
}

fn check_usage(args: &RunArgs) -> Result<(), CliError> {
    if args.repeat.is_some() && args.clock == ClockArg::Virtual {
        return Err(CliError::Usage {
            message: "--repeat needs --clock real".to_owned(),
            help: "in virtual time every run is the same".to_owned(),
        });
    }
    let mut formats = args.output.iter().map(|(format, _)| *format).chain([args.format]);
    let of_logs = formats.find(|format| matches!(format, Format::Jsonl | Format::Trace));
    if let Some(format) = of_logs.filter(|_| args.seeds.is_some()) {
        let name = if format == Format::Jsonl { "jsonl" } else { "trace" };
        return Err(CliError::Usage {
            message: format!("--format {name} does not go with --seeds"),
            help: format!(
                "each seed has its log in {}/NAME/seeds/N/events.jsonl",
                args.out.display()
            ),
        });
    }
    Ok(())
}

/// Makes sure that everything can be written before anything is played.
fn prepare<'a>(
    args: &'a RunArgs,
    entries: &[Entry<'_>],
    baseline: &Baseline,
) -> Result<Documents<'a>, CliError> {
    let places: Vec<PathBuf> = entries.iter().map(|entry| entry.place.clone()).collect();
    for (at, entry) in entries.iter().enumerate() {
        let name = &entry.scenario().name;
        folder::check(&entry.place, name)?;
        if let Some(other) = entries[..at].iter().find(|other| other.place == entry.place) {
            return Err(CliError::Usage {
                message: format!(
                    "`{}` and `{name}` would both be written to {}",
                    other.scenario().name,
                    entry.place.display()
                ),
                help: "rename one of the files, or choose another --out".to_owned(),
            });
        }
        let series = args.out.join(&entry.scenario().name);
        if entry.place != series && entry.kind == Kind::Single && !args.quiet {
            note(&format!(
                "{} holds a series of seeds, which stays; this run is written to {}",
                series.display(),
                entry.place.display()
            ));
        }
    }
    let read = entries.iter().map(|entry| PathBuf::from(entry.scenario().file()));
    let read: Vec<_> = read.chain(args.scenarios.env_file.clone()).collect();
    let documents = Documents::new(args, &places, &read)?;
    baseline.prepare()?;
    disk::make_out(&args.out)?;
    Ok(documents)
}

/// How the scenarios are simulated.
pub(crate) fn options(
    args: &RunArgs,
    bar: &ProgressBar,
    failures: &Failures,
) -> Result<Options, CliError> {
    let shown = bar.clone();
    let on_progress: crate::sim::OnProgress = Arc::new(move |run, progress| {
        if progress.done % 100 == 0 {
            shown.set_message(format!("{run}: {} pages", progress.done));
        }
    });
    let subscriber =
        args.log.as_deref().map(|path| subscriber(path, Stamp::Nothing, failures)).transpose()?;
    Ok(Options {
        transport: match args.transport {
            TransportArg::Wire => Transport::Wire,
            TransportArg::Direct => Transport::Direct,
        },
        clock: Clock::Virtual,
        kill_server_after: None,
        on_progress: (!bar.is_hidden()).then_some(on_progress),
        subscriber,
        ..Options::default()
    })
}
