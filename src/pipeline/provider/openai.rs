//! OpenAI's chat completions.
//!
//! A 429 is a rate limit only if its code says so: one about billing is never tried again.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extra::{Extra, RefusedExtras};
use super::provider::wait_after;
use super::schema::Dialect;
use super::{Answer, Failure, Provider, Usage, retry_after, schema};
use crate::pipeline::error::ErrorClass;
use crate::pipeline::lenient::or_default;
use crate::pipeline::provider::stated_quota::{self, Dimension, Stated};
use crate::pipeline::taxonomy::Taxonomy;

/// What a 429 is called that no wait cures.
const BILLING: [&str; 3] =
    ["insufficient_quota", "billing_not_active", "billing_hard_limit_reached"];
/// What a 400 is called that the content of a prompt has caused; the second is Azure's.
const CONTENT: [&str; 3] = ["invalid_prompt", "content_filter", "content_policy_violation"];

pub(super) fn request(
    provider: &Provider,
    prompt: &str,
    taxonomy: &Taxonomy,
    max_output_tokens: u64,
    refused: RefusedExtras,
) -> Result<Request<Bytes>, http::Error> {
    let schema = schema::of_answer(taxonomy, Dialect::OpenAi, !refused.has(Extra::TagEnum));
    let mut body = json!({
        "model": provider.model,
        "messages": [{"role": "user", "content": prompt}],
        "response_format": {"type": "json_schema", "json_schema": {
            "name": "page_tags", "strict": true, "schema": schema
        }}
    });
    let limit =
        if refused.has(Extra::CompletionTokens) { "max_tokens" } else { "max_completion_tokens" };
    body[limit] = json!(max_output_tokens);
    if !refused.has(Extra::Temperature) {
        body["temperature"] = json!(0);
    }
    if let Some(effort) = least_effort(&provider.model).filter(|_| !refused.has(Extra::Thinking)) {
        body["reasoning_effort"] = json!(effort);
    }
    Request::post(format!("{}/v1/chat/completions", provider.origin))
        .header("authorization", format!("Bearer {}", provider.key.expose()))
        .header("content-type", "application/json")
        .body(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()))
}

/// Whether a model reasons before it answers, and so takes no temperature.
pub(super) fn reasons(model: &str) -> bool {
    generation(model).is_some()
}

/// The generation of a model that reasons, as `gpt-` and its number, or as 0 for the `o` models.
fn generation(model: &str) -> Option<f64> {
    let model = model.rsplit('/').next().unwrap_or(model);
    if model.contains("chat") {
        return None;
    }
    if let Some(rest) = model.strip_prefix('o') {
        return rest.starts_with(|c: char| c.is_ascii_digit()).then_some(0.0);
    }
    let number = model.strip_prefix("gpt-")?.split('-').next()?;
    number.parse().ok().filter(|generation| *generation >= 5.0)
}

/// The least effort that a model takes: `none` since gpt-5.1, `minimal` in gpt-5, `low` in the `o`
/// models (<https://platform.openai.com/docs/guides/reasoning>). The pro models take none of them.
fn least_effort(model: &str) -> Option<&'static str> {
    let generation = generation(model).filter(|_| !model.contains("-pro"))?;
    Some(if generation > 5.0 {
        "none"
    } else if generation > 0.0 {
        "minimal"
    } else {
        "low"
    })
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default, deserialize_with = "or_default")]
    choices: Vec<Choice>,
    #[serde(default, deserialize_with = "or_default")]
    usage: CompletionUsage,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, deserialize_with = "or_default")]
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    /// A text, or a list of parts with texts.
    content: Value,
    refusal: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CompletionUsage {
    #[serde(deserialize_with = "or_default")]
    prompt_tokens: u64,
    #[serde(deserialize_with = "or_default")]
    completion_tokens: u64,
}

