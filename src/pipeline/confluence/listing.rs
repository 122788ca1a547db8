//! Listing: pages with their bodies, piece by piece, as far as each can be read.
//!
//! Cloud has v2. A site without it (Data Center) is listed with v1, whose pages have the same form
//! but for their version. Every field but the id may be missing or `null`.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Confluence;
use super::client::{Call, NoResponse};
use super::confluence::{Api, LIST_LIMIT, Links, query};

use crate::pipeline::error::{Cause, ErrorClass, PipelineError};
use crate::pipeline::event::ConfluenceOp;
use crate::pipeline::job::PageQuery;
use crate::pipeline::lenient::{or_default, text_of_id};
use crate::pipeline::page::PageId;
use crate::pipeline::printable::{shown, title};

/// Pages per piece in v1, which gives fewer with their bodies.
const V1_LIMIT: usize = 100;

/// A page as listed, with its body in storage format.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ListedPage {
    /// Its id, as text.
    #[serde(deserialize_with = "text_of_id")]
    pub(crate) id: String,
    /// Its title.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) title: String,
    /// Its version.
    #[serde(default, deserialize_with = "or_default")]
    version: ListedVersion,
    /// Its body.
    #[serde(default, deserialize_with = "or_default")]
    body: ListedBody,
    /// In v2: the id of its space.
    #[serde(rename = "spaceId", default)]
    space_id: Value,
    /// In v1, if it is asked for: its space.
    #[serde(default)]
    space: Value,
    /// In v1, if they are asked for: its labels.
    #[serde(default, deserialize_with = "or_default")]
    metadata: ListedMetadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ListedMetadata {
    #[serde(deserialize_with = "or_default")]
    labels: Option<ListedLabels>,
}

#[derive(Debug, Clone, Deserialize)]
struct ListedLabels {
    results: Vec<ListedLabel>,
    #[serde(default, deserialize_with = "or_default")]
    limit: usize,
}

#[derive(Debug, Clone, Deserialize)]
struct ListedLabel {
    #[serde(default, deserialize_with = "or_default")]
    prefix: String,
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ListedVersion {
    #[serde(deserialize_with = "or_default")]
    number: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ListedBody {
    #[serde(deserialize_with = "or_default")]
    storage: Storage,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Storage {
    value: Option<String>,
}

impl ListedPage {
    /// The number of its version, or 0.
    pub(crate) fn version(&self) -> u64 {
        self.version.number
    }

    /// Its global labels, if all of them came.
    pub(crate) fn labels(&self) -> Option<Vec<Arc<str>>> {
        let labels = self.metadata.labels.as_ref()?;
        let is_whole = labels.results.len() < labels.limit;
        let global = labels.results.iter().filter(|label| label.prefix == "global");
        is_whole.then(|| global.map(|label| label.name.as_str().into()).collect())
    }

    /// The XHTML fragment, if it came.
    pub(crate) fn storage(&self) -> Option<&str> {
        self.body.storage.value.as_deref()
    }
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default, deserialize_with = "or_default")]
    results: Vec<Value>,
    #[serde(rename = "_links", default, deserialize_with = "or_default")]
    links: Links,
}

/// A space, as the interface names it that lists its pages.
pub(crate) enum FoundSpace {
    V2 { id: String },
    V1 { key: String },
}

impl FoundSpace {
    /// Whether a page is one of this space; one that does not say so may be.
    pub(crate) fn has(&self, page: &ListedPage) -> bool {
        match self {
            Self::V2 { id } => match &page.space_id {
                Value::String(of) => of == id,
                Value::Number(of) => of.to_string() == *id,
                _ => true,
            },
            Self::V1 { key } => page.space["key"].as_str().is_none_or(|of| of == key),
        }
    }

    /// The path of its pages with their bodies, as many at a time as there may be.
    fn whole_pages(&self, lists_labels: bool) -> String {
        match self {
            Self::V2 { .. } => self.pages("body-format=storage&", LIST_LIMIT),
            Self::V1 { .. } => self.pages(&format!("expand={}&", expanded(lists_labels)), V1_LIMIT),
        }
    }

    /// The path of its first page alone.
    pub(super) fn first_page(&self) -> String {
        self.pages("", 1)
    }

    fn pages(&self, more: &str, limit: usize) -> String {
        match self {
            Self::V2 { id } => {
                format!("/api/v2/spaces/{id}/pages?{more}status=current&limit={limit}")
            }
            Self::V1 { key } => format!(
                "/rest/api/content?{}&type=page&{more}status=current&limit={limit}",
                query("spaceKey", key)
            ),
        }
    }
}

/// The path of what a query in CQL finds.
fn search(cql: &str, expanded: &str, limit: usize) -> String {
    let cql = query("cql", cql);
    format!("/rest/api/content/search?{cql}&expand={expanded}&limit={limit}")
}

/// What v1 lists of a page beside its title.
fn expanded(lists_labels: bool) -> &'static str {
    if lists_labels { "body.storage,version,metadata.labels" } else { "body.storage,version" }
}

