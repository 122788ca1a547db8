//! The way to services on this machine that stand for the real hosts.

use bytes::Bytes;
use http::Uri;

use crate::pipeline::http::HttpTransport;
use crate::pipeline::transport::{Exchange, Transport, TransportError};
use crate::sim::serve::Origins;

/// Carries requests to the services on this machine that stand for the real hosts.
#[derive(Debug)]
pub(super) struct Loopback {
    pub(super) client: HttpTransport,
    pub(super) origins: Origins,
}

impl Transport for Loopback {
    fn send(&self, mut request: http::Request<Bytes>) -> Exchange<'_> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let origin = self.origins.of(request.uri().host().unwrap_or_default());
        let local = origin.and_then(|origin| format!("{origin}{target}").parse::<Uri>().ok());
        match local {
            Some(local) => {
                *request.uri_mut() = local;
                self.client.send(request)
            }
            None => Box::pin(async { Err(TransportError::reset()) }),
        }
    }
}
