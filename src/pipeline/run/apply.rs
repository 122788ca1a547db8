//! A run that asks no model: the labels of pages change as a person has decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::stages::{BUFFER, ended};
use super::{BegunWait, RunContext, Tagged, write};
use crate::pipeline::Shared;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Event, RunEnd};
use crate::pipeline::job::{Job, PageSelection};
use crate::pipeline::page::{Source, Tags};
use crate::pipeline::store::LabelChange;

/// The category of labels in events of a run whose labels have none.
const CATEGORY: &str = "label";

/// Makes changes of labels, several pages at once.
pub(crate) async fn apply(
    shared: Arc<Shared>,
    task: String,
    changes: Vec<LabelChange>,
    control: Control,
) -> Result<RunEnd, PipelineError> {
    let pages = changes.iter().map(|change| change.page).collect();
    let job = Job::of(task, PageSelection::Pages(pages));
    let run = Arc::new(RunContext::new(shared, &job, control));
    run.observe(Event::RunStarted { task: job.task, limit: Some(0) });
    for change in &changes {
        run.page_listed(change.page, 0, 0);
    }
    let (tagged, to_write) = mpsc::channel(BUFFER);
    let write = tokio::spawn(write::write(Arc::clone(&run), to_write));
    for change in changes {
        let page = change.page;
        let tags = Tags(BTreeMap::from([(CATEGORY.to_owned(), change.added.clone())]));
        let begun = BegunWait::beside(run.shared.confluence.line_time());
        let (source, change) = (Source::File, Some(change));
        let next = Tagged { page, tags, source, begun, change };
        if run.cancel.is_cancelled() || tagged.send(next).await.is_err() {
            run.leave([page]);
        }
    }
    drop(tagged);
    let written = write.await;
    ended(&run, written.map_err(PipelineError::from).and_then(|written| written))
}
