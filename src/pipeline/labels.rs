//! Writing: the labels of a page become its tags, and nothing is written that is already right.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::pipeline::crew::Crew;
use crate::pipeline::error::{ErrorClass, PipelineError};
use crate::pipeline::event::Event;
use crate::pipeline::run::{RunContext, Tagged};
use crate::pipeline::taxonomy::label;

/// Writes pages as they come, several at once.
pub(crate) async fn write(
    run: Arc<RunContext>,
    mut pages: mpsc::Receiver<Tagged>,
) -> Result<(), PipelineError> {
    let mut writers = Crew::new(run.config().confluence_concurrency);
    while let Some(tagged) = pages.recv().await {
        writers.room().await?;
        let run = Arc::clone(&run);
        writers.spawn(async move {
            match write_page(&run, &tagged).await {
                Ok(()) => run.page_tagged(tagged),
                Err(class) => run.page_failed(tagged.page, class),
            }
        });
    }
    writers.finish().await
}

async fn write_page(run: &RunContext, tagged: &Tagged) -> Result<(), ErrorClass> {
    let page = tagged.page;
    let confluence = &run.shared.confluence;
    let present = confluence.labels(page).await?;
    let mut wanted: Vec<String> = tagged.tags.all().map(label).collect();
    wanted.sort();
    wanted.dedup();
    let missing: Vec<String> =
        wanted.iter().filter(|label| !present.contains(label)).cloned().collect();
    let stale: Vec<String> = if run.config().remove_stale_labels {
        let owned = present.into_iter().filter(|label| run.shared.taxonomy.owns_label(label));
        owned.filter(|label| !wanted.contains(label)).collect()
    } else {
        Vec::new()
    };
    if missing.is_empty() && stale.is_empty() {
        run.observe(Event::LabelsUnchanged { page });
        return Ok(());
    }
    if !run.config().dry_run {
        if !missing.is_empty() {
            confluence.add_labels(page, &missing).await?;
        }
        for label in &stale {
            confluence.remove_label(page, label).await?;
        }
        let (added, removed) = (missing.len() as u64, stale.len() as u64);
        run.observe(Event::LabelsWritten { page, added, removed });
    }
    Ok(())
}
