//! Gemini's `generateContent`.
//!
//! The wait after a 429 stands only in the body: in `RetryInfo.retryDelay` (rounded down) and in
//! the message, so the longer of the two is taken. A day's quota is told by its `quotaId`, never
//! by the delay, which is short there too.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extra::{Extra, RefusedExtras};
use super::length_of_time::length_of_time;
use super::provider::wait_after;
use super::schema::Dialect;
use super::{Answer, Failure, LONGEST_WAIT, Provider, Usage, retry_after, schema};
use crate::pipeline::error::ErrorClass;
use crate::pipeline::lenient::or_default;
use crate::pipeline::provider::stated_quota::{self, Dimension, Stated};
use crate::pipeline::taxonomy::Taxonomy;

/// What a message about money says, in lower case. Neither status nor details tell it from a rate
/// limit.
const MONEY: [&str; 4] =
    ["credits are depleted", "spending cap", "spend cap", "billing account is not active"];

pub(super) fn request(
    provider: &Provider,
    prompt: &str,
    taxonomy: &Taxonomy,
    max_output_tokens: u64,
    refused: RefusedExtras,
) -> Result<Request<Bytes>, http::Error> {
    let mut config = json!({
        "candidateCount": 1,
        "maxOutputTokens": max_output_tokens,
        "responseMimeType": "application/json",
        "responseSchema": schema::of_answer(taxonomy, Dialect::Gemini, !refused.has(Extra::TagEnum))
    });
    if !refused.has(Extra::Temperature) {
        config["temperature"] = json!(0);
    }
    if let Some(thinking) =
        least_thinking(&provider.model).filter(|_| !refused.has(Extra::Thinking))
    {
        config["thinkingConfig"] = thinking;
    }
    let body = json!({
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": config
    });
    Request::post(format!("{}/v1beta/models/{}:generateContent", provider.origin, provider.model))
        .header("x-goog-api-key", provider.key.expose())
        .header("content-type", "application/json")
        .body(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()))
}

