//! `tagspace compare`: two outputs, two programs, or an output and a baseline.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus as ExitStatusOfChild, Stdio};
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::{fs, thread};

use serde_json::Value;

use crate::cli::args::{CompareArgs, CompareFormat, ModeArg};
use crate::cli::baseline::Missing;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::terminal::{note, print};
use crate::cli::{ExitStatus, baseline, disk, kept_report, platform};
use crate::report::ci::{annotations, junit};
use crate::report::compare::{Differences, Sides};
use crate::report::{compare as report, folder, page};
use crate::study::compare;
use crate::study::compare::recorded::Recorded;
use crate::study::compare::{Comparison, ComparisonVerdict, Mode, Recordings, Rules, event_diff};

/// How often it is looked whether a program is to be ended.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// Compares, prints and gives the verdict.
pub(crate) fn compare(args: &CompareArgs) -> Result<ExitStatus, CliError> {
    let rules =
        Rules { noise_ppm: args.noise_threshold, significance_ppm: args.significance_level };
    disk::make_room(
        args.output.iter().map(|(_, path)| path.as_path()),
        &reports(args),
        &read(args),
    )?;
    let interrupt = Interrupt::listen("stopping")?;
    interrupt.exit_at_second();
    let (sides, base, new, folders) = sides(args, &interrupt)?;
    let Some((base, new)) = base.zip(new) else { return Ok(ExitStatus::Met) };
    let mode = match args.mode {
        ModeArg::Auto => compare::mode(&base, &new, rules),
        ModeArg::Exact => Mode::Exact,
        ModeArg::Paired => {
            let (common, wanted) = compare::seeds(&base, &new, rules);
            if common < wanted {
                return Err(CliError::Usage {
                    message: format!("expected at least {wanted} common seeds for --mode paired, found {common}"),
                    help: "with fewer nothing can be told from chance; `tagspace run --seeds 1..=32` plays more".to_owned(),
                });
            }
            Mode::Paired
        }
    };
    if let Some(name) = args.baseline.as_ref().filter(|_| args.require_baseline) {
        baseline::require(name, &base, &new)?;
    }
    let mut comparison = compare::compare(&base, &new, mode, rules);
    let mut differences = Differences::new();
    if let Some((base, new)) = &folders {
        differences = first_differences(&comparison, base, new)?;
    }
    for one in &mut comparison.scenarios {
        let differs = differences.iter().any(|(name, ..)| *name == one.name);
        if differs && one.runs.iter().all(|run| run.differing.is_empty()) {
            one.verdict = one.verdict.max(ComparisonVerdict::Changed);
            let reason =
                "the logs differ, though the reports beside them say that they are the same";
            one.reason = Some(reason.to_owned());
            one.has_edited_logs = true;
        }
    }
    show(args, &comparison, &sides, &differences)?;
    if interrupt.stop.is_cancelled() {
        return Ok(ExitStatus::Interrupted);
    }
    let is_failure = comparison.verdict().is_failure();
    Ok(if is_failure { ExitStatus::Regressed } else { ExitStatus::Met })
}

/// The folders of what is compared, which nothing may be written into.
fn reports(args: &CompareArgs) -> Vec<PathBuf> {
    if args.bin {
        return ["base", "new"].map(|side| args.out.join(side)).to_vec();
    }
    let below = args.paths.iter().flat_map(fs::read_dir).flatten().flatten();
    below.map(|entry| entry.path()).filter(|path| path.join("report.json").exists()).collect()
}

/// The files that are read, besides those in the folders.
fn read(args: &CompareArgs) -> Vec<PathBuf> {
    let baseline = args.baseline.iter().map(|name| baseline::path(name));
    baseline.chain(args.paths.iter().filter(|path| path.is_file()).cloned()).collect()
}

type Both = (Sides, Option<Recordings>, Option<Recordings>, Option<(PathBuf, PathBuf)>);

/// What is compared.
fn sides(args: &CompareArgs, interrupt: &Interrupt) -> Result<Both, CliError> {
    let usage = |message: String| CliError::Usage {
        message,
        help: "`tagspace compare BASE NEW` takes two folders that `tagspace run --out` wrote, \
               `--baseline NAME NEW` one, `--bin BASE NEW [SCENARIO...]` two programs"
            .to_owned(),
    };
    let named = |path: &Path| path.display().to_string();
    if let Some(name) = &args.baseline {
        let [new] = args.paths.as_slice() else {
            return Err(usage(format!(
                "expected one folder with --baseline, found {}",
                args.paths.len()
            )));
        };
        let missing = if args.require_baseline { Missing::Fails } else { Missing::Warns };
        let base = baseline::read(name, missing)?;
        let sides = Sides { base: baseline::path(name).display().to_string(), new: named(new) };
        return Ok((sides, base, Some(recordings(new)?), None));
    }
    let (base, new, scenarios) = match args.paths.as_slice() {
        [base, new, scenarios @ ..] if args.bin || scenarios.is_empty() => (base, new, scenarios),
        paths => return Err(usage(format!("expected two paths, found {}", paths.len()))),
    };
    let sides = Sides { base: named(base), new: named(new) };
    let folders = if args.bin {
        let folder = |side: &str| args.out.join(side);
        let (first, second) = (folder("base"), folder("new"));
        disk::make_out(&args.out)?;
        play(args, base, scenarios, &first, interrupt)?;
        play(args, new, scenarios, &second, interrupt)?;
        (first, second)
    } else {
        (base.clone(), new.clone())
    };
    let (base, new) = (recordings(&folders.0)?, recordings(&folders.1)?);
    Ok((sides, Some(base), Some(new), Some(folders)))
}

