//! Taking back: the labels of pages become what they were before a job.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::pipeline::Shared;
use crate::pipeline::confluence::NoResponse;
use crate::pipeline::control::{Control, Progress};
use crate::pipeline::error::{Cause, PipelineError};
use crate::pipeline::page::PageId;
use crate::pipeline::run::tasks::BoundedTasks;
use crate::pipeline::store::LabelChange;

/// Takes changes back, several pages at once, and gives what failed. A label that is gone already, and
/// one that is there again, is left as it is; what was stopped stays in the journal.
pub(crate) async fn undo(
    shared: Arc<Shared>,
    changes: Vec<LabelChange>,
    control: Control,
) -> Result<BTreeMap<PageId, Cause>, PipelineError> {
    let total = changes.len() as u64;
    let (failed, done) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(0)));
    let mut pages = BoundedTasks::new(shared.config.confluence_concurrency);
    for change in changes {
        pages.room().await?;
        if control.cancel.is_cancelled() {
            break;
        }
        let (shared, control) = (Arc::clone(&shared), control.clone());
        let (failed, done) = (Arc::clone(&failed), Arc::clone(&done));
        pages.spawn(async move {
            match take_back(&shared, &change, &control).await {
                Ok(()) => shared.undone(change.page),
                Err(NoResponse::Stopped) => return,
                Err(NoResponse::Failed(cause)) => drop(failed.lock().insert(change.page, cause)),
            }
            let mut done = done.lock();
            *done += 1;
            if let Some(progress) = &control.progress {
                progress(Progress { done: *done, listed: total, total: Some(total) });
            }
        });
    }
    pages.finish().await?;
    let failed = std::mem::take(&mut *failed.lock());
    Ok(failed)
}

async fn take_back(
    shared: &Shared,
    change: &LabelChange,
    control: &Control,
) -> Result<(), NoResponse> {
    let LabelChange { page, added, removed } = change;
    for label in added {
        shared.confluence.remove_label(*page, label, &control.cancel).await?;
    }
    if !removed.is_empty() {
        shared.confluence.add_labels(*page, removed, &control.cancel).await?;
    }
    Ok(())
}
