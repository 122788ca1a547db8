//! What the models that reason refuse: another temperature than 1, and `max_tokens`, unless they are
//! told not to reason (public reports of gpt-5.4, gpt-5.6-luna and gpt-6-luna, November 2026).

use serde_json::Value;

use super::Interface;
use super::request::Wrong;

/// Refuses what a model does not take.
pub(super) fn refuse(body: &Value, model: &str, interface: Interface) -> Result<(), Wrong> {
    let effort = match interface {
        Interface::Chat => &body["reasoning_effort"],
        Interface::Responses => &body["reasoning"]["effort"],
    };
    if !reasons(model) || effort == "none" {
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
