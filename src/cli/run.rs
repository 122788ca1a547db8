//! `tagspace run`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{ClockArg, ColorArg, Format, RunArgs, TransportArg};
use super::document::{Document, Part};
use super::find::{self, Loaded};
use super::{CliError, ExitStatus, baseline, golden, note, print, quoted, real};
use crate::pipeline::event::RunEnd;
use crate::pipeline::log;
use crate::report::ci::Replay;
use crate::report::text::{Colour, Detail};
use crate::report::{files, format, text};
use crate::sim::scenario::Scenario;
use crate::sim::{self, Clock, Options, Transport};
use crate::study::compare::Recordings;
use crate::study::compare::recorded::Recorded;
use crate::study::determinism::{self, Divergence};
use crate::study::figures::Value;
use crate::study::judge::{self, JudgedScenario, Verdict};
use crate::study::series::Played;

/// What came of one scenario.
struct Done {
    judged: JudgedScenario,
    divergence: Option<Divergence>,
    real: Duration,
}

/// Runs the scenarios, writes their reports and gives the verdict.
pub(super) fn run(args: &RunArgs) -> Result<ExitStatus, CliError> {
    if args.repeat.is_some() && args.clock == ClockArg::Virtual {
        return Err(CliError::Usage {
            message: "got --repeat in virtual time, wanted --clock real with it".to_owned(),
            help: "in virtual time every run is the same".to_owned(),
        });
    }
    let loaded = find::load(&args.scenarios)?;
    find::require_targets(&loaded, args.require_targets)?;
    let colour = colour(args.color);
    let bar = bar(args, loaded.len());
    let mut outputs = Outputs::new(args, &loaded)?;
    let options = options(args, &bar)?;
    let mut verdict = Verdict::Met;
    let mut differs = false;
    let (mut reported, mut missed) = (0, Vec::new());
    let (mut predicted, mut recordings) = (Vec::new(), Recordings::new());
    each(args, &loaded, &options, |one, done| {
        let (done, scenario) = (done?, &one.0);
        let replays = |seed| replay(args, scenario, seed);
        let replay = replays(scenario.world.seed.0);
        let detail = if loaded.len() == 1 { Detail::Full } else { Detail::Brief };
        let shown = |colour| text::scenario(scenario, &done.judged, &replay, detail, colour);
        let (coloured, plain) = (shown(colour), shown(Colour::Off));
        let (judged, replay_of): (_, Replay<'_>) = (&done.judged, &replays);
        let part = Part { scenario, judged, text: &plain, replay: replay_of, series: None };
        bar.suspend(|| outputs.add(&part, &coloured))?;
        reported += 1;
        if !args.quiet {
            bar.suspend(|| speed(scenario, &done));
        }
        if let Some(divergence) = &done.divergence {
            differs = true;
            bar.suspend(|| note(&diverged(scenario, divergence, &replay)));
        }
        if done.judged.verdict() == Verdict::Missed {
            verdict = Verdict::Missed;
            missed.push(scenario.name.clone());
        }
        bar.inc(1);
        if baseline::is_wanted(args) {
            let played = [Played::of(scenario.world.seed.0, &done.judged)];
            recordings.insert(scenario.name.clone(), Recorded::of_played(scenario, &played));
        }
        if args.clock == ClockArg::Real {
            predicted.push((one, done.judged));
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    outputs.finish()?;
    if args.clock == ClockArg::Real {
        // One after the other: in real time they would wait for each other's work.
        for (one, predicted) in &predicted {
            differs |= !real::compare(args, one, predicted, &options)?;
        }
    }
    if !args.quiet && args.format == Format::Text {
        print(&closing(&loaded, reported, &missed, args));
    }
    let compared = baseline::after_run(args, &recordings)?;
    Ok(status(verdict, differs, compared))
}

/// A target that is missed wins over a difference, and that over a regression.
pub(super) fn status(verdict: Verdict, differs: bool, compared: ExitStatus) -> ExitStatus {
    match (verdict, differs) {
        (Verdict::Missed, _) => ExitStatus::Missed,
        (Verdict::Met, true) => ExitStatus::Differs,
        (Verdict::Met, false) => compared,
    }
}

pub(super) fn closing(
    loaded: &[Loaded],
    reported: usize,
    missed: &[String],
    args: &RunArgs,
) -> String {
    let all = loaded.len();
    let met = reported - missed.len();
    let which = match missed {
        [] => String::new(),
        names => format!("; missed: {}", names.join(", ")),
    };
    let not_run = match all - reported {
        0 => String::new(),
        count => format!("; not run: {count}"),
    };
    let out = args.out.display();
    let twice = if args.check_determinism { "; each was played twice" } else { "" };
    let without = loaded.iter().filter(|(_, targets)| targets.is_empty());
    let without: Vec<&str> = without.map(|(scenario, _)| scenario.name.as_str()).collect();
    let nothing = match without.as_slice() {
        [] => String::new(),
        names => format!("; without targets: {}", names.join(", ")),
    };
    format!(
        "{met} of {all} scenarios met their targets{which}{nothing}{not_run}{twice}; reports in {out}\n"
    )
}

/// Runs every scenario, several at once, and hands over what came of them in their own order.
fn each<'a>(
    args: &RunArgs,
    loaded: &'a [Loaded],
    options: &Options,
    mut take: impl FnMut(&'a Loaded, Result<Done, CliError>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from).min(loaded.len().max(1));
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = loaded.get(index) else { return };
                    let done = one_scenario(args, one, options);
                    let missed =
                        done.as_ref().is_ok_and(|done| done.judged.verdict() == Verdict::Missed);
                    if done.is_err() || (args.fail_fast && missed) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if sender.send((index, done)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (index, done) in results {
            waiting.insert(index, done);
            while let Some(done) = waiting.remove(&expected) {
                take(&loaded[expected], done)?;
                expected += 1;
            }
        }
        // After an early stop, what was finished behind a gap is still reported.
        for (index, done) in waiting {
            take(&loaded[index], done)?;
        }
        Ok(())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a simulation really took is shown, never stored"
)]
fn one_scenario(args: &RunArgs, one: &Loaded, options: &Options) -> Result<Done, CliError> {
    let (scenario, targets) = one;
    let started = std::time::Instant::now();
    let judged = judge::run(scenario, targets, options)?;
    let real = started.elapsed();
    let divergence = if args.check_determinism {
        let logs: Vec<_> = judged.runs.iter().map(|run| run.log.clone()).collect();
        determinism::check(scenario, options, &logs)?
    } else {
        None
    };
    if let Some(subscriber) = &options.subscriber {
        tracing::dispatcher::with_default(subscriber, || {
            let _named = sim::log_span(scenario).entered();
            summarize(&judged);
        });
    }
    files::write(&args.out, scenario, &judged)?;
    Ok(Done { judged, divergence, real })
}

/// Closes the log for humans with the figures of each run.
fn summarize(judged: &JudgedScenario) {
    for run in &judged.runs {
        let end_ms = run.log.entries.last().map_or(0, |entry| entry.t_ms);
        log::summary(end_ms, &format!("run={} {}", run.name, format::summary(&run.figures)));
    }
}

/// What goes to standard output and into the files that were asked for.
pub(super) struct Outputs<'a> {
    /// Whether each scenario is shown as soon as it is done.
    is_shown: bool,
    /// With their files; without one it goes to standard output.
    documents: Vec<(Option<&'a Path>, Document)>,
}

impl<'a> Outputs<'a> {
    /// Of these scenarios; whether the files can be written is known before anything is played.
    pub(super) fn new(args: &'a RunArgs, loaded: &[Loaded]) -> Result<Self, CliError> {
        let folders: Vec<_> =
            loaded.iter().map(|(scenario, _)| args.out.join(&scenario.name)).collect();
        let read = loaded.iter().map(|(scenario, _)| PathBuf::from(scenario.file()));
        let read: Vec<_> = read.chain(args.scenarios.env_file.clone()).collect();
        let files = args.output.iter().map(|(_, path)| path.as_path()).chain(args.log.as_deref());
        golden::make_room(files, &folders, &read)?;
        let files = args.output.iter();
        let files = files.map(|(format, path)| (Some(path.as_path()), Document::of(*format)));
        let stdout = (None, Document::of(args.format));
        let is_printed = !args.quiet && args.format != Format::Text;
        Ok(Self {
            is_shown: !args.quiet && args.format == Format::Text,
            documents: files.chain(is_printed.then_some(stdout)).collect(),
        })
    }

    pub(super) fn add(&mut self, part: &Part<'_>, shown: &str) -> Result<(), CliError> {
        if self.is_shown {
            print(&format!("{shown}\n"));
        }
        for (_, document) in &mut self.documents {
            document
                .add(part)
                .map_err(|source| CliError::Io { what: "write the report".to_owned(), source })?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), CliError> {
        for (path, document) in self.documents {
            let bytes = document.bytes();
            match path {
                Some(path) => std::fs::write(path, bytes).map_err(|source| CliError::Io {
                    what: format!("write {}", path.display()),
                    source,
                })?,
                None => print(&String::from_utf8_lossy(&bytes)),
            }
        }
        Ok(())
    }
}

/// The command that repeats a scenario with a seed.
pub(super) fn replay(args: &RunArgs, scenario: &Scenario, seed: u64) -> String {
    let seed = seed.to_string();
    let mut words = vec!["tagspace", "run", scenario.file(), "--seed", &seed];
    for setting in &args.scenarios.set {
        words.extend(["--set", setting]);
    }
    let file = args.scenarios.env_file.as_ref().map(|file| file.to_string_lossy());
    if let Some(file) = &file {
        words.extend(["--env-file", file]);
        words.extend(args.scenarios.env_file_all_runs.then_some("--env-file-all-runs"));
    }
    format!("replay: {}", quoted(words))
}

pub(super) fn diverged(scenario: &Scenario, divergence: &Divergence, replay: &str) -> String {
    let Divergence { run, event, first, second } = divergence;
    let end = "the end of the log";
    format!(
        "DIFFERS  {}: run `{run}` differs from itself at event {event}\n  first:  {}\n  second: {}\n  \
         {replay} --check-determinism",
        scenario.name,
        first.as_deref().unwrap_or(end),
        second.as_deref().unwrap_or(end),
    )
}

/// How fast the simulation was, for the terminal only.
fn speed(scenario: &Scenario, done: &Done) {
    let virtual_ms: u64 = done
        .judged
        .runs
        .iter()
        .map(|run| match run.figures.get("makespan") {
            Some(Value::Number(ms)) => *ms,
            _ => 0,
        })
        .sum();
    let real_ms = u64::try_from(done.real.as_millis()).unwrap_or(u64::MAX);
    let times = virtual_ms / real_ms.max(1);
    note(&format!(
        "{}: simulated {} in {} ({} times real time)",
        scenario.name,
        format::millis(virtual_ms),
        format::millis(real_ms),
        format::count(times)
    ));
    for run in done.judged.runs.iter().filter(|run| run.end == RunEnd::Failed) {
        note(&format!(
            "{}: run `{}` could not be carried through; its log says why",
            scenario.name, run.name
        ));
    }
}

/// A progress bar, if there is a terminal to show it.
fn bar(args: &RunArgs, scenarios: usize) -> ProgressBar {
    if args.quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(scenarios as u64);
    let style =
        ProgressStyle::with_template("{bar:24} {pos}/{len} scenarios  {elapsed}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// How the scenarios are simulated.
pub(super) fn options(args: &RunArgs, bar: &ProgressBar) -> Result<Options, CliError> {
    let shown = bar.clone();
    let on_progress: crate::sim::OnProgress = Arc::new(move |run, progress| {
        if progress.done % 100 == 0 {
            shown.set_message(format!("{run}: {} pages", progress.done));
        }
    });
    let subscriber =
        args.log.as_deref().map(|path| subscriber(path, Stamp::Nothing)).transpose()?;
    Ok(Options {
        transport: match args.transport {
            TransportArg::Wire => Transport::Wire,
            TransportArg::Direct => Transport::Direct,
        },
        clock: Clock::Virtual,
        kill_server_after: None,
        on_progress: (!bar.is_hidden()).then_some(on_progress),
        subscriber,
    })
}

/// Which times a log for humans shows besides those of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// None: events are in virtual time.
    Nothing,
    /// The time of day, in UTC.
    WallClock,
}

/// A log for humans in this file.
pub(super) fn subscriber(path: &Path, stamp: Stamp) -> Result<tracing::Dispatch, CliError> {
    let file = File::create(path)
        .map_err(|source| CliError::Io { what: format!("write {}", path.display()), source })?;
    let log = tracing_subscriber::fmt()
        .with_target(false)
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(Mutex::new(file));
    Ok(match stamp {
        Stamp::Nothing => tracing::Dispatch::new(log.without_time().finish()),
        Stamp::WallClock => tracing::Dispatch::new(log.finish()),
    })
}

#[expect(clippy::disallowed_methods, reason = "only the look depends on it")]
pub(super) fn colour(wanted: ColorArg) -> Colour {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced =
        std::env::var("CLICOLOR_FORCE").is_ok_and(|value| !value.is_empty() && value != "0");
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let on = match wanted {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto if set("NO_COLOR") => false,
        ColorArg::Auto => forced || (io::stdout().is_terminal() && !dumb),
    };
    if on { Colour::On } else { Colour::Off }
}
