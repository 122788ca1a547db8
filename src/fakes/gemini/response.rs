//! What Gemini answers: whole, as a list of chunks, or as a stream of events.

use serde_json::{Value, json};

use super::error;
use crate::fakes::ai::{Ai, Decision, Outcome};
use crate::fakes::{Broken, Reply};

/// A reply with the content type that the service states.
pub(super) fn sent(status: u16, body: &Value) -> Reply {
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply::text(status, "application/json; charset=UTF-8", body)
}

/// The answer in one piece.
pub(super) fn whole(ai: &Ai, model: &str, outcome: &Outcome) -> Reply {
    match generated(model, outcome) {
        Some(body) => sent(200, &body),
        None => failed(ai, model, outcome),
    }
}

/// The answer as server-sent events.
pub(super) fn events(ai: &Ai, model: &str, outcome: &Outcome) -> Reply {
    let Some(chunks) = chunks(model, outcome) else { return failed(ai, model, outcome) };
    let events = chunks.into_iter().map(|chunk| format!("data: {chunk}\r\n\r\n"));
    Reply::events("text/event-stream", events)
}

/// The answer as a list of chunks, which is what a stream is without `alt=sse`.
pub(super) fn list(ai: &Ai, model: &str, outcome: &Outcome) -> Reply {
    if let Some(chunks) = chunks(model, outcome) {
        return sent(200, &Value::Array(chunks));
    }
    let mut reply = failed(ai, model, outcome);
    // An error is a list of one there.
    if reply.broken.is_none() {
        let wrapped = [b"[", reply.response.body().as_ref(), b"]"].concat();
        *reply.response.body_mut() = wrapped.into();
    }
    reply
}

fn failed(ai: &Ai, model: &str, outcome: &Outcome) -> Reply {
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
pub(super) fn generated(model: &str, outcome: &Outcome) -> Option<Value> {
    let mut body = match &outcome.decision {
        Decision::Answer { text, truncated } => {
            let finish = if *truncated { "MAX_TOKENS" } else { "STOP" };
            let mut body = json!({"candidates": [candidate(text, Some(finish))]});
            body["usageMetadata"] = usage(outcome);
            body
        }
        Decision::Blocked => {
            let mut body = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
            body["usageMetadata"] = usage(outcome);
            body
        }
        Decision::Filtered => {
            let mut body = json!({"candidates": [candidate("", Some("SAFETY"))]});
            body["usageMetadata"] = usage(outcome);
            body
        }
        _ => return None,
    };
    body["modelVersion"] = json!(model);
    body["responseId"] = json!(format!("rehearsal-{}", outcome.serial));
    Some(body)
}

fn candidate(text: &str, finish: Option<&str>) -> Value {
    // A model that only thought has no parts at all.
    let mut content = json!({"role": "model"});
    if !text.is_empty() {
        content["parts"] = json!([{"text": text}]);
    }
    let mut candidate = json!({"content": content, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    candidate
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
fn chunks(model: &str, outcome: &Outcome) -> Option<Vec<Value>> {
    const CHARS: usize = 120;
    let mut last = generated(model, outcome)?;
    let Decision::Answer { text, truncated } = &outcome.decision else { return Some(vec![last]) };
    let letters: Vec<char> = text.chars().collect();
    let mut pieces: Vec<String> =
        letters.chunks(CHARS).map(|piece| piece.iter().collect()).collect();
    let ending = pieces.pop().unwrap_or_default();
    let mut chunks: Vec<Value> = Vec::new();
    for piece in pieces {
        let mut chunk = last.clone();
        chunk["candidates"] = json!([candidate(&piece, None)]);
        chunks.push(chunk);
    }
    let finish = if *truncated { "MAX_TOKENS" } else { "STOP" };
    last["candidates"] = json!([candidate(&ending, Some(finish))]);
    chunks.push(last);
    Some(chunks)
}
