//! OpenAI's wire format: `POST /v1/chat/completions`.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::fakes::ai::{Ai, Asked, Decision, Outcome};
use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Dimension, Hint, Refusal};
use crate::fakes::record::Record;
use crate::fakes::{Broken, Reply};

pub(super) fn reply(
    ai: &mut Ai,
    now_ms: u64,
    request: &Request<Bytes>,
    calendar: &Calendar,
    records: &mut Vec<Record>,
) -> Reply {
    if request.method() != Method::POST || request.uri().path() != "/v1/chat/completions" {
        let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
        return error(404, "invalid_request_error", None, &message);
    }
    let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if !bearer.is_some_and(|value| value.starts_with("Bearer ") && value.len() > "Bearer ".len()) {
        let message = "You didn't provide an API key.";
        return error(401, "invalid_request_error", Some("invalid_api_key"), message);
    }
    let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
        let message = "We could not parse the JSON body of your request.";
        return error(400, "invalid_request_error", None, message);
    };
    let model = body["model"].as_str().unwrap_or("");
    if model != ai.model() {
        let message =
            format!("The model `{model}` does not exist or you do not have access to it.");
        return error(404, "invalid_request_error", Some("model_not_found"), &message);
    }
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let prompt: String =
        messages.iter().filter_map(|message| message["content"].as_str()).collect();
    let max_output_tokens =
        body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64());
    let asked = Asked { prompt: &prompt, max_output_tokens };
    let outcome = ai.decide(now_ms, asked, calendar, records);
    let created = calendar.at(now_ms).as_second();
    let reply = render(ai, &outcome, created).after(outcome.latency_ms);
    let reply = reply.with_header("x-request-id", &format!("req_{}", outcome.serial));
    let left = [
        (
            ai.quota().and_then(super::quota::Quota::requests_left),
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
        ),
        (
            ai.quota().and_then(super::quota::Quota::tokens_left),
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
        ),
    ];
    left.into_iter().fold(reply, |reply, (left, limit_header, left_header)| match left {
        Some((limit, left)) => reply
            .with_header(limit_header, &limit.to_string())
            .with_header(left_header, &left.to_string()),
        None => reply,
    })
}

fn render(ai: &Ai, outcome: &Outcome, created: i64) -> Reply {
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    let completion = |content: Value, refusal: Value, finish: &str| {
        Reply::json(
            200,
            &json!({
                "id": format!("chatcmpl-rehearsal{}", outcome.serial),
                "object": "chat.completion",
                "created": created,
                "model": ai.model(),
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": refusal, "annotations": []},
                    "logprobs": null,
                    "finish_reason": finish
                }],
                "usage": {
                    "prompt_tokens": input,
                    "completion_tokens": output,
                    "total_tokens": input + output,
                    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}
                },
                "service_tier": "default"
            }),
        )
    };
    match &outcome.decision {
        Decision::Answer { text, truncated } => {
            completion(json!(text), Value::Null, if *truncated { "length" } else { "stop" })
        }
        Decision::Blocked => {
            completion(Value::Null, json!("I'm sorry, I cannot assist with that request."), "stop")
        }
        Decision::Refused(refusal) => refused(ai, refusal),
        Decision::Random429 => error(
            429,
            "requests",
            Some("rate_limit_exceeded"),
            "Rate limit reached. Please try again later.",
        ),
        Decision::Status(status, retry_after_s) => {
            let (kind, code, message) = match status {
                401 => (
                    "invalid_request_error",
                    Some("invalid_api_key"),
                    "Incorrect API key provided.",
                ),
                429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached."),
                400..=499 => ("invalid_request_error", None, "The request is not valid."),
                503 => ("server_error", Some("server_is_overloaded"), "The server is overloaded."),
                _ => {
                    ("server_error", None, "The server had an error while processing your request.")
                }
            };
            error(*status, kind, code, message).with_retry_after(*retry_after_s)
        }
        Decision::Reset => Reply::broken(Broken::Reset),
        Decision::Hang => Reply::broken(Broken::Hang),
    }
}

fn refused(ai: &Ai, refusal: &Refusal) -> Reply {
    let (kind, name) = match refusal.dimension {
        Dimension::Requests => ("requests", "requests per min (RPM)"),
        Dimension::Tokens => ("tokens", "tokens per min (TPM)"),
        Dimension::Day => ("requests", "requests per day (RPD)"),
    };
    let message = format!(
        "Rate limit reached for {} in organization org-rehearsal on {name}: Limit {}, Used {}. \
         Please try again in {}ms. Visit https://platform.openai.com/account/rate-limits to learn more.",
        ai.model(),
        refusal.limit,
        refusal.used,
        refusal.retry_ms
    );
    let reply = error(429, kind, Some("rate_limit_exceeded"), &message);
    match ai.config().quota.as_ref().map(|quota| quota.hint) {
        Some(Hint::RetryInfo) => reply
            .with_header("retry-after", &refusal.retry_ms.div_ceil(1000).to_string())
            .with_header("retry-after-ms", &refusal.retry_ms.to_string()),
        _ => reply,
    }
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Reply {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    Reply::json(status, &json!({"error": error}))
}
