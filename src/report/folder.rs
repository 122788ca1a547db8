//! The folder of a scenario: data, log and pictures, replaced as a whole (`swap.rs`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use parking_lot::Mutex;
use serde_json::Value as Json;
use thiserror::Error;

use crate::report::draw::picture::Drawn;
use crate::report::run::trace::TraceFile;
use crate::report::run::{csv, trace};
use crate::report::swap::Swap;
use crate::report::{draw, pictures, swap};
use crate::sim::recorder::Log;
use crate::sim::scenario::Scenario;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::seeds::Series;

/// A file could not be written.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The disk said no.
    #[error("write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// What stands there is not to be replaced.
    #[error("{path} {problem}, so it is not replaced; choose another --out")]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One seed.
    Single,
    /// Many seeds.
    Series,
}

/// The files of a report, at any depth.
const FILES: [&str; 17] = [
    "report.json",
    "report.html",
    "runs.csv",
    "timeline.csv",
    "events.jsonl",
    "trace.json",
    "timeline.svg",
    "timeline.png",
    "latency.svg",
    "latency.png",
    "outcomes.svg",
    "outcomes.png",
    "progress.svg",
    "progress.png",
    "seeds.svg",
    "seeds.png",
    // The file managers of macOS leave it in every folder that they show.
    ".DS_Store",
];
/// The folder of a series' seeds, each of which has one named by its number.
const SEEDS: &str = "seeds";

/// Whether a report may hold a file or folder of this name.
fn is_ours(name: &str, is_folder: bool) -> bool {
    if is_folder {
        name == SEEDS || name.bytes().all(|byte| byte.is_ascii_digit())
    } else {
        FILES.contains(&name) || is_real_log(name)
    }
}

/// Where a scenario's report is written: `out/NAME`. A single run beside a series of the same name
/// leaves that alone and is written to `out/NAME.seed-N`.
pub fn place(out: &Path, scenario: &Scenario, kind: Kind) -> PathBuf {
    let whole = out.join(&scenario.name);
    if kind == Kind::Single && whole.join(SEEDS).is_dir() {
        return out.join(beside(&scenario.name, scenario.world.seed.0));
    }
    whole
}

/// The name of a single run's folder beside a series.
pub fn beside(name: &str, seed: u64) -> String {
    format!("{name}.seed-{seed}")
}

/// The folders of a series' seeds, ascending; none where a folder holds one seed.
pub fn seeds(whole: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(whole.join(SEEDS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let seed = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        found.extend(seed.map(|seed| (seed, path)));
    }
    found.sort();
    Ok(found)
}

/// Whether a report of this scenario may be put there: nothing stands there, or an earlier report of
/// it that can be replaced.
pub fn check(whole: &Path, scenario: &str) -> Result<(), FilesError> {
    let in_whole = |source| FilesError::Io { path: whole.to_path_buf(), source };
    let refused = |problem: String| Err(FilesError::NotOurs { path: whole.to_path_buf(), problem });
    match fs::symlink_metadata(whole) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(in_whole(error)),
        Ok(found) if !found.is_dir() => return refused("is a file or a link".to_owned()),
        Ok(_) => {}
    }
    if let Some(found) = swap::foreign(whole, is_ours).map_err(in_whole)? {
        return refused(format!("holds `{found}`, which is no part of a report"));
    }
    if let Some(other) = name_in(whole).filter(|name| name != scenario) {
        return refused(format!("is the report of another scenario, `{other}`"));
    }
    match swap::obstacle(whole).map_err(in_whole)? {
        Some(obstacle) => refused(obstacle),
        None => Ok(()),
    }
}

/// The scenario that a report is about.
fn name_in(folder: &Path) -> Option<String> {
    let report = fs::read(folder.join("report.json")).ok()?;
    let report: Json = serde_json::from_slice(&report).ok()?;
    report["name"].as_str().map(str::to_owned)
}

/// A scenario's folder in the making.
#[derive(Debug)]
pub struct Folder {
    swap: Swap,
    /// Pictures that could not be made.
    failed: Mutex<Vec<String>>,
}

impl Folder {
    /// Begins the folder of a scenario that will stand at `whole`.
    pub fn begin(whole: &Path, scenario: &str) -> Result<Self, FilesError> {
        check(whole, scenario)?;
        let in_whole = |source| FilesError::Io { path: whole.to_path_buf(), source };
        if let Some(out) = whole.parent() {
            fs::create_dir_all(out).map_err(in_whole)?;
        }
        let swap = Swap::begin(whole, is_ours).map_err(in_whole)?;
        Ok(Self { swap, failed: Mutex::new(Vec::new()) })
    }

