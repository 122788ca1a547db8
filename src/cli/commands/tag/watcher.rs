//! What a live run shows and keeps while it goes: tags as they are decided, the event log line by
//! line, so that nothing is lost if the run is aborted.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::page_rows::{PageRows, RowTotals};
use crate::cli::args::TagArgs;
use crate::cli::outputs::{Failures, Sink};
use crate::cli::terminal::{draw_below, note, print};
use crate::pipeline::Pipeline;
use crate::pipeline::control::Progress;
use crate::pipeline::event::{Event, Observer, Pause, RunEnd};
use crate::pipeline::log;
use crate::pipeline::page::PageId;
use crate::pipeline::page_note::PageNote;
use crate::pipeline::store::StoreError;
use crate::report::exposition::Exposition;
use crate::report::live_status;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};
use crate::study::compare::settings::Keys;
use crate::study::measure::run_status::RunStatus;

/// The observer of a live run.
pub(crate) struct Watcher {
    kept: Mutex<KeptEvents>,
    epoch: Instant,
    bar: ProgressBar,
    failures: Failures,
    /// Told when a quota is used or learned.
    quotas: Notify,
}

/// What was watched.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) log: Log,
    pub(crate) totals: RowTotals,
}

struct KeptEvents {
    log: Log,
    rows: PageRows,
    status: RunStatus,
    metrics: Option<Exposition>,
    events: Option<Sink>,
    /// Nothing is added any more.
    is_closed: bool,
    /// Until when each service is known to be left in peace.
    told: BTreeMap<String, Instant>,
}

/// The time between two looks at the panel, and between two lines where there is none.
const SHOWN_EVERY: Duration = Duration::from_millis(500);
const SAID_EVERY: Duration = Duration::from_secs(10);
/// Pauses whose ends differ by no more are one.
const SAME_PAUSE: Duration = Duration::from_secs(2);

impl Watcher {
    /// Starts to watch calls of these models. Pages are printed as the arguments say; the event log, if asked
    /// for, is written to `events`; what cannot be written goes to `failures`.
    pub(crate) fn new(
        args: &TagArgs,
        models: &Keys,
        events: Option<Sink>,
        failures: Failures,
    ) -> Self {
        let log = Log { run: args.task.clone(), ..Log::default() };
        let rows = PageRows::new(args.format);
        let status = RunStatus::new(models);
        let metrics = args.metrics.map(|_| Exposition::new(models));
        let told = BTreeMap::new();
        let kept = KeptEvents { log, rows, status, metrics, events, is_closed: false, told };
        let bar = bar();
        draw_below((!bar.is_hidden()).then(|| bar.clone()));
        Self { kept: Mutex::new(kept), epoch: Instant::now(), bar, failures, quotas: Notify::new() }
    }

    /// How the run stands, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> String {
        self.kept.lock().metrics.as_ref().map(Exposition::text).unwrap_or_default()
    }

    /// Accounts for the pages that an aborted run leaves behind, and ends its log.
    pub(crate) fn abort(&self) {
        let mut open = Vec::new();
        let mut ended = BTreeSet::new();
        for event in self.kept.lock().log.events() {
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
        self.kept.lock().is_closed = true;
    }

    /// Waits until a quota is used or learned.
    pub(crate) async fn quotas_change(&self) {
        self.quotas.notified().await;
    }

    /// Takes how far the run is.
    pub(crate) fn progress(&self, progress: Progress) {
        self.kept.lock().status.progress = Some(progress);
    }

    /// Shows again and again how the run stands: in a panel at a terminal, and as lines elsewhere.
    pub(crate) async fn show(&self, pipeline: &Pipeline, stop: &CancellationToken) -> Infallible {
        let every = if self.bar.is_hidden() { SAID_EVERY } else { SHOWN_EVERY };
        loop {
            sleep(every).await;
            let (outlooks, now) = (pipeline.outlooks(), jiff::Timestamp::now());
            let lines = {
                let status = &mut self.kept.lock().status;
                status.goes_to(self.t_ms());
                status.is_stopping = stop.is_cancelled();
                live_status::lines(status, &outlooks, now)
            };
            if self.bar.is_hidden() {
                note(&lines.join("; "));
            } else {
                self.bar.set_message(lines.join("\n  "));
            }
        }
    }

    fn t_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The whole log, and what became of the pages. Nothing is printed any more.
    pub(crate) fn finish(&self) -> Watched {
        draw_below(None);
        self.bar.finish_and_clear();
        let mut kept = self.kept.lock();
        kept.is_closed = true;
        print(&kept.rows.end());
        Watched { log: std::mem::take(&mut kept.log), totals: kept.rows.totals() }
    }
}

impl Observer for Watcher {
    fn observe(&self, event: Event) {
        let t_ms = self.t_ms();
        if self.kept.lock().is_closed {
            return;
        }
        log::write(t_ms, &event);
        if matches!(event, Event::AttemptStarted { .. } | Event::QuotaLearned { .. }) {
            self.quotas.notify_one();
        }
        let mut kept = self.kept.lock();
        kept.status.observed(t_ms, &event);
        if let Some(metrics) = &kept.metrics {
            metrics.observed(&event);
        }
        if let Some(line) = kept.rows.observed(&event) {
            print(&line);
        }
        kept.add(&Entry { t_ms, what: What::Event(event) });
    }

    fn noted(&self, note: &PageNote<'_>) {
        self.kept.lock().rows.noted(note);
    }

    fn store_failed(&self, error: &StoreError) {
        self.failures.add_told(format!("use the store of answers: {error}"));
    }

    fn pauses(&self, pause: &Pause) {
        log::pause(self.t_ms(), pause);
        let until = Instant::now() + pause.wait;
        let mut kept = self.kept.lock();
        // Calls that were on their way together are told the same.
        let is_known = |known: &Instant| *known + SAME_PAUSE >= until;
        if kept.is_closed || kept.told.get(&pause.service).is_some_and(is_known) {
            return;
        }
        kept.told.insert(pause.service.clone(), until);
        let Pause { service, class, wait } = pause;
        let end = jiff::Timestamp::now().checked_add(*wait).map_or_else(
            |_| "a time that no calendar has".to_owned(),
            |end| end.strftime("%H:%M:%S UTC").to_string(),
        );
        let wait_s = wait.as_secs();
        note(&format!("{service} is asked again in {wait_s} s, at {end}, after {class}"));
    }
}

/// The observer of what is not watched, but for what cannot be written.
pub(crate) struct Unwatched(pub(crate) Failures);

impl Observer for Unwatched {
    fn observe(&self, _: Event) {}

    fn store_failed(&self, error: &StoreError) {
        self.0.add_told(format!("use the store of answers: {error}"));
    }
}

impl KeptEvents {
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
    let style = ProgressStyle::with_template("{spinner} {elapsed}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
