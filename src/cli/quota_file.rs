//! The file that keeps learned quotas: how it is read and recognized.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// Whether a text is the content of such a file, of this format or another.
pub(crate) fn is_state(text: &str) -> bool {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    value["format_version"].is_u64() && value["providers"].is_object()
}

/// The content of the file, as far as such a file goes.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(LARGEST_BYTES).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Far more than any number of quotas takes.
pub(crate) const LARGEST_BYTES: u64 = 16 * 1024 * 1024;
