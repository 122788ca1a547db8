//! What can be found out for nothing before the first paid call: whether each key and model is
//! taken, and whether labels may be written.
//!
//! All of it is read, none of it is retried, and a server that lacks such a route says nothing. Only
//! live runs do this; a rehearsal has nothing to find out.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;
use crate::pipeline::error::{Cause, ErrorClass, PipelineError};
use crate::pipeline::job::PageSelection;
use crate::pipeline::provider::{Lane, Provider, is_of_the_account};

/// For how long an answer is waited for.
const TIME_LIMIT: Duration = Duration::from_secs(12);

impl Pipeline {
    /// Checks the providers and, if labels are to be written, the right to do so. Gives the failures
    /// of providers that others make up for.
    pub async fn check(
        &self,
        what: &PageSelection,
        stop: &CancellationToken,
    ) -> Result<Vec<Cause>, PipelineError> {
        let config = &self.shared.config;
        let count = if config.fallback { self.shared.lanes.len() } else { 1 };
        let mut refused = Vec::new();
        for Lane { provider, .. } in self.shared.lanes.iter().take(count) {
            refused.extend(self.model(provider).await);
        }
        if refused.len() >= count
            && let Some(cause) = refused.first()
        {
            return Err(PipelineError::Pointless { cause: cause.clone() });
        }
        if !config.dry_run {
            self.shared.confluence.check_write(what, stop).await?;
        }
        Ok(refused)
    }

    /// Why a provider is of no use, if that can be known: it refuses the key or knows no such model,
    /// or cannot be reached.
    async fn model(&self, provider: &Provider) -> Option<Cause> {
        let cause = |class, status| Cause { service: provider.name.clone(), class, status };
        let request = provider.model_request().ok()?;
        let response = match timeout(TIME_LIMIT, self.shared.transport.send(request)).await {
            // A server that is slow to say what it has may be quick with answers.
            Err(_) => return None,
            Ok(Err(error)) => {
                let class = ErrorClass::from(error);
                return (class == ErrorClass::Unreachable).then(|| cause(class, None));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        let class = provider.read(&response).err()?.class;
        is_of_the_account(class, response.body()).then(|| cause(class, Some(status.as_u16())))
    }
}
