//! Errors of the pipeline, and the classes that decide what is done about a failed call.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinError;

use crate::pipeline::shown::shown;
use crate::pipeline::transport::TransportError;

/// What kind of failure a call met. The class decides whether and when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A 429 that a wait of seconds or minutes cures.
    RateLimited,
    /// A 429 of a quota that does not reopen within the run: a day's quota, or money.
    QuotaExhausted,
    /// A 5xx.
    Server,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Connection,
    /// An answer that is not what was asked for.
    Malformed,
    /// An answer that is valid but misses pages.
    Incomplete,
    /// An answer cut off at the output limit.
    Truncated,
    /// A prompt or answer that the provider refused for its content.
    Blocked,
    /// Bad or missing credentials.
    Auth,
    /// A request that the service does not take (other 4xx).
    BadRequest,
    /// No such model, page or space.
    NotFound,
    /// An answer that is larger than any that makes sense.
    Oversized,
}

impl From<TransportError> for ErrorClass {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Connection => Self::Connection,
            TransportError::TooLarge => Self::Oversized,
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimited => "a rate limit (429)",
            Self::QuotaExhausted => "a used-up quota (429)",
            Self::Server => "a server error (5xx)",
            Self::Timeout => "no answer in time",
            Self::Connection => "a connection that broke or could not be made",
            Self::Malformed => "an answer that makes no sense",
            Self::Incomplete => "an answer that misses pages",
            Self::Truncated => "an answer that was cut off",
            Self::Blocked => "a refusal of the content",
            Self::Auth => "a refusal of the credentials (401 or 403)",
            Self::BadRequest => "a request that the service does not take (4xx)",
            Self::NotFound => "nothing found (404)",
            Self::Oversized => "an answer that is too large to be read",
        })
    }
}

impl ErrorClass {
    /// Whether the same request may do better later.
    pub fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::QuotaExhausted
                | Self::Blocked
                | Self::Auth
                | Self::BadRequest
                | Self::NotFound
                | Self::Oversized
        )
    }

    /// Whether it is the service that could not answer now, whatever the request was.
    pub fn is_of_the_service(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::QuotaExhausted
                | Self::Server
                | Self::Timeout
                | Self::Connection
        )
    }

    /// Whether it may lie in one of the pages, so that fewer of them may do better.
    pub fn is_of_the_pages(self) -> bool {
        matches!(self, Self::Malformed | Self::Incomplete | Self::Truncated | Self::Blocked)
    }

    /// The class of an HTTP status that is not a success and not a 429.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            500..=599 => Self::Server,
            _ => Self::BadRequest,
        }
    }
}

/// Why a run could not be carried through. Pages that fail one by one are not errors of the run.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The space has no such key, or is not visible with these credentials.
    #[error("find the space: these credentials see no space with the key `{}`", shown(key, 80))]
    NoSuchSpace {
        /// The key that was asked for.
        key: String,
    },
    /// Confluence would not list the pages, even after retries.
    #[error("list the pages at {site}: gave up after {class}{}", path_hint(site, *class))]
    Listing {
        /// The site's address.
        site: String,
        /// The class of the last failure.
        class: ErrorClass,
    },
    /// Confluence answered a listing that is not one.
    #[error("read the list of pages: {reason}")]
    BadListing {
        /// What is wrong with it, fit to be shown.
        reason: String,
    },
    /// A stage of the pipeline ended in a panic.
    #[error("a stage of the pipeline panicked: {0}")]
    Panicked(String),
}

/// Where nothing is found, the address may lack its path.
fn path_hint(site: &str, class: ErrorClass) -> &'static str {
    if class == ErrorClass::NotFound && !site.ends_with("/wiki") {
        "; the address of Confluence Cloud ends with /wiki"
    } else {
        ""
    }
}

impl From<JoinError> for PipelineError {
    fn from(error: JoinError) -> Self {
        Self::Panicked(error.to_string())
    }
}
