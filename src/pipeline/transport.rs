//! The way out of the pipeline: one HTTP exchange at a time, whoever carries it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use thiserror::Error;

/// The future of one exchange.
pub type Exchange<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// Carries requests to services and answers back. It sets no time limit of its own and never
/// retries: both are the pipeline's business.
pub trait Transport: Send + Sync {
    /// Performs one exchange. The request's URI is absolute.
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_>;
}

/// The most bytes of a response's body that a request takes; an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// A piece of a listing, which holds the bodies of up to 250 pages.
    pub const LISTING: Self = Self(64 * 1024 * 1024);
    /// Everything else.
    pub const ANSWER: Self = Self(16 * 1024 * 1024);

    /// The limit that a request carries.
    pub fn of(request: &http::Request<Bytes>) -> Self {
        request.extensions().get().copied().unwrap_or(Self::ANSWER)
    }
}

/// The exchange ended without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransportError {
    /// No connection could be made: the name is unknown, the host refuses, or TLS fails.
    #[error("no connection could be made")]
    Unreachable,
    /// The connection broke.
    #[error("the connection broke")]
    Connection,
    /// The body is larger than the request's [`BodyLimit`].
    #[error("the body is too large")]
    TooLarge,
}
