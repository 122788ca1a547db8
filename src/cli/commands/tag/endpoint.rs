//! Where Prometheus reads how a live run stands.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::watcher::Watcher;
use crate::cli::error::CliError;
use crate::cli::terminal::note;

/// The type of the text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Headers that take longer are not waited for.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait when the machine has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Listens at this address, and says so.
pub(super) async fn listen(address: Option<SocketAddr>) -> Result<Option<TcpListener>, CliError> {
    let Some(address) = address else { return Ok(None) };
    let failed = |source| CliError::Io { what: format!("listen at --metrics {address}"), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    note(&format!("metrics at http://{at}/metrics"));
    Ok(Some(listener))
}

/// Answers with how the run stands, again and again.
pub(super) async fn serve(listener: Option<TcpListener>, watcher: &Arc<Watcher>) -> Infallible {
    let Some(listener) = listener else { return pending().await };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        let watcher = Arc::clone(watcher);
        let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let is_metrics = request.uri().path() == "/metrics";
            let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
            ready(match (is_metrics, is_read) {
                (true, true) => text(watcher.metrics()),
                (true, false) => plain(StatusCode::METHOD_NOT_ALLOWED, "expected GET\n"),
                (false, _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"),
            })
        });
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
            // A reader that goes away is its own business.
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn text(metrics: String) -> Result<Response<Full<Bytes>>, http::Error> {
    Response::builder().header(header::CONTENT_TYPE, TEXT).body(Full::from(metrics))
}

fn plain(status: StatusCode, said: &'static str) -> Result<Response<Full<Bytes>>, http::Error> {
    Response::builder().status(status).body(Full::from(said))
}
