//! One exchange with a service: the request is read, answered at once, and sent when its latency
//! is over.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use thiserror::Error;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Audience, Pace};
use crate::fakes::world::{World, body_limit, too_large};
use crate::fakes::{Broken, Reply};

/// A body that takes longer than this is not waited for.
const BODY_WITHIN: Duration = Duration::from_mins(1);

/// tokio's timer rounds up to whole milliseconds, and waking takes its time as well: with this
/// much less, answers come when they should on the average.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// The connection is to be closed without an answer.
#[derive(Debug, Error)]
#[error("the fake breaks the connection")]
pub(super) struct Closed;

/// A service at its port.
pub(super) struct Hosted {
    pub(super) host: &'static str,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) audience: Arc<dyn Audience>,
    pub(super) pace: Pace,
}

/// An exchange that the audience has been told of, until it is told of its end. A client that
/// hangs up drops it.
struct Open<'a> {
    hosted: &'a Hosted,
    number: u64,
    status: Option<u16>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let now_ms = self.hosted.pace.now_ms();
        self.hosted.audience.left(now_ms, self.number, self.status);
    }
}

impl Hosted {
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Closed> {
        let (parts, body) = request.into_parts();
        // Whoever says so beforehand need not send it.
        if body.size_hint().lower() > body_limit(self.host) as u64 {
            return Ok(self.refuse());
        }
        let limited = Limited::new(body, body_limit(self.host));
        let body = match timeout(BODY_WITHIN, limited.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Ok(self.refuse());
            }
            Ok(Err(_)) => return Err(Closed),
            Err(_) => {
                let mut late = Response::new(Full::default());
                *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
                return Ok(late);
            }
        };
        let arrived = Instant::now();
        let mut request = Request::from_parts(parts, body);
        if request.method() == Method::HEAD {
            // The same answer; its body stays here.
            *request.method_mut() = Method::GET;
        }
        let Some((reply, number)) = self.ask(&request) else {
            return Err(Closed);
        };
        let mut open = Open { hosted: &self, number, status: None };
        let Reply { response, latency_ms, broken, .. } = reply;
        if broken == Some(Broken::Hang) {
            return pending().await;
        }
        let due = arrived + self.pace.real(latency_ms);
        sleep_until(due.checked_sub(TIMER_GRAIN).unwrap_or(due)).await;
        if broken.is_some() {
            return Err(Closed);
        }
        open.status = Some(response.status().as_u16());
        Ok(response.map(Full::new))
    }

    /// What is said to a body that is too large.
    fn refuse(&self) -> Response<Full<Bytes>> {
        let Reply { mut response, about, .. } = too_large(self.host);
        let now_ms = self.pace.now_ms();
        let number = self.audience.arrived(now_ms, about.as_deref(), Vec::new());
        self.audience.left(now_ms, number, Some(response.status().as_u16()));
        // What follows on this connection is the rest of a body that nobody reads.
        let close = http::HeaderValue::from_static("close");
        response.headers_mut().insert(http::header::CONNECTION, close);
        response.map(Full::new)
    }

    /// Asks the world, and tells the audience, as one step.
    fn ask(&self, request: &Request<Bytes>) -> Option<(Reply, u64)> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.pace.now_ms();
        let reply = world.reply(now_ms, self.host, request)?;
        let records = world.take_records();
        let number = self.audience.arrived(now_ms, reply.about.as_deref(), records);
        Some((reply, number))
    }
}
