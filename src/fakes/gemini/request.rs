//! What a request to Gemini asks, whichever of its two spellings it uses.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::fields::Unknown;
use super::{fields, schema};
use crate::fakes::gemini::fields::either;
use crate::fakes::llm::Asked;
use crate::units::whole;

/// What a `generateContent` asks.
#[derive(Debug)]
pub(super) struct GenerateRequest {
    pub(super) prompt: String,
    max_output_tokens: Option<u64>,
    thinking_budget: Option<u64>,
    schema: Option<Value>,
    is_bare: bool,
    is_json: bool,
    pub(super) shape: AnswerShape,
    thinking: Thinking,
    problem: Option<Problem>,
}

/// What an answer is to be made of.
#[derive(Debug)]
pub(super) struct AnswerShape {
    /// The function that it has to call, if it may not be text.
    pub(super) call: Option<String>,
    /// How often.
    pub(super) candidates: u64,
    /// Whether it says what it thought.
    pub(super) shows_thoughts: bool,
}

/// What the service would not take of a request.
#[derive(Debug)]
pub(super) enum Problem {
    /// A field that it does not know.
    Unknown(Unknown),
    /// A value that it does not take, in its words.
    Value(Cow<'static, str>),
}

/// How a request says how much to think; a model knows one way or the other.
#[derive(Debug, Clone, Copy)]
struct Thinking {
    has_budget: bool,
    has_level: bool,
}

impl GenerateRequest {
    /// What a body asks; nothing if it has no contents.
    pub(super) fn of(mut body: Value) -> Option<Self> {
        let prompt = prompt(&body)?;
        let unknown = fields::unknown(&body).map(Problem::Unknown);
        let name = if body["generationConfig"].is_object() {
            "generationConfig"
        } else {
            "generation_config"
        };
        let mut config = body[name].take();
        let refused = schema::refused(either(&config, "responseSchema", "response_schema"));
        let max_output_tokens =
            number(either(&config, "maxOutputTokens", "max_output_tokens")).map(whole);
        let thinking = either(&config, "thinkingConfig", "thinking_config");
        // A budget of -1 leaves it to the model.
        let budget = either(thinking, "thinkingBudget", "thinking_budget");
        let level = either(thinking, "thinkingLevel", "thinking_level");
        let is_minimal = level.as_str().is_some_and(|level| level.eq_ignore_ascii_case("MINIMAL"));
        let shows_thoughts = *either(thinking, "includeThoughts", "include_thoughts") == true;
        let thinking =
            Thinking { has_budget: budget.as_u64().is_some(), has_level: level.is_string() };
        let thinking_budget = if is_minimal { Some(0) } else { budget.as_u64() };
        let names =
            ["responseSchema", "response_schema", "responseJsonSchema", "response_json_schema"];
        let mut schemas = names
            .into_iter()
            .filter_map(|name| config.get_mut(name).map(Value::take).filter(Value::is_object));
        let schema = schemas.next();
        let has_two_schemas = schemas.next().is_some();
        let form = either(&config, "responseMimeType", "response_mime_type");
        let (is_bare, is_json) = (form == "text/x.enum", form == "application/json");
        let candidates = number(either(&config, "candidateCount", "candidate_count")).map(whole);
        let forced = forced(&body);
        let problem = unknown
            .or_else(|| refused.map(|problem| Problem::Value(problem.into())))
            .or_else(|| {
                problem(&config, has_two_schemas).map(|problem| Problem::Value(problem.into()))
            })
            .or_else(|| forced.as_ref().err().map(|problem| Problem::Value((*problem).into())));
        let (call, schema) = match forced {
            Ok(Some((name, parameters))) => (Some(name), Some(parameters)),
            _ => (None, schema),
        };
        let shape = AnswerShape { call, candidates: candidates.unwrap_or(1), shows_thoughts };
        Some(Self {
            prompt,
            max_output_tokens,
            thinking_budget,
            schema,
            is_bare,
            is_json,
            shape,
            thinking,
            problem,
        })
    }

    /// What a `countTokens` asks: contents, or a whole request.
    pub(super) fn counted(mut body: Value) -> Option<Self> {
        for name in ["generateContentRequest", "generate_content_request"] {
            if body[name].is_object() {
                return Self::of(body[name].take());
            }
        }
        Self::of(body)
    }

    /// What the service would not take for this model.
    pub(super) fn problem(&self, model: &str) -> Option<&Problem> {
        const BOTH: Problem = Problem::Value(Cow::Borrowed(
            "You can only set one of thinking budget and thinking level.",
        ));
        const NO_LEVEL: Problem =
            Problem::Value(Cow::Borrowed("Thinking level is not supported for this model."));
        const NO_BUDGET: Problem =
            Problem::Value(Cow::Borrowed("Thinking budget is not supported for this model."));
        let takes_budget = model.starts_with("gemini-2");
        let Thinking { has_budget, has_level } = self.thinking;
        self.problem.as_ref().or(match (has_budget, has_level) {
            (true, true) => Some(&BOTH),
            (true, false) if !takes_budget => Some(&NO_BUDGET),
            (false, true) if takes_budget => Some(&NO_LEVEL),
            _ => None,
        })
    }

