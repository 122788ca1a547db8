//! What a live run shows and keeps while it goes: tags as they are decided, the event log line by
//! line, so that nothing is lost if the run is aborted.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::{CliError, print};
use crate::pipeline::control::Progress;
use crate::pipeline::event::{Event, Observer};
use crate::pipeline::log;
use crate::sim::recorder::{Entry, Log, What};

/// The observer of a live run.
pub(super) struct Watcher {
    kept: Mutex<Kept>,
    epoch: Instant,
    bar: ProgressBar,
}

struct Kept {
    log: Log,
    events: Option<(PathBuf, BufWriter<File>)>,
    failed: Option<CliError>,
}

impl Watcher {
    /// Starts to watch. The event log, if asked for, is written to `events`.
    pub(super) fn new(task: &str, events: Option<&Path>) -> Result<Self, CliError> {
        let create = |path: &Path| match File::create(path) {
            Ok(file) => Ok((path.to_path_buf(), BufWriter::new(file))),
            Err(source) => Err(unwritable(path, source)),
        };
        let log = Log { run: task.to_owned(), entries: Vec::new() };
        let kept = Kept { log, events: events.map(create).transpose()?, failed: None };
        Ok(Self { kept: Mutex::new(kept), epoch: Instant::now(), bar: bar() })
    }

    /// Shows how far the run is.
    pub(super) fn progress(&self, Progress { done, listed, total }: Progress) {
        self.bar.set_length(total.unwrap_or(listed));
        self.bar.set_position(done);
    }

    /// The whole log, or the first thing that could not be written.
    pub(super) fn finish(&self) -> Result<Log, CliError> {
        self.bar.finish_and_clear();
        let mut kept = self.lock();
        kept.flush();
        match kept.failed.take() {
            Some(failed) => Err(failed),
            None => Ok(std::mem::take(&mut kept.log)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watcher {
    fn observe(&self, event: Event) {
        let t_ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        log::write(t_ms, &event);
        let shown = match &event {
            Event::PageTagged { page, tags, .. } => {
                let tags: Vec<&str> = tags.all().collect();
                Some(format!("{page}: {}\n", tags.join(", ")))
            }
            Event::PageFailed { page, class } => Some(format!("{page}: failed after {class}\n")),
            _ => None,
        };
        let mut kept = self.lock();
        if let Some(line) = shown {
            self.bar.suspend(|| print(&line));
        }
        kept.add(Entry { t_ms, what: What::Event(event) });
    }
}

impl Kept {
    fn add(&mut self, entry: Entry) {
        let line = self.log.line(&entry);
        if let Some((path, file)) = &mut self.events
            && let Err(source) = writeln!(file, "{line}")
        {
            self.failed = self.failed.take().or_else(|| Some(unwritable(path, source)));
        }
        self.log.entries.push(entry);
    }

    fn flush(&mut self) {
        if let Some((path, file)) = &mut self.events
            && let Err(source) = file.flush()
        {
            self.failed = self.failed.take().or_else(|| Some(unwritable(path, source)));
        }
    }
}

fn unwritable(path: &Path, source: io::Error) -> CliError {
    CliError::Io { what: format!("write {}", path.display()), source }
}

/// A progress bar, if there is a terminal to show it.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::no_length();
    let style =
        ProgressStyle::with_template("{spinner} {pos} of {len} listed pages done  {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
