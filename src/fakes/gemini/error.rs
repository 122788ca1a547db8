//! Gemini's errors: status, code and details as the service sends them.

use serde_json::{Value, json};

use super::fields::Unknown;
use super::request::Problem;
use crate::fakes::Reply;
use crate::fakes::gemini::sent::sent;
use crate::fakes::llm::LlmService;
use crate::fakes::quota::{Dimension, Hint, Refusal, Tier};

const SERVICE: &str = "generativelanguage.googleapis.com";
/// What every refusal without an explanation says.
const EXHAUSTED: &str = "Resource has been exhausted (e.g. check quota).";

fn error(code: u16, status: &str, message: &str) -> Reply {
    sent(code, &json!({"error": {"code": code, "message": message, "status": status}}))
}

fn detailed(code: u16, status: &str, message: &str, details: &Value) -> Reply {
    let error = json!({"code": code, "message": message, "status": status, "details": details});
    sent(code, &json!({"error": error}))
}

pub(super) fn no_such_route() -> Reply {
    error(404, "NOT_FOUND", "The requested URL was not found on this server.")
}

pub(super) fn not_found() -> Reply {
    error(404, "NOT_FOUND", "Requested entity was not found.")
}

pub(super) fn no_key() -> Reply {
    error(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). \
         Please use API Key or other form of API consumer identity to call this API.",
    )
}

/// A bad key is a bad request to this service, not a 401.
pub(super) fn bad_key() -> Reply {
    let message = "API key not valid. Please pass a valid API key.";
    let details = json!([
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
         "domain": "googleapis.com", "metadata": {"service": SERVICE}},
        {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US",
         "message": message}
    ]);
    detailed(400, "INVALID_ARGUMENT", message, &details)
}

pub(super) fn no_such_model(model: &str, version: &str) -> Reply {
    let message = format!(
        "models/{model} is not found for API version {version}, or is not supported for \
         generateContent. Call ListModels to see the list of available models and their \
         supported methods."
    );
    error(404, "NOT_FOUND", &message)
}

pub(super) fn invalid(message: &str) -> Reply {
    error(400, "INVALID_ARGUMENT", message)
}

/// What is said to a request that the service does not take.
pub(super) fn refused(problem: &Problem) -> Reply {
    let Unknown { name, at, why } = match problem {
        Problem::Value(message) => return invalid(message),
        Problem::Unknown(unknown) => unknown,
    };
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    let message = format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: {why}");
    let violation = if at.is_empty() {
        json!({"description": message})
    } else {
        json!({"field": at, "description": message})
    };
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]
    }]);
    detailed(400, "INVALID_ARGUMENT", &message, &details)
}

pub(super) fn exhausted() -> Reply {
    error(429, "RESOURCE_EXHAUSTED", EXHAUSTED)
}

/// The money is used up: the message of a reached spending cap, a 429 without details, as public
/// reports of 2026 show it.
pub(super) fn unpaid() -> Reply {
    let message = "Your project has exceeded its monthly spending cap. Please go to AI Studio at \
                   https://ai.studio/spend to manage your project spend cap.";
    error(429, "RESOURCE_EXHAUSTED", message)
}

/// The account is not paid for: a 429 without details, as public reports of 2026 show it.
pub(super) fn inactive() -> Reply {
    let message = "Your prepayment credits are depleted. Please go to AI Studio at \
                   https://ai.studio/projects to manage your project and billing.";
    error(429, "RESOURCE_EXHAUSTED", message)
}

pub(super) fn status(status: u16, retry_after_s: Option<u64>) -> Reply {
    let (name, message) = match status {
        400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        403 => {
            ("PERMISSION_DENIED", "Your project has been denied access. Please contact support.")
        }
        404 => ("NOT_FOUND", "Requested entity was not found."),
        429 => ("RESOURCE_EXHAUSTED", EXHAUSTED),
        499 => ("CANCELLED", "The operation was cancelled."),
        503 => (
            "UNAVAILABLE",
            "This model is currently experiencing high demand. Spikes in demand are usually \
             temporary. Please try again later.",
        ),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        _ => ("INTERNAL", "Internal error encountered."),
    };
    error(status, name, message).with_retry_after(retry_after_s)
}

/// A refusal for a quota, with its name and when to come again, unless the scenario hides both.
pub(super) fn over_quota(
    ai: &LlmService,
    model: &str,
    refusals: &[Refusal],
    told_ms: u64,
) -> Reply {
    let quota = ai.config().quota.as_ref();
    let hint = quota.map_or(Hint::RetryInfo, |quota| quota.hint);
    if hint == Hint::None {
        return exhausted();
    }
    let free = quota.is_some_and(|quota| quota.tier == Tier::Free);
    let (seconds, millis) = (told_ms / 1000, told_ms % 1000);
    // Rounded down, as the service does; in a faster world that would leave nothing of it.
    let delay =
        if ai.speed() == 1 { format!("{seconds}s") } else { format!("{seconds}.{millis:03}s") };
    let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay});
    if hint == Hint::TimeOnly {
        let message = format!("{EXHAUSTED} Please retry in {seconds}.{millis:03}s.");
        return detailed(429, "RESOURCE_EXHAUSTED", &message, &json!([retry]));
    }
    let mut message = "You exceeded your current quota, please check your plan and billing details. \
         For more information on this error, head to: \
         https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: \
         https://ai.dev/rate-limit. "
        .to_owned();
    let mut violations = Vec::new();
    for Refusal { dimension, limit, .. } in refusals {
        let (metric, id) = name(*dimension, free);
        let exceeded = format!("{SERVICE}/{metric}, limit: {limit}, model: {model}");
        message.push_str("\n* Quota exceeded for metric: ");
        message.push_str(&exceeded);
        violations.push(json!({
            "quotaMetric": format!("{SERVICE}/{metric}"),
            "quotaId": id,
            "quotaDimensions": {"location": "global", "model": model},
            "quotaValue": limit.to_string()
        }));
    }
    let message = format!("{message}\nPlease retry in {seconds}.{millis:03}s.");
    let details = json!([
        {"@type": "type.googleapis.com/google.rpc.Help", "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits"
        }]},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
        retry
    ]);
    let header = (hint == Hint::RetryAfter).then(|| told_ms.div_ceil(1000));
    detailed(429, "RESOURCE_EXHAUSTED", &message, &details).with_retry_after(header)
}

/// The metric and the id of a quota.
fn name(dimension: Dimension, free: bool) -> (&'static str, &'static str) {
    match (dimension, free) {
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
        // Only the name of the free one has been seen.
        (Dimension::DayTokens, false) => (
            "generate_content_paid_tier_input_token_count",
            "GenerateContentPaidTierInputTokensPerModelPerDay",
        ),
        (Dimension::DayTokens, true) => (
            "generate_content_free_tier_input_token_count",
            "GenerateContentInputTokensPerModelPerDay-FreeTier",
        ),
        (Dimension::Day, true) => (
            "generate_content_free_tier_requests",
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        ),
    }
}
