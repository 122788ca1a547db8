//! Progress over many trials: a bar on a terminal, now and then a line in a log.

use std::io;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal::note;

/// The time between two lines on the progress, where no bar can be drawn.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// The trials that are done.
pub(super) struct Progress {
    bar: ProgressBar,
    /// What is counted.
    what: &'static str,
    /// Whether there are lines instead of the bar, and how many times they were due.
    writes: bool,
    said: AtomicU64,
}

impl Progress {
    /// Nothing has been played.
    pub(super) fn new(quiet: bool, what: &'static str) -> Self {
        let is_bar = !quiet && io::stderr().is_terminal();
        let bar = if is_bar { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template(&format!("{{elapsed}}  {{spinner}} {{pos}} {what}"));
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            what,
            writes: !quiet && !is_bar,
            said: AtomicU64::new(0),
        }
    }

    /// It is known how many there are.
    pub(super) fn of(&self, trials: usize) {
        let what = self.what;
        let style = format!(
            "{{elapsed}}  {{bar:30}} {{pos}} of {{len}} {what}, about {{eta}} left  {{wide_msg}}"
        );
        if let Ok(style) = ProgressStyle::with_template(&style) {
            self.bar.set_style(style);
        }
        self.bar.set_length(trials as u64);
    }

    /// One more is done.
    pub(super) fn inc(&self) {
        self.bar.inc(1);
        let due = self.bar.elapsed().as_secs() / SAID_EVERY.as_secs();
        if !self.writes || self.said.fetch_max(due, Ordering::Relaxed) >= due {
            return;
        }
        let (done, what) = (self.bar.position(), self.what);
        note(&match self.bar.length() {
            Some(all) => {
                let left = self.bar.eta().as_secs();
                format!("{done} of {all} {what}, about {left} s left")
            }
            None => format!("{done} {what}"),
        });
    }

    /// The bar, to show something beside it.
    pub(super) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Prints something else in between.
    pub(super) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    /// All are done.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
