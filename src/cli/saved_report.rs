//! A folder that `run`, `serve` or `tag` wrote, read again: what was played, and its events.

use std::fs;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

use super::disk;
use super::error::{CliError, Problems};
use crate::price;
use crate::report::folder;
use crate::report::page::{RunPage, SavedRun};
use crate::report::run::json;
use crate::sim::recorder::{Log, ReadError, Vantage};
use crate::sim::scenario::Scenario;
use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::{Lateness, Recording};
use crate::study::compare::settings::Keys;
use crate::study::measure::figures::Figures;
use crate::study::measure::spending;
use crate::study::verdict::judge;
use crate::study::verdict::judge::{JudgeError, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::{PlayedSeed, Series};
use crate::study::verdict::target::Target;
use crate::study::verdict::target_syntax;

/// What stands in a folder.
pub(super) enum SavedReport {
    /// A scenario that was played, or served.
    Scenario(Box<SavedScenario>),
    /// A space that was tagged, or events alone.
    Live(LiveReport),
}

/// Runs against real services.
pub(super) struct LiveReport {
    /// The space, if it is known.
    pub(super) name: String,
    pub(super) runs: Vec<SavedRun>,
}

/// A scenario that was played, judged anew.
pub(super) struct SavedScenario {
    pub(super) scenario: Scenario,
    pub(super) judged: JudgedScenario,
    /// All its seeds, where there are many.
    pub(super) series: Option<Series>,
    outcome: Outcome,
    reasons: Vec<String>,
    replay: String,
}

/// The part of a `report.json` that is read again.
#[derive(Default, Deserialize)]
struct Report {
    format_version: u64,
    name: String,
    #[serde(default)]
    seed: u64,
    verdict: String,
    scenario: Option<String>,
    #[serde(default)]
    replay: String,
    #[serde(default)]
    reasons: Vec<String>,
    /// Of a space that was tagged.
    models: Option<Keys>,
    /// Of a series: its seeds.
    #[serde(default)]
    seeds: Vec<Json>,
    #[serde(default)]
    runs: Vec<Json>,
}

impl SavedReport {
    /// Reads a folder, or a file of events alone; files that a scenario names are in `files`.
    pub(super) fn read(path: &Path, files: Option<&Path>) -> Result<Self, CliError> {
        if path.is_file() {
            return Ok(Self::Live(live(logs(path)?, Report::default())));
        }
        let report_path = path.join("report.json");
        let report = match fs::read(&report_path) {
            Ok(report) => report,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_report(path)),
            Err(source) => return Err(disk::io_error("read", &report_path, source)),
        };
        let report: Report = serde_json::from_slice(&report).map_err(|error| {
            let message = format!("{}: expected a report, found {error}", report_path.display());
            CliError::Usage {
                message,
                help: "run it again with this version of tagspace".to_owned(),
            }
        })?;
        if report.format_version != json::FORMAT_VERSION {
            return Err(other_version(path));
        }
        match &report.scenario {
            Some(text) => {
                let (text, files) = (text.clone(), files.unwrap_or(path));
                let saved = SavedScenario::read(path, report, &text, files)?;
                Ok(Self::Scenario(Box::new(saved)))
            }
            // An earlier version did not keep the scenario.
            None if report.models.is_none() => Err(other_version(path)),
            None => Ok(Self::Live(live(logs(&path.join("events.jsonl"))?, report))),
        }
    }
}

impl SavedScenario {
    fn read(folder: &Path, report: Report, text: &str, files: &Path) -> Result<Self, CliError> {
        let origin = format!("{}.toml", report.name);
        let help = "--files names the folder with the files that the scenario names".to_owned();
        let problem = |one: Diagnostic| {
            let help = one.help.clone().or(Some(help.clone()));
            CliError::Problems(Problems(vec![Diagnostic { help, ..one }]))
        };
        let scenario = Scenario::parse(&report.name, &origin, text, files).map_err(problem)?;
        let targets = target_syntax::of(&scenario).map_err(problem)?;
        let told: Outcome = report.verdict.parse().map_err(|_| other_version(folder))?;
        let seeds =
            folder::seeds(folder).map_err(|source| disk::io_error("read", folder, source))?;
        let scenario = scenario.seeded(report.seed);
        let (judged, series) = if seeds.is_empty() {
            (again(&scenario, &targets, folder)?, None)
        } else {
            check_seeds(folder, &report, &seeds)?;
            let mut played = Vec::new();
            for (seed, path) in seeds {
                let judged = again(&scenario.seeded(seed), &targets, &path)?;
                played.push(PlayedSeed::of(seed, &judged));
            }
            let series = Series::of(played);
            let judged = series.as_ref().map(|series| series.judged.clone());
            (judged.ok_or_else(|| no_report(folder))?, series)
        };
        let targets = Outcome::of(judged.verdict(), None, false);
        // Targets are judged anew; what else was found is believed.
        let is_of_targets = matches!(told, Outcome::Met | Outcome::NotJudged | Outcome::Missed);
        let outcome = if is_of_targets { targets } else { told.max(targets) };
        let Report { reasons, replay, .. } = report;
        Ok(Self { scenario, judged, series, outcome, reasons, replay })
    }

