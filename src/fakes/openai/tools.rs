//! Functions that an answer has to call.

use serde_json::{Value, json};

use super::Interface;
use crate::fakes::openai::wrong::Wrong;

/// A function that has to be called.
#[derive(Debug)]
pub(crate) struct ForcedCall {
    pub(crate) name: String,
    /// The form of its arguments.
    pub(super) parameters: Value,
    /// Whether the caller named it, or left the choice to the model.
    pub(super) is_named: bool,
}

/// The function that a request wants called, if it does not leave that to the model.
pub(super) fn forced(body: &Value, interface: Interface) -> Result<Option<ForcedCall>, Wrong> {
    let refuse = |message: &str| {
        Err(Wrong::Said { param: "tool_choice", code: None, message: message.to_owned() })
    };
    let choice = &body["tool_choice"];
    let tools = body["tools"].as_array().map_or(&[][..], Vec::as_slice);
    if !choice.is_null() && choice != "none" && tools.is_empty() {
        return refuse(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        );
    }
    let named =
        described(choice, interface)["name"].as_str().filter(|_| choice["type"] == "function");
    let allowed = match interface {
        Interface::Chat => &choice["allowed_tools"],
        Interface::Responses => choice,
    };
    let allowed = allowed["tools"].as_array().filter(|_| allowed["mode"] == "required");
    let is_wanted = |tool: &&Value| {
        let name = &described(tool, interface)["name"];
        match (named, allowed) {
            (Some(named), _) => name == named,
            (None, Some(allowed)) => {
                allowed.iter().any(|one| described(one, interface)["name"] == *name)
            }
            (None, None) => choice == "required",
        }
    };
    let mut functions = tools.iter().filter(|tool| tool["type"] == "function");
    let Some(tool) = functions.find(is_wanted) else {
        return match named {
            Some(_) => refuse("Tool choice 'function' not found in 'tools' parameter."),
            None => Ok(None),
        };
    };
    let function = described(tool, interface);
    let nothing = || json!({"type": "object", "additionalProperties": false});
    let parameters = Some(function["parameters"].clone()).filter(Value::is_object);
    Ok(Some(ForcedCall {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        parameters: parameters.unwrap_or_else(nothing),
        is_named: named.is_some(),
    }))
}

/// Where a tool, or a choice of one, says what it is.
pub(super) fn described(tool: &Value, interface: Interface) -> &Value {
    match interface {
        Interface::Chat => &tool["function"],
        Interface::Responses => tool,
    }
}
