//! What live use has learned of quotas, kept in a file for the next run.
//!
//! The file serves and is never in the way: if it cannot be read or written, that is said, and the
//! run goes on as if there were none. It holds no credentials, only short fingerprints
//! of the keys, whose quotas they are.
//!
//! Runs at the same time keep what the others learned: a run reads the file again before it writes,
//! and holds a lock on the folder from then on. The new file is written beside the old one, to the
//! disk, and then renamed, so a full disk leaves the old one.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::outputs::{Kind, foreign, is_null};
use crate::cli::quota_file::text;
use crate::cli::terminal::note;
use crate::pipeline::learned_quotas::LearnedQuotas;

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptQuotas {
    format_version: u64,
    saved_at_ms: i64,
    #[serde(flatten)]
    memory: LearnedQuotas,
}

const FORMAT_VERSION: u64 = 1;

/// The user's folder for what tagspace keeps, as far as one is known (the XDG Base Directory
/// Specification; a path that is not absolute counts as none).
pub(crate) fn folder(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("tagspace"))
}

/// Where the file is unless something else is said.
pub(crate) fn usual_path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    Some(folder(variable)?.join("quotas.json"))
}

/// The same, unless something else is there; then it is left alone, and that is said.
pub(crate) fn usable(path: PathBuf) -> Option<PathBuf> {
    match foreign(Kind::State, &path) {
        None => Some(path),
        Some(what) => {
            warn(&path, &format!("{what}; what is learned of quotas is not kept"));
            None
        }
    }
}

/// Reads what was learned before; nothing if there is no such file.
pub(crate) fn read(path: &Path) -> LearnedQuotas {
    match text(path) {
        Ok(text) if text.is_empty() => LearnedQuotas::default(),
        Ok(text) => parse(&text).unwrap_or_else(|reason| {
            warn(path, &format!("{reason}; it is replaced"));
            LearnedQuotas::default()
        }),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                warn(path, &format!("cannot read: {error}"));
            }
            LearnedQuotas::default()
        }
    }
}

fn parse(text: &str) -> Result<LearnedQuotas, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| "expected JSON, found something else".to_owned())?;
    let found = value["format_version"].as_u64().unwrap_or(0);
    if found != FORMAT_VERSION {
        return Err(format!("expected format {FORMAT_VERSION}, found {found}"));
    }
    let kept: KeptQuotas = serde_json::from_value(value)
        .map_err(|error| format!("expected what was learned of quotas: {error}"))?;
    let passed = Timestamp::now().as_millisecond().saturating_sub(kept.saved_at_ms);
    // A clock that was set back has passed no time.
    Ok(kept.memory.after(u64::try_from(passed).unwrap_or(0)))
}

/// Writes what is known now: of the providers of this run, and of others what the file holds.
pub(crate) fn write(path: &Path, now: LearnedQuotas) {
    if is_null(path) {
        return;
    }
    if let Err(error) = merge(path, now, Durability::OfMachine) {
        warn(path, &format!("cannot write: {error}"));
    }
}

/// Writes what is known while the run goes on. It survives a kill, though perhaps no power cut, because
/// the disk is not waited for; what fails is told at the end.
pub(crate) fn keep(path: &Path, now: LearnedQuotas) {
    if !now.is_empty() && !is_null(path) {
        drop(merge(path, now, Durability::OfProcess));
    }
}

/// What a written file survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// The death of the process.
    OfProcess,
    /// A power cut as well.
    OfMachine,
}

fn merge(path: &Path, now: LearnedQuotas, durability: Durability) -> io::Result<()> {
    // A link stays one: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let _lock = lock(folder);
    if let Some(what) = foreign(Kind::State, &path) {
        return Err(io::Error::other(what));
    }
    let mut memory = text(&path).ok().and_then(|text| parse(&text).ok()).unwrap_or_default();
    memory.providers.extend(now.providers);
    memory.closed_ms.extend(now.closed_ms);
    let saved_at_ms = Timestamp::now().as_millisecond();
    let kept = KeptQuotas { format_version: FORMAT_VERSION, saved_at_ms, memory };
    let mut text = serde_json::to_string_pretty(&kept)?;
    text.push('\n');
    replace(&path, folder, &text, durability)
}

/// Waits until no other run writes into the folder. Where a file system knows no locks, the file is
/// still replaced as a whole.
pub(crate) fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

fn replace(path: &Path, folder: &Path, text: &str, durability: Durability) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    // Only a process that died may have left one of this name.
    drop(fs::remove_file(&part));
    let written = File::create_new(&part).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if durability == Durability::OfMachine { file.sync_all() } else { Ok(()) }
    });
    written.and_then(|()| fs::rename(&part, path)).inspect_err(|_| drop(fs::remove_file(&part)))
}

fn warn(path: &Path, what: &str) {
    note(&format!("warning: {}: {what}", path.display()));
}
