//! The fields that a request may have, as far as the SDKs know them. The service refuses any other
//! by its name.

use serde_json::Value;

use crate::fakes::ordered;

const REQUEST: &[&str] = &[
    "model",
    "contents",
    "system_instruction",
    "tools",
    "tool_config",
    "safety_settings",
    "generation_config",
    "cached_content",
    "service_tier",
    "store",
    "labels",
    "continuation_token",
];
const CONTENT: &[&str] = &["role", "parts"];
const PART: &[&str] = &[
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
    "thought",
    "thought_signature",
    "video_metadata",
    "media_resolution",
    "part_metadata",
    "tool_call",
    "tool_response",
    "audio_transcription",
    "audio_metadata",
    "document_metadata",
    "media_processing",
    "speech_metadata",
    "spreadsheet_metadata",
];
const CONFIG: &[&str] = &[
    "candidate_count",
    "stop_sequences",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "response_mime_type",
    "response_schema",
    "response_json_schema",
    "response_modalities",
    "response_logprobs",
    "logprobs",
    "presence_penalty",
    "frequency_penalty",
    "enable_enhanced_civic_answers",
    "speech_config",
    "image_config",
    "audio_transcription_config",
    "media_resolution",
    "thinking_config",
];
const THINKING: &[&str] = &["include_thoughts", "thinking_budget", "thinking_level"];
const SAFETY: &[&str] = &["category", "threshold"];

const TOOL: &[&str] = &[
    "function_declarations",
    "google_search_retrieval",
    "code_execution",
    "google_search",
    "computer_use",
    "url_context",
    "file_search",
    "google_maps",
    "mcp_servers",
    "enterprise_web_search",
    "retrieval",
];
const FUNCTION: &[&str] = &[
    "name",
    "description",
    "behavior",
    "parameters",
    "parameters_json_schema",
    "response",
    "response_json_schema",
];
/// What `Schema` has (google/ai/generativelanguage/v1beta/content.proto): a part of OpenAPI's, without
/// `additionalProperties`, `const`, `$ref` and whatever else JSON Schema says.
const SCHEMA: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "items",
    "max_items",
    "min_items",
    "properties",
    "required",
    "min_properties",
    "max_properties",
    "minimum",
    "maximum",
    "min_length",
    "max_length",
    "pattern",
    "example",
    "any_of",
    "property_ordering",
    "default",
];

/// A field that the service does not know, where it stands, and what it says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) name: String,
    pub(super) at: String,
    pub(super) why: &'static str,
}

const NO_FIELD: &str = "Cannot find field.";
const NO_LIST: &str = "Proto field is not repeating, cannot start list.";

/// The first field of a `generateContent` that the service does not know.
pub(super) fn unknown(request: &Value) -> Option<Unknown> {
    let under = |name: &'static str| {
        request.get(camel(name).collect::<String>()).or_else(|| request.get(name))
    };
    let config = under("generation_config");
    let thinking =
        config.and_then(|at| at.get("thinkingConfig").or_else(|| at.get("thinking_config")));
    strange(request, REQUEST, "")
        .or_else(|| strange(config?, CONFIG, "generation_config"))
        .or_else(|| strange(thinking?, THINKING, "generation_config.thinking_config"))
        .or_else(|| {
            let schema = either(config?, "responseSchema", "response_schema");
            strange_schema(schema, "generation_config.response_schema")
        })
        .or_else(|| each(under("tools")?, "tools").find_map(|(at, tool)| strange_tool(tool, &at)))
        .or_else(|| strange_in_list(under("safety_settings")?, SAFETY, "safety_settings"))
        .or_else(|| strange_content(under("system_instruction")?, "system_instruction"))
        .or_else(|| {
            each(under("contents")?, "contents").find_map(|(at, one)| strange_content(one, &at))
        })
}

fn strange_content(content: &Value, at: &str) -> Option<Unknown> {
    strange(content, CONTENT, at)
        .or_else(|| strange_in_list(content.get("parts")?, PART, &format!("{at}.parts")))
}

fn strange_tool(tool: &Value, at: &str) -> Option<Unknown> {
    let functions = either(tool, "functionDeclarations", "function_declarations");
    let at_functions = format!("{at}.function_declarations");
    strange(tool, TOOL, at).or_else(|| {
        each(functions, &at_functions).find_map(|(at, function)| {
            strange(function, FUNCTION, &at).or_else(|| {
                strange_schema(function.get("parameters")?, &format!("{at}.parameters"))
            })
        })
    })
}

/// The first field that `Schema` does not have, outside before inside.
fn strange_schema(schema: &Value, at: &str) -> Option<Unknown> {
    if schema.get("type").is_some_and(Value::is_array) {
        return Some(Unknown { name: "type".to_owned(), at: at.to_owned(), why: NO_LIST });
    }
    let properties = schema["properties"].as_object();
    // The service counts them as they were given.
    let order = schema[ordered::ORDER].as_array().into_iter().flatten().filter_map(Value::as_str);
    let given = order.enumerate().filter_map(|(at, name)| Some((at, properties?.get(name)?)));
    strange(schema, SCHEMA, at)
        .or_else(|| {
            given.into_iter().find_map(|(index, property)| {
                strange_schema(property, &format!("{at}.properties[{index}].value"))
            })
        })
        .or_else(|| strange_schema(schema.get("items")?, &format!("{at}.items")))
        .or_else(|| {
            each(either(schema, "anyOf", "any_of"), &format!("{at}.any_of"))
                .find_map(|(at, one)| strange_schema(one, &at))
        })
}

fn strange_in_list(list: &Value, known: &[&str], at: &str) -> Option<Unknown> {
    each(list, at).find_map(|(at, one)| strange(one, known, &at))
}

/// The items of a list with their places; one that stands for a list is taken as it is.
fn each<'a>(list: &'a Value, at: &str) -> impl Iterator<Item = (String, &'a Value)> {
    let (items, is_list) = match list {
        Value::Array(items) => (items.as_slice(), true),
        Value::Null => (&[][..], false),
        one => (std::slice::from_ref(one), false),
    };
    let named =
        move |(index, item)| (if is_list { format!("{at}[{index}]") } else { at.to_owned() }, item);
    items.iter().enumerate().map(named).collect::<Vec<_>>().into_iter()
}

fn strange(object: &Value, known: &[&str], at: &str) -> Option<Unknown> {
    let names = object.as_object()?.keys();
    let mut strange =
        names.filter(|name| !known.iter().any(|k| *name == k || camel(k).eq(name.chars())));
    let name = strange.next()?.clone();
    Some(Unknown { name, at: at.to_owned(), why: NO_FIELD })
}

/// A name in camel case.
fn camel(snake: &str) -> impl Iterator<Item = char> {
    let mut after_gap = false;
    snake.chars().filter_map(move |letter| {
        let begins = std::mem::replace(&mut after_gap, letter == '_');
        match letter {
            '_' => None,
            letter if begins => Some(letter.to_ascii_uppercase()),
            letter => Some(letter),
        }
    })
}

/// A value under one of the two names that a key may have.
pub(super) fn either<'a>(body: &'a Value, camel: &str, snake: &str) -> &'a Value {
    body.get(camel).unwrap_or(&body[snake])
}
