//! The labels of a page: read with v2 (v1 where there is no other), written with v1, the only API
//! that can.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Confluence;
use super::client::{Call, NoResponse};
use super::confluence::{Api, LIST_LIMIT, Links, query};
use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::event::ConfluenceOp;
use crate::pipeline::lenient::or_default;
use crate::pipeline::page::PageId;

/// Labels of one page that are read; a page with more has none that could be trusted.
const MOST_LABELS: usize = 25_000;
/// Pieces in a row of a list of labels that may be empty.
const EMPTY_PIECES: u32 = 3;

impl Confluence {
    /// The global labels of a page.
    pub(crate) async fn labels(
        &self,
        page: PageId,
        stop: &CancellationToken,
    ) -> Result<Vec<String>, NoResponse> {
        #[derive(Deserialize)]
        struct Labels {
            #[serde(default, deserialize_with = "or_default")]
            results: Vec<Label>,
            #[serde(rename = "_links", default, deserialize_with = "or_default")]
            links: Links,
        }
        #[derive(Deserialize)]
        struct Label {
            name: String,
        }
        let malformed = || NoResponse::Failed(Cause::of_confluence(ErrorClass::Malformed, None));
        let mut path = match self.api() {
            Api::V2 => format!("/api/v2/pages/{page}/labels?prefix=global&limit={LIST_LIMIT}"),
            Api::V1 => format!("/rest/api/content/{page}/label?prefix=global&limit=200"),
        };
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut empty_pieces = 0;
        loop {
            let call = Call::read(ConfluenceOp::Labels, &path, stop).about(page.0);
            let response = self.client.call(&call).await?;
            let labels: Labels =
                serde_json::from_slice(response.body()).map_err(|_| malformed())?;
            empty_pieces = if labels.results.is_empty() { empty_pieces + 1 } else { 0 };
            found.extend(labels.results.into_iter().map(|label| label.name));
            let next = self.follow(&path, labels.links).map_err(|_| malformed())?;
            let Some(next) = next else { return Ok(found) };
            // A list that comes back to where it was, or that does not end, is none.
            seen.insert(std::mem::replace(&mut path, next));
            let has_too_many = seen.len() >= MOST_LABELS / LIST_LIMIT || found.len() > MOST_LABELS;
            if seen.contains(&path) || has_too_many || empty_pieces > EMPTY_PIECES {
                return Err(malformed());
            }
        }
    }

    /// Adds labels to a page; those it has stay.
    pub(crate) async fn add_labels(
        &self,
        page: PageId,
        labels: &[String],
        stop: &CancellationToken,
    ) -> Result<(), NoResponse> {
        let named = labels.iter().map(|name| json!({"prefix": "global", "name": name}));
        let body = serde_json::to_vec(&named.collect::<serde_json::Value>()).unwrap_or_default();
        let path = &format!("/rest/api/content/{page}/label");
        let (op, method, body) = (ConfluenceOp::AddLabels, Method::POST, Bytes::from(body));
        let call = Call { op, identity: page.0, method, path, body, stop };
        self.client.call(&call).await.map(drop)
    }

    /// Removes a label from a page.
    pub(crate) async fn remove_label(
        &self,
        page: PageId,
        label: &str,
        stop: &CancellationToken,
    ) -> Result<(), NoResponse> {
        // The query form takes every legal label, the path form none with a slash.
        let path = &format!("/rest/api/content/{page}/label?{}", query("name", label));
        let (op, method, body) = (ConfluenceOp::RemoveLabel, Method::DELETE, Bytes::new());
        let call = Call { op, identity: page.0, method, path, body, stop };
        match self.client.call(&call).await {
            // Already gone, as after a removal whose answer was lost.
            Err(NoResponse::Failed(cause)) if cause.class == ErrorClass::NotFound => Ok(()),
            done => done.map(drop),
        }
    }
}
