//! Baselines: the figures that were accepted, in small text files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::error::CliError;
use super::terminal::note;
use super::{disk, kept_report};
use crate::report::compare as report;
use crate::report::compare::{Differences, Sides};
use crate::sim::scenario::Scenario;
use crate::study::compare;
use crate::study::compare::{Comparison, Recordings, Rules, baseline};

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
                message: format!("{shown}: expected a baseline, found none (--require-baseline)"),
                help,
            }),
        },
        Err(source) => Err(disk::io_error("read", &path, source)),
    }
}

/// What `run` does with baselines: what it compares with, and what it saves.
#[derive(Debug)]
pub(super) struct Baseline<'a> {
    args: &'a RunArgs,
    /// The accepted figures, with what they are called and what a missing one means.
    base: Option<(String, Recordings, Missing)>,
    /// Why nothing is compared, where a comparison was asked for.
    pub(super) absent: Option<String>,
}

/// A comparison with the accepted figures.
#[derive(Debug)]
pub(super) struct Compared {
    comparison: Comparison,
    /// The file of the accepted figures.
    pub(super) base: String,
}

impl Compared {
    /// What came of a scenario.
    pub(super) fn of(&self, scenario: &str) -> Option<&compare::Compared> {
        self.comparison.scenarios.iter().find(|one| one.name == scenario)
    }

    /// Whether it stops a gate.
    pub(super) fn is_failure(&self) -> bool {
        self.comparison.verdict().is_failure()
    }

    /// All of it, for people.
    pub(super) fn text(&self) -> String {
        let sides = Sides { base: self.base.clone(), new: "this run".to_owned() };
        report::text(&self.comparison, &sides, &Differences::new())
    }

    /// A line for each scenario that stops a gate.
    pub(super) fn headlines(&self) -> impl Iterator<Item = String> {
        let failing = self.comparison.scenarios.iter().filter(|one| one.verdict.is_failure());
        failing.map(|one| {
            let (name, verdict) = (&one.name, one.verdict.name());
            format!("{name}: {verdict} against {}: {}", self.base, report::headline_of(one, 3))
        })
    }
}

impl<'a> Baseline<'a> {
    /// Reads what is to be compared with.
    pub(super) fn read(args: &'a RunArgs) -> Result<Self, CliError> {
        let missing = if args.require_baseline { Missing::Fails } else { Missing::Warns };
        let wanted = args.baseline.as_ref().map(|name| (name, missing));
        let lenient = args.baseline_lenient.as_ref().map(|name| (name, Missing::IsFine));
        let base = match wanted.or(lenient) {
            Some((name, missing)) => {
                read(name, missing)?.map(|base| (path(name).display().to_string(), base, missing))
            }
            None => None,
        };
        let is_absent = base.is_none() && args.baseline.is_some();
        let absent = args.baseline.as_ref().filter(|_| is_absent);
        let absent = absent.map(|name| format!("{} is not there", path(name).display()));
        Ok(Self { args, base, absent })
    }

    /// Whether figures have to be kept.
    pub(super) fn is_wanted(&self) -> bool {
        self.base.is_some() || self.saved().is_some()
    }

    /// The seeds that the accepted figures of a scenario have, where they are not its own alone.
    pub(super) fn seeds_of(&self, scenario: &Scenario) -> Option<Vec<u64>> {
        let (_, base, _) = self.base.as_ref().filter(|_| self.args.scenarios.seed.is_none())?;
        let seeds = &base.get(&scenario.name)?.seeds;
        (*seeds != [scenario.world.seed.0]).then(|| seeds.clone())
    }

    /// The name that the figures are saved as.
    fn saved(&self) -> Option<&str> {
        let blessed = self.args.baseline.as_ref().filter(|_| self.args.bless);
        self.args.save_baseline.as_ref().or(blessed).map(String::as_str)
    }

    /// Makes sure that the figures can be saved.
    pub(super) fn prepare(&self) -> Result<(), CliError> {
        let Some(name) = self.saved() else { return Ok(()) };
        disk::make_folder(Path::new(FOLDER))?;
        disk::check_writable(&path(name))
    }

    /// Compares what was played with what was accepted.
    pub(super) fn compare(&self, new: &Recordings) -> Result<Option<Compared>, CliError> {
        let Some((path, base, missing)) = &self.base else { return Ok(None) };
        // What was not run is not missing.
        let mut base = base.clone();
        base.retain(|scenario, _| new.contains_key(scenario));
        if let Some(name) = self.args.baseline.as_ref().filter(|_| self.args.require_baseline) {
            require(name, &base, new)?;
        }
        let lacking = new.keys().filter(|scenario| !base.contains_key(*scenario));
        for scenario in lacking.filter(|_| *missing == Missing::Warns) {
            note(&format!("warning: {path} has nothing of `{scenario}`, so it is not compared"));
        }
        let mode = compare::mode(&base, new, Rules::default());
        let comparison = compare::compare(&base, new, mode, Rules::default());
        Ok(Some(Compared { comparison, base: path.clone() }))
    }

    /// Saves what was played, if that is wanted.
    pub(super) fn save(&self, new: &Recordings) -> Result<(), CliError> {
        let Some(name) = self.saved() else { return Ok(()) };
        save(name, new, self.args.bless)?;
        if !self.args.quiet {
            note(&format!("baseline saved as {}", path(name).display()));
        }
        Ok(())
    }
}

/// Everything must have something to be compared with.
pub(super) fn require(name: &str, base: &Recordings, new: &Recordings) -> Result<(), CliError> {
    let lacking = new.keys().find(|scenario| !base.contains_key(*scenario));
    lacking.map_or(Ok(()), |scenario| {
        Err(CliError::Usage {
            message: format!(
                "{}: expected figures of `{scenario}`, found none (--require-baseline)",
                path(name).display()
            ),
            help: format!("`tagspace run ... --save-baseline {name} --bless` adds it"),
        })
    })
}

fn save(name: &str, new: &Recordings, is_blessed: bool) -> Result<(), CliError> {
    let path = path(name);
    // Commands that save into one baseline at the same time do it one after the other.
    let _lock = disk::lock(Path::new(FOLDER))?;
    let before = read(name, Missing::IsFine)?.unwrap_or_default();
    let text = baseline::write(&before, new)
        .map_err(|message| kept_report::failed(&path.display().to_string(), &message))?;
    let is_there = new.keys().any(|scenario| before.contains_key(scenario));
    if is_there && !is_blessed && fs::read_to_string(&path).is_ok_and(|known| known != text) {
        return Err(CliError::Usage {
            message: format!("{}: the figures differ from what is accepted there", path.display()),
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
    disk::replace_locked(&path, text.as_bytes())
}
