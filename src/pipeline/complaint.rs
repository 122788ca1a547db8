//! What services said when they refused, for whoever has to mend it.
//!
//! Events hold classes of errors and never text. Beside them the first refusal of each class is
//! kept here, without credentials and fit to be shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Response};
use parking_lot::Mutex;
use serde_json::Value;

use crate::pipeline::Site;
use crate::pipeline::error::{CONFLUENCE, ErrorClass};
use crate::pipeline::printable::{shown, title};
use crate::pipeline::provider::{Provider, is_of_the_account};
use crate::pipeline::transport::{Exchange, Transport};

/// The most characters of a service's text that are shown.
const SHOWN_CHARS: usize = 200;
/// How far into a body a message or a title is looked for.
const READ_BYTES: usize = 16 * 1024;
/// The shortest credential that is looked for in a text.
const CREDENTIAL_CHARS: usize = 4;

/// Carries requests on, and keeps what was said in refusals.
pub struct Listening<T> {
    carrier: T,
    site: Site,
    providers: Vec<Provider>,
    credentials: Vec<String>,
    kept: Mutex<BTreeMap<(String, ErrorClass), String>>,
}

impl<T> std::fmt::Debug for Listening<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

impl<T: Transport> Listening<T> {
    /// Listens to this site and these providers.
    pub fn new(carrier: T, site: &Site, providers: &[Provider]) -> Arc<Self> {
        let token = site.token.expose();
        let basic = site.user.as_ref().map(|user| {
            base64::engine::general_purpose::STANDARD.encode(format!("{user}:{token}"))
        });
        let keys = providers.iter().map(|provider| provider.key.expose().to_owned());
        let mut credentials: Vec<String> = keys.chain([token.to_owned()]).chain(basic).collect();
        credentials.retain(|credential| credential.len() >= CREDENTIAL_CHARS);
        // One may be a part of another.
        credentials.sort_by_key(|credential| std::cmp::Reverse(credential.len()));
        Arc::new(Self {
            carrier,
            site: site.clone(),
            providers: providers.to_vec(),
            credentials,
            kept: Mutex::default(),
        })
    }

    /// What carries the requests.
    pub fn carrier(&self) -> &T {
        &self.carrier
    }

    /// What a service said in its first refusal of this class.
    pub fn said(&self, service: &str, class: ErrorClass) -> Option<String> {
        let kept = self.kept.lock();
        kept.get(&(service.to_owned(), class)).cloned()
    }

    fn listen(&self, address: &str, is_read: bool, response: &Response<Bytes>) {
        let provider = self.providers.iter().find(|provider| address.starts_with(&provider.origin));
        // Both may be at one origin in a test, but a site's path is its own.
        let (service, class) = if address.starts_with(&self.site.base) {
            let status = response.status();
            let class = (!status.is_success()).then(|| ErrorClass::of_status(status.as_u16()));
            (CONFLUENCE, class)
        } else if let Some(provider) = provider {
            let failed = provider.read(response).err().map(|failure| failure.class);
            // What is known of a model is no answer.
            let is_told =
                |class: &ErrorClass| !is_read || is_of_the_account(*class, response.body());
            (provider.name.as_str(), failed.filter(is_told))
        } else {
            return;
        };
        let Some(class) = class else { return };
        let mut kept = self.kept.lock();
        // What is not seen goes first: it may stand between the letters of a credential.
        let said = || shown(&self.hide(&shown(&answer(response), READ_BYTES)), SHOWN_CHARS);
        kept.entry((service.to_owned(), class)).or_insert_with(said);
    }

    /// A text without the credentials that it may hold.
    pub fn hide(&self, text: &str) -> String {
        let hide = |text: String, credential: &String| text.replace(credential, "…");
        self.credentials.iter().fold(text.to_owned(), hide)
    }
}

impl<T: Transport> Transport for Listening<T> {
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_> {
        Box::pin(async move {
            let address = request.uri().to_string();
            let is_read = request.method() == http::Method::GET;
            let response = self.carrier.send(request).await?;
            self.listen(&address, is_read, &response);
            Ok(response)
        })
    }
}

/// The status and the text of a refusal.
fn answer(response: &Response<Bytes>) -> String {
    let status = response.status();
    let text = if status.is_redirection() {
        let target = header(response.headers(), "location").and_then(|to| url::Url::parse(to).ok());
        let host = target.as_ref().and_then(url::Url::host_str).unwrap_or("another path");
        format!("a redirect to {host}")
    } else {
        let reason = header(response.headers(), "x-authentication-denied-reason");
        format!("{} {}", reason.unwrap_or_default(), text(response.body()))
    };
    format!("{} {text}", status.as_u16())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The message in a body: where the services put one, else the title of an HTML page, else the body.
fn text(body: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(body).ok();
    if let Some(message) = json.as_ref().and_then(message) {
        return message.to_owned();
    }
    title(body).map_or_else(
        || String::from_utf8_lossy(&body[..body.len().min(READ_BYTES)]).into_owned(),
        |title| format!("an HTML page, `{title}`"),
    )
}

fn message(body: &Value) -> Option<&str> {
    let body = body.get(0).unwrap_or(body);
    let error = &body["error"];
    let first = &body["errors"][0];
    [&error["message"], &body["message"], &first["detail"], &first["title"], &first["message"]]
        .into_iter()
        .chain([error])
        .find_map(Value::as_str)
}