/// How much is asked of pages that are listed by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageForm {
    /// The page with its text.
    Whole,
    /// Its title and its space.
    Title,
}

/// A piece of a listing.
pub(crate) struct Listed {
    /// The pages, in order.
    pub(crate) pages: Vec<ListedPage>,
    /// Ids that were asked for and that the site does not show.
    pub(crate) missing: Vec<PageId>,
    /// What is wrong with an entry that is no page, if one is.
    pub(crate) unreadable: Option<String>,
    /// The address at which people see the site, where it says so.
    pub(crate) site: Option<String>,
    /// Where to go on, if there is more.
    pub(crate) next: Option<Cursor>,
}

/// Where a listing stands.
#[derive(Debug, Clone)]
pub(crate) enum Cursor {
    /// At this path and query, relative to the site's base.
    At(String),
    /// At these ids, of which none has come yet, and then at the rest; the answer to them goes on at
    /// a path, if there is one.
    Ids { open: Vec<PageId>, rest: Vec<PageId>, path: Option<String>, form: PageForm },
}

impl Cursor {
    /// Before the first of these ids.
    pub(crate) fn of_ids(mut ids: Vec<PageId>, form: PageForm) -> Option<Self> {
        let rest = ids.split_off(ids.len().min(LIST_LIMIT));
        (!ids.is_empty()).then_some(Self::Ids { open: ids, rest, path: None, form })
    }

    /// The path that is asked for next, where it is known.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::At(path) => Some(path),
            Self::Ids { path, .. } => path.as_deref(),
        }
    }
}

impl Confluence {
    /// Where the listing of a space begins.
    pub(crate) fn first_piece(&self, space: &FoundSpace) -> Cursor {
        Cursor::At(space.whole_pages(self.lists_labels))
    }

    /// Where the listing of what a query finds begins. Queries are a thing of v1, on Cloud as well.
    pub(crate) fn found(&self, query: &PageQuery) -> Cursor {
        let expanded = expanded(self.lists_labels);
        Cursor::At(search(&query.to_string(), expanded, V1_LIMIT))
    }

    /// The same for its first page alone, without a text.
    pub(super) fn first_found(query: &PageQuery) -> Cursor {
        Cursor::At(search(&query.to_string(), "", 1))
    }

