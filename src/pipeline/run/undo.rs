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

/// What became of changes that were to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// Pages whose labels are as before.
    pub pages: u64,
    /// Pages where it failed, and why.
    pub failed: BTreeMap<PageId, Cause>,
}

/// Takes changes back, several pages at once. A label that is gone already, and one that is there again,
/// is left as it is; what failed or was stopped stays in the journal.
pub(crate) async fn undo(
    shared: Arc<Shared>,
    changes: Vec<LabelChange>,
    control: Control,
) -> Result<Undone, PipelineError> {
    // Every site has the first API.
    shared.confluence.has_v1_only();
    let total = changes.len() as u64;
    let undone = Arc::new(Mutex::new(Undone::default()));
    let mut pages = BoundedTasks::new(shared.config.confluence_concurrency);
    for change in changes {
        pages.room().await?;
        if control.cancel.is_cancelled() {
            break;
        }
        let (shared, control) = (Arc::clone(&shared), control.clone());
        let undone = Arc::clone(&undone);
        pages.spawn(async move {
            let result = take_back(&shared, &change, &control).await;
            let mut undone = undone.lock();
            match result {
                Ok(()) => undone.pages += 1,
                Err(NoResponse::Stopped) => return,
                Err(NoResponse::Failed(cause)) => drop(undone.failed.insert(change.page, cause)),
            }
            if let Some(progress) = &control.progress {
                let done = undone.pages + undone.failed.len() as u64;
                progress(Progress { done, listed: total, total: Some(total) });
            }
        });
    }
    pages.finish().await?;
    let undone = std::mem::take(&mut *undone.lock());
    Ok(undone)
}

async fn take_back(
    shared: &Shared,
    change: &LabelChange,
    control: &Control,
) -> Result<(), NoResponse> {
    let LabelChange { page, added, removed } = change;
    let (confluence, stop) = (&shared.confluence, &control.cancel);
    // A page that cannot be seen answers as one does whose label is gone.
    let present = confluence.labels(*page, stop).await?;
    for label in added {
        if present.contains(label) {
            confluence.remove_label(*page, label, stop).await?;
        }
        shared.note(|journal| journal.undone(*page, label));
    }
    for label in removed {
        if !present.contains(label) {
            confluence.add_labels(*page, std::slice::from_ref(label), stop).await?;
        }
        shared.note(|journal| journal.undone(*page, label));
    }
    Ok(())
}