pub(super) fn read(response: &Response<Bytes>) -> Result<Answer, Failure> {
    if response.status() != StatusCode::OK {
        return Err(failure(response));
    }
    let Ok(completion) = serde_json::from_slice::<Completion>(response.body()) else {
        return Err(Failure::of(ErrorClass::Malformed));
    };
    let CompletionUsage { prompt_tokens, completion_tokens } = completion.usage;
    let usage = Usage::reported(prompt_tokens, completion_tokens);
    let fail = |class| Failure {
        usage,
        quotas: stated_quota::of_headers(response.headers()),
        ..Failure::of(class)
    };
    let Some(choice) = completion.choices.into_iter().next() else {
        return Err(fail(ErrorClass::Malformed));
    };
    let text = text(&choice.message.content);
    let is_refused = choice.message.refusal.is_some_and(|refusal| !refusal.trim().is_empty());
    match choice.finish_reason.as_deref() {
        _ if is_refused => Err(fail(ErrorClass::Blocked)),
        Some("content_filter") => Err(fail(ErrorClass::Blocked)),
        Some("length") if text.is_empty() => Err(fail(ErrorClass::Truncated)),
        // Compatible servers have names of their own for an end, such as `eos`.
        how => Ok(Answer {
            text,
            truncated: how == Some("length"),
            usage,
            quotas: stated_quota::of_headers(response.headers()),
        }),
    }
}

/// The text of a message: a text, or the texts of its parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn failure(response: &Response<Bytes>) -> Failure {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or_default();
    let is_called = |names: &[&str]| {
        let own = [&error["type"], &error["code"]];
        own.iter().any(|own| names.contains(&own.as_str().unwrap_or_default()))
    };
    let mut failure = Failure::of(ErrorClass::of_status(status));
    failure.hint = retry_after(response.headers());
    if status == 402 || is_called(&BILLING) {
        return Failure::of(ErrorClass::Billing);
    }
    if is_called(&CONTENT) {
        failure.class = ErrorClass::Blocked;
    } else if is_called(&["context_length_exceeded", "string_above_max_length"]) {
        failure.class = ErrorClass::TooLarge;
    } else if failure.class == ErrorClass::BadRequest {
        failure.extra = extra(error["param"].as_str().unwrap_or(message));
    }
    if failure.class == ErrorClass::RateLimited {
        rate_limited(&mut failure, message, error["type"] == "tokens", response.headers());
    }
    failure
}

/// What a 429 says. Its message names what is used up, the headers speak of windows only; behind a
/// gateway the message is all there is.
fn rate_limited(failure: &mut Failure, message: &str, of_tokens: bool, headers: &HeaderMap) {
    let of_tokens = of_tokens || message.contains("on tokens");
    let dimension = if of_tokens { Dimension::Tokens } else { Dimension::Requests };
    let of_day = message.contains("per day");
    let stated = stated_quota::of_headers(headers).into_iter();
    failure.quotas = stated.filter(|stated| !of_day && stated.dimension == dimension).collect();
    if message.starts_with("Request too large") {
        failure.class = ErrorClass::TooLarge;
        failure.hint = None;
        if failure.quotas.is_empty() {
            let limit = message.split_once("Limit ").and_then(|(_, after)| {
                after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
            });
            failure.quotas.push(Stated { limit, ..Stated::of(dimension) });
        }
        return;
    }
    // A quota of a day comes back evenly: its stated time is waited for, and no window is learned.
    failure.hint = failure.hint.or_else(|| wait_after("try again in ", message));
}

/// The part of a request that a refusal names.
fn extra(named: &str) -> Option<Extra> {
    let has = |word: &str| named.contains(word);
    if has("temperature") {
        Some(Extra::Temperature)
    } else if has("reasoning_effort") {
        Some(Extra::Thinking)
    } else if has("max_completion_tokens") {
        Some(Extra::CompletionTokens)
    } else if has("response_format") || has("schema") || has("enum") {
        Some(Extra::TagEnum)
    } else {
        None
    }
}
