//! What live use has learned of quotas, kept in a file for the next run.
//!
//! The file serves and is never in the way: if it cannot be read or written, that is said, and the
//! run goes on as if there were none. It holds no credentials, only short fingerprints
//! of the keys, whose quotas they are.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::note;
use crate::pipeline::memory::Memory;

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u64,
    saved_at_ms: i64,
    #[serde(flatten)]
    memory: Memory,
}

const FORMAT_VERSION: u64 = 1;

/// Where it is unless something else is said: in the user's folder for state, as far as one is
/// known (the XDG Base Directory Specification; a path that is not absolute counts as none).
pub(super) fn usual_path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("tagspace").join("quotas.json"))
}

/// Reads what was learned before; nothing if there is no such file.
pub(super) fn read(path: &Path) -> Memory {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).unwrap_or_else(|reason| {
            warn(path, &format!("{reason}; it is replaced"));
            Memory::default()
        }),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                warn(path, &format!("cannot read: {error}"));
            }
            Memory::default()
        }
    }
}

fn parse(text: &str) -> Result<Memory, String> {
    let file: File =
        serde_json::from_str(text).map_err(|error| format!("got no state of quotas: {error}"))?;
    if file.format_version != FORMAT_VERSION {
        let got = file.format_version;
        return Err(format!("got format {got}, wanted {FORMAT_VERSION}"));
    }
    let passed = Timestamp::now().as_millisecond().saturating_sub(file.saved_at_ms);
    // A clock that was set back has passed no time.
    Ok(file.memory.after(u64::try_from(passed).unwrap_or(0)))
}

/// Writes what is known now, after a run of so long: of the providers of this run, and of others what
/// was read before it. The file is replaced as a whole.
pub(super) fn write(path: &Path, before: Memory, now: Memory, ran: Duration) {
    let mut memory = before.after(u64::try_from(ran.as_millis()).unwrap_or(u64::MAX));
    memory.providers.extend(now.providers);
    memory.closed_ms.extend(now.closed_ms);
    let saved_at_ms = Timestamp::now().as_millisecond();
    let file = File { format_version: FORMAT_VERSION, saved_at_ms, memory };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    if let Err(error) = replace(path, &text) {
        warn(path, &format!("cannot write: {error}"));
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Runs at the same time must not write into each other's.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&part, text)?;
    fs::rename(&part, path).inspect_err(|_| drop(fs::remove_file(&part)))
}

fn warn(path: &Path, what: &str) {
    note(&format!("warning: {}: {what}", path.display()));
}
