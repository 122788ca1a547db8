//! Writing: the labels of a page become its tags, and nothing is written that is already right.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pipeline::confluence::NoResponse;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Awaited, Event};
use crate::pipeline::limiter::line_time::WaitParts;
use crate::pipeline::page_note::PageNote;
use crate::pipeline::run::tasks::BoundedTasks;
use crate::pipeline::run::{BegunWait, RunContext, Tagged};
use crate::pipeline::store::LabelChange;
use crate::pipeline::taxonomy::label;

/// Pages whose labels could not be written.
type Unwritten = Arc<Mutex<Vec<Tagged>>>;

/// Writes pages as they come, several at once. What fails for a reason that may pass is tried again
/// at the end.
pub(crate) async fn write(
    run: Arc<RunContext>,
    mut pages: mpsc::Receiver<Tagged>,
) -> Result<(), PipelineError> {
    let mut writers = BoundedTasks::new(run.config().confluence_concurrency);
    let failed = Unwritten::default();
    while let Some(tagged) = pages.recv().await {
        writers.room().await?;
        let parts = tagged.begun.parts(run.shared.confluence.line_time());
        run.waited(Awaited::WriterSlot, None, Some(tagged.page), parts);
        let (run, failed) = (Arc::clone(&run), Arc::clone(&failed));
        writers.spawn(async move { write_or_keep(&run, tagged, Some(&failed)).await });
    }
    writers.finish().await?;
    let again = std::mem::take(&mut *failed.lock());
    let mut writers = BoundedTasks::new(run.config().confluence_concurrency);
    for tagged in again {
        writers.room().await?;
        let parts = tagged.begun.parts(run.shared.confluence.line_time());
        run.waited(Awaited::Others, None, Some(tagged.page), parts);
        let run = Arc::clone(&run);
        writers.spawn(async move { write_or_keep(&run, tagged, None).await });
    }
    writers.finish().await
}

/// Writes a page, or keeps it for later where there is a later.
async fn write_or_keep(run: &RunContext, tagged: Tagged, failed: Option<&Unwritten>) {
    match write_page(run, &tagged).await {
        Ok(()) => run.page_tagged(tagged),
        // Its tags are paid for, but whoever stops the run wants it to end.
        Err(NoResponse::Stopped) => run.leave([tagged.page]),
        Err(NoResponse::Failed(cause)) => match failed.filter(|_| cause.class.may_pass()) {
            Some(failed) => {
                let begun = BegunWait::beside(run.shared.confluence.line_time());
                failed.lock().push(Tagged { begun, ..tagged });
            }
            None => run.page_failed(tagged.page, &cause),
        },
    }
}

/// Changes the labels of a page; the journal knows before and after.
async fn change_labels(run: &RunContext, change: &LabelChange) -> Result<(), NoResponse> {
    let LabelChange { page, added, removed } = change;
    let (shared, stop) = (&run.shared, &run.interrupt);
    shared.note(|journal| journal.planned(change));
    let made = |added: &[String], removed: &[String]| {
        let (added, removed) = (added.to_vec(), removed.to_vec());
        shared.note(|journal| journal.made(&LabelChange { page: *page, added, removed }));
    };
    let changes = async {
        if !added.is_empty() {
            shared.confluence.add_labels(*page, added, stop).await?;
            made(added, &[]);
        }
        for label in removed {
            shared.confluence.remove_label(*page, label, stop).await?;
            made(&[], std::slice::from_ref(label));
        }
        Ok(())
    };
    let changed = changes.await;
    if let Err(NoResponse::Failed(cause)) = &changed
        && cause.status.is_some_and(|status| (400..500).contains(&status))
    {
        shared.note(|journal| journal.refused(*page));
    }
    changed
}

async fn write_page(run: &RunContext, tagged: &Tagged) -> Result<(), NoResponse> {
    let page = tagged.page;
    let (confluence, stop) = (&run.shared.confluence, &run.interrupt);
    let mut wanted: Vec<String> = match &tagged.change {
        Some(change) => change.added.clone(),
        None => tagged.tags.all().map(label).collect(),
    };
    wanted.sort();
    wanted.dedup();
    let removes = run.config().remove_stale_labels;
    let is_stale = |label: &String| match &tagged.change {
        Some(change) => change.removed.contains(label),
        None => {
            (removes || run.is_prunable(page, label))
                && run.shared.taxonomy.owns_label(label)
                && !wanted.contains(label)
        }
    };
    let since = Instant::now();
    let known = run.labels.of(page).await;
    run.waited(Awaited::Labels, None, Some(page), WaitParts::of(since.elapsed()));
    // What is about to be removed is looked at again.
    let present = match known.filter(|known| !known.iter().any(is_stale)) {
        Some(known) => known,
        None => confluence.labels(page, stop).await?,
    };
    let (right, missing): (Vec<String>, Vec<String>) =
        wanted.iter().cloned().partition(|label| present.contains(label));
    let stale: Vec<String> = present.into_iter().filter(is_stale).collect();
    let (added, removed) = (missing.as_slice(), stale.as_slice());
    run.noted(&PageNote::Compared { page, added, removed, present: &right });
    if missing.is_empty() && stale.is_empty() {
        run.observe(Event::LabelsUnchanged { page });
        return Ok(());
    }
    if !run.config().dry_run {
        let change = LabelChange { page, added: missing, removed: stale };
        change_labels(run, &change).await?;
        let (added, removed) = (change.added.len() as u64, change.removed.len() as u64);
        run.observe(Event::LabelsWritten { page, added, removed });
    }
    Ok(())
}
