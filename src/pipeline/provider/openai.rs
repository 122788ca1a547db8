//! OpenAI's chat completions.
//!
//! A 429 is a rate limit only if its code says so: one about billing is never tried again.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Failure, Provider, Usage, retry_after};
use crate::pipeline::error::ErrorClass;
use crate::pipeline::prompt;
use crate::pipeline::quota::{Dimension, Stated};
use crate::pipeline::taxonomy::Taxonomy;

/// What a 429 is called that no wait cures.
const BILLING: [&str; 3] =
    ["insufficient_quota", "billing_not_active", "billing_hard_limit_reached"];

pub(super) fn request(
    provider: &Provider,
    prompt: &str,
    taxonomy: &Taxonomy,
    max_output_tokens: u64,
) -> Result<Request<Bytes>, http::Error> {
    let mut body = json!({
        "model": provider.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_completion_tokens": max_output_tokens,
        "response_format": {"type": "json_schema", "json_schema": {
            "name": "page_tags", "strict": true, "schema": prompt::openai_schema(taxonomy)
        }}
    });
    if !reasons(&provider.model) {
        body["temperature"] = json!(0);
    }
    Request::post(format!("{}/v1/chat/completions", provider.origin))
        .header("authorization", format!("Bearer {}", provider.key.expose()))
        .header("content-type", "application/json")
        .body(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()))
}

/// Whether a model reasons, and so takes no temperature: gpt-5 and later, and the o-series.
fn reasons(model: &str) -> bool {
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok();
    let generation = model.strip_prefix("gpt-").and_then(number);
    generation.is_some_and(|generation| generation >= 5)
        || model.strip_prefix('o').and_then(number).is_some()
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: CompletionUsage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CompletionUsage {
    prompt_tokens: u64,
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
    let fail = |class| Failure { usage, quotas: quotas(response.headers()), ..Failure::of(class) };
    let Some(choice) = completion.choices.into_iter().next() else {
        return Err(fail(ErrorClass::Malformed));
    };
    if choice.message.refusal.is_some() {
        return Err(fail(ErrorClass::Blocked));
    }
    let text = choice.message.content.unwrap_or_default();
    match choice.finish_reason.as_deref() {
        Some(how @ ("stop" | "length")) => Ok(Answer {
            text,
            truncated: how == "length",
            usage,
            quotas: quotas(response.headers()),
        }),
        None => Ok(Answer { text, truncated: false, usage, quotas: quotas(response.headers()) }),
        Some("content_filter") => Err(fail(ErrorClass::Blocked)),
        Some(_) => Err(fail(ErrorClass::Malformed)),
    }
}

fn failure(response: &Response<Bytes>) -> Failure {
    let status = response.status().as_u16();
    let mut failure = Failure::of(ErrorClass::of_status(status));
    failure.hint = retry_after(response.headers());
    if failure.class == ErrorClass::RateLimited {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let names = [&body["error"]["type"], &body["error"]["code"]];
        if names.iter().any(|name| BILLING.contains(&name.as_str().unwrap_or_default())) {
            failure.class = ErrorClass::QuotaExhausted;
            return failure;
        }
        let message = body["error"]["message"].as_str().unwrap_or_default();
        let of_day = message.contains("per day");
        let of_tokens = body["error"]["type"] == "tokens" || message.contains("on tokens");
        let dimension = if of_tokens { Dimension::Tokens } else { Dimension::Requests };
        // The headers speak of windows only; the message names what is used up.
        let stated = quotas(response.headers()).into_iter();
        let stated = stated.filter(|stated| !of_day && stated.dimension == dimension);
        failure.quotas = stated.collect();
        if of_day {
            failure.quotas.push(Stated { of_day, ..Stated::of(dimension) });
            failure.class = ErrorClass::QuotaExhausted;
        }
    }
    failure
}

/// What the headers say about the quotas of requests and tokens.
fn quotas(headers: &HeaderMap) -> Vec<Stated> {
    let number = |name: String| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    let of = |dimension, what: &str| {
        let limit = number(format!("x-ratelimit-limit-{what}"))?;
        Some(Stated { limit: Some(limit), ..Stated::of(dimension) })
    };
    let named = [(Dimension::Requests, "requests"), (Dimension::Tokens, "tokens")];
    named.into_iter().filter_map(|(dimension, what)| of(dimension, what)).collect()
}
