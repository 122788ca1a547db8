//! A provider: how a prompt becomes its request, and its response an answer or a failure.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::extra::Extra;
use super::length_of_time::length_of_time;
use crate::pipeline::error::ErrorClass;
use crate::pipeline::provider::stated_quota::Stated;

/// A credential. It shows itself to nobody but the request that needs it.
///
/// ```
/// use tagspace::Secret;
///
/// let secret = Secret::new("sk-123");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The credential, for a header.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Eight digits that tell one credential from another and say nothing else of it.
    pub(super) fn fingerprint(&self) -> String {
        let hash = Sha256::new_with_prefix("tagspace quotas of ").chain_update(&self.0);
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Which wire format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderApi {
    /// Gemini `generateContent`.
    Gemini,
    /// `OpenAI` chat completions.
    OpenAi,
}

/// One provider with the model that is asked.
///
/// ```
/// use tagspace::{Provider, Secret};
///
/// let primary = Provider::gemini("gemini-3.5-flash-lite", Secret::new("key"));
/// let fallback = Provider::openai("gpt-6-luna", Secret::new("key"));
/// assert_eq!((primary.name.as_str(), fallback.name.as_str()), ("gemini", "openai"));
/// ```
#[derive(Debug, Clone)]
pub struct Provider {
    /// The name it has in events.
    pub name: String,
    /// Its wire format.
    pub wire: ProviderApi,
    /// The model's id.
    pub model: String,
    /// The origin, such as `https://api.openai.com`.
    pub origin: String,
    /// The API key.
    pub key: Secret,
}

impl Provider {
    /// A model of Gemini, at its usual address.
    pub fn gemini(model: impl Into<String>, key: Secret) -> Self {
        Self {
            name: "gemini".to_owned(),
            wire: ProviderApi::Gemini,
            model: model.into(),
            origin: "https://generativelanguage.googleapis.com".to_owned(),
            key,
        }
    }

    /// A model of OpenAI, at its usual address.
    pub fn openai(model: impl Into<String>, key: Secret) -> Self {
        Self {
            name: "openai".to_owned(),
            wire: ProviderApi::OpenAi,
            model: model.into(),
            origin: "https://api.openai.com".to_owned(),
            key,
        }
    }

    /// Asks a compatible server at this origin instead, such as `http://localhost:8000`.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), ..self }
    }
}

/// Tokens that a call was billed for, as the provider reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens, thinking included.
    pub output_tokens: u64,
}

impl Usage {
    /// The most tokens of either kind that a call is taken to cost, whatever is reported.
    const MAX_TOKENS: u64 = 1_000_000_000;

    /// What a provider reports, as far as it can be true.
    pub(super) fn reported(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens: input_tokens.min(Self::MAX_TOKENS),
            output_tokens: output_tokens.min(Self::MAX_TOKENS),
        }
    }
}

/// A usable response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text of the answer.
    pub text: String,
    /// Whether it was cut off at the output limit.
    pub truncated: bool,
    /// What it cost.
    pub usage: Usage,
    /// What the provider says about its quotas.
    pub quotas: Vec<Stated>,
}

/// A response that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: ErrorClass,
    /// How long the provider asks to wait.
    pub hint: Option<Duration>,
    /// What it cost all the same.
    pub usage: Usage,
    /// What the provider says about its quotas: in a refusal, those that are used up.
    pub quotas: Vec<Stated>,
    /// The part of the request that it does not take, where it names one that can be left out.
    pub extra: Option<Extra>,
}

impl Failure {
    /// A failure of this class that says no more.
    pub fn of(class: ErrorClass) -> Self {
        let usage = Usage::default();
        Self { class, hint: None, usage, quotas: Vec::new(), extra: None }
    }
}

/// The wait that a message states after these words.
pub(super) fn wait_after(words: &str, message: &str) -> Option<Duration> {
    let (_, after) = message.rsplit_once(words)?;
    let stated = after.split_whitespace().next()?;
    length_of_time(stated.trim_end_matches(['.', ','])).map(|wait| wait.min(LONGEST_WAIT))
}

/// The wait that the headers ask for: `retry-after-ms`, or `Retry-After` in seconds or as a date
/// (measured against the response's own `Date`, so that no clock of ours is asked).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    stated_wait(headers).map(|wait| wait.min(LONGEST_WAIT))
}

/// Nobody waits longer than this, whatever is stated.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_hours(240);

fn stated_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let stated = text("retry-after")?;
    if let Ok(seconds) = stated.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(stated).ok()?;
    let sent = httpdate::parse_http_date(text("date")?).ok()?;
    Some(until.duration_since(sent).unwrap_or_default())
}

/// Whether a refusal to say what is known of a model is about the key, the money or the model. A
/// server that lacks the route has nothing against them.
pub(crate) fn is_of_the_account(class: ErrorClass, body: &[u8]) -> bool {
    match class {
        ErrorClass::Auth | ErrorClass::Billing => true,
        ErrorClass::NotFound => is_no_such_model(body),
        _ => false,
    }
}

fn is_no_such_model(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body.get(0).unwrap_or(&body)["error"];
    let says = |key: &str, word: &str| error[key].as_str().is_some_and(|text| text.contains(word));
    says("code", "model_not_found") || (says("status", "NOT_FOUND") && says("message", "model"))
}
