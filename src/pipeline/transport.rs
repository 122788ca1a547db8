//! The way out of the pipeline: one HTTP exchange at a time, whoever carries it.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// The future of one exchange.
pub type Exchange<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// Carries requests to services and answers back. It sets no time limit of its own and never
/// retries: both are the pipeline's business.
///
/// ```
/// use std::sync::Arc;
/// use tagspace::Transport;
/// use tagspace::transport::Exchange;
///
/// /// Answers everything with 204.
/// struct Silent;
///
/// impl Transport for Silent {
///     fn send(&self, _: http::Request<bytes::Bytes>) -> Exchange<'_> {
///         let mut response = http::Response::new(bytes::Bytes::new());
///         *response.status_mut() = http::StatusCode::NO_CONTENT;
///         Box::pin(async { Ok(response) })
///     }
/// }
///
/// let _transport: Arc<dyn Transport> = Arc::new(Silent);
/// ```
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

/// What an exchange failed of. It names no address with credentials in it.
pub type Reason = Box<dyn Error + Send + Sync>;

/// The exchange ended without a response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The name of the host could not be looked up.
    #[error("the name of the host could not be looked up")]
    Dns(#[source] Reason),
    /// The host refuses, or does not answer.
    #[error("no connection could be made")]
    Connect(#[source] Reason),
    /// The certificate is not the host's, or the host speaks no TLS.
    #[error("TLS failed")]
    Tls(#[source] Reason),
    /// The connection broke.
    #[error("the connection broke")]
    Reset(#[source] Reason),
    /// The body is larger than the request's [`BodyLimit`].
    #[error("the body is too large")]
    TooLarge,
}

impl TransportError {
    /// A connection that the other side reset.
    pub(crate) fn reset() -> Self {
        Self::Reset(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
    }
}
