//! What a request to OpenAI asks, through either of its interfaces.

use serde_json::Value;

use super::Interface;
use crate::fakes::ai::Asked;

/// What is wrong with a body.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It lacks this parameter.
    Missing(&'static str),
    /// This parameter is above its highest value.
    Above { param: &'static str, most: u64, got: String },
}

/// What a call asks.
#[derive(Debug)]
pub(super) struct Asks {
    pub(super) model: String,
    pub(super) instructions: Value,
    pub(super) stream: bool,
    pub(super) stream_usage: bool,
    prompt: String,
    max_output_tokens: Option<u64>,
    schema: Option<Value>,
}

impl Asks {
    /// What a body asks, or what is wrong with it.
    pub(super) fn of(mut body: Value, interface: Interface) -> Result<Self, Wrong> {
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
        let mut prompt = String::new();
        let (input, limits, format) = match interface {
            Interface::Chat => (
                "messages",
                ["max_completion_tokens", "max_tokens"],
                body["response_format"]["json_schema"]["schema"].take(),
            ),
            Interface::Responses => {
                add_text(&body["instructions"], &mut prompt);
                ("input", ["max_output_tokens"; 2], body["text"]["format"]["schema"].take())
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
        Ok(Self {
            model,
            instructions: body["instructions"].take(),
            stream: body["stream"] == true,
            stream_usage: body["stream_options"]["include_usage"] == true,
            prompt,
            max_output_tokens: limits.into_iter().find_map(|name| body[name].as_u64()),
            schema: Some(format).filter(Value::is_object),
        })
    }

    /// The text of the prompt.
    pub(super) fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The same as the model sees it.
    pub(super) fn of_model(&self) -> Asked<'_> {
        Asked {
            model: &self.model,
            prompt: &self.prompt,
            max_output_tokens: self.max_output_tokens,
            thinking_budget: None,
            schema: self.schema.as_ref(),
        }
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
