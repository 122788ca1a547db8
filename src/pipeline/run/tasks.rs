//! A bounded number of tasks of one stage. What they do is worth nothing if one of them panics
//! unseen, so a panic ends the stage with an error.

use tokio::task::JoinSet;

use crate::pipeline::error::PipelineError;

/// Tasks at work, a bounded number at once.
#[derive(Debug)]
pub(crate) struct BoundedTasks {
    tasks: JoinSet<()>,
    size: u64,
}

impl BoundedTasks {
    /// Nobody at work yet.
    pub(crate) fn new(size: u64) -> Self {
        Self { tasks: JoinSet::new(), size: size.max(1) }
    }

    /// Waits until one more may start.
    pub(crate) async fn room(&mut self) -> Result<(), PipelineError> {
        while self.tasks.len() as u64 >= self.size {
            self.one().await?;
        }
        Ok(())
    }

    /// Starts one.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits for all.
    pub(crate) async fn finish(mut self) -> Result<(), PipelineError> {
        while !self.tasks.is_empty() {
            self.one().await?;
        }
        Ok(())
    }

    async fn one(&mut self) -> Result<(), PipelineError> {
        Ok(self.tasks.join_next().await.unwrap_or(Ok(()))?)
    }
}
