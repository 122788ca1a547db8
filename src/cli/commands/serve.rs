//! `tagspace serve`: a scenario's services on real ports, for clients of any language.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json as line_of;
use tokio::time::{Instant, sleep};

use crate::cli::args::{Scenarios, ServeArgs};
use crate::cli::error::{CliError, quoted};
use crate::cli::outputs::{Failures, Output, Stamp, subscriber};
use crate::cli::platform::Signals;
use crate::cli::terminal::{colour, note, print};
use crate::cli::{ExitStatus, disk, outputs, scenarios, terminal};
use crate::fakes::world::World;
use crate::report::ci::Closing;
use crate::report::colour::Colour;
use crate::report::folder;
use crate::report::folder::{Folder, Kind};
use crate::report::page::RunPage;
use crate::report::run::text::Detail;
use crate::report::run::{json, quota_usage, text};
use crate::sim::recorder::Log;
use crate::sim::scenario::{Run, Scenario, overrides};
use crate::sim::serve::server_log::{Seen, ServerLog};
use crate::sim::serve::{Origins, Places, ScaledClock, Services};
use crate::study::verdict::judge;
use crate::study::verdict::judge::Verdict;
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::target::Target;

/// Serves a scenario until it is told to stop, and judges whoever used it.
pub(crate) fn serve(args: &ServeArgs) -> Result<ExitStatus, CliError> {
    let (mut scenario, targets) = load(args)?;
    if !scenario.has_start {
        // Clients look at their clocks.
        let now = Timestamp::now();
        scenario.world.start = now;
        // So that its report can be made anew.
        let start = format!("start=\"{now}\"");
        if let Ok(text) = overrides::apply(&scenario.text, &[start], Path::new(".")) {
            scenario.text = text;
        }
    }
    let scenario = scenario;
    let index = chosen(args, &scenario)?;
    let run = &scenario.runs[index];
    let place = folder::place(&args.out, &scenario, Kind::Single);
    folder::check(&place, &scenario.name)?;
    let log = args.log.as_deref().map(|path| Output { kind: outputs::Kind::Log, path });
    outputs::check(log.as_slice(), &[])?;
    disk::make_out(&args.out)?;
    // While it is written it is no report yet; what stands there after a crash is the log so far.
    let part = args.out.join(format!(".{}.{}.events.part", scenario.name, std::process::id()));
    let file = File::create(&part).map_err(|source| io_error("write", &part, source))?;
    let taxonomy = scenario.world.taxonomy.clone();
    let witness = Arc::new(ServerLog::new(&run.name, taxonomy, BufWriter::new(file)));
    let failures = Failures::default();
    if let Err(error) = attend(args, &scenario, index, &witness, &failures) {
        // Nothing was served, so nothing is lost.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    let seen = witness.finish().map_err(|source| io_error("write", &part, source))?;

    let log = File::open(&part).and_then(|file| Ok(Log::read(BufReader::new(file))?.pop()));
    let log =
        log.map(Option::unwrap_or_default).map_err(|source| io_error("read", &part, source))?;
    let used = quota_usage::text(&scenario, &log);
    let judged = judge::from_outside(&scenario, &targets, log);
    let folder = Folder::begin(&place, &scenario.name)?;
    folder.single(&scenario, &judged)?;
    let command = command(args, &scenario);
    let mut report = json::report(&scenario, &judged);
    json::add_origin(&mut report, &scenario, &command);
    let outcome = Outcome::of(judged.verdict(), None, false);
    json::close(&mut report, &Closing::alone(outcome, &[]));
    folder.page(&RunPage::of(&scenario, &judged, None, &command).html(outcome, &[]))?;
    for failed in folder.finish(&report)? {
        note(&format!("warning: {failed}"));
    }
    fs::remove_file(&part).map_err(|source| io_error("remove", &part, source))?;
    if !args.quiet {
        let colour = if args.json { Colour::Off } else { colour(args.color) };
        let again = again(args);
        let report = text::scenario(&scenario, &judged, &again, Detail::Full, colour);
        let report = format!("\n{report}{used}\n{}\n", closing(&place, seen));
        if args.json {
            note(report.trim_end());
        } else if terminal::is_read() {
            print(&report);
        } else {
            // The reader of the origins has left; the verdict is in the exit code and the files.
            note("the report could not be printed; it is in the files");
        }
    }
    Ok(failures.turn(match judged.verdict() {
        Verdict::Met | Verdict::NotJudged => ExitStatus::Met,
        Verdict::Missed => ExitStatus::Missed,
    }))
}

fn io_error(what: &str, path: &Path, source: io::Error) -> CliError {
    CliError::Io { what: format!("{what} {}", path.display()), source }
}

fn load(args: &ServeArgs) -> Result<(Scenario, Vec<Target>), CliError> {
    let is_folder = fs::metadata(&args.scenario).is_ok_and(|found| found.is_dir());
    let scenarios = Scenarios {
        paths: vec![args.scenario.clone()],
        set: args.set.clone(),
        seed: args.seed,
        env_file: None,
        env_file_all_runs: false,
        is_quiet: args.quiet,
    };
    let mut loaded = scenarios::load(&scenarios)?;
    match loaded.pop() {
        Some(one) if loaded.is_empty() && !is_folder => Ok(one),
        _ => Err(CliError::Usage {
            message: format!("expected one scenario, found the folder {}", args.scenario.display()),
            help: "`tagspace list` names the scenarios of a folder".to_owned(),
        }),
    }
}

/// The place of the run that is served.
fn chosen(args: &ServeArgs, scenario: &Scenario) -> Result<usize, CliError> {
    let Some(name) = &args.run else { return Ok(0) };
    let known = || scenario.runs.iter().map(|run| run.name.as_str());
    known().position(|known| known == name).ok_or_else(|| CliError::Usage {
        message: format!(
            "expected a run, one of: {}, found `{name}`",
            known().collect::<Vec<_>>().join(", ")
        ),
        help: format!("the runs are those of {}", scenario.origin),
    })
}

/// The world as the run finds it.
fn world(scenario: &Scenario, index: usize) -> World {
    let mut world = World::new(scenario.world.clone());
    world.watch();
    let first = (0..=index).rev().find(|index| scenario.runs[*index].fresh).unwrap_or(0);
    for (number, run) in (0..).zip(&scenario.runs[first..=index]) {
        let Run { changed_ratio, pages, config, .. } = run;
        world.begin_run(number, *changed_ratio, *pages, config.text_limit_chars);
    }
    world
}

/// Serves until it is told to stop.
fn attend(
    args: &ServeArgs,
    scenario: &Scenario,
    index: usize,
    witness: &Arc<ServerLog<BufWriter<File>>>,
    failures: &Failures,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| CliError::Io { what: "set up the runtime".to_owned(), source })?;
    let subscriber =
        args.log.as_deref().map(|path| subscriber(path, Stamp::WallClock, failures)).transpose()?;
    if let Some(subscriber) = subscriber {
        // Every worker of the runtime logs.
        let _ = tracing::dispatcher::set_global_default(subscriber);
    }
    let served = runtime.block_on(async {
        let world = Arc::new(Mutex::new(world(scenario, index)));
        let pace = ScaledClock::new(Instant::now(), args.speed);
        let places = Places {
            address: args.bind,
            confluence: args.confluence_port,
            gemini: args.gemini_port,
            openai: args.openai_port,
        };
        let audience = Arc::clone(witness);
        let services = Services::start(world, pace, audience, places).await;
        let services = services?;
        // From the moment that anybody knows of them, the services can be told to stop.
        let mut stop = Signals::listen()
            .map_err(|source| CliError::Io { what: "listen to signals".to_owned(), source })?;
        announce(args, scenario, index, services.origins());
        let bar = bar(args);
        let shown = async {
            loop {
                sleep(Duration::from_millis(250)).await;
                if witness.has_failed() {
                    // What cannot be written down is not served; the end says why.
                    return;
                }
                let Seen { ai_calls, rate_limited, confluence_calls } = witness.seen();
                bar.set_message(format!(
                    "{confluence_calls} requests to Confluence, {ai_calls} AI calls, {rate_limited} of them 429"
                ));
            }
        };
        tokio::select! {
            biased;
            () = stop.told() => {}
            () = over(args.for_time) => {}
            () = shown => {}
        }
        bar.finish_and_clear();
        tokio::select! {
            biased;
            // Whoever asks twice does not wait for what is in flight.
            () = stop.told() => {}
            () = services.stop() => {}
        }
        Ok(())
    });
    runtime.shutdown_background();
    served
}

