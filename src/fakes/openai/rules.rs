//! What the service refuses of a request that can be read.
//!
//! Models that reason take no temperature but 1, and no `max_tokens`, unless they are told not to
//! reason (public reports of gpt-5.4, gpt-5.6-luna and gpt-6-luna, November 2026). Schemas that call
//! themselves strict must be so, and JSON without a schema must be asked for in words as well.

use serde_json::Value;

use super::request::{CompletionRequest, effort, format_of};
use super::tools::described;
use super::{Interface, strict};
use crate::fakes::openai::wrong::Wrong;

/// Refuses what the service does not take.
pub(super) fn check(
    body: &Value,
    asks: &CompletionRequest,
    interface: Interface,
) -> Result<(), Wrong> {
    reasoning(body, &asks.model, interface)?;
    strict_answer(body, interface)?;
    let tools = body["tools"].as_array().into_iter().flatten();
    for (index, tool) in tools.enumerate() {
        strict_function(described(tool, interface), index, interface)?;
    }
    let is_json = format_of(body, interface)["type"] == "json_object";
    if is_json && !asks.prompt().to_lowercase().contains("json") {
        return Err(no_word_of_json(interface));
    }
    Ok(())
}

fn strict_answer(body: &Value, interface: Interface) -> Result<(), Wrong> {
    let format = format_of(body, interface);
    let (stated, param, code) = match interface {
        Interface::Chat => (&format["json_schema"], "response_format", None),
        Interface::Responses => (format, "text.format.schema", Some("invalid_json_schema")),
    };
    let is_strict = stated["strict"] == true;
    if let Some(problem) = is_strict.then(|| strict::problem(&stated["schema"])).flatten() {
        let name = stated["name"].as_str().unwrap_or_default();
        let message = format!("Invalid schema for response_format '{name}': {problem}");
        return Err(Wrong::Said { param, code, message });
    }
    Ok(())
}

/// Refuses a strict function whose parameters are not strict.
fn strict_function(function: &Value, index: usize, interface: Interface) -> Result<(), Wrong> {
    let is_strict = function["strict"] == true && function["parameters"].is_object();
    let Some(problem) = is_strict.then(|| strict::problem(&function["parameters"])).flatten()
    else {
        return Ok(());
    };
    let name = function["name"].as_str().unwrap_or_default();
    let message = format!("Invalid schema for function '{name}': {problem}");
    let inside = if interface == Interface::Chat { ".function" } else { "" };
    let param = format!("tools[{index}]{inside}.parameters");
    Err(Wrong::Schema { param, code: Some("invalid_function_parameters"), message })
}

/// JSON without a schema must be asked for in words as well.
fn no_word_of_json(interface: Interface) -> Wrong {
    let (param, message) = match interface {
        Interface::Chat => (
            "messages",
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
             'json_object'.",
        ),
        Interface::Responses => (
            "input",
            "Response input messages must contain the word 'json' in some form to use 'text.format' \
             of type 'json_object'.",
        ),
    };
    Wrong::Said { param, code: None, message: message.to_owned() }
}

/// Refuses what a model that reasons does not take.
fn reasoning(body: &Value, model: &str, interface: Interface) -> Result<(), Wrong> {
    if !reasons(model) || effort(body, interface) == "none" {
        return Ok(());
    }
    let temperature =
        body["temperature"].as_f64().filter(|temperature| (temperature - 1.0).abs() > 0.0);
    if temperature.is_some() {
        let (code, message) = match interface {
            Interface::Chat => (
                Some("unsupported_value"),
                format!(
                    "Unsupported value: 'temperature' does not support {} with this model. Only the \
                     default (1) value is supported.",
                    body["temperature"]
                ),
            ),
            Interface::Responses => (
                None,
                "Unsupported parameter: 'temperature' is not supported with this model.".to_owned(),
            ),
        };
        return Err(Wrong::Said { param: "temperature", code, message });
    }
    if interface == Interface::Chat && !body["max_tokens"].is_null() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        let code = Some("unsupported_parameter");
        return Err(Wrong::Said { param: "max_tokens", code, message: message.to_owned() });
    }
    Ok(())
}

/// Whether a model reasons: gpt-5 and later except those for chats, and the o-series.
fn reasons(model: &str) -> bool {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let of_series = model.strip_prefix('o').and_then(number).is_some();
    let generation = model.strip_prefix("gpt-").and_then(number);
    of_series || generation.is_some_and(|generation| generation >= 5) && !model.contains("-chat")
}
