//! What live use has learned of quotas, kept in a file for the next run.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CliError;
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

/// Reads what was learned before; nothing if there is no file yet.
pub(super) fn read(path: &Path) -> Result<Memory, CliError> {
    let usage = |message: String| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "--state takes a file that an earlier run wrote; delete it to learn anew".to_owned(),
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(usage(format!("cannot read: {error}"))),
    };
    let file: File = serde_json::from_str(&text)
        .map_err(|error| usage(format!("got no state of quotas: {error}")))?;
    if file.format_version != FORMAT_VERSION {
        let got = file.format_version;
        return Err(usage(format!("got format {got}, wanted {FORMAT_VERSION}")));
    }
    let passed = Timestamp::now().as_millisecond().saturating_sub(file.saved_at_ms);
    // A clock that was set back has passed no time.
    Ok(file.memory.after(u64::try_from(passed).unwrap_or(0)))
}

/// Writes what is known now. The file is replaced as a whole.
pub(super) fn write(path: &Path, memory: Memory) -> Result<(), CliError> {
    let failed = |source| CliError::Io { what: format!("write {}", path.display()), source };
    let saved_at_ms = Timestamp::now().as_millisecond();
    let file = File { format_version: FORMAT_VERSION, saved_at_ms, memory };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    let part = path.with_extension("part");
    fs::write(&part, text).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}
