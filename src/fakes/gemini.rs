//! Gemini's wire format: `generateContent`, `countTokens` and the list of models, under `/v1` and
//! `/v1beta`, with keys in camel case or in snake case.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::fakes::ai::{Ai, Asked, Decision, Outcome};
use crate::fakes::answer::tokens;
use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Dimension, Hint, Refusal, Tier};
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
    let route = path.strip_prefix("/v1beta/").or_else(|| path.strip_prefix("/v1/"));
    let Some(route) = route.and_then(|route| Route::of(request.method(), route)) else {
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
    let model = match route {
        Route::Models => return sent(200, &json!({"models": [described(ai.model())]})),
        Route::Model(model) | Route::Generate(model) | Route::Count(model) => model,
    };
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
    if matches!(route, Route::Model(_)) {
        return sent(200, &described(model));
    }
    let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
        return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.");
    };
    let counted = either(&body, "generateContentRequest", "generate_content_request");
    let asked =
        if matches!(route, Route::Count(_)) && counted.is_object() { counted } else { &body };
    let Some(prompt) = prompt(asked) else {
        return error(400, "INVALID_ARGUMENT", "contents is not specified");
    };
    if matches!(route, Route::Count(_)) {
        let count = tokens(&prompt);
        let details = json!([{"modality": "TEXT", "tokenCount": count}]);
        let counted = json!({"totalTokens": count, "promptTokensDetails": details});
        return sent(200, &counted);
    }
    let config = either(&body, "generationConfig", "generation_config");
    let max_output_tokens = either(config, "maxOutputTokens", "max_output_tokens").as_u64();
    let asked = Asked { prompt: &prompt, max_output_tokens };
    let outcome = ai.decide(now_ms, asked, calendar, records);
    render(ai, &outcome).after(outcome.latency_ms)
}

/// What a request asks for.
enum Route<'a> {
    Models,
    Model(&'a str),
    Generate(&'a str),
    Count(&'a str),
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        if method == Method::GET {
            return match path.strip_prefix("models")? {
                "" => Some(Self::Models),
                rest => rest.strip_prefix('/').map(Self::Model),
            };
        }
        let called = path.strip_prefix("models/").filter(|_| method == Method::POST)?;
        match called.split_once(':')? {
            (model, "generateContent") => Some(Self::Generate(model)),
            (model, "countTokens") => Some(Self::Count(model)),
            _ => None,
        }
    }
}

/// A model as the service describes it.
fn described(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "version": "001",
        "displayName": model,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"]
    })
}

/// A value under one of the two names that a key may have.
fn either<'a>(body: &'a Value, camel: &str, snake: &str) -> &'a Value {
    body.get(camel).unwrap_or(&body[snake])
}

/// The text of the instructions and of all parts, in order.
fn prompt(body: &Value) -> Option<String> {
    let contents = body["contents"].as_array()?;
    let instructions = either(body, "systemInstruction", "system_instruction");
    let parts = std::iter::once(instructions).chain(contents);
    let parts = parts.filter_map(|content| content["parts"].as_array()).flatten();
    Some(parts.filter_map(|part| part["text"].as_str()).collect())
}

/// A reply with the content type that the service states.
fn sent(status: u16, body: &Value) -> Reply {
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply::text(status, "application/json; charset=UTF-8", body)
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
            sent(
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
        Decision::Blocked => sent(
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
    let free = ai.config().quota.as_ref().is_some_and(|quota| quota.tier == Tier::Free);
    let (metric, id) = match (refusal.dimension, free) {
        (Dimension::Requests, false) => {
            ("generate_requests_per_model", "GenerateRequestsPerMinutePerProjectPerModel")
        }
        (Dimension::Requests, true) => (
            "generate_content_free_tier_requests",
            "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        ),
        (Dimension::Tokens, false) => (
            "generate_content_paid_tier_input_token_count",
            "GenerateContentPaidTierInputTokensPerModelPerMinute",
        ),
        (Dimension::Tokens, true) => (
            "generate_content_free_tier_input_token_count",
            "GenerateContentInputTokensPerModelPerMinute-FreeTier",
        ),
        (Dimension::Day, false) => {
            ("generate_requests_per_model_per_day", "GenerateRequestsPerDayPerProjectPerModel")
        }
        (Dimension::Day, true) => (
            "generate_content_free_tier_requests",
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        ),
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
    sent(
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
    sent(code, &json!({"error": {"code": code, "message": message, "status": status}}))
}