    /// Its page.
    pub(super) fn page(&self) -> String {
        let page = RunPage::of(&self.scenario, &self.judged, self.series.as_ref(), &self.replay);
        page.html(self.outcome, &self.reasons)
    }

    /// Its runs, to stand beside those of others.
    pub(super) fn runs(self) -> Vec<SavedRun> {
        let Self { scenario, judged, .. } = self;
        let settings = |name: &str| {
            let run = scenario.runs.iter().find(|run| run.name == name);
            run.map(|run| crate::study::compare::settings::of_config(&run.config))
        };
        let saved = judged.runs.into_iter().map(|run| SavedRun {
            settings: settings(&run.name).unwrap_or_default(),
            spent: spending::of(&scenario.prices, &run.log),
            run,
        });
        saved.collect()
    }
}

/// Judges what is in a folder's events.
fn again(
    scenario: &Scenario,
    targets: &[Target],
    folder: &Path,
) -> Result<JudgedScenario, CliError> {
    let path = folder.join("events.jsonl");
    let mut logs = logs(&path)?;
    if logs.iter().any(|log| log.vantage == Vantage::Server) {
        let log = logs.pop().unwrap_or_default();
        return Ok(judge::from_outside(scenario, targets, log));
    }
    let names: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
    let found: Vec<&str> = logs.iter().map(|log| log.run.as_str()).collect();
    if names != found {
        return Err(CliError::Usage {
            message: format!(
                "{}: expected the runs {}, found {}",
                path.display(),
                names.join(", "),
                if found.is_empty() { "none".to_owned() } else { found.join(", ") }
            ),
            help: "the file is not whole; run it again".to_owned(),
        });
    }
    let recording = Recording { logs, steps: 0, lateness: Lateness::default() };
    judge::judge(scenario, targets, recording).map_err(|error| match error {
        // A log that was cut does not add up.
        JudgeError::Unsound { run, what } => CliError::Usage {
            message: format!("{}: run `{run}` does not add up: {what}", path.display()),
            help: "the file is not whole, or of another version; run it again".to_owned(),
        },
        error @ JudgeError::Sim(_) => CliError::Judge(error),
    })
}

fn logs(path: &Path) -> Result<Vec<Log>, CliError> {
    let file = File::open(path).map_err(|source| disk::io_error("read", path, source))?;
    Log::read(BufReader::new(file)).map_err(|error| match error {
        ReadError::Io(source) => disk::io_error("read", path, source),
        ReadError::Line { .. } => CliError::Usage {
            message: format!("{}: {error}", path.display()),
            help: "name an events.jsonl, or a folder with one".to_owned(),
        },
    })
}

/// Runs against real services: what only fakes know has no value.
fn live(logs: Vec<Log>, report: Report) -> LiveReport {
    let models = report.models.unwrap_or_default();
    let prices = price::of_models(&models);
    let saved = logs.into_iter().enumerate().map(|(at, log)| {
        let settings = report.runs.get(at).and_then(|run| run.get("settings")).cloned();
        SavedRun {
            settings: settings
                .and_then(|keys| serde_json::from_value(keys).ok())
                .unwrap_or_default(),
            spent: spending::of_answers(&models, &prices, &log),
            run: judge::live(Figures::of(&log, &prices).of_real_services(), log),
        }
    });
    let runs = saved.collect();
    LiveReport { name: report.name, runs }
}

/// Whether the folders of all seeds are there.
fn check_seeds(folder: &Path, report: &Report, found: &[(u64, PathBuf)]) -> Result<(), CliError> {
    let seed = |one: &Json| one.get("seed").and_then(Json::as_u64);
    let mut listed: Vec<u64> = report.seeds.iter().filter_map(seed).collect();
    listed.sort_unstable();
    if found.iter().map(|(seed, _)| *seed).eq(listed.iter().copied()) {
        return Ok(());
    }
    Err(CliError::Usage {
        message: format!(
            "{}: expected {} seeds, found {}",
            folder.display(),
            listed.len(),
            found.len()
        ),
        help: "the folder is not whole; run it again".to_owned(),
    })
}

/// A series where a single run is wanted.
pub(super) fn many_seeds(path: &Path, series: &Series) -> CliError {
    let seed = series.worst().or_else(|| series.played.first().map(|one| one.seed));
    let seed = path.join("seeds").join(seed.unwrap_or_default().to_string());
    CliError::Usage {
        message: format!("{}: expected a single run, found many seeds", path.display()),
        help: format!(
            "name one of its seeds, such as {}; `tagspace compare` compares series",
            seed.display()
        ),
    }
}

/// A log without an event.
pub(super) fn no_events(path: &Path) -> CliError {
    CliError::Usage {
        message: format!("{}: expected the events of a run, found none", path.display()),
        help: "the run ended before its first event".to_owned(),
    }
}

fn other_version(folder: &Path) -> CliError {
    CliError::Usage {
        message: format!(
            "{}: expected a report of this version, found one of another",
            folder.join("report.json").display()
        ),
        help: "run it again with this version of tagspace".to_owned(),
    }
}

fn no_report(folder: &Path) -> CliError {
    CliError::Usage {
        message: format!("{}: expected a report, found none", folder.display()),
        help:
            "name a folder that `run`, `serve` or `tag` wrote, such as reports/out/before-after, \
               or a file of events"
                .to_owned(),
    }
}