/// Ends when the time is over, if there is one.
async fn over(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Says where the services stand.
fn announce(args: &ServeArgs, scenario: &Scenario, index: usize, origins: &Origins) {
    let Origins { confluence, gemini, openai } = origins;
    if args.json {
        let line = line_of!({"confluence": confluence, "gemini": gemini, "openai": openai});
        print(&format!("{line}\n"));
        return;
    }
    let first = |keys: &Option<Vec<String>>| {
        let key = keys.as_ref().and_then(|keys| keys.first());
        quoted([key.map_or("rehearsal", String::as_str)])
    };
    let world = &scenario.world;
    let pace = match args.speed {
        1 => "in real time".to_owned(),
        speed => format!("{speed} times as fast as real time"),
    };
    let until = match args.for_time {
        Some(time) => format!("for {} s", time.as_secs_f64()),
        None => "until Ctrl-C".to_owned(),
    };
    print(&format!(
        "{}, run `{}`, space {}, {pace}, {until}\n\n  \
         confluence  {confluence}\n  gemini      {gemini}\n  openai      {openai}\n\n\
         export CONFLUENCE_URL={confluence}/wiki CONFLUENCE_USER=rehearsal@example.com CONFLUENCE_API_TOKEN={}\n\
         export GOOGLE_GEMINI_BASE_URL={gemini} GEMINI_API_KEY={}\n\
         export OPENAI_BASE_URL={openai}/v1 OPENAI_API_KEY={}\n",
        scenario.origin,
        scenario.runs[index].name,
        world.space.key,
        first(&world.confluence.0.tokens),
        first(&world.gemini.0.keys),
        first(&world.openai.0.keys),
    ));
}

fn closing(folder: &Path, seen: Seen) -> String {
    let Seen { ai_calls, confluence_calls, .. } = seen;
    format!(
        "served {confluence_calls} requests to Confluence and {ai_calls} AI calls; report in {}",
        folder.join("report.html").display()
    )
}

/// The command that serves the same world again.
fn again(args: &ServeArgs) -> String {
    format!("again: {}", serving(args, &args.scenario.display().to_string()))
}

/// The same for a page, which others read elsewhere: with the file's name alone.
fn command(args: &ServeArgs, scenario: &Scenario) -> String {
    let file = Path::new(scenario.file()).file_name().unwrap_or_default();
    serving(args, &file.to_string_lossy())
}

fn serving(args: &ServeArgs, scenario: &str) -> String {
    let mut words = vec!["tagspace".to_owned(), "serve".to_owned(), scenario.to_owned()];
    words.extend(args.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
    words.extend(args.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    words.extend(args.run.iter().flat_map(|run| ["--run".to_owned(), run.clone()]));
    if args.speed > 1 {
        words.extend(["--speed".to_owned(), args.speed.to_string()]);
    }
    if let Some(time) = args.for_time {
        words.extend(["--for".to_owned(), format!("{}ms", time.as_millis())]);
    }
    if !args.bind.is_loopback() {
        words.extend(["--bind".to_owned(), args.bind.to_string()]);
    }
    quoted(words.iter().map(String::as_str))
}

/// A line that shows what is going on, if there is a terminal for it.
fn bar(args: &ServeArgs) -> ProgressBar {
    if args.quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
