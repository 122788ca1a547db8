//! The folder of a scenario: data, log and pictures, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::report::plot::{self, PlotError};
use crate::report::{csv, json};
use crate::sim::scenario::Scenario;
use crate::study::judge::JudgedScenario;
use crate::study::series::Series;

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
    /// A folder holds something that no report of ours put there.
    #[error(
        "replace {path}: got a folder without a report.json, wanted an earlier report or nothing; \
         choose another --out"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A picture could not be drawn.
    #[error("draw {name}: {source}")]
    Plot {
        /// The picture.
        name: &'static str,
        /// What went wrong.
        source: PlotError,
    },
}

/// A scenario's folder in the making. It appears when it is whole: who is interrupted keeps the
/// earlier one.
#[derive(Debug)]
pub struct Folder {
    whole: PathBuf,
    part: PathBuf,
}

impl Folder {
    /// Begins `out/NAME`.
    pub fn begin(out: &Path, scenario: &Scenario) -> Result<Self, FilesError> {
        let whole = out.join(&scenario.name);
        let in_whole = |source| FilesError::Io { path: whole.clone(), source };
        if whole.exists() {
            let empty = fs::read_dir(&whole).map_err(in_whole)?.next().is_none();
            if !empty && !whole.join("report.json").exists() {
                return Err(FilesError::NotOurs { path: whole });
            }
        }
        let part = out.join(format!(".{}.part", scenario.name));
        let in_part = |source| FilesError::Io { path: part.clone(), source };
        if part.exists() {
            fs::remove_dir_all(&part).map_err(in_part)?;
        }
        fs::create_dir_all(&part).map_err(in_part)?;
        Ok(Self { whole, part })
    }

    /// Adds the data of one seed, without pictures.
    pub fn seed(&self, scenario: &Scenario, judged: &JudgedScenario) -> Result<(), FilesError> {
        let path = self.part.join("seeds").join(scenario.world.seed.0.to_string());
        fs::create_dir_all(&path)
            .map_err(|source| FilesError::Io { path: path.clone(), source })?;
        data(&path, scenario, judged)
    }

    /// Adds what all seeds came to.
    pub fn summary(&self, scenario: &Scenario, series: &Series) -> Result<(), FilesError> {
        let report = pretty(&json::series(scenario, series));
        put(&self.part, "report.json", |file| file.write_all(&report))?;
        put(&self.part, "runs.csv", |file| Ok(csv::series(scenario, series, file)?))?;
        pictures(&self.part, plot::of_seeds(scenario, series))
    }

    /// Puts it in the place of the earlier one.
    pub fn finish(self) -> Result<PathBuf, FilesError> {
        let Self { whole, part } = self;
        let in_whole = |source| FilesError::Io { path: whole.clone(), source };
        if whole.exists() {
            fs::remove_dir_all(&whole).map_err(in_whole)?;
        }
        fs::rename(&part, &whole).map_err(in_whole)?;
        Ok(whole)
    }
}

/// Writes everything about a scenario into `out/NAME`.
pub fn write(
    out: &Path,
    scenario: &Scenario,
    judged: &JudgedScenario,
) -> Result<PathBuf, FilesError> {
    let folder = Folder::begin(out, scenario)?;
    data(&folder.part, scenario, judged)?;
    pictures(&folder.part, plot::all(scenario, judged))?;
    folder.finish()
}

fn pretty(report: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(report).unwrap_or_default();
    text.push(b'\n');
    text
}

fn data(folder: &Path, scenario: &Scenario, judged: &JudgedScenario) -> Result<(), FilesError> {
    let report = pretty(&json::report(scenario, judged));
    put(folder, "report.json", |file| file.write_all(&report))?;
    put(folder, "runs.csv", |file| Ok(csv::runs(scenario, judged, file)?))?;
    let logs = || judged.runs.iter().map(|run| &run.log);
    put(folder, "timeline.csv", |file| Ok(csv::timeline(logs(), file)?))?;
    put(folder, "events.jsonl", |file| logs().try_for_each(|log| log.write(&mut *file)))
}

fn pictures(
    folder: &Path,
    drawn: Vec<(&'static str, Result<String, PlotError>)>,
) -> Result<(), FilesError> {
    for (name, drawn) in drawn {
        let svg = drawn.map_err(|source| FilesError::Plot { name, source })?;
        let png = plot::png(&svg).map_err(|source| FilesError::Plot { name, source })?;
        put(folder, &format!("{name}.svg"), |file| file.write_all(svg.as_bytes()))?;
        put(folder, &format!("{name}.png"), |file| file.write_all(&png))?;
    }
    Ok(())
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