    /// Looks a space up; nothing if it is stopped.
    pub(crate) async fn find_space(
        &self,
        key: &str,
        stop: &CancellationToken,
    ) -> Result<Option<FoundSpace>, PipelineError> {
        #[derive(Deserialize)]
        struct Spaces {
            results: Vec<Space>,
        }
        #[derive(Deserialize)]
        struct Space {
            #[serde(deserialize_with = "text_of_id")]
            id: String,
            key: String,
        }
        let path = format!("/api/v2/spaces?{}", query("keys", key));
        let response = match self.read(ConfluenceOp::Space, &path, stop).await {
            Ok(response) => response,
            Err(NoResponse::Stopped) => return Ok(None),
            Err(NoResponse::Failed(cause)) if cause.class == ErrorClass::NotFound => {
                return self.find_in_v1(key, cause, stop).await;
            }
            Err(NoResponse::Failed(cause)) => return Err(self.listing_failed(cause)),
        };
        let spaces: Spaces = read_json(&response)?;
        let space = spaces.results.into_iter().find(|space| space.key == key);
        let id = space.ok_or_else(|| PipelineError::NoSuchSpace { key: key.to_owned() })?.id;
        if !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            let reason =
                format!("expected a number as the id of a space, found `{}`", shown(&id, 40));
            return Err(PipelineError::BadListing { reason });
        }
        Ok(Some(FoundSpace::V2 { id }))
    }

    /// The same on a site that has no v2; `v2` is what it said to that.
    async fn find_in_v1(
        &self,
        key: &str,
        v2: Cause,
        stop: &CancellationToken,
    ) -> Result<Option<FoundSpace>, PipelineError> {
        let path = format!("/rest/api/space?{}", query("spaceKey", key));
        let response = match self.read(ConfluenceOp::Space, &path, stop).await {
            Ok(response) => response,
            Err(NoResponse::Stopped) => return Ok(None),
            // It has neither.
            Err(NoResponse::Failed(cause)) if cause.class == ErrorClass::NotFound => {
                return Err(self.listing_failed(v2));
            }
            Err(NoResponse::Failed(cause)) => return Err(self.listing_failed(cause)),
        };
        let spaces: Value = read_json(&response)?;
        let is_named = |space: &Value| space["key"] == key;
        if !spaces["results"].as_array().is_some_and(|spaces| spaces.iter().any(is_named)) {
            return Err(PipelineError::NoSuchSpace { key: key.to_owned() });
        }
        self.has_v1_only();
        Ok(Some(FoundSpace::V1 { key: key.to_owned() }))
    }

    /// The next pages, and where to go on; nothing if it is stopped.
    pub(crate) async fn list(
        &self,
        cursor: Cursor,
        stop: &CancellationToken,
    ) -> Result<Option<Listed>, PipelineError> {
        let mut form = PageForm::Whole;
        let (mut open, rest, path) = match cursor {
            Cursor::At(path) => (Vec::new(), Vec::new(), path),
            Cursor::Ids { open, rest, path, form: of_ids } => {
                form = of_ids;
                let path = path.unwrap_or_else(|| self.path_of_ids(&open, form));
                (open, rest, path)
            }
        };
        let is_of_ids = !open.is_empty();
        let response = match self.read(ConfluenceOp::Pages, &path, stop).await {
            Ok(response) => response,
            Err(NoResponse::Stopped) => return Ok(None),
            Err(NoResponse::Failed(cause))
                if is_of_ids && cause.class == ErrorClass::NotFound && self.api() == Api::V2 =>
            {
                // Perhaps it has no v2; if it has neither, the second answer says so.
                self.has_v1_only();
                let cursor = Cursor::Ids { open, rest, path: None, form };
                return Box::pin(self.list(cursor, stop)).await;
            }
            Err(NoResponse::Failed(cause)) => return Err(self.listing_failed(cause)),
        };
        let Listing { results, links } = read_json(&response)?;
        let site = links.site();
        let next = self.follow(&path, links).map_err(|reason| PipelineError::BadListing {
            reason: format!("{reason}; it is not followed"),
        })?;
        let (mut pages, unreadable) = pages(results);
        if !is_of_ids {
            let next = next.map(Cursor::At);
            return Ok(Some(Listed { pages, missing: Vec::new(), unreadable, site, next }));
        }
        // Whatever else is answered was not asked for, and is not touched.
        let asked: BTreeSet<String> = open.iter().map(PageId::to_string).collect();
        pages.retain(|page| asked.contains(&page.id));
        let found: BTreeSet<&str> = pages.iter().map(|page| page.id.as_str()).collect();
        open.retain(|id| !found.contains(id.to_string().as_str()));
        let is_more = next.is_some() && !open.is_empty();
        let (next, missing) = if is_more {
            (Some(Cursor::Ids { open, rest, path: next, form }), Vec::new())
        } else {
            (Cursor::of_ids(rest, form), open)
        };
        Ok(Some(Listed { pages, missing, unreadable, site, next }))
    }

    fn path_of_ids(&self, ids: &[PageId], form: PageForm) -> String {
        let list: Vec<String> = ids.iter().map(PageId::to_string).collect();
        let list = list.join(",");
        let (body, expanded) = match form {
            PageForm::Whole => ("&body-format=storage", expanded(self.lists_labels)),
            PageForm::Title => ("", "space"),
        };
        match self.api() {
            Api::V2 => format!("/api/v2/pages?id={list}{body}&limit={LIST_LIMIT}"),
            Api::V1 => search(&format!("id in ({list})"), expanded, V1_LIMIT),
        }
    }

    /// The listing could not be done.
    pub(super) fn listing_failed(&self, cause: Cause) -> PipelineError {
        PipelineError::Listing { site: self.base().to_owned(), cause }
    }
}

/// The pages of a piece, and what is wrong with an entry that is none.
fn pages(results: Vec<Value>) -> (Vec<ListedPage>, Option<String>) {
    let (mut pages, mut unreadable) = (Vec::new(), None);
    for entry in results {
        let id = shown(&entry["id"].to_string(), 40);
        match serde_json::from_value::<ListedPage>(entry) {
            Ok(page) => pages.push(page),
            Err(error) => {
                let reason = format!("the page {id}: {}", shown(&error.to_string(), 160));
                unreadable.get_or_insert(reason);
            }
        }
    }
    (pages, unreadable)
}

fn read_json<'a, T: Deserialize<'a>>(response: &'a Response<Bytes>) -> Result<T, PipelineError> {
    serde_json::from_slice(response.body()).map_err(|error| {
        let reason = match title(response.body()) {
            Some(title) => format!("expected JSON, found an HTML page, `{title}`"),
            None => shown(&error.to_string(), 160),
        };
        PipelineError::BadListing { reason }
    })
}

impl Confluence {
    async fn read(
        &self,
        op: ConfluenceOp,
        path: &str,
        stop: &CancellationToken,
    ) -> Result<Response<Bytes>, NoResponse> {
        self.client.call(&Call::read(op, path, stop)).await
    }
}
