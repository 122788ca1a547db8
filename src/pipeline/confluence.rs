//! The Confluence client: pages are read with v2, labels are written with v1, the only API that
//! can.
//!
//! Listing follows the cursor of the `next` link as it is given. A 429 with `Retry-After` closes
//! a gate that all calls wait at, so that one refusal is enough. Every call here may be repeated:
//! adding a label that is there and removing one that is not change nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::pipeline::backoff::Schedule;
use crate::pipeline::error::{ErrorClass, PipelineError};
use crate::pipeline::event::{ConfluenceOp, Event, Observer};
use crate::pipeline::page::PageId;
use crate::pipeline::provider::{Secret, retry_after};
use crate::pipeline::transport::Transport;
use crate::rng::Seed;

/// Pages per listing call; the most that v2 gives.
const LIST_LIMIT: usize = 250;

/// A Confluence site and who reads it.
#[derive(Debug, Clone)]
pub struct Site {
    /// The origin with the context path, such as `https://acme.atlassian.net/wiki`.
    pub base: String,
    /// The account's e-mail address.
    pub user: String,
    /// Its API token.
    pub token: Secret,
}

/// A page as listed, with its body in storage format.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ListedPage {
    /// Its id, as text.
    pub(crate) id: String,
    /// Its title.
    #[serde(default)]
    pub(crate) title: String,
    /// Its version.
    pub(crate) version: ListedVersion,
    /// Its body.
    #[serde(default)]
    pub(crate) body: ListedBody,
}

/// The version of a listed page.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ListedVersion {
    /// Its number.
    pub(crate) number: u64,
}

/// The body of a listed page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListedBody {
    /// In storage format.
    pub(crate) storage: Storage,
}

/// A body in storage format.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Storage {
    /// The XHTML fragment.
    pub(crate) value: String,
}

#[derive(Deserialize)]
struct Listing {
    results: Vec<ListedPage>,
    #[serde(rename = "_links", default)]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    next: Option<String>,
}

/// The client of one site.
pub(crate) struct Confluence {
    site: Site,
    transport: Arc<dyn Transport>,
    observer: Arc<dyn Observer>,
    schedule: Schedule,
    attempts: u32,
    time_limit: Duration,
    seed: Seed,
    closed_until: Mutex<Option<Instant>>,
}

/// A piece of a listing.
pub(crate) struct Listed {
    /// The pages, in order.
    pub(crate) pages: Vec<ListedPage>,
    /// Ids that were asked for and that the site does not show.
    pub(crate) missing: Vec<PageId>,
    /// Where to go on, if there is more.
    pub(crate) next: Option<Cursor>,
}

/// Where a listing stands.
#[derive(Debug, Clone)]
pub(crate) enum Cursor {
    /// At this path and query, relative to the site's origin.
    At(String),
    /// At these ids; the first of them are asked for next.
    Ids(Vec<PageId>),
}

impl Confluence {
    pub(crate) fn new(
        site: Site,
        transport: Arc<dyn Transport>,
        observer: Arc<dyn Observer>,
        config: &crate::pipeline::config::Config,
        seed: Seed,
    ) -> Self {
        Self {
            site,
            transport,
            observer,
            schedule: config.backoff,
            attempts: u32::try_from(config.confluence_attempts).unwrap_or(u32::MAX),
            time_limit: Duration::from_millis(config.timeout_ms),
            seed,
            closed_until: Mutex::new(None),
        }
    }

    /// Where the listing of this space begins.
    pub(crate) async fn open_space(&self, key: &str) -> Result<Cursor, PipelineError> {
        #[derive(Deserialize)]
        struct Spaces {
            results: Vec<Space>,
        }
        #[derive(Deserialize)]
        struct Space {
            id: String,
            key: String,
        }
        let path = format!("/api/v2/spaces?{}", query("keys", key));
        let response = self.call(ConfluenceOp::Space, 0, Method::GET, &path, Bytes::new()).await;
        let response = response.map_err(|class| self.listing_failed(class))?;
        let spaces: Spaces = read_json(&response)?;
        let space = spaces.results.into_iter().find(|space| space.key == key);
        let id = space.ok_or_else(|| PipelineError::NoSuchSpace { key: key.to_owned() })?.id;
        let path = format!(
            "/api/v2/spaces/{id}/pages?body-format=storage&status=current&limit={LIST_LIMIT}"
        );
        Ok(Cursor::At(path))
    }

    /// The next pages, and where to go on.
    pub(crate) async fn list(&self, cursor: Cursor) -> Result<Listed, PipelineError> {
        match cursor {
            Cursor::At(path) => {
                let Listing { results: pages, links } = self.listing(&path).await?;
                // The link is given from the origin on, with the context path.
                let next = links.next.map(|link| {
                    let path = link.strip_prefix("/wiki").map(str::to_owned);
                    Cursor::At(path.unwrap_or(link))
                });
                Ok(Listed { pages, missing: Vec::new(), next })
            }
            Cursor::Ids(mut ids) => {
                let rest = ids.split_off(ids.len().min(LIST_LIMIT));
                let list: Vec<String> = ids.iter().map(PageId::to_string).collect();
                let list = list.join(",");
                let pages = self
                    .listing(&format!(
                        "/api/v2/pages?id={list}&body-format=storage&limit={LIST_LIMIT}"
                    ))
                    .await?
                    .results;
                let found: BTreeSet<&str> = pages.iter().map(|page| page.id.as_str()).collect();
                ids.retain(|id| !found.contains(id.to_string().as_str()));
                let next = (!rest.is_empty()).then_some(Cursor::Ids(rest));
                Ok(Listed { pages, missing: ids, next })
            }
        }
    }

