//! Standard output and standard error.
//!
//! A reader that leaves early (`| head`, `| grep -q`) changes neither the work nor the verdict: the
//! rest of the output is dropped. Any other failure of standard output is kept, and turns a success
//! into exit code 1 when the command ends.

use std::io;
use std::io::{ErrorKind, Write};

use parking_lot::Mutex;

/// What standard output came to, for the whole process.
static OUTPUT: Mutex<Stdout> = Mutex::new(Stdout::Open);

#[derive(Debug)]
enum Stdout {
    Open,
    /// The reader has left.
    Closed,
    Failed(io::Error),
}

/// Writes to standard output, as long as somebody reads it.
pub(super) fn print(text: &str) {
    let mut output = OUTPUT.lock();
    if !matches!(*output, Stdout::Open) {
        return;
    }
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        let is_closed = error.kind() == ErrorKind::BrokenPipe;
        *output = if is_closed { Stdout::Closed } else { Stdout::Failed(error) };
    }
}

/// Whether the reader of standard output is still there.
pub(super) fn is_read() -> bool {
    matches!(*OUTPUT.lock(), Stdout::Open)
}

/// Why standard output could not be written, other than a reader that left.
pub(super) fn failure() -> Option<String> {
    match &*OUTPUT.lock() {
        Stdout::Failed(error) => Some(error.to_string()),
        Stdout::Open | Stdout::Closed => None,
    }
}

/// Writes to standard error; if that fails there is nobody to tell.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
