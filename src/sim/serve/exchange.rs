//! One exchange with a service: the request is read, answered at once, and sent when its latency
//! is over.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::{Instant, sleep_until, timeout};

use super::connections::Busy;
use super::stream_body::StreamBody;
use super::{ExchangeObserver, ScaledClock};
use crate::fakes::world::{World, body_limit, too_large};
use crate::fakes::{Broken, Reply};
use crate::sim::serve::open_exchange::OpenExchange;

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
    pub(super) audience: Arc<dyn ExchangeObserver>,
    pub(super) pace: ScaledClock,
}

/// An answer in one piece, or a stream.
type Answer = Response<Either<Full<Bytes>, StreamBody>>;

impl Hosted {
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        busy: Busy,
    ) -> Result<Answer, Closed> {
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
                return Ok(late.map(Either::Left));
            }
        };
        let arrived = Instant::now();
        let mut request = Request::from_parts(parts, body);
        let is_head = request.method() == Method::HEAD;
        if is_head {
            // The same answer; its body stays here.
            *request.method_mut() = Method::GET;
        }
        let Some((reply, number)) = self.ask(&request) else {
            return Err(Closed);
        };
        let Reply { response, latency_ms, broken, pieces, .. } = reply;
        let status = response.status().as_u16();
        let audience = Arc::clone(&self.audience);
        let mut open = OpenExchange::new(audience, self.pace, number, status);
        if broken == Some(Broken::Hang) {
            return pending().await;
        }
        let due = |part: usize, of: usize| {
            let due = arrived + self.pace.real(latency_ms * part as u64 / of as u64);
            due.checked_sub(TIMER_GRAIN).unwrap_or(due)
        };
        let count = pieces.len();
        if count > 1 && !is_head && broken.is_none() {
            // The first piece comes with the headers.
            sleep_until(due(1, count)).await;
            let ends = pieces.into_iter().zip((1..).map(|part| due(part, count))).collect();
            return Ok(response.map(|body| Either::Right(StreamBody::new(body, ends, open, busy))));
        }
        sleep_until(due(1, 1)).await;
        if broken.is_some() {
            return Err(Closed);
        }
        open.sent();
        Ok(response.map(|body| Either::Left(Full::new(body))))
    }

    /// What is said to a body that is too large.
    fn refuse(&self) -> Answer {
        let Reply { mut response, about, .. } = too_large(self.host);
        let now_ms = self.pace.now_ms();
        let number = self.audience.arrived(now_ms, about.as_deref(), Vec::new());
        self.audience.left(now_ms, number, Some(response.status().as_u16()));
        // What follows on this connection is the rest of a body that nobody reads.
        let close = http::HeaderValue::from_static("close");
        response.headers_mut().insert(http::header::CONNECTION, close);
        response.map(|body| Either::Left(Full::new(body)))
    }

    /// Asks the world, and tells the audience, as one step.
    fn ask(&self, request: &Request<Bytes>) -> Option<(Reply, u64)> {
        let mut world = self.world.lock();
        let now_ms = self.pace.now_ms();
        let reply = world.reply(now_ms, self.host, request)?;
        let records = world.take_records();
        let number = self.audience.arrived(now_ms, reply.about.as_deref(), records);
        Some((reply, number))
    }
}
