//! Interactions (`/v1beta/interactions`), as google-genai 3.6 reads them: an answer is a list of steps,
//! an earlier interaction can be gone on with, and a stream tells of steps as they come. What is asked
//! is what `generateContent` asks in other words, and is read as such.
//!
//! Agents and what runs in the background are not served.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::request::GenerateRequest;
use super::{error, response, sent};
use crate::fakes::gemini::fields::either;
use crate::fakes::llm::{Decision, LlmService, Outcome, Scene};
use crate::fakes::observation::Observation;
use crate::fakes::{Reply, ordered};

/// No more interactions are kept than this; the oldest is forgotten first.
const MOST_KEPT: usize = 256;
/// The characters of a piece of a stream.
const PIECE: usize = 120;
const PREFIX: &str = "v1_rehearsal";

/// The interactions that are kept, by their number, with what was said up to their end.
#[derive(Debug, Default)]
pub(super) struct Kept(BTreeMap<u64, (Value, Vec<Value>)>);

fn number(id: &str) -> Option<u64> {
    id.strip_prefix(PREFIX)?.parse().ok()
}

impl Kept {
    /// An interaction, as it was answered.
    pub(super) fn shown(&self, id: &str) -> Option<Reply> {
        self.0.get(&number(id)?).map(|(interaction, _)| sent::sent(200, interaction))
    }

    /// Forgets an interaction.
    pub(super) fn forget(&mut self, id: &str) -> Option<()> {
        self.0.remove(&number(id)?).map(drop)
    }

    fn keep(&mut self, serial: u64, interaction: Value, said: Vec<Value>) {
        self.0.insert(serial, (interaction, said));
        if self.0.len() > MOST_KEPT {
            self.0.pop_first();
        }
    }
}

/// Answers an interaction.
pub(super) fn create(
    ai: &mut LlmService,
    kept: &mut Kept,
    now_ms: u64,
    body: &Bytes,
    scene: &mut Scene<'_>,
) -> Reply {
    let Ok(body) = ordered::read(body) else {
        return error::invalid("Invalid JSON payload received.");
    };
    let Some(model) = body["model"].as_str() else {
        return error::invalid("model is required; agents are not served here");
    };
    let model = model.strip_prefix("models/").unwrap_or(model);
    if body["background"] == true {
        return error::invalid("interactions in the background are not served here");
    }
    if !ai.models().any(|known| known == model) {
        return error::no_such_model(model, "v1beta");
    }
    let before = match body["previous_interaction_id"].as_str() {
        None => None,
        Some(id) => match number(id).and_then(|number| kept.0.get(&number)) {
            None => return error::not_found(),
            Some((_, said)) => Some(said.as_slice()),
        },
    };
    let generate = as_generate(&body, before);
    let mut said = generate["contents"].as_array().cloned().unwrap_or_default();
    let Some(asks) = GenerateRequest::of(generate) else {
        return error::invalid("input is required");
    };
    if let Some(problem) = asks.problem(model) {
        return error::refused(problem);
    }
    let outcome = ai.decide(now_ms, asks.of_model(model), scene);
    let reply = match steps(&asks, &outcome) {
        None => response::failed(ai, model, &outcome),
        Some((steps, status)) => {
            said.extend(steps.iter().map(content));
            let time = scene.calendar.shown(now_ms).to_string();
            let interaction = whole(&body, model, (&steps, status), &outcome, &time);
            let reply = if body["stream"] == true {
                let events = events(&interaction, &steps).into_iter();
                let events = events.map(|event| {
                    let name = event["event_type"].as_str().unwrap_or_default();
                    format!("event: {name}\ndata: {event}\n\n")
                });
                let end = "event: done\ndata: [DONE]\n\n".to_owned();
                Reply::events("text/event-stream", events.chain([end]))
            } else {
                sent::sent(200, &interaction)
            };
            if body["store"] != false {
                kept.keep(outcome.serial, interaction, said);
            }
            reply
        }
    };
    reply.after(outcome.latency_ms).on(Observation::Prompt(outcome.about))
}