/// Lets a program play the scenarios into a folder.
fn play(
    args: &CompareArgs,
    program: &Path,
    scenarios: &[PathBuf],
    out: &Path,
    interrupt: &Interrupt,
) -> Result<(), CliError> {
    if out.exists() {
        fs::remove_dir_all(out).map_err(|source| disk::io_error("empty", out, source))?;
    }
    let mut command = Command::new(program);
    command.arg("run").args(scenarios).args(["--transport", "direct", "--quiet", "--out"]).arg(out);
    let seeds = args.seeds.as_ref();
    if let Some(seeds) = seeds {
        command.arg("--seeds").arg(format!("{}..={}", seeds.start(), seeds.end()));
    }
    let child = command.stdin(Stdio::null()).spawn().map_err(|error| CliError::Usage {
        message: format!("{}: cannot start the program: {error}", program.display()),
        help: "--bin takes two tagspace programs, such as ./before ./target/release/tagspace"
            .to_owned(),
    })?;
    let status = ended(child, interrupt)?;
    // Targets that are missed are no reason not to compare.
    let has_run = matches!(status.code(), Some(0 | 99));
    if has_run && out.is_dir() {
        return Ok(());
    }
    if has_run {
        return Err(CliError::Usage {
            message: format!(
                "{}: expected a tagspace program, found no report of a run",
                program.display()
            ),
            help: "--bin takes two tagspace programs, such as ./before ./target/release/tagspace"
                .to_owned(),
        });
    }
    Err(CliError::Usage {
        message: format!("{}: expected a run, found {status}", program.display()),
        help: "what it said is above".to_owned(),
    })
}

/// Waits for a program, and ends it as soon as this command is interrupted.
fn ended(mut child: Child, interrupt: &Interrupt) -> Result<ExitStatusOfChild, CliError> {
    let failed = |source| CliError::Io { what: "wait for the program".to_owned(), source };
    let id = child.id();
    let mut is_told = false;
    let (sender, status) = mpsc::channel();
    thread::spawn(move || {
        // If nobody waits any more, the command has ended.
        let _ = sender.send(child.wait());
    });
    loop {
        match status.recv_timeout(LOOKS_EVERY) {
            Ok(status) if interrupt.stop.is_cancelled() => {
                return status.map_err(failed).and(Err(CliError::Interrupted));
            }
            Ok(status) => return status.map_err(failed),
            Err(RecvTimeoutError::Disconnected) => return Err(CliError::Interrupted),
            Err(RecvTimeoutError::Timeout) => {
                let is_due = interrupt.stop.is_cancelled()
                    && !std::mem::replace(&mut is_told, interrupt.stop.is_cancelled());
                if is_due {
                    platform::ask_to_end(id);
                }
            }
        }
    }
}

/// The recordings of a folder: of one scenario, or of several.
fn recordings(folder: &Path) -> Result<Recordings, CliError> {
    let unreadable = |error: &std::io::Error| CliError::Usage {
        message: format!("{}: cannot read: {error}", folder.display()),
        help: "name a folder that `tagspace run --out` wrote".to_owned(),
    };
    let mut all = Recordings::new();
    for (name, path) in scenarios(folder).map_err(|error| unreadable(&error))? {
        let mut reports = Vec::new();
        for (_, path) in seeds(&path).map_err(|error| unreadable(&error))? {
            let path = path.join("report.json");
            let bytes = fs::read(&path).map_err(|error| CliError::Usage {
                message: format!("{}: cannot read: {error}", path.display()),
                help: "run it again: each seed has a report".to_owned(),
            })?;
            reports.push(serde_json::from_slice::<Value>(&bytes).unwrap_or_default());
        }
        let recorded = Recorded::of_reports(&reports).ok_or_else(|| CliError::Usage {
            message: format!(
                "{}: expected a report of each seed, found a seed without one",
                path.display()
            ),
            help: "run it again with this version of tagspace".to_owned(),
        })?;
        all.insert(name, recorded);
    }
    if all.is_empty() {
        return Err(CliError::Usage {
            message: format!("{}: the folder has no report.json", folder.display()),
            help: "name a folder that `tagspace run --out` wrote".to_owned(),
        });
    }
    Ok(all)
}

