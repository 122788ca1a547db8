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

/// The exchange ended without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransportError {
    /// The connection could not be made, or broke.
    #[error("the connection broke")]
    Connection,
}
