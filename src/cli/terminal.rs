//! Standard output and standard error.
//!
//! A reader that leaves early (`| head`, `| grep -q`) changes neither the work nor the verdict: the
//! rest of the output is dropped. Any other failure of standard output is kept, and turns a success
//! into exit code 1 when the command ends.

use std::io;
use std::io::{ErrorKind, IsTerminal as _, Write};

use indicatif::ProgressBar;
use parking_lot::Mutex;

use super::args::ColorArg;
use crate::report::colour::Colour;

/// What is drawn below all that is printed, for the whole process.
static BELOW: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// What standard output came to, for the whole process.
static OUTPUT: Mutex<Stdout> = Mutex::new(Stdout::Open);

#[derive(Debug)]
enum Stdout {
    Open,
    /// The reader has left.
    Closed,
    Failed(io::Error),
}

/// Draws this bar below all that is printed, until another takes its place, or none.
pub(super) fn draw_below(bar: Option<ProgressBar>) {
    *BELOW.lock() = bar;
}

/// Prints above the bar, if one is drawn.
fn above(work: impl FnOnce()) {
    let bar = BELOW.lock().clone();
    match bar {
        Some(bar) => bar.suspend(work),
        None => work(),
    }
}

/// Writes to standard output, as long as it is read.
pub(super) fn print(text: &str) {
    above(|| print_now(text));
}

fn print_now(text: &str) {
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
    above(|| {
        let _ = writeln!(io::stderr(), "{text}");
    });
}

/// Asks on standard error; the answer is typed on the same line.
pub(super) fn ask(question: &str) {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

/// Whether text is coloured. `NO_COLOR` (no-color.org) wins over `FORCE_COLOR` and
/// `CLICOLOR_FORCE`, and these over `CLICOLOR=0` (bixense.com/clicolors) and over what the terminal
/// says.
pub(crate) fn colour(wanted: ColorArg) -> Colour {
    let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let set = |name: &str| value(name).is_some();
    let is_on = |name: &str| value(name).is_some_and(|value| value != "0");
    let is_off = |name: &str| value(name).is_some_and(|value| value == "0");
    let dumb = value("TERM").is_some_and(|term| term == "dumb");
    let on = match wanted {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto if set("NO_COLOR") => false,
        ColorArg::Auto if is_on("FORCE_COLOR") || is_on("CLICOLOR_FORCE") => true,
        ColorArg::Auto if is_off("FORCE_COLOR") || is_off("CLICOLOR") => false,
        ColorArg::Auto => io::stdout().is_terminal() && !dumb,
    };
    if on { Colour::On } else { Colour::Off }
}