    /// Adds the data of one seed of a series, without pictures.
    pub fn seed(
        &self,
        scenario: &Scenario,
        judged: &JudgedScenario,
        report: &Json,
    ) -> Result<(), FilesError> {
        let path = self.swap.part().join(SEEDS).join(scenario.world.seed.0.to_string());
        fs::create_dir_all(&path)
            .map_err(|source| FilesError::Io { path: path.clone(), source })?;
        put_json(&path, report)?;
        data(&path, scenario, judged)
    }

    /// Adds the data and the pictures of a single run, all but its report.
    pub fn single(&self, scenario: &Scenario, judged: &JudgedScenario) -> Result<(), FilesError> {
        data(self.swap.part(), scenario, judged)?;
        if trace::is_small(judged) {
            put(self.swap.part(), "trace.json", |file| {
                let mut trace = TraceFile::new(file);
                trace.add(scenario, judged)?;
                trace.finish().map(drop)
            })?;
        }
        self.pictures(pictures::all(scenario, judged))
    }

    /// Adds the log of the n-th time that it was played in real time.
    pub fn add_real_log(&self, number: u64, judged: &JudgedScenario) -> Result<(), FilesError> {
        let mut logs = judged.runs.iter().map(|run| &run.log);
        put(self.swap.part(), &real_log(number), |file| {
            logs.try_for_each(|log| log.write(&mut *file))
        })
    }

    /// Adds what all seeds came to, all but the report.
    pub fn summary(&self, scenario: &Scenario, series: &Series) -> Result<(), FilesError> {
        put(self.swap.part(), "runs.csv", |file| Ok(csv::series(scenario, series, file)?))?;
        self.pictures(pictures::of_seeds(scenario, series))
    }

    /// Adds the events of a run against real services.
    pub fn live(&self, log: &Log) -> Result<(), FilesError> {
        put(self.swap.part(), "events.jsonl", |file| log.write(file))
    }

    /// Adds the page.
    pub fn page(&self, html: &str) -> Result<(), FilesError> {
        put(self.swap.part(), "report.html", |file| file.write_all(html.as_bytes()))
    }

    /// Adds the report and puts the folder in its place. Gives what could not be made or removed.
    pub fn finish(self, report: &Json) -> Result<Vec<String>, FilesError> {
        put_json(self.swap.part(), report)?;
        let path = self.swap.part().to_path_buf();
        let left = self.swap.finish().map_err(|source| FilesError::Io { path, source })?;
        let mut failed = self.failed.into_inner();
        failed.extend(left.map(|left| format!("the earlier report is left in {}", left.display())));
        Ok(failed)
    }

    /// A picture that cannot be made costs nothing but itself.
    fn pictures(&self, drawn: Vec<(&'static str, Drawn)>) -> Result<(), FilesError> {
        for (name, drawn) in drawn {
            let both = drawn.and_then(|picture| {
                let svg = picture.file();
                draw::png(&svg).map(|png| (svg, png))
            });
            let (svg, png) = match both {
                Ok(both) => both,
                Err(error) => {
                    let mut failed = self.failed.lock();
                    failed.push(format!("the picture {name} is left out: {error}"));
                    continue;
                }
            };
            let folder = self.swap.part();
            put(folder, &format!("{name}.svg"), |file| file.write_all(svg.as_bytes()))?;
            put(folder, &format!("{name}.png"), |file| file.write_all(&png))?;
        }
        Ok(())
    }
}

/// The name of the log of the n-th time that a scenario was played in real time.
fn real_log(number: u64) -> String {
    format!("real-{number}.jsonl")
}

fn is_real_log(name: &str) -> bool {
    let number = name.strip_prefix("real-").and_then(|rest| rest.strip_suffix(".jsonl"));
    number.is_some_and(|number| number.parse().is_ok_and(|number| real_log(number) == name))
}

fn put_json(folder: &Path, report: &Json) -> Result<(), FilesError> {
    let mut text = serde_json::to_vec_pretty(report).unwrap_or_default();
    text.push(b'\n');
    put(folder, "report.json", |file| file.write_all(&text))
}

fn data(folder: &Path, scenario: &Scenario, judged: &JudgedScenario) -> Result<(), FilesError> {
    put(folder, "runs.csv", |file| Ok(csv::runs(scenario, judged, file)?))?;
    let logs = || judged.runs.iter().map(|run| &run.log);
    put(folder, "timeline.csv", |file| Ok(csv::timeline(logs(), file)?))?;
    put(folder, "events.jsonl", |file| logs().try_for_each(|log| log.write(&mut *file)))
}

fn put(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FilesError> {
    let path = folder.join(name);
    let result = File::create(&path).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    });
    result.map_err(|source| FilesError::Io { path, source })
}
