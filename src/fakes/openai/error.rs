//! OpenAI's errors: all four keys are always there.

use serde_json::json;

use crate::fakes::llm::{Decision, LlmService, Outcome};
use crate::fakes::openai::wrong::Wrong;
use crate::fakes::quota::{Dimension, Hint, Refusal};
use crate::fakes::{Broken, Reply};

fn error(status: u16, kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    let error = json!({"message": message, "type": kind, "param": param, "code": code});
    Reply::json(status, &json!({"error": error}))
}

pub(super) fn invalid(message: &str, param: Option<&str>) -> Reply {
    error(400, "invalid_request_error", None, param, message)
}

pub(super) fn too_large() -> Reply {
    error(413, "invalid_request_error", None, None, "The request body is too large.")
}

pub(super) fn wrong(wrong: &Wrong) -> Reply {
    let (param, code, message) = told(wrong);
    error(400, "invalid_request_error", code, Some(param), &message)
}

/// The parameter, the code and the words for what is wrong.
pub(crate) fn told(wrong: &Wrong) -> (&str, Option<&'static str>, String) {
    let (param, code, message) = match wrong {
        Wrong::Said { param, code, message } => return (param, *code, message.clone()),
        Wrong::Schema { param, code, message } => return (param, *code, message.clone()),
        Wrong::Missing(param) => {
            let message = format!("Missing required parameter: '{param}'.");
            (*param, "missing_required_parameter", message)
        }
        Wrong::Below { param, least, got } => {
            let message = format!(
                "Invalid '{param}': integer below minimum value. Expected a value >= {least}, but \
                 got {got} instead."
            );
            (*param, "integer_below_min_value", message)
        }
        Wrong::Type { param, wanted } => {
            let message = format!("Invalid type for '{param}': expected {wanted}.");
            (*param, "invalid_type", message)
        }
        Wrong::Value { param, wanted, got } => {
            let message = format!("Invalid value: '{got}'. Supported values are: {wanted}.");
            (*param, "invalid_value", message)
        }
        Wrong::Above { param, most, got } => {
            let message = format!(
                "Invalid '{param}': decimal above maximum value. Expected a value <= {most}, but \
                 got {got} instead."
            );
            (*param, "decimal_above_max_value", message)
        }
    };
    (param, Some(code), message)
}

pub(super) fn no_key() -> Reply {
    let message = "You didn't provide an API key. You need to provide your API key in an \
                   Authorization header using Bearer auth.";
    error(401, "invalid_request_error", None, None, message)
}

/// The service repeats a part of the key; a fake repeats nothing of it.
pub(super) fn bad_key() -> Reply {
    let message = "Incorrect API key provided. You can find your API key at \
                   https://platform.openai.com/account/api-keys.";
    error(401, "invalid_request_error", Some("invalid_api_key"), None, message)
}

pub(super) fn no_such_model(model: &str) -> Reply {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    error(404, "invalid_request_error", Some("model_not_found"), None, &message)
}

pub(super) fn no_such_route(method: &str, path: &str) -> Reply {
    let message = format!("Invalid URL ({method} {path})");
    error(404, "invalid_request_error", None, None, &message)
}

/// What the service says to a call without an answer.
pub(super) fn of(ai: &LlmService, model: &str, outcome: &Outcome) -> Reply {
    match &outcome.decision {
        Decision::Refused(refusals, told_ms) => {
            over_quota(ai, model, refusals.first(), *told_ms, outcome.input_tokens)
        }
        Decision::Unpaid => error(
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            None,
            "You exceeded your current quota, please check your plan and billing details. For \
             more information on this error, read the docs: \
             https://platform.openai.com/docs/guides/error-codes/api-errors.",
        ),
        Decision::Inactive => error(
            429,
            "billing_not_active",
            Some("billing_not_active"),
            None,
            "Your account is not active, please check your billing details on our website.",
        ),
        Decision::InvalidPrompt => error(
            400,
            "invalid_request_error",
            Some("invalid_prompt"),
            None,
            "Invalid prompt: it was flagged as potentially violating our usage policy. Please try \
             again with a different prompt.",
        ),
        Decision::Random429 => error(
            429,
            "requests",
            Some("rate_limit_exceeded"),
            None,
            "Rate limit reached. Please try again later.",
        ),
        Decision::Status(status, retry_after_s) => of_status(*status, *retry_after_s),
        Decision::Hang => Reply::broken(Broken::Hang),
        Decision::Reset | Decision::Answer { .. } | Decision::Blocked | Decision::Filtered => {
            Reply::broken(Broken::Reset)
        }
    }
}

fn of_status(status: u16, retry_after_s: Option<u64>) -> Reply {
    let (kind, code, message) = match status {
        401 => return bad_key(),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached."),
        400..=499 => ("invalid_request_error", None, "The request is not valid."),
        503 => ("server_error", Some("server_is_overloaded"), "The server is overloaded."),
        _ => ("server_error", None, "The server had an error while processing your request."),
    };
    error(status, kind, code, None, message).with_retry_after(retry_after_s)
}

fn over_quota(
    ai: &LlmService,
    model: &str,
    refusal: Option<&Refusal>,
    told_ms: u64,
    tokens: u64,
) -> Reply {
    let (kind, name, requested) = match refusal.map(|refusal| refusal.dimension) {
        Some(Dimension::Tokens) => ("tokens", "tokens per min (TPM)", tokens),
        Some(Dimension::Day) => ("requests", "requests per day (RPD)", 1),
        Some(Dimension::DayTokens) => ("tokens", "tokens per day (TPD)", tokens),
        Some(Dimension::Requests) | None => ("requests", "requests per min (RPM)", 1),
    };
    let (limit, used) = refusal.map_or((0, 0), |refusal| (refusal.limit, refusal.used));
    let hint = ai.config().quota.as_ref().map(|quota| quota.hint);
    let again = crate::fakes::llm::duration(told_ms);
    let (kind, message) = if hint == Some(Hint::TimeOnly) {
        ("requests", format!("Rate limit reached. Please try again in {again}."))
    } else {
        let message = format!(
            "Rate limit reached for {model} in organization org-rehearsal on {name}: Limit {limit}, \
             Used {used}, Requested {requested}. Please try again in {again}. Visit \
             https://platform.openai.com/account/rate-limits to learn more."
        );
        (kind, message)
    };
    let reply = error(429, kind, Some("rate_limit_exceeded"), None, &message);
    match hint {
        Some(Hint::RetryInfo | Hint::RetryAfter | Hint::TimeOnly | Hint::Remaining) => reply
            .with_header("retry-after", &told_ms.div_ceil(1000).to_string())
            .with_header("retry-after-ms", &told_ms.to_string()),
        _ => reply,
    }
}
