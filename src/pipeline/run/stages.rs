//! A run from its first event to its last, and the stages between them.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Event, RunEnd};
use crate::pipeline::job::{Job, PageSelection};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::gather::gather;
use crate::pipeline::run::{list, write};
use crate::pipeline::{Shared, log};

/// Pages that may wait between two stages.
pub(super) const BUFFER: usize = 32;

/// Carries a job through and says how it ended.
pub(crate) async fn run(
    shared: Arc<Shared>,
    job: Job,
    control: Control,
) -> Result<RunEnd, PipelineError> {
    let run = Arc::new(RunContext::new(shared, &job, control));
    let (_, limit) = run.shared.lanes[0].limiter.load();
    run.observe(Event::RunStarted { task: job.task, limit: Some(limit) });
    run.tell_known_quotas();
    let result = stages(&run, job.what).await.and_then(|()| match run.stopped() {
        Some(why) => Err(why),
        None => Ok(()),
    });
    ended(&run, result)
}

/// Says how a run ended.
pub(super) fn ended(
    run: &RunContext,
    result: Result<(), PipelineError>,
) -> Result<RunEnd, PipelineError> {
    let end = match &result {
        Err(_) => RunEnd::Failed,
        Ok(()) if run.cancel.is_cancelled() => RunEnd::Cancelled,
        Ok(()) => RunEnd::Completed,
    };
    if let Err(problem) = &result {
        log::failed(problem);
    }
    run.observe(Event::RunFinished { end });
    result.map(|()| end)
}

async fn stages(run: &Arc<RunContext>, what: PageSelection) -> Result<(), PipelineError> {
    let (listed, to_ask) = mpsc::channel(BUFFER);
    let (tagged, to_write) = mpsc::channel(BUFFER);
    let read = tokio::spawn(list::read(Arc::clone(run), what, listed));
    let ask = tokio::spawn(gather(Arc::clone(run), to_ask, tagged));
    let write = tokio::spawn(write::write(Arc::clone(run), to_write));
    let (listed, asked, written) = (read.await, ask.await, write.await);
    written??;
    asked??;
    listed?
}
