//! Gemini's `generateContent`.
//!
//! The wait after a 429 stands only in the body: in `RetryInfo.retryDelay` (rounded down) and in
//! the message, so the longer of the two is taken. A day's quota is told by its `quotaId`, never
//! by the delay, which is short there too.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Failure, LONGEST_WAIT, Provider, Usage, retry_after};
use crate::pipeline::error::ErrorClass;
use crate::pipeline::prompt;
use crate::pipeline::quota::{Dimension, Stated};
use crate::pipeline::taxonomy::Taxonomy;

pub(super) fn request(
    provider: &Provider,
    prompt: &str,
    taxonomy: &Taxonomy,
    max_output_tokens: u64,
) -> Result<Request<Bytes>, http::Error> {
    let body = json!({
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {
            "temperature": 0,
            "candidateCount": 1,
            "maxOutputTokens": max_output_tokens,
            "responseMimeType": "application/json",
            "responseSchema": prompt::gemini_schema(taxonomy)
        }
    });
    Request::post(format!("{}/v1beta/models/{}:generateContent", provider.origin, provider.model))
        .header("x-goog-api-key", provider.key.expose())
        .header("content-type", "application/json")
        .body(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Value>,
    #[serde(default)]
    usage_metadata: UsageMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Content,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageMetadata {
    prompt_token_count: u64,
    candidates_token_count: u64,
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
    let fail = |class| Failure { usage, ..Failure::of(class) };
    let Some(candidate) = generated.candidates.into_iter().next() else {
        let blocked = generated.prompt_feedback.is_some();
        return Err(fail(if blocked { ErrorClass::Blocked } else { ErrorClass::Malformed }));
    };
    let spoken = candidate.content.parts.into_iter().filter(|part| !part.thought);
    let text: String = spoken.map(|part| part.text).collect();
    match candidate.finish_reason.as_deref() {
        Some("MAX_TOKENS") if text.is_empty() => Err(fail(ErrorClass::Truncated)),
        Some("MAX_TOKENS") => Ok(Answer { text, truncated: true, usage, quotas: Vec::new() }),
        Some("STOP") | None => Ok(Answer { text, truncated: false, usage, quotas: Vec::new() }),
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
    if status == 400 && error.to_string().contains("API_KEY_INVALID") {
        return Failure::of(ErrorClass::Auth);
    }
    let mut failure = Failure::of(ErrorClass::of_status(status));
    if failure.class != ErrorClass::RateLimited {
        failure.hint = retry_after(response.headers());
        return failure;
    }
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
    failure.quotas = violations.filter_map(violated).collect();
    if failure.quotas.iter().any(|stated| stated.of_day) {
        failure.class = ErrorClass::QuotaExhausted;
    }
    let stated = details.iter().filter_map(|detail| seconds(detail["retryDelay"].as_str()?));
    let written = error["message"].as_str().and_then(|message| {
        let (_, after) = message.rsplit_once("Please retry in ")?;
        seconds(after.trim_end().trim_end_matches('.'))
    });
    let longest = stated.chain(written).chain(retry_after(response.headers())).max();
    failure.hint = longest.map(|wait| wait.min(LONGEST_WAIT));
    failure
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

/// A protobuf duration, or the same in milliseconds: `38s`, `38.909s`, `800ms`.
fn seconds(text: &str) -> Option<Duration> {
    if let Some(ms) = text.strip_suffix("ms") {
        return Duration::try_from_secs_f64(ms.parse::<f64>().ok()? / 1000.0).ok();
    }
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}
