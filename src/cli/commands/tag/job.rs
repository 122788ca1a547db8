//! The job of a run that writes: what it changes can be taken back.

use std::sync::Arc;

use crate::cli::ExitStatus;
use crate::cli::terminal::note;
use crate::pipeline::store::{JobJournal, JobRecord, Journal, SqliteStore, StoreError};
use crate::report::format;

/// A job, and the store that knows it.
pub(crate) struct OpenJob {
    store: Arc<SqliteStore>,
    record: JobRecord,
}

impl OpenJob {
    /// The job of this site and topic that was left unfinished, or a new one; with `anew` always that.
    pub(crate) fn begin(
        store: &Arc<SqliteStore>,
        site: &str,
        topic: &str,
        anew: bool,
    ) -> Option<Self> {
        match store.begin_job(site, topic, anew) {
            Ok(record) => Some(Self { store: Arc::clone(store), record }),
            Err(error) => {
                note(&format!("warning: {error}; what is written cannot be taken back"));
                None
            }
        }
    }

    /// What the pipeline writes its changes into.
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(JobJournal::of(Arc::clone(&self.store), &self.record))
    }

    /// Ends the job if every page is done, and says how it is taken back.
    pub(crate) fn finish(&self, status: ExitStatus) {
        match self.close(status) {
            Ok(Some(job)) => {
                let JobRecord { name, added, removed, pages, .. } = &job;
                let (added, removed) = (format::count(*added), format::count(*removed));
                let pages = format::count(*pages);
                note(&format!(
                    "job {name}: labels added {added}, removed {removed}, on {pages} pages; \
                     `tagspace undo {name}` takes them back"
                ));
            }
            Ok(None) => {}
            Err(error) => note(&format!("warning: {error}; the job stays open")),
        }
    }

    fn close(&self, status: ExitStatus) -> Result<Option<JobRecord>, StoreError> {
        if status == ExitStatus::Met {
            self.store.end_job(&self.record)?;
        }
        Ok(self.store.job(&self.record.name)?.filter(|job| job.pages > 0))
    }
}
