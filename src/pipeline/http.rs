//! The transport of real use: reqwest over TLS, in real time.
//!
//! Bodies are read up to the limit of their request, and never decompressed. Plain HTTP to this
//! machine asks no proxy, because a proxy elsewhere would be sent the credentials in plain text.

use std::error::Error;
use std::io;
use std::sync::Once;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use thiserror::Error;
use tracing::warn;
use url::{Host, Url};

use crate::pipeline::printable::shown;
use crate::pipeline::transport::{BodyLimit, Exchange, Reason, Transport, TransportError};

/// For how long a connection is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
#[error("set up the HTTP client: {0}")]
pub struct SetUpError(#[from] reqwest::Error);

/// Carries requests over the network.
///
/// ```
/// use tagspace::HttpTransport;
///
/// let transport = HttpTransport::without_proxy()?;
/// assert_eq!(transport.why_broken("https://acme.atlassian.net"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    /// For services on this machine.
    direct: reqwest::Client,
    /// Why each host could not be reached the last time, by its authority.
    broken: Mutex<std::collections::BTreeMap<String, String>>,
}

impl HttpTransport {
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
        let settled = |builder: reqwest::ClientBuilder| {
            builder
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("tagspace/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let client = settled(builder)?;
        let direct = settled(reqwest::Client::builder().no_proxy())?;
        Ok(Self { client, direct, broken: Mutex::default() })
    }

    /// Why the host of this address could not be reached the last time, if so.
    pub fn why_broken(&self, address: &str) -> Option<String> {
        let address = Url::parse(address).ok()?;
        let broken = self.broken.lock();
        broken.get(address.authority()).cloned()
    }

    /// Keeps and logs why a host gave no response.
    fn failed(&self, authority: &str, error: reqwest::Error) -> TransportError {
        let cause = root_cause(&error);
        warn!(authority, cause, "no response");
        self.broken.lock().insert(authority.to_owned(), cause);
        transport_error(error.without_url())
    }
}

/// At which step an exchange failed.
fn transport_error(error: reqwest::Error) -> TransportError {
    let is_connect = error.is_connect();
    let has = |wanted: fn(&(dyn Error + 'static)) -> bool| chain(&error).any(wanted);
    let is_tls = has(<dyn Error>::is::<rustls::Error>);
    let is_dns = error.is_dns();
    let names_a_proxy = has(|cause| cause.to_string().contains('@'));
    let reason: Reason =
        if names_a_proxy { "the connection failed".into() } else { Box::new(error) };
    match (is_connect, is_tls, is_dns) {
        (true, true, _) => TransportError::Tls(reason),
        (true, _, true) => TransportError::Dns(reason),
        (true, ..) => TransportError::Connect(reason),
        (false, ..) => TransportError::Reset(reason),
    }
}

/// An error and what caused it, to the innermost.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        // An error within an `io::Error` is no source of it.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => (*error).source(),
        }
    })
}

/// The innermost cause. A text with an `@` may name a proxy's password, so it is left out.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let said = chain(error).last().map_or(String::new(), |cause| shown(&cause.to_string(), 120));
    if said.contains('@') { "the connection failed".to_owned() } else { said }
}

/// Whether an address leads to this machine.
pub fn is_of_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_> {
        Box::pin(async move {
            let BodyLimit(most) = BodyLimit::of(&request);
            let request = reqwest::Request::try_from(request)
                .map_err(|error| TransportError::Reset(error.into()))?;
            let address = request.url();
            let authority = address.authority().to_owned();
            let is_direct = address.scheme() == "http" && is_of_this_machine(address);
            let client = if is_direct { &self.direct } else { &self.client };
            let failed = |error| self.failed(&authority, error);
            let mut response = client.execute(request).await.map_err(failed)?;
            let mut carried = http::Response::new(Bytes::new());
            *carried.status_mut() = response.status();
            *carried.headers_mut() = response.headers().clone();
            let stated = response.content_length().unwrap_or(0);
            if stated > most as u64 {
                return Err(TransportError::TooLarge);
            }
            let mut body = BytesMut::new();
            while let Some(piece) = response.chunk().await.map_err(failed)? {
                if body.len() + piece.len() > most {
                    return Err(TransportError::TooLarge);
                }
                body.extend_from_slice(&piece);
            }
            *carried.body_mut() = body.freeze();
            Ok(carried)
        })
    }
}
