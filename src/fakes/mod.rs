//! The world that the pipeline meets: fake Confluence, Gemini and OpenAI.
//!
//! Each fake is a plain state machine: given the virtual time and a request, it replies at once
//! and says how long the reply takes. It knows wire formats and nothing of the pipeline. How it is
//! mounted (over wiremock, or called directly) is not its business. The wire formats are those of
//! the services as of November 2026.

pub mod about;
pub mod ai;
pub mod answer;
mod attempts;
pub mod calendar;
pub mod confluence;
pub mod documents;
pub mod fault;
pub mod form;
pub mod gemini;
mod handed;
pub mod hosts;
pub mod latency;
pub mod model;
mod openai;
pub mod ordered;
mod query;
pub mod quota;
pub mod record;
pub mod space;
pub mod spell;
pub mod storage;
pub mod tokens;
mod trouble;
mod words;
pub mod world;

use bytes::Bytes;
use http::Response;
use serde::Serialize;

use self::about::About;

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
    pub about: Option<Box<About>>,
}

/// How an exchange goes wrong below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The connection is reset after the latency.
    Reset,
    /// No answer ever comes.
    Hang,
}

impl Broken {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Hang => "hang",
        }
    }

    /// The breakage of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Reset, Self::Hang].into_iter().find(|broken| broken.name() == name)
    }
}

impl Reply {
    /// An exchange that goes wrong below HTTP.
    fn broken(broken: Broken) -> Self {
        Self { broken: Some(broken), ..Self::text(500, "text/plain", Bytes::new()) }
    }

    fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with_header("retry-after", &seconds.to_string()),
            None => self,
        }
    }

    fn json(status: u16, body: &impl Serialize) -> Self {
        // Maps with text keys, and texts: nothing that JSON could refuse.
        Self::text(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
    }

    fn text(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = http::HeaderValue::from_static(content_type);
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
        Self { response, latency_ms: 0, broken: None, pieces: Vec::new(), about: None }
    }

    /// A stream of server-sent events.
    fn events(content_type: &'static str, events: impl IntoIterator<Item = String>) -> Self {
        let mut body = String::new();
        let mut pieces = Vec::new();
        for event in events {
            body.push_str(&event);
            pieces.push(body.len());
        }
        Self { pieces, ..Self::text(200, content_type, body) }
    }

    fn after(mut self, latency_ms: u64) -> Self {
        self.latency_ms = latency_ms;
        self
    }

    fn on(mut self, about: About) -> Self {
        self.about = Some(Box::new(about));
        self
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }
}
