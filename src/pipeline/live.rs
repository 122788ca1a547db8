//! The transport of real use: reqwest over TLS, in real time.

use std::sync::Once;

use bytes::Bytes;
use thiserror::Error;

use crate::pipeline::transport::{Exchange, Transport, TransportError};

/// Makes sure that this process has a TLS implementation; reqwest builds no client without one.
pub(crate) fn install_crypto() {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| {
        // Refused only if a provider is already in place, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The HTTP client could not be set up.
#[derive(Debug, Error)]
#[error("set up the HTTP client")]
pub struct SetUpError(#[from] reqwest::Error);

/// Carries requests over the network.
#[derive(Debug, Clone)]
pub struct LiveTransport {
    client: reqwest::Client,
}

impl LiveTransport {
    /// A client with its connection pool. It neither retries nor follows redirects.
    pub fn new() -> Result<Self, SetUpError> {
        Self::built(reqwest::Client::builder())
    }

    /// A client that asks no proxy, for services on this machine.
    pub fn without_proxy() -> Result<Self, SetUpError> {
        Self::built(reqwest::Client::builder().no_proxy())
    }

    fn built(builder: reqwest::ClientBuilder) -> Result<Self, SetUpError> {
        install_crypto();
        let client = builder
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tagspace/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }
}

impl Transport for LiveTransport {
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_> {
        Box::pin(async move {
            let broken = |_| TransportError::Connection;
            let request = reqwest::Request::try_from(request).map_err(broken)?;
            let response = self.client.execute(request).await.map_err(broken)?;
            let mut carried = http::Response::new(Bytes::new());
            *carried.status_mut() = response.status();
            *carried.headers_mut() = response.headers().clone();
            *carried.body_mut() = response.bytes().await.map_err(broken)?;
            Ok(carried)
        })
    }
}
