//! The Confluence client: pages are read with v2, labels are written with v1, the only API that
//! can.
//!
//! Listing follows the `next` links, which must stay below the site's base ([`link`]). A 429 with
//! `Retry-After` closes a gate that all calls wait at, so that one refusal is enough; a gate that
//! stays closed for longer than the patience is not waited for. Every call here may be repeated:
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
use tokio_util::sync::CancellationToken;

use crate::pipeline::backoff::Schedule;
use crate::pipeline::complaint;
use crate::pipeline::error::{ErrorClass, PipelineError};
use crate::pipeline::event::{ConfluenceOp, Event, Observer};
use crate::pipeline::link;
use crate::pipeline::page::PageId;
use crate::pipeline::provider::{Secret, retry_after};
use crate::pipeline::shown::shown;
use crate::pipeline::transport::{BodyLimit, Transport};
use crate::rng::Seed;

/// Pages per listing call; the most that v2 gives.
const LIST_LIMIT: usize = 250;
/// Labels of one page that are read; a page with more has none that could be trusted.
const MOST_LABELS: usize = 25_000;
/// Pieces in a row of a list of labels that may be empty.
const EMPTY_PIECES: u32 = 3;

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
    patience: Duration,
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
    /// At this path and query, relative to the site's base.
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
            patience: Duration::from_secs(config.patience_s),
            seed,
            closed_until: Mutex::new(None),
        }
    }

    /// Where the listing of this space begins.
    pub(crate) async fn open_space(
        &self,
        key: &str,
        stop: &CancellationToken,
    ) -> Result<Cursor, PipelineError> {
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
        let called = self.read(ConfluenceOp::Space, 0, &path, Some(stop)).await;
        let spaces: Spaces = read_json(&called.map_err(|class| self.listing_failed(class))?)?;
        let space = spaces.results.into_iter().find(|space| space.key == key);
        let id = space.ok_or_else(|| PipelineError::NoSuchSpace { key: key.to_owned() })?.id;
        let path = format!(
            "/api/v2/spaces/{id}/pages?body-format=storage&status=current&limit={LIST_LIMIT}"
        );
        Ok(Cursor::At(path))
    }

    /// The next pages, and where to go on.
    pub(crate) async fn list(
        &self,
        cursor: Cursor,
        stop: &CancellationToken,
    ) -> Result<Listed, PipelineError> {
        match cursor {
            Cursor::At(path) => {
                let Listing { results: pages, links } = self.listing(&path, stop).await?;
                let next = self.follow(&path, links).map_err(|reason| {
                    PipelineError::BadListing { reason: format!("{reason}; it is not followed") }
                })?;
                Ok(Listed { pages, missing: Vec::new(), next: next.map(Cursor::At) })
            }
            Cursor::Ids(mut ids) => {
                let rest = ids.split_off(ids.len().min(LIST_LIMIT));
                let list: Vec<String> = ids.iter().map(PageId::to_string).collect();
                let list = list.join(",");
                let path =
                    format!("/api/v2/pages?id={list}&body-format=storage&limit={LIST_LIMIT}");
                let mut pages = self.listing(&path, stop).await?.results;
                // Whatever else is answered was not asked for, and is not touched.
                let asked: BTreeSet<String> = ids.iter().map(PageId::to_string).collect();
                pages.retain(|page| asked.contains(&page.id));
                let found: BTreeSet<&str> = pages.iter().map(|page| page.id.as_str()).collect();
                ids.retain(|id| !found.contains(id.to_string().as_str()));
                let next = (!rest.is_empty()).then_some(Cursor::Ids(rest));
                Ok(Listed { pages, missing: ids, next })
            }
        }
    }

    async fn listing(
        &self,
        path: &str,
        stop: &CancellationToken,
    ) -> Result<Listing, PipelineError> {
        let called = self.read(ConfluenceOp::Pages, 0, path, Some(stop)).await;
        read_json(&called.map_err(|class| self.listing_failed(class))?)
    }

    /// Where a listing goes on after `path`, if there is more.
    fn follow(&self, path: &str, links: Links) -> Result<Option<String>, String> {
        let link = links.next.filter(|link| !link.is_empty());
        link.map(|link| link::follow(&self.site.base, path, &link)).transpose()
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
        let mut seen = BTreeSet::new();
        let mut empty_pieces = 0;
        loop {
            let response = self.read(ConfluenceOp::Labels, page.0, &path, None).await?;
            let labels: Labels =
                serde_json::from_slice(response.body()).map_err(|_| ErrorClass::Malformed)?;
            empty_pieces = if labels.results.is_empty() { empty_pieces + 1 } else { 0 };
            found.extend(labels.results.into_iter().map(|label| label.name));
            let next = self.follow(&path, labels.links).map_err(|_| ErrorClass::Malformed)?;
            let Some(next) = next else { return Ok(found) };
            // A list that comes back to where it was, or that does not end, is none.
            seen.insert(std::mem::replace(&mut path, next));
            let has_too_many = seen.len() >= MOST_LABELS / LIST_LIMIT || found.len() > MOST_LABELS;
            if seen.contains(&path) || has_too_many || empty_pieces > EMPTY_PIECES {
                return Err(ErrorClass::Malformed);
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
        let called = self.call(ConfluenceOp::AddLabels, page.0, Method::POST, &path, body, None);
        called.await.map(drop)
    }

    /// Removes a label from a page.
    pub(crate) async fn remove_label(&self, page: PageId, label: &str) -> Result<(), ErrorClass> {
        // The query form takes every legal label, the path form none with a slash.
        let path = format!("/rest/api/content/{page}/label?{}", query("name", label));
        let (op, method) = (ConfluenceOp::RemoveLabel, Method::DELETE);
        match self.call(op, page.0, method, &path, Bytes::new(), None).await {
            // Already gone, as after a removal whose answer was lost.
            Err(ErrorClass::NotFound) => Ok(()),
            done => done.map(drop),
        }
    }

    fn listing_failed(&self, class: ErrorClass) -> PipelineError {
        PipelineError::Listing { site: self.site.base.clone(), class }
    }

    /// One call that changes nothing.
    async fn read(
        &self,
        op: ConfluenceOp,
        identity: u64,
        path: &str,
        stop: Option<&CancellationToken>,
    ) -> Result<Response<Bytes>, ErrorClass> {
        self.call(op, identity, Method::GET, path, Bytes::new(), stop).await
    }

    /// One call with its retries: its response, or the class of the last failure. Cancelling
    /// `stop` ends its waits.
    async fn call(
        &self,
        op: ConfluenceOp,
        identity: u64,
        method: Method,
        path: &str,
        body: Bytes,
        stop: Option<&CancellationToken>,
    ) -> Result<Response<Bytes>, ErrorClass> {
        let mut failed = 0;
        loop {
            unless_stopped(stop, self.wait_at_gate()).await.ok_or(ErrorClass::RateLimited)??;
            let mut request = self.request(&method, path, body.clone())?;
            if op == ConfluenceOp::Pages {
                request.extensions_mut().insert(BodyLimit::LISTING);
            }
            let started = Instant::now();
            let result = timeout(self.time_limit, self.transport.send(request)).await;
            let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let response = result.map_err(|_| ErrorClass::Timeout);
            let response = response.and_then(|sent| sent.map_err(ErrorClass::from));
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
                let wait = sleep(self.schedule.delay(failed, draw));
                unless_stopped(stop, wait).await.ok_or(class)?;
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

    /// Waits until the gate is open, unless that is longer than the patience.
    async fn wait_at_gate(&self) -> Result<(), ErrorClass> {
        loop {
            let closed = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(until) = closed.filter(|until| *until > Instant::now()) else {
                return Ok(());
            };
            if until.duration_since(Instant::now()) > self.patience {
                return Err(ErrorClass::RateLimited);
            }
            sleep_until(until).await;
        }
    }
}

/// What a wait comes to; nothing if it is stopped first.
async fn unless_stopped<T>(
    stop: Option<&CancellationToken>,
    wait: impl Future<Output = T>,
) -> Option<T> {
    let Some(stop) = stop else { return Some(wait.await) };
    tokio::select! {
        biased;
        done = wait => Some(done),
        () = stop.cancelled() => None,
    }
}

fn read_json<'a, T: Deserialize<'a>>(response: &'a Response<Bytes>) -> Result<T, PipelineError> {
    serde_json::from_slice(response.body()).map_err(|error| {
        let reason = match complaint::title(response.body()) {
            Some(title) => format!("expected JSON, found an HTML page, `{title}`"),
            None => shown(&error.to_string(), 160),
        };
        PipelineError::BadListing { reason }
    })
}

/// One pair of a query string.
fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