    /// The same as the model sees it.
    pub(super) fn of_model<'a>(&'a self, model: &'a str) -> Asked<'a> {
        Asked {
            model,
            prompt: &self.prompt,
            max_output_tokens: self.max_output_tokens,
            thinking_budget: self.thinking_budget,
            schema: self.schema.as_ref(),
            is_bare: self.is_bare,
            is_json: self.is_json,
            copies: self.shape.candidates,
        }
    }
}

/// A number, which may also be written as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// What the service would not take of a configuration.
fn problem(config: &Value, has_two_schemas: bool) -> Option<&'static str> {
    let is_none = |camel: &str, snake: &str| {
        let value = either(config, camel, snake);
        !value.is_null() && number(value).is_none()
    };
    if is_none("temperature", "temperature") {
        return Some("Invalid value at 'generation_config.temperature' (TYPE_FLOAT)");
    }
    if is_none("topP", "top_p") {
        return Some("Invalid value at 'generation_config.top_p' (TYPE_FLOAT)");
    }
    if is_none("maxOutputTokens", "max_output_tokens") {
        return Some("Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32)");
    }
    let temperature = number(&config["temperature"]);
    let form = either(config, "responseMimeType", "response_mime_type").as_str();
    if temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return Some(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n",
        );
    }
    if form.is_some_and(|form| !["text/plain", "application/json", "text/x.enum"].contains(&form)) {
        return Some(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are \
             `text/plain`, `application/json` and `text/x.enum`.\n",
        );
    }
    let below_one = |camel: &str, snake: &str| {
        number(either(config, camel, snake)).is_some_and(|number| number < 1.0)
    };
    if below_one("maxOutputTokens", "max_output_tokens") {
        return Some(
            "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must \
             be positive.\n",
        );
    }
    let candidates = number(either(config, "candidateCount", "candidate_count"));
    if candidates.is_some_and(|count| !(1.0..=8.0).contains(&count)) {
        return Some(
            "* GenerateContentRequest.generation_config.candidate_count: candidate_count must be in \
             the range [1, 8].\n",
        );
    }
    let thinking = either(config, "thinkingConfig", "thinking_config");
    let level = either(thinking, "thinkingLevel", "thinking_level").as_str();
    let levels = ["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"];
    if level.is_some_and(|level| !levels.contains(&level.to_uppercase().as_str())) {
        return Some("Invalid value at 'generation_config.thinking_config.thinking_level'");
    }
    let stops = either(config, "stopSequences", "stop_sequences").as_array();
    if stops.is_some_and(|stops| stops.len() > 5) {
        return Some(
            "* GenerateContentRequest.generation_config.stop_sequences: the number of \
             stop_sequences must not exceed 5.\n",
        );
    }
    has_two_schemas.then_some(
        "response_schema and response_json_schema cannot both be set in generation_config",
    )
}

/// The function that an answer has to call, with the form of its arguments, if it has to call one.
fn forced(body: &Value) -> Result<Option<(String, Value)>, &'static str> {
    let config = either(body, "toolConfig", "tool_config");
    let calling = either(config, "functionCallingConfig", "function_calling_config");
    if !calling["mode"].as_str().is_some_and(|mode| mode.eq_ignore_ascii_case("ANY")) {
        return Ok(None);
    }
    let allowed = either(calling, "allowedFunctionNames", "allowed_function_names").as_array();
    let allowed = allowed.filter(|names| !names.is_empty());
    let tools = body["tools"].as_array().into_iter().flatten();
    let lists = tools.map(|tool| either(tool, "functionDeclarations", "function_declarations"));
    let mut functions = lists.filter_map(Value::as_array).flatten();
    let is_allowed =
        |function: &&Value| allowed.is_none_or(|names| names.contains(&function["name"]));
    let Some(function) = functions.find(is_allowed) else {
        return Err("Function calling config is set without function_declarations.");
    };
    let stated = either(function, "parametersJsonSchema", "parameters_json_schema");
    let parameters = function.get("parameters").unwrap_or(stated);
    let nothing = || json!({"type": "object", "additionalProperties": false});
    let parameters = Some(parameters.clone()).filter(Value::is_object).unwrap_or_else(nothing);
    Ok(Some((function["name"].as_str().unwrap_or_default().to_owned(), parameters)))
}

/// The text of the instructions and of all parts, in order.
fn prompt(body: &Value) -> Option<String> {
    let contents = match &body["contents"] {
        Value::Array(contents) if !contents.is_empty() => contents.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return None,
    };
    let instructions = either(body, "systemInstruction", "system_instruction");
    let mut prompt = String::new();
    for content in std::iter::once(instructions).chain(contents) {
        let parts = match &content["parts"] {
            Value::Array(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        for text in parts.iter().filter_map(|part| part["text"].as_str()) {
            if !prompt.is_empty() {
                prompt.push('\n');
            }
            prompt.push_str(text);
        }
    }
    Some(prompt)
}
