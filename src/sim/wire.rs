//! The wire: every exchange is real HTTP over loopback, against wiremock, while virtual time
//! stands still.
//!
//! The simulation thread blocks until an I/O thread has done the exchange, so an exchange is one
//! atomic step and no other task can run meanwhile; that is what makes histories equal. The fake
//! is told the virtual time in a private header, answers at once, and states its latency in
//! another.

use std::net::SocketAddr;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, HOST, HeaderName};
use http::{HeaderValue, Request, Response};
use thiserror::Error;
use tokio::sync::mpsc;
use wiremock::matchers::header;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fakes::world::World;
use crate::fakes::{Broken, Reply, hosts};
use crate::pipeline::live::install_crypto;

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

struct Job {
    request: Request<Bytes>,
    now_ms: u64,
    done: blocking::SyncSender<Result<Reply, WireError>>,
}

/// A wiremock server with the world behind it, and the thread that talks to it.
#[derive(Debug)]
pub struct Wire {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Wire {
    /// Starts the server and the thread. With `kill_after`, the server is gone after so many
    /// exchanges, which proves that the wire is used.
    pub fn start(world: Arc<Mutex<World>>, kill_after: Option<u64>) -> Result<Self, WireError> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (started, is_started) = blocking::sync_channel(1);
        thread::Builder::new()
            .name("tagspace-wire".to_owned())
            .spawn(move || io_thread(world, queue, kill_after, &started))
            .map_err(|error| WireError(error.to_string()))?;
        match is_started.recv_timeout(PATIENCE) {
            Ok(result) => result.map(|()| Self { jobs }),
            Err(_) => Err(WireError("the server did not start".to_owned())),
        }
    }

    /// Performs one exchange and blocks this thread until it is done.
    pub fn exchange(&self, now_ms: u64, request: Request<Bytes>) -> Result<Reply, WireError> {
        let gone = || WireError("the I/O thread is gone".to_owned());
        let (done, result) = blocking::sync_channel(1);
        self.jobs.send(Job { request, now_ms, done }).map_err(|_| gone())?;
        match result.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(blocking::RecvTimeoutError::Timeout) => {
                Err(WireError(format!("no answer within {} s", PATIENCE.as_secs())))
            }
            Err(blocking::RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

fn io_thread(
    world: Arc<Mutex<World>>,
    queue: mpsc::UnboundedReceiver<Job>,
    kill_after: Option<u64>,
    started: &blocking::SyncSender<Result<(), WireError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(world, queue, kill_after, started)),
        Err(error) => {
            // If nobody waits any more, nobody needs to know.
            let _ = started.send(Err(WireError(error.to_string())));
        }
    }
}

async fn serve(
    world: Arc<Mutex<World>>,
    mut queue: mpsc::UnboundedReceiver<Job>,
    kill_after: Option<u64>,
    started: &blocking::SyncSender<Result<(), WireError>>,
) {
    install_crypto();
    let client = match reqwest::Client::builder().no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            let _ = started.send(Err(WireError(error.to_string())));
            return;
        }
    };
    let mut server = Some(MockServer::builder().disable_request_recording().start().await);
    let Some(address) = server.as_ref().map(|server| *server.address()) else { return };
    if let Some(server) = &server {
        mount(server, &world).await;
    }
    let _ = started.send(Ok(()));
    let mut exchanges = 0;
    while let Some(Job { request, now_ms, done }) = queue.recv().await {
        if kill_after == Some(exchanges) {
            server = None;
        }
        exchanges += 1;
        let result = perform(&client, address, now_ms, request).await;
        // The simulation waits for every exchange; if it is gone, the run has ended.
        let _ = done.send(result);
        if let Some(server) = server.as_ref().filter(|_| exchanges % RESET_AFTER == 0) {
            server.reset().await;
            mount(server, &world).await;
        }
    }
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
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let reply = now.and_then(|now_ms| world.reply(now_ms, host, &request));
    let Some(Reply { response, latency_ms, broken }) = reply else {
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

async fn perform(
    client: &reqwest::Client,
    address: SocketAddr,
    now_ms: u64,
    request: Request<Bytes>,
) -> Result<Reply, WireError> {
    let failed = |error: &dyn std::fmt::Display| WireError(error.to_string());
    let (mut parts, body) = request.into_parts();
    let host = parts.uri.host().unwrap_or_default().to_owned();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let uri = format!("http://{address}{target}");
    parts.headers.insert(HOST, HeaderValue::from_str(&host).map_err(|error| failed(&error))?);
    parts.headers.insert(NOW, HeaderValue::from(now_ms));
    let request = client.request(parts.method, uri).headers(parts.headers).body(body);
    let received = request.send().await.map_err(|error| failed(&error))?;

    let mut response = Response::new(Bytes::new());
    *response.status_mut() = received.status();
    *response.headers_mut() = received.headers().clone();
    *response.body_mut() = received.bytes().await.map_err(|error| failed(&error))?;
    let headers = response.headers_mut();
    // The server's own clock is of the real world.
    headers.remove(DATE);
    let broken = headers.remove(BROKEN).and_then(|name| Broken::named(name.to_str().ok()?));
    let latency = headers.remove(LATENCY).and_then(|ms| ms.to_str().ok()?.parse().ok());
    let latency_ms = latency.ok_or_else(|| {
        WireError(format!("got status {} from outside the fakes", response.status().as_u16()))
    })?;
    Ok(Reply { response, latency_ms, broken })
}
