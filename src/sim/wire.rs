//! The wire: every exchange is real HTTP over loopback, against wiremock, while virtual time
//! stands still.
//!
//! The client blocks the simulation's thread until the whole response is there, so an exchange is
//! one atomic step and no other task can run meanwhile; that is what makes histories equal. The
//! server has a thread, a runtime and a clock of its own. The fake is told the virtual time in a
//! private header, answers at once, and states its latency in another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::{HeaderValue, Request, Response, Uri};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Builder;
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fakes::world::World;
use crate::fakes::{Broken, Reply, hosts};

const NOW: HeaderName = HeaderName::from_static("x-sim-now-ms");
const LATENCY: HeaderName = HeaderName::from_static("x-sim-latency-ms");
const BROKEN: HeaderName = HeaderName::from_static("x-sim-broken");

/// wiremock keeps every request it matched until it is reset.
const RESET_AFTER: u64 = 200;
/// A real exchange on loopback that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The wire itself failed, which no fake ordered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("exchange with the fake services over HTTP: {0}")]
pub struct WireError(String);

impl WireError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A wiremock server with the world behind it, and the client that talks to it.
#[derive(Debug)]
pub struct Wire {
    world: Arc<Mutex<World>>,
    client: ureq::Agent,
    address: SocketAddr,
    server: Mutex<Server>,
}

/// The server, as long as it lives.
#[derive(Debug)]
struct Server {
    mock: Option<MockServer>,
    exchanges: u64,
    kill_after: Option<u64>,
}

impl Wire {
    /// Starts the server. With `kill_after`, the server is gone after that many exchanges, which
    /// proves that the wire is used.
    pub fn start(world: Arc<Mutex<World>>, kill_after: Option<u64>) -> Result<Self, WireError> {
        let mock = elsewhere(async {
            let mock = MockServer::builder().disable_request_recording().start().await;
            mount(&mock, &world).await;
            mock
        })?;
        let client = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(PATIENCE))
            .build();
        let address = *mock.address();
        let server = Server { mock: Some(mock), exchanges: 0, kill_after };
        Ok(Self { world, client: client.new_agent(), address, server: Mutex::new(server) })
    }

    /// Performs one exchange and blocks this thread until it is done.
    pub fn exchange(&self, now_ms: u64, request: Request<Bytes>) -> Result<Reply, WireError> {
        let mut server = self.server.lock();
        if server.kill_after == Some(server.exchanges) {
            server.mock = None;
        }
        let reply = self.perform(now_ms, request)?;
        server.exchanges += 1;
        if server.exchanges.is_multiple_of(RESET_AFTER) {
            server.forget(&self.world)?;
        }
        Ok(reply)
    }

    fn perform(&self, now_ms: u64, request: Request<Bytes>) -> Result<Reply, WireError> {
        let (mut parts, body) = request.into_parts();
        let host = parts.uri.host().unwrap_or_default();
        parts.headers.insert(HOST, HeaderValue::from_str(host).map_err(WireError::new)?);
        parts.headers.insert(NOW, HeaderValue::from(now_ms));
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let local = format!("http://{}{target}", self.address);
        parts.uri = local.parse::<Uri>().map_err(WireError::new)?;
        let received = if body.is_empty() {
            self.client.run(Request::from_parts(parts, ()))
        } else {
            self.client.run(Request::from_parts(parts, &*body))
        };
        let (parts, body) = received.map_err(WireError::new)?.into_parts();
        let body = body.into_with_config().limit(u64::MAX).read_to_vec();
        let mut response = Response::from_parts(parts, Bytes::from(body.map_err(WireError::new)?));
        let headers = response.headers_mut();
        let broken = headers.remove(BROKEN).and_then(|name| Broken::named(name.to_str().ok()?));
        let latency = headers.remove(LATENCY).and_then(|ms| ms.to_str().ok()?.parse().ok());
        let latency_ms = latency.ok_or_else(|| {
            WireError(format!("status {} came from outside the fakes", response.status().as_u16()))
        })?;
        Ok(Reply { response, latency_ms, broken, pieces: Vec::new(), about: None })
    }
}

impl Server {
    /// Makes wiremock forget the requests it has seen.
    fn forget(&self, world: &Arc<Mutex<World>>) -> Result<(), WireError> {
        let Some(mock) = &self.mock else { return Ok(()) };
        elsewhere(async {
            mock.reset().await;
            mount(mock, world).await;
        })
    }
}

/// Drives a future on a thread of its own: this one may be inside the simulation's runtime.
fn elsewhere<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, WireError> {
    let runtime = Builder::new_current_thread().build().map_err(WireError::new)?;
    let driven = thread::scope(|scope| scope.spawn(move || runtime.block_on(future)).join());
    driven.map_err(|_| WireError::new("the set-up of the server panicked"))
}

async fn mount(server: &MockServer, world: &Arc<Mutex<World>>) {
    for host in [hosts::CONFLUENCE, hosts::GEMINI, hosts::OPENAI] {
        let world = Arc::clone(world);
        let respond = move |request: &wiremock::Request| respond(&world, host, request);
        Mock::given(header("host", host)).respond_with(respond).mount(server).await;
    }
}

fn respond(world: &Mutex<World>, host: &str, received: &wiremock::Request) -> ResponseTemplate {
    let now = received.headers.get(NOW).and_then(|now| now.to_str().ok()?.parse().ok());
    let mut request = Request::new(Bytes::copy_from_slice(&received.body));
    *request.method_mut() = received.method.clone();
    let target = &received.url.as_str()[url_path(received.url.as_str())..];
    *request.uri_mut() = target.parse().unwrap_or_default();
    *request.headers_mut() = received.headers.clone();
    let mut world = world.lock();
    let reply = now.and_then(|now_ms| world.reply(now_ms, host, &request));
    let Some(Reply { response, latency_ms, broken, .. }) = reply else {
        return ResponseTemplate::new(400);
    };
    let (parts, body) = response.into_parts();
    let mut template = ResponseTemplate::new(parts.status.as_u16())
        .set_body_bytes(body)
        .insert_header(LATENCY, latency_ms.to_string());
    if let Some(broken) = broken {
        template = template.insert_header(BROKEN, broken.name());
    }
    for (name, value) in &parts.headers {
        template = template.insert_header(name.clone(), value.clone());
    }
    template
}

/// Where the path of an absolute URL begins.
fn url_path(url: &str) -> usize {
    let authority = url.find("://").map_or(0, |at| at + 3);
    url[authority..].find('/').map_or(url.len(), |at| authority + at)
}