/// The same as `generateContent` would be asked it, after what was said before.
pub(super) fn as_generate(body: &Value, before: Option<&[Value]>) -> Value {
    let config = &body["generation_config"];
    let input: Vec<Value> = match &body["input"] {
        Value::String(text) => vec![json!({"role": "user", "parts": [{"text": text}]})],
        Value::Array(list) => list.iter().map(content).collect(),
        Value::Null => Vec::new(),
        one => vec![content(one)],
    };
    let contents: Vec<Value> = before.into_iter().flatten().cloned().chain(input).collect();
    let formats = match &body["response_format"] {
        Value::Array(formats) => formats.as_slice(),
        one => std::slice::from_ref(one),
    };
    let format = formats.iter().find(|format| !format.is_null());
    // Before May 2026 the format was the schema itself.
    let is_schema = format.is_some_and(|format| format["type"] == "object");
    let schema = format.map(|format| if is_schema { format } else { &format["schema"] });
    let mime = format.map_or(&Value::Null, |format| either(format, "mime_type", "mimeType"));
    let mime = if mime.is_string() { mime } else { &body["response_mime_type"] };
    let mut generate = json!({
        "contents": contents,
        "generationConfig": {"thinkingConfig": {
            "includeThoughts": config["thinking_summaries"] == "auto"
        }}
    });
    if let Some(level) = config["thinking_level"].as_str() {
        generate["generationConfig"]["thinkingConfig"]["thinkingLevel"] = json!(level);
    }
    for (name, value) in [
        ("maxOutputTokens", &config["max_output_tokens"]),
        ("temperature", &config["temperature"]),
        ("topP", &config["top_p"]),
        ("stopSequences", &config["stop_sequences"]),
        ("responseMimeType", mime),
        ("responseJsonSchema", schema.unwrap_or(&Value::Null)),
    ] {
        if !value.is_null() {
            generate["generationConfig"][name] = value.clone();
        }
    }
    if let Some(text) = body["system_instruction"].as_str() {
        generate["systemInstruction"] = json!({"parts": [{"text": text}]});
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    let functions = tools
        .filter(|tool| tool["type"] == "function")
        .map(|tool| json!({"name": tool["name"], "parametersJsonSchema": tool["parameters"]}));
    let functions: Vec<Value> = functions.collect();
    if !functions.is_empty() {
        generate["tools"] = json!([{"functionDeclarations": functions}]);
    }
    let choice = &config["tool_choice"];
    let allowed = &choice["allowed_tools"];
    if choice == "any" || allowed["mode"] == "any" {
        generate["toolConfig"] = json!({"functionCallingConfig": {
            "mode": "ANY", "allowedFunctionNames": allowed["tools"]
        }});
    }
    generate
}

/// A step, or a part of one, as a content with parts.
fn content(step: &Value) -> Value {
    let parts = match &step["content"] {
        Value::Array(parts) => parts.as_slice(),
        Value::Null => std::slice::from_ref(step),
        one => std::slice::from_ref(one),
    };
    let texts = parts.iter().filter_map(|part| part.as_str().or_else(|| part["text"].as_str()));
    let texts: Vec<Value> = texts.map(|text| json!({"text": text})).collect();
    let role = if step["type"] == "model_output" { "model" } else { "user" };
    json!({"role": role, "parts": texts})
}

/// The steps of an answer, and how it ended; nothing if there is no answer.
fn steps(asks: &GenerateRequest, outcome: &Outcome) -> Option<(Vec<Value>, &'static str)> {
    let (text, truncated) = match &outcome.decision {
        Decision::Answer { text, truncated } => (text, *truncated),
        Decision::Blocked => return Some((Vec::new(), "failed")),
        _ => return None,
    };
    let shows = asks.shape.shows_thoughts && outcome.thought_tokens > 0;
    let thought = shows.then(
        || json!({"type": "thought", "summary": [{"type": "text", "text": response::THOUGHT}]}),
    );
    let end = if truncated { "incomplete" } else { "completed" };
    let (said, status) = match &asks.shape.call {
        None if text.is_empty() => (None, end),
        None => {
            let content = json!([{"type": "text", "text": text}]);
            (Some(json!({"type": "model_output", "content": content})), end)
        }
        Some(name) => match serde_json::from_str::<Value>(text) {
            Ok(arguments) => {
                let id = format!("call_rehearsal{}", outcome.serial);
                let call = json!({"type": "function_call", "id": id, "name": name,
                                  "arguments": arguments});
                (Some(call), "requires_action")
            }
            Err(_) => (None, if truncated { end } else { "failed" }),
        },
    };
    Some((thought.into_iter().chain(said).collect(), status))
}

/// An interaction in one piece: what was put in is its first step.
fn whole(
    body: &Value,
    model: &str,
    (steps, status): (&[Value], &str),
    outcome: &Outcome,
    time: &str,
) -> Value {
    let input = match &body["input"] {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    // A list of steps stands for itself.
    let is_steps = input.iter().all(|one| one["content"].is_array() || one["content"].is_string());
    let input =
        if is_steps { input } else { vec![json!({"type": "user_input", "content": input})] };
    let (taken, given) = (outcome.input_tokens, outcome.output_tokens);
    let thoughts = outcome.thought_tokens;
    let text = |tokens: u64| json!([{"modality": "text", "tokens": tokens}]);
    let mut interaction = json!({
        "id": format!("{PREFIX}{}", outcome.serial),
        "object": "interaction",
        "model": model,
        "status": status,
        "created": time,
        "updated": time,
        "steps": input.into_iter().chain(steps.iter().cloned()).collect::<Vec<_>>(),
        "usage": {
            "total_input_tokens": taken,
            "input_tokens_by_modality": text(taken),
            "total_cached_tokens": 0,
            "total_output_tokens": given - thoughts,
            "output_tokens_by_modality": text(given - thoughts),
            "total_tool_use_tokens": 0,
            "total_thought_tokens": thoughts,
            "total_tokens": taken + given
        }
    });
    if let Some(id) = body["previous_interaction_id"].as_str() {
        interaction["previous_interaction_id"] = json!(id);
    }
    interaction
}

/// The events of a stream: what begins, each step in pieces, and how it ended.
fn events(interaction: &Value, steps: &[Value]) -> Vec<Value> {
    let mut begun = interaction.clone();
    begun["status"] = json!("in_progress");
    for name in ["steps", "usage"] {
        begun.as_object_mut().map(|begun| begun.remove(name));
    }
    let mut events = vec![
        json!({"event_type": "interaction.created", "interaction": begun}),
        json!({"event_type": "interaction.status_update", "interaction_id": interaction["id"],
               "status": "in_progress"}),
    ];
    for (index, step) in steps.iter().enumerate() {
        let mut start = step.clone();
        let deltas = match step["type"].as_str() {
            Some("function_call") => {
                start["arguments"] = json!({});
                vec![json!({"type": "arguments_delta", "arguments": step["arguments"].to_string()})]
            }
            Some("thought") => {
                start = json!({"type": "thought"});
                vec![json!({"type": "thought_summary", "content": step["summary"][0]})]
            }
            _ => {
                start = json!({"type": "model_output"});
                let text = step["content"][0]["text"].as_str().unwrap_or_default();
                let letters: Vec<char> = text.chars().collect();
                let pieces = letters.chunks(PIECE).map(|piece| piece.iter().collect::<String>());
                pieces.map(|text| json!({"type": "text", "text": text})).collect()
            }
        };
        events.push(json!({"event_type": "step.start", "index": index, "step": start}));
        events.extend(
            deltas
                .into_iter()
                .map(|delta| json!({"event_type": "step.delta", "index": index, "delta": delta})),
        );
        events.push(json!({"event_type": "step.stop", "index": index}));
    }
    let mut ended = interaction.clone();
    ended.as_object_mut().map(|ended| ended.remove("steps"));
    events.push(json!({"event_type": "interaction.completed", "interaction": ended}));
    for (number, event) in events.iter_mut().enumerate() {
        event["event_id"] = json!(format!("evt_{}", number + 1));
    }
    events
}