    async fn listing(&self, path: &str) -> Result<Listing, PipelineError> {
        let response = self.call(ConfluenceOp::Pages, 0, Method::GET, path, Bytes::new()).await;
        read_json(&response.map_err(|class| self.listing_failed(class))?)
    }

    /// The global labels of a page.
    pub(crate) async fn labels(&self, page: PageId) -> Result<Vec<String>, ErrorClass> {
        #[derive(Deserialize)]
        struct Labels {
            results: Vec<Label>,
            #[serde(rename = "_links", default)]
            links: Links,
        }
        #[derive(Deserialize)]
        struct Label {
            name: String,
        }
        let mut path = format!("/api/v2/pages/{page}/labels?prefix=global&limit={LIST_LIMIT}");
        let mut found = Vec::new();
        loop {
            let response =
                self.call(ConfluenceOp::Labels, page.0, Method::GET, &path, Bytes::new()).await?;
            let labels: Labels =
                serde_json::from_slice(response.body()).map_err(|_| ErrorClass::Malformed)?;
            found.extend(labels.results.into_iter().map(|label| label.name));
            match labels.links.next {
                Some(next) => next.strip_prefix("/wiki").unwrap_or(&next).clone_into(&mut path),
                None => return Ok(found),
            }
        }
    }

    /// Adds labels to a page; those it has stay.
    pub(crate) async fn add_labels(
        &self,
        page: PageId,
        labels: &[String],
    ) -> Result<(), ErrorClass> {
        let named = labels.iter().map(|name| json!({"prefix": "global", "name": name}));
        let body = serde_json::to_vec(&named.collect::<serde_json::Value>()).unwrap_or_default();
        let path = format!("/rest/api/content/{page}/label");
        let body = Bytes::from(body);
        self.call(ConfluenceOp::AddLabels, page.0, Method::POST, &path, body).await.map(drop)
    }

    /// Removes a label from a page.
    pub(crate) async fn remove_label(&self, page: PageId, label: &str) -> Result<(), ErrorClass> {
        // The query form takes every legal label, the path form none with a slash.
        let path = format!("/rest/api/content/{page}/label?{}", query("name", label));
        match self
            .call(ConfluenceOp::RemoveLabel, page.0, Method::DELETE, &path, Bytes::new())
            .await
        {
            // Already gone, as after a removal whose answer was lost.
            Err(ErrorClass::NotFound) => Ok(()),
            done => done.map(drop),
        }
    }

    fn listing_failed(&self, class: ErrorClass) -> PipelineError {
        PipelineError::Listing { site: self.site.base.clone(), class }
    }

    /// One call with its retries: its response, or the class of the last failure.
    async fn call(
        &self,
        op: ConfluenceOp,
        identity: u64,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, ErrorClass> {
        let mut failed = 0;
        loop {
            self.wait_at_gate().await;
            let request = self.request(&method, path, body.clone())?;
            let started = Instant::now();
            let result = timeout(self.time_limit, self.transport.send(request)).await;
            let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let response = result.map_err(|_| ErrorClass::Timeout);
            let response = response.and_then(|sent| sent.map_err(|_| ErrorClass::Connection));
            let status = response.as_ref().ok().map(|response| response.status().as_u16());
            self.observer.observe(Event::ConfluenceCall { op, status, latency_ms, hint_ms: None });
            let (class, hint) = match response {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let class = ErrorClass::of_status(response.status().as_u16());
                    (class, retry_after(response.headers()))
                }
                Err(class) => (class, None),
            };
            failed += 1;
            if !class.is_transient() || failed >= self.attempts {
                return Err(class);
            }
            if let Some(hint) = hint {
                self.close_gate(hint);
            } else {
                let draw = self.seed.draw("confluence backoff", identity, u64::from(failed));
                sleep(self.schedule.delay(failed, draw)).await;
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Bytes>, ErrorClass> {
        let credentials = format!("{}:{}", self.site.user, self.site.token.expose());
        let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.site.base))
            .header("authorization", format!("Basic {credentials}"))
            .header("accept", "application/json");
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(body).map_err(|_| ErrorClass::BadRequest)
    }

    fn close_gate(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut closed = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = Some(closed.map_or(until, |before| before.max(until)));
    }

    async fn wait_at_gate(&self) {
        loop {
            let closed = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            match closed {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }
}

fn read_json<'a, T: Deserialize<'a>>(response: &'a Response<Bytes>) -> Result<T, PipelineError> {
    serde_json::from_slice(response.body())
        .map_err(|error| PipelineError::BadListing { reason: error.to_string() })
}

/// One pair of a query string.
fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
