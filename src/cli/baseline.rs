//! Baselines: the figures that were accepted, in small text files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::{CliError, ExitStatus, golden, note, print};
use crate::report::compare::{self as report, Differences, Sides};
use crate::study::compare::{self, Recordings, Rules, baseline};

/// Where they lie.
const FOLDER: &str = "reports/baselines";

/// What it means that a baseline is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing.
    IsFine,
    /// It is said.
    Warns,
    /// Nothing can be compared, and that must not pass.
    Fails,
}

/// The file of a baseline.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.toml"))
}

/// Reads a baseline; nothing if it is missing and that is no failure.
pub(super) fn read(name: &str, missing: Missing) -> Result<Option<Recordings>, CliError> {
    let path = path(name);
    let shown = path.display();
    let help = format!("`tagspace run ... --save-baseline {name}` writes it");
    match fs::read_to_string(&path) {
        Ok(text) => baseline::read(&text).map(Some).map_err(|message| CliError::Usage {
            message: format!("{shown}: {message}"),
            help: format!("{help}, with --bless in the place of the one that is there"),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => match missing {
            Missing::IsFine => Ok(None),
            Missing::Warns => {
                note(&format!(
                    "warning: {shown} is not there, so nothing is compared\n  help: {help}"
                ));
                Ok(None)
            }
            Missing::Fails => Err(CliError::Usage {
                message: format!("{shown}: got no baseline, wanted one (--require-baseline)"),
                help,
            }),
        },
        Err(source) => Err(golden::io_error("read", &path, source)),
    }
}

/// Whether `run` has anything to do with a baseline.
pub(super) fn is_wanted(args: &RunArgs) -> bool {
    [&args.baseline, &args.baseline_lenient, &args.save_baseline].into_iter().any(Option::is_some)
}

/// What `run` does with baselines after it has run: compares, then saves. Gives 3 for a regression.
pub(super) fn after_run(args: &RunArgs, new: &Recordings) -> Result<ExitStatus, CliError> {
    let mut status = ExitStatus::Met;
    let wanted = args
        .baseline
        .as_ref()
        .map(|name| (name, if args.require_baseline { Missing::Fails } else { Missing::Warns }));
    let lenient = args.baseline_lenient.as_ref().map(|name| (name, Missing::IsFine));
    if let Some((name, missing)) = wanted.or(lenient)
        && let Some(mut base) = read(name, missing)?
    {
        // What was not run is not missing.
        base.retain(|scenario, _| new.contains_key(scenario));
        if args.require_baseline {
            require(name, &base, new)?;
        }
        let lacking = new.keys().filter(|scenario| !base.contains_key(*scenario));
        for scenario in lacking.filter(|_| missing == Missing::Warns) {
            note(&format!(
                "warning: {} has nothing of `{scenario}`, so it is not compared",
                path(name).display()
            ));
        }
        let mode = compare::mode(&base, new, Rules::default());
        let comparison = compare::compare(&base, new, mode, Rules::default());
        let sides = Sides { base: path(name).display().to_string(), new: "this run".to_owned() };
        if !args.quiet && args.format == super::args::Format::Text {
            let text = report::text(&comparison, &sides, &Differences::new());
            print(&format!("\n# Compared with the baseline\n\n{text}\n"));
        } else if comparison.verdict().is_failure() {
            note(&format!("{name}: {}", comparison.verdict().name()));
        }
        if comparison.verdict().is_failure() && !args.bless {
            status = ExitStatus::Regressed;
        }
    }
    let blessed = args.baseline.as_ref().filter(|_| args.bless);
    if let Some(name) = args.save_baseline.as_ref().or(blessed) {
        save(name, new, args.bless)?;
        if !args.quiet {
            note(&format!("baseline saved as {}", path(name).display()));
        }
    }
    Ok(status)
}

/// Everything must have something to be compared with.
pub(super) fn require(name: &str, base: &Recordings, new: &Recordings) -> Result<(), CliError> {
    let lacking = new.keys().find(|scenario| !base.contains_key(*scenario));
    lacking.map_or(Ok(()), |scenario| {
        Err(CliError::Usage {
            message: format!(
                "{}: got nothing of `{scenario}`, wanted its figures (--require-baseline)",
                path(name).display()
            ),
            help: format!("`tagspace run ... --save-baseline {name} --bless` adds it"),
        })
    })
}

fn save(name: &str, new: &Recordings, is_blessed: bool) -> Result<(), CliError> {
    let path = path(name);
    let before = read(name, Missing::IsFine)?.unwrap_or_default();
    let text = baseline::write(&before, new);
    let is_there = new.keys().any(|scenario| before.contains_key(scenario));
    if is_there && !is_blessed && fs::read_to_string(&path).is_ok_and(|known| known != text) {
        return Err(CliError::Usage {
            message: format!("{}: got other figures for what is accepted there", path.display()),
            help: "look at them with --baseline, then accept them with --bless".to_owned(),
        });
    }
    for (scenario, now) in new {
        let begins_anew = before.get(scenario).is_some_and(|known| !known.has_met_the_same_as(now));
        if begins_anew {
            note(&format!(
                "{scenario}: other seeds, another weather or another world than before, so that what it was accepted with at first begins anew"
            ));
        }
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| golden::io_error("create", folder, source))?;
    }
    fs::write(&path, text).map_err(|source| golden::io_error("write", &path, source))
}
