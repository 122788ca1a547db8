//! What a request to OpenAI asks, through either of its interfaces.

use serde_json::Value;

use super::tools::ForcedCall;
use super::{Interface, tools};
use crate::fakes::llm::Asked;
use crate::fakes::openai::wrong::Wrong;
use crate::units::float;

/// What a call asks.
#[derive(Debug)]
pub(crate) struct CompletionRequest {
    pub(crate) model: String,
    pub(super) instructions: Value,
    pub(super) stream: bool,
    pub(super) stream_usage: bool,
    /// The function that the answer has to call, if it may not be text.
    pub(super) call: Option<ForcedCall>,
    /// How many answers there are to be.
    pub(super) choices: u64,
    prompt: String,
    max_output_tokens: Option<u64>,
    thinking_budget: Option<u64>,
    schema: Option<Value>,
    is_json: bool,
}

impl CompletionRequest {
    /// What a body asks, or what is wrong with it.
    pub(crate) fn of(body: &Value, interface: Interface) -> Result<Self, Wrong> {
        let model = body["model"].as_str().unwrap_or("").to_owned();
        if model.is_empty() {
            return Err(Wrong::Missing("model"));
        }
        if body["temperature"].as_f64().is_some_and(|temperature| temperature > 2.0) {
            return Err(Wrong::Above {
                param: "temperature",
                most: 2,
                got: body["temperature"].to_string(),
            });
        }
        known(body, interface)?;
        let call = tools::forced(body, interface)?;
        let mut prompt = String::new();
        let (input, limits, format) = match interface {
            Interface::Chat => (
                "messages",
                ["max_completion_tokens", "max_tokens"],
                &body["response_format"]["json_schema"]["schema"],
            ),
            Interface::Responses => {
                add_text(&body["instructions"], &mut prompt);
                ("input", ["max_output_tokens"; 2], &body["text"]["format"]["schema"])
            }
        };
        match &body[input] {
            Value::Array(messages) if !messages.is_empty() => {
                for message in messages {
                    add_text(&message["content"], &mut prompt);
                }
            }
            Value::String(text) if interface == Interface::Responses => {
                add_text(&Value::String(text.clone()), &mut prompt);
            }
            _ => return Err(Wrong::Missing(input)),
        }
        let is_json = format_of(body, interface)["type"] == "json_object";
        let format = call.as_ref().map_or(format, |call| &call.parameters).clone();
        Ok(Self {
            model,
            call,
            choices: body["n"].as_u64().unwrap_or(1),
            is_json,
            thinking_budget: (effort(body, interface) == "none").then_some(0),
            instructions: body["instructions"].clone(),
            stream: body["stream"] == true,
            stream_usage: body["stream_options"]["include_usage"] == true,
            prompt,
            max_output_tokens: limits.into_iter().find_map(|name| body[name].as_u64()),
            schema: Some(format).filter(Value::is_object),
        })
    }

    /// The text of the prompt.
    pub(crate) fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The same as the model sees it.
    pub(crate) fn of_model(&self) -> Asked<'_> {
        Asked {
            model: &self.model,
            prompt: &self.prompt,
            max_output_tokens: self.max_output_tokens,
            thinking_budget: self.thinking_budget,
            schema: self.schema.as_ref(),
            is_bare: false,
            is_json: self.is_json,
            copies: self.choices,
        }
    }
}

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// Values that the service would not take.
fn known(body: &Value, interface: Interface) -> Result<(), Wrong> {
    let set = |value: &Value| !value.is_null();
    for param in ["temperature", "top_p"] {
        if set(&body[param]) && !body[param].is_number() {
            return Err(Wrong::Type { param, wanted: "a decimal" });
        }
    }
    let (input, limits, least): (_, &[&'static str], _) = match interface {
        Interface::Chat => ("messages", &["max_completion_tokens", "max_tokens"], 1),
        Interface::Responses => ("input", &["max_output_tokens"], 16),
    };
    for param in limits {
        match &body[*param] {
            Value::Null => {}
            number if number.as_f64().is_some_and(|number| number < float(least)) => {
                return Err(Wrong::Below { param, least, got: number.to_string() });
            }
            number if number.as_u64().is_none() => {
                return Err(Wrong::Type { param, wanted: "an integer" });
            }
            _ => {}
        }
    }
    let is_text = body[input].is_string() && interface == Interface::Responses;
    if set(&body[input]) && !body[input].is_array() && !is_text {
        return Err(Wrong::Type { param: input, wanted: "an array of objects" });
    }
    let roles = body[input].as_array().into_iter().flatten();
    for role in roles.filter_map(|message| message["role"].as_str()) {
        if !ROLES.contains(&role) {
            let wanted = "'system', 'assistant', 'user', 'function', 'tool', and 'developer'";
            return Err(Wrong::Value { param: "messages[0].role", wanted, got: role.to_owned() });
        }
    }
    let format = format_of(body, interface);
    if set(format) && !["text", "json_object", "json_schema"].iter().any(|k| format["type"] == *k) {
        let wanted = "'json_object', 'json_schema', and 'text'";
        let got = format["type"].as_str().unwrap_or_default().to_owned();
        return Err(Wrong::Value { param: "response_format.type", wanted, got });
    }
    let schema = match interface {
        Interface::Chat => &format["json_schema"]["schema"],
        Interface::Responses => &format["schema"],
    };
    if format["type"] == "json_schema" && !schema.is_object() {
        return Err(Wrong::Missing("response_format.json_schema.schema"));
    }
    match &body["n"] {
        Value::Null => Ok(()),
        number if number.as_u64().is_none() => {
            Err(Wrong::Type { param: "n", wanted: "an integer" })
        }
        number if number.as_u64() == Some(0) => {
            Err(Wrong::Below { param: "n", least: 1, got: number.to_string() })
        }
        number if number.as_u64().is_some_and(|number| number > MOST_CHOICES) => {
            let message = format!(
                "Invalid 'n': integer above maximum value. Expected a value <= {MOST_CHOICES}, but got \
                 {number} instead."
            );
            Err(Wrong::Said { param: "n", code: Some("integer_above_max_value"), message })
        }
        _ => Ok(()),
    }
}

/// Answers to one call.
const MOST_CHOICES: u64 = 128;

/// How much the model is to think before it answers.
pub(super) fn effort(body: &Value, interface: Interface) -> &Value {
    match interface {
        Interface::Chat => &body["reasoning_effort"],
        Interface::Responses => &body["reasoning"]["effort"],
    }
}

/// The form that an answer is to have.
pub(super) fn format_of(body: &Value, interface: Interface) -> &Value {
    match interface {
        Interface::Chat => &body["response_format"],
        Interface::Responses => &body["text"]["format"],
    }
}

/// Adds a text, or the texts of a list of parts, on lines of their own.
fn add_text(content: &Value, prompt: &mut String) {
    let parts = match content {
        Value::Array(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    for text in parts.iter().filter_map(|part| part.as_str().or_else(|| part["text"].as_str())) {
        if !prompt.is_empty() {
            prompt.push('\n');
        }
        prompt.push_str(text);
    }
}
