//! Whether labels may be written, as far as a read tells.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::client::{Call, NoResponse};
use super::confluence::Api;
use super::{Confluence, Cursor};
use crate::pipeline::error::{ErrorClass, PipelineError};
use crate::pipeline::event::ConfluenceOp;
use crate::pipeline::job::PageSelection;

impl Confluence {
    /// Asks what may be done with the first page, of each space. A site that does not say lets everything
    /// pass.
    pub(crate) async fn check_write(
        &self,
        what: &PageSelection,
        stop: &CancellationToken,
    ) -> Result<(), PipelineError> {
        let parts = match what {
            PageSelection::Spaces(keys) => keys.iter().map(PageSelection::space).collect(),
            PageSelection::Found(_) | PageSelection::Pages(_) => vec![what.clone()],
        };
        for part in parts {
            if let Some(page) = self.first_page(&part, stop).await? {
                self.check_page(page, stop).await?;
            }
        }
        Ok(())
    }

    async fn check_page(
        &self,
        page: String,
        stop: &CancellationToken,
    ) -> Result<(), PipelineError> {
        if self.api() == Api::V1 {
            return Ok(());
        }
        let path = format!("/api/v2/pages/{page}/operations");
        let call = Call::read(ConfluenceOp::Other, &path, stop);
        let response = match self.client.call(&call).await {
            Ok(response) => response,
            Err(NoResponse::Failed(cause)) if cause.class == ErrorClass::Auth => {
                return Err(self.listing_failed(cause));
            }
            Err(NoResponse::Stopped | NoResponse::Failed(_)) => return Ok(()),
        };
        let said: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let Some(allowed) = said["operations"].as_array() else { return Ok(()) };
        let is_update = |one: &Value| one["operation"] == "update" && one["targetType"] == "page";
        if allowed.is_empty() || allowed.iter().any(is_update) {
            return Ok(());
        }
        Err(PipelineError::NoRight { page })
    }

    /// The id of the first page, as text.
    async fn first_page(
        &self,
        what: &PageSelection,
        stop: &CancellationToken,
    ) -> Result<Option<String>, PipelineError> {
        let first = match what {
            PageSelection::Pages(ids) => return Ok(ids.first().map(ToString::to_string)),
            PageSelection::Found(query) => Self::first_found(query),
            PageSelection::Spaces(keys) => {
                let Some(key) = keys.first() else { return Ok(None) };
                let Some(space) = self.find_space(key, stop).await? else { return Ok(None) };
                Cursor::At(space.first_page())
            }
        };
        let listed = self.list(first, stop).await?;
        Ok(listed.and_then(|listed| listed.pages.into_iter().next()).map(|page| page.id))
    }
}
