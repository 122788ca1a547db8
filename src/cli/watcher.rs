//! What a live run shows and keeps while it goes: tags as they are decided, the event log line by
//! line, so that nothing is lost if the run is aborted.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::outputs::Sink;
use super::print;
use crate::pipeline::control::Progress;
use crate::pipeline::error::Cause;
use crate::pipeline::event::{Event, Observer, RunEnd};
use crate::pipeline::log;
use crate::pipeline::page::PageId;
use crate::sim::recorder::{Entries, Entry, Log, What};

/// The observer of a live run.
pub(super) struct Watcher {
    kept: Mutex<Kept>,
    epoch: Instant,
    bar: ProgressBar,
}

struct Kept {
    log: Log,
    events: Option<Sink>,
    /// Nothing is added any more.
    is_closed: bool,
}

impl Watcher {
    /// Starts to watch. The event log, if asked for, is written to `events`.
    pub(super) fn new(task: &str, events: Option<Sink>) -> Self {
        let log = Log { run: task.to_owned(), entries: Entries::new() };
        let kept = Kept { log, events, is_closed: false };
        Self { kept: Mutex::new(kept), epoch: Instant::now(), bar: bar() }
    }

    /// Accounts for the pages that an aborted run leaves behind, and ends its log.
    pub(super) fn abort(&self) {
        let mut open = Vec::new();
        let mut ended = BTreeSet::new();
        for event in self.lock().log.events() {
            match event {
                Event::PageListed { page, .. } => open.push(page),
                Event::PageTagged { page, .. }
                | Event::PageFailed { page, .. }
                | Event::PageNotDone { page } => drop(ended.insert(page)),
                _ => {}
            }
        }
        let is_open = |page: &PageId| !ended.contains(page);
        for page in open.into_iter().filter(is_open) {
            self.observe(Event::PageNotDone { page });
        }
        self.observe(Event::RunFinished { end: RunEnd::Cancelled });
        self.lock().is_closed = true;
    }

    /// Shows how far the run is.
    pub(super) fn progress(&self, Progress { done, listed, total }: Progress) {
        self.bar.set_length(total.unwrap_or(listed));
        self.bar.set_position(done);
    }

    /// The whole log.
    pub(super) fn finish(&self) -> Log {
        self.bar.finish_and_clear();
        std::mem::take(&mut self.lock().log)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watcher {
    fn observe(&self, event: Event) {
        let t_ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.lock().is_closed {
            return;
        }
        log::write(t_ms, &event);
        let shown = match &event {
            Event::PageTagged { page, tags, .. } => {
                let tags: Vec<&str> = tags.all().collect();
                Some(format!("{page}: {}\n", tags.join(", ")))
            }
            Event::PageFailed { page, class, service, status } => {
                let (service, class, status) = (service.clone(), *class, *status);
                let cause = Cause { service, class, status };
                Some(format!("{page}: failed after {} of {}\n", cause.kind(), cause.service))
            }
            _ => None,
        };
        let mut kept = self.lock();
        if let Some(line) = shown {
            self.bar.suspend(|| print(&line));
        }
        kept.add(&Entry { t_ms, what: What::Event(event) });
    }
}

impl Kept {
    fn add(&mut self, entry: &Entry) {
        if let Some(events) = &mut self.events {
            let line = self.log.line(entry) + "\n";
            // A line at once, and as a whole; what fails is told at the end.
            let _ = events.write_all(line.as_bytes());
        }
        self.log.entries.push(entry);
    }
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
