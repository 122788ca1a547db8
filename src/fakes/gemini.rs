//! Gemini's wire format: `POST /v1beta/models/{model}:generateContent`.

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
    let path = request.uri().path();
    let model = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"));
    let called = model.and_then(|rest| rest.split_once(':'));
    let Some((model, "generateContent")) = called.filter(|_| request.method() == Method::POST)
    else {
        return error(404, "NOT_FOUND", "The requested URL was not found on this server.");
    };
    let in_query = request.uri().query().is_some_and(|query| query.contains("key="));
    if !in_query && !request.headers().contains_key("x-goog-api-key") {
        return error(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). \
             Please use API Key or other form of API consumer identity to call this API.",
        );
    }
    if model != ai.model() {
        return error(
            404,
            "NOT_FOUND",
            &format!(
                "models/{model} is not found for API version v1beta, or is not supported for \
                 generateContent. Call ListModels to see the list of available models and their \
                 supported methods."
            ),
        );
    }
    let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
        return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.");
    };
    let Some(prompt) = prompt(&body) else {
        return error(400, "INVALID_ARGUMENT", "contents is not specified");
    };
    let max = &body["generationConfig"];
    let max_output_tokens =
        max["maxOutputTokens"].as_u64().or_else(|| max["max_output_tokens"].as_u64());
    let asked = Asked { prompt: &prompt, max_output_tokens };
    let outcome = ai.decide(now_ms, asked, calendar, records);
    render(ai, &outcome).after(outcome.latency_ms)
}

/// The text of all parts, in order.
fn prompt(body: &Value) -> Option<String> {
    let contents = body["contents"].as_array()?;
    let parts = contents.iter().filter_map(|content| content["parts"].as_array()).flatten();
    Some(parts.filter_map(|part| part["text"].as_str()).collect())
}

fn render(ai: &Ai, outcome: &Outcome) -> Reply {
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    let id = format!("rehearsal-{}", outcome.serial);
    match &outcome.decision {
        Decision::Answer { text, truncated } => {
            let content = if text.is_empty() {
                json!({"role": "model"})
            } else {
                json!({"role": "model", "parts": [{"text": text}]})
            };
            let finish = if *truncated { "MAX_TOKENS" } else { "STOP" };
            Reply::json(
                200,
                &json!({
                    "candidates": [{"content": content, "finishReason": finish, "index": 0}],
                    "usageMetadata": {
                        "promptTokenCount": input,
                        "candidatesTokenCount": output,
                        "totalTokenCount": input + output,
                        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}]
                    },
                    "modelVersion": ai.model(),
                    "responseId": id
                }),
            )
        }
        Decision::Blocked => Reply::json(
            200,
            &json!({
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": input, "totalTokenCount": input},
                "modelVersion": ai.model(),
                "responseId": id
            }),
        ),
        Decision::Refused(refusal) => refused(ai, refusal),
        Decision::Random429 => {
            error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
        }
        Decision::Status(status, retry_after_s) => {
            let (status_name, message) = match status {
                400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
                403 => (
                    "PERMISSION_DENIED",
                    "Your project has been denied access. Please contact support.",
                ),
                404 => ("NOT_FOUND", "Requested entity was not found."),
                429 => ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
                503 => (
                    "UNAVAILABLE",
                    "This model is currently experiencing high demand. Spikes in demand are \
                     usually temporary. Please try again later.",
                ),
                504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
                _ => ("INTERNAL", "Internal error encountered."),
            };
            error(*status, status_name, message).with_retry_after(*retry_after_s)
        }
        Decision::Reset => Reply::broken(Broken::Reset),
        Decision::Hang => Reply::broken(Broken::Hang),
    }
}

fn refused(ai: &Ai, refusal: &Refusal) -> Reply {
    let service = match ai.config().quota.as_ref() {
        Some(quota) if quota.hint == Hint::None => {
            return error(
                429,
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted (e.g. check quota).",
            );
        }
        _ => "generativelanguage.googleapis.com",
    };
    let (metric, id) = match refusal.dimension {
        Dimension::Requests => {
            ("generate_requests_per_model", "GenerateRequestsPerMinutePerProjectPerModel")
        }
        Dimension::Tokens => (
            "generate_content_paid_tier_input_token_count",
            "GenerateContentPaidTierInputTokensPerModelPerMinute",
        ),
        Dimension::Day => {
            ("generate_requests_per_model_per_day", "GenerateRequestsPerDayPerProjectPerModel")
        }
    };
    let told_ms = refusal.told_ms();
    let (seconds, millis) = (told_ms / 1000, told_ms % 1000);
    let message = format!(
        "You exceeded your current quota, please check your plan and billing details. For more \
         information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To \
         monitor your current usage, head to: https://ai.dev/rate-limit. \n* Quota exceeded for \
         metric: {service}/{metric}, limit: {}, model: {}\nPlease retry in {seconds}.{millis:03}s.",
        refusal.limit,
        ai.model()
    );
    Reply::json(
        429,
        &json!({"error": {
            "code": 429,
            "message": message,
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.Help", "links": [{
                    "description": "Learn more about Gemini API quotas",
                    "url": "https://ai.google.dev/gemini-api/docs/rate-limits"
                }]},
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
                    "quotaMetric": format!("{service}/{metric}"),
                    "quotaId": id,
                    "quotaDimensions": {"location": "global", "model": ai.model()},
                    "quotaValue": refusal.limit.to_string()
                }]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}
            ]
        }}),
    )
}

fn error(code: u16, status: &str, message: &str) -> Reply {
    Reply::json(code, &json!({"error": {"code": code, "message": message, "status": status}}))
}
