//! The folder of a scenario: data, log and pictures, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::report::plot::{self, PlotError};
use crate::report::{csv, json};
use crate::sim::scenario::Scenario;
use crate::study::judge::JudgedScenario;

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

/// Writes everything about a scenario into `out/NAME`. The folder appears when it is whole: who is
/// interrupted keeps the earlier one.
pub fn write(
    out: &Path,
    scenario: &Scenario,
    judged: &JudgedScenario,
) -> Result<PathBuf, FilesError> {
    let folder = out.join(&scenario.name);
    let in_folder = |source| FilesError::Io { path: folder.clone(), source };
    if folder.exists() {
        let empty = fs::read_dir(&folder).map_err(in_folder)?.next().is_none();
        if !empty && !folder.join("report.json").exists() {
            return Err(FilesError::NotOurs { path: folder });
        }
    }
    let part = out.join(format!(".{}.part", scenario.name));
    let in_part = |source| FilesError::Io { path: part.clone(), source };
    if part.exists() {
        fs::remove_dir_all(&part).map_err(in_part)?;
    }
    fs::create_dir_all(&part).map_err(in_part)?;
    fill(&part, scenario, judged)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(in_folder)?;
    }
    fs::rename(&part, &folder).map_err(in_folder)?;
    Ok(folder)
}

fn fill(folder: &Path, scenario: &Scenario, judged: &JudgedScenario) -> Result<(), FilesError> {
    let mut report = serde_json::to_vec_pretty(&json::report(scenario, judged)).unwrap_or_default();
    report.push(b'\n');
    put(folder, "report.json", |file| file.write_all(&report))?;
    put(folder, "runs.csv", |file| Ok(csv::runs(scenario, judged, file)?))?;
    let logs = || judged.runs.iter().map(|run| &run.log);
    put(folder, "timeline.csv", |file| Ok(csv::timeline(logs(), file)?))?;
    put(folder, "events.jsonl", |file| logs().try_for_each(|log| log.write(&mut *file)))?;
    for (name, drawn) in plot::all(scenario, judged) {
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
