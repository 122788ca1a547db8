//! Labels: those of a page, or the pages of a label, read with v2 (v1 where there is no other); written
//! with v1, the only API that can.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Confluence;
use super::client::{Call, NoResponse};
use super::confluence::{Api, LIST_LIMIT, Links, MOST_PAGES, query};
use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::event::ConfluenceOp;
use crate::pipeline::lenient::{or_default, text_of_id};
use crate::pipeline::page::PageId;

/// Labels of one page that are read; a page with more has none that could be trusted.
const MOST_LABELS: usize = 25_000;
/// Labels of a space that are read.
const MOST_SPACE_LABELS: usize = 100_000;
/// Pieces in a row of a list of labels that may be empty.
const EMPTY_PIECES: u32 = 3;

/// A piece of a list.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
struct ListPiece<T> {
    #[serde(default = "nothing")]
    results: Option<Vec<T>>,
    #[serde(rename = "_links", default, deserialize_with = "or_default")]
    links: Links,
}

fn nothing<T>() -> Option<Vec<T>> {
    None
}

/// A label, as a list names it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Label {
    /// Its id, as text; of a list by page it is not needed.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: LabelId,
    /// Its name.
    pub(crate) name: String,
}

/// The id of a label, as text.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct LabelId(#[serde(deserialize_with = "text_of_id")] String);

/// A list that cannot be read.
fn malformed() -> NoResponse {
    NoResponse::Failed(Cause::of_confluence(ErrorClass::Malformed, None))
}

impl Confluence {
    /// The global labels of a page.
    pub(crate) async fn labels(
        &self,
        page: PageId,
        stop: &CancellationToken,
    ) -> Result<Vec<String>, NoResponse> {
        let path = match self.api() {
            Api::V2 => format!("/api/v2/pages/{page}/labels?prefix=global&limit={LIST_LIMIT}"),
            Api::V1 => format!("/rest/api/content/{page}/label?prefix=global&limit=200"),
        };
        let mut found = Vec::new();
        let take = |label: Label| found.push(label.name);
        self.labels_list(path, page.0, MOST_LABELS, stop, take).await?;
        Ok(found)
    }

    /// The global labels that the pages of a space have.
    pub(crate) async fn labels_of_space(
        &self,
        space: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<Label>, NoResponse> {
        let path =
            format!("/api/v2/spaces/{space}/content/labels?prefix=global&limit={LIST_LIMIT}");
        let mut found = Vec::new();
        self.labels_list(path, 0, MOST_SPACE_LABELS, stop, |label| found.push(label)).await?;
        Ok(found)
    }

    /// The pages of a space that have a label.
    pub(crate) async fn pages_with(
        &self,
        label: &LabelId,
        space: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<PageId>, NoResponse> {
        #[derive(Deserialize)]
        struct LabelledPage {
            #[serde(deserialize_with = "text_of_id")]
            id: String,
        }
        let LabelId(label) = label;
        if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(malformed());
        }
        let path = format!("/api/v2/labels/{label}/pages?space-id={space}&limit={LIST_LIMIT}");
        let mut found = Vec::new();
        let take = |page: LabelledPage| found.extend(page.id.parse().map(PageId));
        self.labels_list(path, 0, MOST_PAGES, stop, take).await?;
        Ok(found)
    }

    /// Reads a list about labels to its end; one of more than `most` entries counts as malformed.
    async fn labels_list<T: DeserializeOwned>(
        &self,
        mut path: String,
        identity: u64,
        most: usize,
        stop: &CancellationToken,
        mut take: impl FnMut(T),
    ) -> Result<(), NoResponse> {
        let (mut seen, mut count, mut empty_pieces) = (BTreeSet::new(), 0, 0);
        loop {
            let call = Call::read(ConfluenceOp::Labels, &path, stop).about(identity);
            let response = self.client.call(&call).await?;
            let piece: ListPiece<T> =
                serde_json::from_slice(response.body()).map_err(|_| malformed())?;
            let ListPiece { results, links } = piece;
            // A page without labels may have no list; of a space that would be no answer.
            let results = match results {
                Some(results) => results,
                None if identity != 0 => Vec::new(),
                None => return Err(malformed()),
            };
            empty_pieces = if results.is_empty() { empty_pieces + 1 } else { 0 };
            count += results.len();
            results.into_iter().for_each(&mut take);
            let next = self.follow(&path, links).map_err(|_| malformed())?;
            let Some(next) = next else { return Ok(()) };
            // A list that comes back to where it was, or that does not end, is none.
            seen.insert(std::mem::replace(&mut path, next));
            let has_too_many = seen.len() >= most / LIST_LIMIT || count > most;
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