/// The folders of scenarios by name, in byte order.
fn scenarios(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    if folder.join("report.json").exists() {
        let name =
            folder.canonicalize()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(name, folder.to_path_buf())]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("report.json").exists() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Neither a folder in the making nor a single run beside its series.
            if !name.starts_with('.') && !is_beside_series(folder, &name) {
                found.push((name, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a folder holds a single run that was written beside a series of the same scenario.
fn is_beside_series(folder: &Path, name: &str) -> bool {
    let Some((scenario, seed)) = name.rsplit_once(".seed-") else { return false };
    let is_seed = seed.parse().is_ok_and(|seed| name == folder::beside(scenario, seed));
    is_seed && folder.join(scenario).join("seeds").is_dir()
}

/// The folders of a scenario's seeds: itself, if there is one only.
fn seeds(folder: &Path) -> std::io::Result<Vec<(Option<u64>, PathBuf)>> {
    let found = folder::seeds(folder)?;
    if found.is_empty() && !folder.join("seeds").is_dir() {
        return Ok(vec![(None, folder.to_path_buf())]);
    }
    Ok(found.into_iter().map(|(seed, path)| (Some(seed), path)).collect())
}

/// The first event that differs of each scenario, by the logs themselves.
fn first_differences(
    comparison: &Comparison,
    base: &Path,
    new: &Path,
) -> Result<Differences, CliError> {
    let mut differences = Differences::new();
    let of = |folder: &Path| -> std::io::Result<Vec<(String, PathBuf)>> { scenarios(folder) };
    let io = |source| disk::io_error("read", base, source);
    let (bases, news) = (of(base).map_err(io)?, of(new).map_err(io)?);
    for one in comparison.scenarios.iter().filter(|one| !one.runs.is_empty()) {
        let folder = |all: &[(String, PathBuf)]| {
            all.iter().find(|(name, _)| *name == one.name).map(|(_, path)| path.clone())
        };
        let Some((base, new)) = folder(&bases).zip(folder(&news)) else { continue };
        let news = seeds(&new).map_err(io)?;
        for (seed, base) in seeds(&base).map_err(io)? {
            let other = news.iter().find(|(other, _)| *other == seed);
            // One seed may be a folder of its own on one side.
            let Some((_, new)) = other else { continue };
            let open = |folder: &Path| {
                let path = folder.join("events.jsonl");
                let file =
                    File::open(&path).map_err(|source| disk::io_error("read", &path, source))?;
                Ok::<_, CliError>(BufReader::new(file))
            };
            let first = event_diff::first_difference(open(&base)?, open(new)?).map_err(io)?;
            if let Some(first) = first {
                let known = one.runs.first().and_then(|run| run.seeds.first().copied());
                differences.push((one.name.clone(), seed.or(known).unwrap_or(0), first));
                break;
            }
        }
    }
    Ok(differences)
}

fn show(
    args: &CompareArgs,
    comparison: &Comparison,
    sides: &Sides,
    differences: &Differences,
) -> Result<(), CliError> {
    let document = |format: CompareFormat| match format {
        CompareFormat::Text | CompareFormat::Markdown => {
            report::text(comparison, sides, differences).into_bytes()
        }
        CompareFormat::Html => page::compare(comparison, sides, differences).into_bytes(),
        CompareFormat::Json => kept_report::pretty(&report::json(comparison, sides, differences)),
        CompareFormat::Junit => {
            let suites = comparison.scenarios.iter().map(|one| junit::comparison(one, &sides.base));
            junit::document(&suites.collect::<Vec<_>>()).into_bytes()
        }
        CompareFormat::Github => annotated(comparison, sides).into_bytes(),
    };
    for (format, path) in &args.output {
        disk::replace(path, &document(*format))?;
    }
    if args.quiet {
        for one in comparison.scenarios.iter().filter(|one| one.verdict.is_failure()) {
            let (name, verdict) = (&one.name, one.verdict.name());
            let said = report::headline_of(one, 3);
            note(&format!("{name}: {verdict} against {}: {said}", sides.base));
        }
        return Ok(());
    }
    print(&String::from_utf8_lossy(&document(args.format)));
    Ok(())
}

/// An annotation for each scenario that became worse, at the key that changed where its file is
/// found.
fn annotated(comparison: &Comparison, sides: &Sides) -> String {
    let of = |one: &compare::Compared| {
        let file = format!("scenarios/{}.toml", one.name);
        let text = fs::read_to_string(&file).ok();
        annotations::regression(one, &sides.base, text.as_deref().map(|text| (file.as_str(), text)))
    };
    let all: Vec<String> =
        comparison.scenarios.iter().filter(|one| one.verdict.is_failure()).map(of).collect();
    annotations::document(&all)
}
