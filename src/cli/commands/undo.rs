//! `tagspace undo`: the labels that a job added are removed again, and those that it removed come back.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;

use super::tag::answers::{existing, failed};
use super::tag::environment::site;
use super::tag::job::JobLock;
use super::tag::named_job::{check_site, named};
use super::tag::watcher::Unwatched;
use crate::cli::ExitStatus;
use crate::cli::args::UndoArgs;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::outputs::Failures;
use crate::cli::terminal::{note, print};
use crate::pipeline::config::Profile;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::http::HttpTransport;
use crate::pipeline::store::{JobJournal, JobRecord, SqliteStore};
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{Parts, Pipeline, Site, Undone};
use crate::report::format;
use crate::rng::Seed;

/// Failed pages that are named.
const NAMED_PAGES: usize = 20;

/// Takes a job back, or lists the jobs.
pub(crate) fn undo(args: &UndoArgs) -> Result<ExitStatus, CliError> {
    let Some(store) = existing(args.store.as_deref())? else {
        let named = args.job.is_some();
        return Ok(if named { ExitStatus::Usage } else { ExitStatus::Met });
    };
    let store = Arc::new(store);
    let jobs = store.jobs().map_err(|error| failed(&store, error))?;
    let Some(name) = &args.job else {
        print(&list(&jobs));
        return Ok(ExitStatus::Met);
    };
    let job = named(name, &jobs)?;
    let site = site(args.allow_http)?;
    check_site(job, &site.base)?;
    let _lock = JobLock::at_rest(store.path(), name)?;
    let changes = store.changes(job).map_err(|error| failed(&store, error))?;
    let pages = changes.len() as u64;
    let interrupt =
        Interrupt::listen("stopping: what is in flight is finished; once more to abort")?;
    interrupt.exit_at_second();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| CliError::Io { what: "set up the runtime".to_owned(), source })?;
    let control = Control { cancel: interrupt.stop.clone(), ..Control::default() };
    let failures = Failures::default();
    let parts = parts(site, &store, job, failures.clone())?;
    let result = runtime.block_on(async { Pipeline::new(parts).undo(changes, control).await });
    Ok(failures.turn(said(result, pages, interrupt.stop.is_cancelled())))
}

/// A pipeline that asks no model.
fn parts(
    site: Site,
    store: &Arc<SqliteStore>,
    job: &JobRecord,
    failures: Failures,
) -> Result<Parts, CliError> {
    Ok(Parts {
        config: Profile::Recommended.settings(),
        taxonomy: Taxonomy::new(Vec::new()),
        site,
        providers: Vec::new(),
        transport: Arc::new(HttpTransport::new()?),
        observer: Arc::new(Unwatched(failures)),
        store: None,
        journal: Some(Arc::new(JobJournal::of(Arc::clone(store), job))),
        seed: Seed(0),
    })
}

/// Says what became of it, and gives the exit code.
fn said(result: Result<Undone, PipelineError>, pages: u64, is_stopped: bool) -> ExitStatus {
    let Undone { pages: done, failed } = match result {
        Ok(undone) => undone,
        Err(error) => {
            note(&format!("error: {error}"));
            return ExitStatus::Internal;
        }
    };
    let left = pages - done;
    print(&format!("{} as before, {left} left\n", format::counted(done, "page")));
    for (page, cause) in failed.iter().take(NAMED_PAGES) {
        note(&format!("error: page {page}: {cause}"));
    }
    if failed.len() > NAMED_PAGES {
        note(&format!("error: and {} more", failed.len() - NAMED_PAGES));
    }
    match (left, is_stopped) {
        (0, _) => ExitStatus::Met,
        (_, true) => ExitStatus::Interrupted,
        _ if done == 0 => ExitStatus::NothingDone,
        _ => ExitStatus::PagesFailed,
    }
}

/// The jobs that changed labels, a line each.
fn list(jobs: &[JobRecord]) -> String {
    let mut text = String::new();
    for job in jobs.iter().filter(|job| job.pages > 0 || job.failed > 0) {
        let JobRecord { name, site, added, removed, pages, failed, .. } = job;
        let begun = Timestamp::from_second(job.begun_s).unwrap_or_default();
        let begun = begun.strftime("%Y-%m-%d %H:%M UTC");
        let (added, removed) = (format::count(*added), format::count(*removed));
        let open = if job.is_ended { "" } else { ", not ended" };
        let failed = match failed {
            0 => String::new(),
            failed => format!(", {} failed", format::counted(*failed, "page")),
        };
        let _ = writeln!(
            text,
            "{name}  {begun}  labels added {added}, removed {removed}, on {} of {site}{open}{failed}",
            format::counted(*pages, "page")
        );
    }
    if text.is_empty() { "no job has changed a label\n".to_owned() } else { text }
}
