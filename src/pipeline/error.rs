//! Errors of the pipeline, and the classes that decide what is done about a failed call.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinError;

use crate::pipeline::allowance::Spent;
use crate::pipeline::printable::shown;
use crate::pipeline::transport::TransportError;

/// What kind of failure a call met. The class decides whether and when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A 429 that a wait of seconds or minutes cures.
    RateLimited,
    /// A 429 of a quota that does not reopen within the run: a day's quota.
    QuotaExhausted,
    /// A 429 that no wait cures: money or credits are gone, or the model has no quota at all.
    Billing,
    /// A 5xx.
    Server,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Connection,
    /// No connection could be made at all: an unknown name, a refusal, TLS.
    Unreachable,
    /// An answer that is not what was asked for.
    Malformed,
    /// An answer that is valid but misses pages.
    Incomplete,
    /// An answer cut off at the output limit.
    Truncated,
    /// A prompt or answer that the provider refused for its content.
    Blocked,
    /// A request that is larger than the service takes at once.
    TooLarge,
    /// Bad or missing credentials.
    Auth,
    /// Somebody else changed the same thing at the same time (409).
    Conflict,
    /// A request that the service does not take (other 4xx).
    BadRequest,
    /// No such model, page or space.
    NotFound,
    /// An answer that is larger than any that makes sense.
    Oversized,
    /// A page that was listed without its body.
    NoText,
}

impl From<TransportError> for ErrorClass {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Dns(_) | TransportError::Connect(_) | TransportError::Tls(_) => {
                Self::Unreachable
            }
            TransportError::Reset(_) => Self::Connection,
            TransportError::TooLarge => Self::Oversized,
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses = match self {
            Self::RateLimited | Self::QuotaExhausted | Self::Billing => " (429)",
            Self::Server => " (5xx)",
            Self::Auth => " (401 or 403)",
            Self::Conflict => " (409)",
            Self::BadRequest => " (4xx)",
            Self::NotFound => " (404)",
            _ => "",
        };
        write!(f, "{}{statuses}", self.words())
    }
}

impl ErrorClass {
    /// The class in words, without a status.
    pub fn words(self) -> &'static str {
        match self {
            Self::RateLimited => "a rate limit",
            Self::QuotaExhausted => "a used-up quota",
            Self::Billing => "a refusal because of money or of a plan without quota",
            Self::Server => "a server error",
            Self::Timeout => "no answer in time",
            Self::Connection => "a connection that broke",
            Self::Unreachable => "a connection that could not be made",
            Self::Malformed => "an answer that makes no sense",
            Self::Incomplete => "an answer that misses pages",
            Self::Truncated => "an answer that was cut off",
            Self::Blocked => "a refusal of the content",
            Self::TooLarge => "a request that is too large",
            Self::Auth => "a refusal of the credentials",
            Self::Conflict => "a change by somebody else at the same time",
            Self::BadRequest => "a request that the service does not take",
            Self::NotFound => "nothing found",
            Self::Oversized => "an answer that is too large to be read",
            Self::NoText => "a listing without its text",
        }
    }

    /// Whether the same request may do better later.
    pub fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::QuotaExhausted
                | Self::Billing
                | Self::Blocked
                | Self::TooLarge
                | Self::Auth
                | Self::BadRequest
                | Self::NotFound
                | Self::Oversized
                | Self::NoText
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
                | Self::Unreachable
        )
    }

    /// Whether the state of the service is the cause, which may be another one later.
    pub fn may_pass(self) -> bool {
        self.is_of_the_service() || self == Self::Conflict
    }

    /// Whether a service that answers others may fail so because of what one request holds.
    pub fn may_be_of_the_request(self) -> bool {
        matches!(self, Self::Server | Self::Timeout | Self::Connection)
    }

    /// Whether it may lie in one of the pages, so that fewer of them may do better.
    pub fn is_of_the_pages(self) -> bool {
        matches!(
            self,
            Self::Malformed
                | Self::Incomplete
                | Self::Truncated
                | Self::Blocked
                | Self::TooLarge
                | Self::BadRequest
                | Self::Oversized
        )
    }

    /// Whether no other request of this run would fare better: the key, the model or the money is
    /// what is wrong.
    pub fn is_of_the_account(self) -> bool {
        matches!(self, Self::Auth | Self::Billing | Self::NotFound)
    }

    /// The class of an HTTP status that is not a success.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            500..=599 => Self::Server,
            _ => Self::BadRequest,
        }
    }
}

/// A failure that decided about a page: whose it was, of which kind, and with which status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The name of the provider, or [`CONFLUENCE`].
    pub service: String,
    /// Its kind.
    pub class: ErrorClass,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
}

/// The name that Confluence has beside those of the providers.
pub const CONFLUENCE: &str = "confluence";

impl Cause {
    /// A failure of Confluence.
    pub(crate) fn of_confluence(class: ErrorClass, status: Option<u16>) -> Self {
        Self { service: CONFLUENCE.to_owned(), class, status }
    }
}

impl Cause {
    /// What kind of failure it was, with its status.
    pub fn kind(&self) -> String {
        match self.status {
            Some(status) => format!("{} ({status})", self.class.words()),
            None => self.class.words().to_owned(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service, self.kind())
    }
}

/// Why a run could not be carried through. Pages that fail one by one are not errors of the run.
///
/// ```
/// use tagspace::PipelineError;
///
/// let error = PipelineError::NoSuchSpace { key: "DCOS".to_owned() };
/// assert!(error.to_string().contains("no space with the key `DCOS`"));
/// ```
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The space has no such key, or is not visible with these credentials.
    #[error("find the space: these credentials see no space with the key `{}`", shown(key, 80))]
    NoSuchSpace {
        /// The key that was asked for.
        key: String,
    },
    /// Confluence would not list the pages, even after retries.
    #[error("list the pages at {site}: gave up after {}{}", cause.kind(), path_hint(site, cause.class))]
    Listing {
        /// The site's address.
        site: String,
        /// The last failure.
        cause: Cause,
    },
    /// Confluence answered a listing that is not one.
    #[error("read the list of pages: {reason}")]
    BadListing {
        /// What is wrong with it, fit to be shown.
        reason: String,
    },
    /// The credentials may read and not write.
    #[error("write labels: these credentials may read the page {page} and not change it")]
    NoRight {
        /// The page that was asked about.
        page: String,
    },
    /// No provider is worth asking any more: the key, the model, the money or the answers are wrong.
    #[error("stopped: going on is pointless: {cause}")]
    Pointless {
        /// The failure that showed it.
        cause: Cause,
    },
    /// Another call would pass what the run may spend.
    #[error("stopped: {0}")]
    Spent(Spent),
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
