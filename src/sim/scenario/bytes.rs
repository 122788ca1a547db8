//! The text of a file that a person writes, or what its bytes are instead.

use std::fs;
use std::path::Path;

use super::diagnostic::Diagnostic;

/// Reads a file as text.
pub(crate) fn read(path: &Path) -> Result<String, Diagnostic> {
    let origin = path.display().to_string();
    let problem = |message: String, help: Option<&str>| Diagnostic {
        origin: origin.clone(),
        text: "".into(),
        span: 0..0,
        message,
        help: help.map(str::to_owned),
    };
    let bytes =
        fs::read(path).map_err(|error| problem(format!("cannot read the file: {error}"), None))?;
    if is_utf_16(&bytes) {
        let help = "save the file again with the encoding UTF-8";
        return Err(problem("saved as UTF-16, expected UTF-8".to_owned(), Some(help)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let found = bytes.get(at).copied().unwrap_or_default();
        let help = "save the file again with the encoding UTF-8";
        let problem = problem(format!("expected UTF-8, found the byte 0x{found:02X}"), Some(help));
        // What is no text is shown as U+FFFD, which takes three bytes.
        Diagnostic { text: String::from_utf8_lossy(&bytes).into(), span: at..at + 3, ..problem }
    })
}

/// Whether these bytes begin with UTF-16's mark, or with a letter of it.
fn is_utf_16(bytes: &[u8]) -> bool {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [0, letter, ..] | [letter, 0, ..] => *letter != 0,
        _ => false,
    }
}
