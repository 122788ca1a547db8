//! What Gemini answers: whole, as a list of chunks, or as a stream of events.

use serde_json::{Value, json};

use super::error;
use super::request::AnswerShape;
use crate::fakes::gemini::sent::sent;
use crate::fakes::llm::{Decision, LlmService, Outcome};
use crate::fakes::{Broken, Reply};

/// The answer in one piece.
pub(super) fn whole(ai: &LlmService, model: &str, shape: &AnswerShape, outcome: &Outcome) -> Reply {
    match generated(model, shape, outcome) {
        Some(body) => sent(200, &body),
        None => failed(ai, model, outcome),
    }
}

/// The answer as server-sent events.
pub(super) fn events(
    ai: &LlmService,
    model: &str,
    shape: &AnswerShape,
    outcome: &Outcome,
) -> Reply {
    let Some(chunks) = chunks(model, shape, outcome) else { return failed(ai, model, outcome) };
    let events = chunks.into_iter().map(|chunk| format!("data: {chunk}\r\n\r\n"));
    Reply::events("text/event-stream", events)
}

/// The answer as a list of chunks, which is what a stream is without `alt=sse`.
pub(super) fn list(ai: &LlmService, model: &str, shape: &AnswerShape, outcome: &Outcome) -> Reply {
    if let Some(chunks) = chunks(model, shape, outcome) {
        return sent(200, &Value::Array(chunks));
    }
    listed(failed(ai, model, outcome))
}

/// An error as a list of one.
pub(super) fn listed(mut reply: Reply) -> Reply {
    if reply.broken.is_none() {
        let wrapped = [b"[", reply.response.body().as_ref(), b"]"].concat();
        *reply.response.body_mut() = wrapped.into();
    }
    reply
}

/// What is said to a call without an answer.
pub(super) fn failed(ai: &LlmService, model: &str, outcome: &Outcome) -> Reply {
    match &outcome.decision {
        Decision::Refused(refusals, told_ms) => error::over_quota(ai, model, refusals, *told_ms),
        Decision::Unpaid => error::unpaid(),
        Decision::Inactive => error::inactive(),
        Decision::Random429 => error::exhausted(),
        Decision::Status(status, retry_after_s) => error::status(*status, *retry_after_s),
        Decision::Hang => Reply::broken(Broken::Hang),
        Decision::Reset
        | Decision::Answer { .. }
        | Decision::Blocked
        | Decision::Filtered
        | Decision::InvalidPrompt => Reply::broken(Broken::Reset),
    }
}

/// The body of an answer or of a refusal of the content.
pub(super) fn generated(model: &str, shape: &AnswerShape, outcome: &Outcome) -> Option<Value> {
    let body = match &outcome.decision {
        Decision::Answer { text, truncated } => {
            let (parts, finish) = said(text, *truncated, shape, outcome);
            json!({"candidates": candidates(shape, &parts, Some(finish))})
        }
        Decision::Blocked => json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        Decision::Filtered => json!({"candidates": candidates(shape, &[], Some("SAFETY"))}),
        _ => return None,
    };
    Some(complete(body, model, outcome))
}

fn complete(mut body: Value, model: &str, outcome: &Outcome) -> Value {
    body["usageMetadata"] = usage(outcome);
    body["modelVersion"] = json!(model);
    body["responseId"] = json!(format!("rehearsal-{}", outcome.serial));
    body
}

/// The parts of an answer, and how it ended.
fn said(
    text: &str,
    truncated: bool,
    shape: &AnswerShape,
    outcome: &Outcome,
) -> (Vec<Value>, &'static str) {
    let thought = (shape.shows_thoughts && outcome.thought_tokens > 0).then(thought);
    let finish = if truncated { "MAX_TOKENS" } else { "STOP" };
    let (said, finish) = match &shape.call {
        // A model that only thought has no parts at all.
        None => (Some(json!({"text": text})).filter(|_| !text.is_empty()), finish),
        Some(_) if truncated => (None, finish),
        Some(name) => match serde_json::from_str::<Value>(text) {
            Ok(args) => (Some(json!({"functionCall": {"name": name, "args": args}})), finish),
            Err(_) => (None, "MALFORMED_FUNCTION_CALL"),
        },
    };
    (thought.into_iter().chain(said).collect(), finish)
}

/// A summary of what was thought, for those that want to see it.
pub(super) const THOUGHT: &str = "The words of each page decide.";

fn thought() -> Value {
    json!({"text": THOUGHT, "thought": true})
}

fn candidates(shape: &AnswerShape, parts: &[Value], finish: Option<&str>) -> Vec<Value> {
    let candidate = |index: u64| {
        let mut content = json!({"role": "model"});
        if !parts.is_empty() {
            content["parts"] = json!(parts);
        }
        let mut candidate = json!({"content": content, "index": index});
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        candidate
    };
    (0..shape.candidates).map(candidate).collect()
}

/// What was used; the service leaves out what is zero.
fn usage(outcome: &Outcome) -> Value {
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    let mut usage = json!({
        "promptTokenCount": input,
        "totalTokenCount": input + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}]
    });
    let thoughts = outcome.thought_tokens;
    let counts = [("candidatesTokenCount", output - thoughts), ("thoughtsTokenCount", thoughts)];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        usage[name] = json!(count);
    }
    usage
}

/// The answer in pieces of some words; the last one says how it ended.
fn chunks(model: &str, shape: &AnswerShape, outcome: &Outcome) -> Option<Vec<Value>> {
    const CHARS: usize = 120;
    let whole = generated(model, shape, outcome)?;
    let Decision::Answer { text, truncated } = &outcome.decision else { return Some(vec![whole]) };
    let (parts, finish) = said(text, *truncated, shape, outcome);
    // A call and a thought come in one piece each.
    let mut pieces: Vec<Value> = Vec::new();
    for part in parts {
        match part["text"].as_str().filter(|_| part["thought"].is_null()) {
            Some(text) => {
                let letters: Vec<char> = text.chars().collect();
                let texts = letters.chunks(CHARS).map(|piece| piece.iter().collect::<String>());
                pieces.extend(texts.map(|text| json!({"text": text})));
            }
            None => pieces.push(part),
        }
    }
    let ending = pieces.pop();
    let chunk = |part: Option<Value>, finish: Option<&str>| {
        let parts: Vec<Value> = part.into_iter().collect();
        complete(json!({"candidates": candidates(shape, &parts, finish)}), model, outcome)
    };
    let mut chunks: Vec<Value> = pieces.into_iter().map(|piece| chunk(Some(piece), None)).collect();
    chunks.push(chunk(ending, Some(finish)));
    Some(chunks)
}