/// The least thinking that a model takes: a budget of tokens in the 2.5 family, of which the pro
/// models need 128, and a level since (<https://ai.google.dev/gemini-api/docs/thinking>). Nothing
/// for models that do not think.
fn least_thinking(model: &str) -> Option<Value> {
    let model = model.rsplit('/').next().unwrap_or(model).strip_prefix("gemini-")?;
    let is_pro = model.contains("pro");
    let generation = model.split('-').next().unwrap_or_default();
    match generation.parse::<f64>() {
        Ok(generation) if generation >= 3.0 => {
            Some(json!({"thinkingLevel": if is_pro { "LOW" } else { "MINIMAL" }}))
        }
        Ok(generation) if generation < 2.5 => None,
        // The 2.5 family, and names such as `gemini-flash-latest`.
        _ => Some(json!({"thinkingBudget": if is_pro { 128 } else { 0 }})),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    #[serde(default, deserialize_with = "or_default")]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    usage_metadata: UsageMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default, deserialize_with = "or_default")]
    content: CandidateContent,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct CandidateContent {
    #[serde(default, deserialize_with = "or_default")]
    parts: Vec<ContentPart>,
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(default, deserialize_with = "or_default")]
    text: String,
    #[serde(default, deserialize_with = "or_default")]
    thought: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageMetadata {
    #[serde(deserialize_with = "or_default")]
    prompt_token_count: u64,
    #[serde(deserialize_with = "or_default")]
    candidates_token_count: u64,
    #[serde(deserialize_with = "or_default")]
    thoughts_token_count: u64,
}

pub(super) fn read(response: &Response<Bytes>) -> Result<Answer, Failure> {
    if response.status() != StatusCode::OK {
        return Err(failure(response));
    }
    let Ok(generated) = serde_json::from_slice::<Generated>(response.body()) else {
        return Err(Failure::of(ErrorClass::Malformed));
    };
    let reported = &generated.usage_metadata;
    let output = reported.candidates_token_count.saturating_add(reported.thoughts_token_count);
    let usage = Usage::reported(reported.prompt_token_count, output);
    let quotas = stated_quota::of_headers(response.headers());
    let fail = |class| Failure { usage, quotas: quotas.clone(), ..Failure::of(class) };
    let Some(candidate) = generated.candidates.into_iter().next() else {
        let blocked = generated.prompt_feedback.is_some();
        return Err(fail(if blocked { ErrorClass::Blocked } else { ErrorClass::Malformed }));
    };
    let spoken = candidate.content.parts.into_iter().filter(|part| !part.thought);
    let text: String = spoken.map(|part| part.text).collect();
    match candidate.finish_reason.as_deref() {
        Some("MAX_TOKENS") if text.is_empty() => Err(fail(ErrorClass::Truncated)),
        Some("MAX_TOKENS") => Ok(Answer { text, truncated: true, usage, quotas }),
        Some("STOP") | None => Ok(Answer { text, truncated: false, usage, quotas }),
        Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => {
            Err(fail(ErrorClass::Blocked))
        }
        Some(_) => Err(fail(ErrorClass::Malformed)),
    }
}

fn failure(response: &Response<Bytes>) -> Failure {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    // Some endpoints wrap the error in a list of one.
    let error = body.get(0).unwrap_or(&body).get("error").cloned().unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    let mut failure = Failure::of(ErrorClass::of_status(status));
    if failure.class != ErrorClass::RateLimited {
        failure.hint = retry_after(response.headers());
        if status == 400 {
            bad_request(&mut failure, &error, &message.to_ascii_lowercase());
        }
        return failure;
    }
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
    failure.quotas = violations.filter_map(violated).collect();
    let says = |words: &&str| message.to_ascii_lowercase().contains(*words);
    if MONEY.iter().any(says) || is_without_quota(message, &failure.quotas) {
        return Failure::of(ErrorClass::Billing);
    }
    if failure.quotas.iter().any(|stated| stated.of_day) {
        failure.class = ErrorClass::QuotaExhausted;
    }
    let stated = details.iter().filter_map(|detail| length_of_time(detail["retryDelay"].as_str()?));
    let written = wait_after("Please retry in ", message);
    let longest = stated.chain(written).chain(retry_after(response.headers())).max();
    failure.hint = longest.map(|wait| wait.min(LONGEST_WAIT));
    failure
}

/// What a 400 is about: the key, the plan, the size, or a part of the request that can be left out.
fn bad_request(failure: &mut Failure, error: &Value, message: &str) {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if error.to_string().contains("API_KEY_INVALID") {
        failure.class = ErrorClass::Auth;
    } else if error["status"] == "FAILED_PRECONDITION" {
        // No free tier in this country, or no billing account.
        failure.class = ErrorClass::Billing;
    } else if says(&["input token count", "exceeds the maximum number of tokens"]) {
        failure.class = ErrorClass::TooLarge;
    } else if says(&["thinking"]) {
        failure.extra = Some(Extra::Thinking);
    } else if says(&["schema", "too many states", "enum"]) {
        failure.extra = Some(Extra::TagEnum);
    } else if says(&["temperature"]) {
        failure.extra = Some(Extra::Temperature);
    }
}

/// Whether the quotas that a refusal names are of no calls at all: such a plan never has any. The
/// value of a violation is left out where it is zero; the message says it.
fn is_without_quota(message: &str, quotas: &[Stated]) -> bool {
    let of_zero = |(at, words): (usize, &str)| {
        let after = message[at + words.len()..].trim_start().chars().next();
        !after.is_some_and(|next| next.is_ascii_digit() || next == '.')
    };
    let is_stated = message.match_indices("limit: 0").any(of_zero);
    is_stated && quotas.iter().all(|stated| stated.limit.is_none_or(|limit| limit == 0))
}

/// A quota that a refusal names. Its value is left out where it is zero.
fn violated(violation: &Value) -> Option<Stated> {
    let id = violation["quotaId"].as_str()?;
    let metric = violation["quotaMetric"].as_str().unwrap_or_default();
    let of_tokens = id.contains("Token") || metric.contains("token");
    let dimension = if of_tokens { Dimension::Tokens } else { Dimension::Requests };
    let value = &violation["quotaValue"];
    let limit = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    Some(Stated { of_day: id.contains("PerDay"), limit, ..Stated::of(dimension) })
}
