//! The job of a run that writes: what it changes can be taken back.
//!
//! A job belongs to one process at a time, which holds a lock on a file beside the store; the system
//! gives it back when the process dies.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::inputs::retried_job;
use super::report_place::noun;
use super::topic::is_of_file;
use crate::cli::ExitStatus;
use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::platform;
use crate::cli::terminal::note;
use crate::pipeline::store::{JobJournal, JobRecord, Journal, SqliteStore, StoreError};
use crate::report::format;

/// A job that this process has, and the store that knows it.
pub(crate) struct OpenJob {
    store: Arc<SqliteStore>,
    record: JobRecord,
    _lock: JobLock,
    /// How the store is named to `undo`.
    option: String,
    /// Whether only pages that failed are tried again.
    is_of_failed: bool,
}

impl OpenJob {
    /// The job of this site and topic that was left unfinished and that no other process has, or a new one;
    /// with --failed the job that it names. A store that was asked for must have room for it.
    pub(crate) fn begin(
        store: &Arc<SqliteStore>,
        site: &str,
        args: &TagArgs,
        topic: &str,
    ) -> Result<Option<Self>, CliError> {
        if let Some(name) = &args.failed {
            return Self::go_on(store, args, retried_job(name, site, store)?).map(Some);
        }
        match Self::try_begin(store, site, args, topic) {
            Ok(job) => Ok(Some(job)),
            Err(error) if args.store.is_some() => {
                Err(CliError::Io { what: format!("use {}", store.path().display()), source: error })
            }
            Err(error) => {
                note(&format!("warning: {error}; written labels cannot be taken back"));
                Ok(None)
            }
        }
    }

    fn try_begin(
        store: &Arc<SqliteStore>,
        site: &str,
        args: &TagArgs,
        topic: &str,
    ) -> io::Result<Self> {
        let noun = noun(args);
        let mut anew = args.fresh;
        loop {
            let record = store.begin_job(site, topic, &noun, anew).map_err(io::Error::other)?;
            if let Some(lock) = JobLock::take(store.path(), &record.name)? {
                return Ok(Self::new(store, args, record, lock));
            }
            // Another process is at it: this one has a job of its own.
            anew = true;
        }
    }

    /// The job of which the failed pages are tried again, so that `undo` takes both back at once.
    fn go_on(
        store: &Arc<SqliteStore>,
        args: &TagArgs,
        record: JobRecord,
    ) -> Result<Self, CliError> {
        let lock = JobLock::at_rest(store.path(), &record.name)?;
        Ok(Self::new(store, args, record, lock))
    }

    fn new(store: &Arc<SqliteStore>, args: &TagArgs, record: JobRecord, lock: JobLock) -> Self {
        let named = args.store.as_ref();
        let option = named.map_or(String::new(), |path| format!(" --store {}", path.display()));
        let is_of_failed = args.failed.is_some();
        Self { store: Arc::clone(store), record, _lock: lock, option, is_of_failed }
    }

    /// What the pipeline writes its changes into.
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(JobJournal::of(Arc::clone(&self.store), &self.record))
    }

    /// Ends the job if every page is done, and says how it is taken back.
    pub(crate) fn finish(&self, status: ExitStatus) {
        match self.close(status) {
            Ok(Some(job)) => {
                let JobRecord { name, added, removed, pages, failed, .. } = &job;
                let (added, removed) = (format::count(*added), format::count(*removed));
                let option = &self.option;
                if *pages > 0 {
                    note(&format!(
                        "job {name}: labels added {added}, removed {removed}, on {}; \
                         `tagspace undo {name}{option}` takes them back",
                        format::counted(*pages, "page"),
                    ));
                }
                if *failed > 0 && !is_of_file(&job) {
                    let failed = format::counted(*failed, "page");
                    note(&format!(
                        "job {name}: {failed} failed; `tagspace tag --failed {name}{option} --write`, with \
                         the other options of this run, tries again"
                    ));
                }
            }
            Ok(None) => {}
            Err(error) => note(&format!("warning: {error}; the job stays open")),
        }
    }

    fn close(&self, status: ExitStatus) -> Result<Option<JobRecord>, StoreError> {
        // Those that failed may be a part of what is left.
        if status == ExitStatus::Met && !self.is_of_failed {
            self.store.end_job(&self.record)?;
        }
        Ok(self.store.job(&self.record.name)?.filter(|job| job.pages > 0 || job.failed > 0))
    }
}

/// A job that no other process can have meanwhile.
pub(crate) struct JobLock {
    path: PathBuf,
    _file: File,
}

impl JobLock {
    /// The lock of a job that no process has.
    pub(crate) fn at_rest(store: &Path, job: &str) -> Result<Self, CliError> {
        let lock = Self::take(store, job)
            .map_err(|source| CliError::Io { what: "lock the job".to_owned(), source })?;
        lock.ok_or_else(|| CliError::Usage {
            message: format!("expected a job that is at rest, found {job} at work"),
            help: "wait for its end, or stop it".to_owned(),
        })
    }

    /// The lock of a job, unless another process has it.
    fn take(store: &Path, job: &str) -> io::Result<Option<Self>> {
        let mut name = store.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{job}.lock"));
        let path = store.with_file_name(name);
        loop {
            let file = File::options().append(true).create(true).open(&path)?;
            // Where a file system knows no locks, nobody is kept out.
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                return Ok(None);
            }
            // The process that had it may have removed the file in between.
            let numbers = |found: fs::Metadata| platform::numbers(&found);
            if fs::metadata(&path).map(numbers).ok() == file.metadata().map(numbers).ok() {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for JobLock {
    fn drop(&mut self) {
        // The file says nothing; one that is left lies in nobody's way.
        let _ = fs::remove_file(&self.path);
    }
}
