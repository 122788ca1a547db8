//! What a fake replies: a response that comes after a latency, or a broken connection.

use bytes::Bytes;
use http::Response;
use serde::Serialize;

use super::observation::Observation;

/// The version of the fakes' behaviour; part of what makes two worlds the same.
pub const VERSION: u64 = 3;

/// What a service sends back, and when.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The response.
    pub response: Response<Bytes>,
    /// How long it takes, in whole milliseconds of virtual time.
    pub latency_ms: u64,
    /// What goes wrong on the way, if anything.
    pub broken: Option<Broken>,
    /// Where the pieces of a stream end in the body; they come evenly over the latency. Nothing for
    /// a body that comes in one piece.
    pub pieces: Vec<usize>,
    /// What it was about; no part of the answer.
    pub about: Option<Box<Observation>>,
}

/// How an exchange goes wrong below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Broken {
    /// The connection is reset after the latency.
    Reset,
    /// No answer ever comes.
    Hang,
}

impl Broken {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The breakage of this name.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

impl Reply {
    /// An exchange that goes wrong below HTTP.
    pub(super) fn broken(broken: Broken) -> Self {
        Self { broken: Some(broken), ..Self::text(500, "text/plain", Bytes::new()) }
    }

    pub(super) fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with_header("retry-after", &seconds.to_string()),
            None => self,
        }
    }

    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        // Maps with text keys, and texts: nothing that JSON could refuse.
        Self::text(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
    }

    pub(super) fn text(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = http::HeaderValue::from_static(content_type);
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
        Self { response, latency_ms: 0, broken: None, pieces: Vec::new(), about: None }
    }

    /// A stream of server-sent events.
    pub(super) fn events(
        content_type: &'static str,
        events: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut body = String::new();
        let mut pieces = Vec::new();
        for event in events {
            body.push_str(&event);
            pieces.push(body.len());
        }
        Self { pieces, ..Self::text(200, content_type, body) }
    }

    pub(super) fn after(mut self, latency_ms: u64) -> Self {
        self.latency_ms = latency_ms;
        self
    }

    pub(super) fn on(mut self, about: Observation) -> Self {
        self.about = Some(Box::new(about));
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }
}
