//! What OpenAI answers: a completion, a stream of its chunks, or a response.

use serde_json::{Value, json};

use super::Interface;
use super::request::Asks;
use crate::fakes::Reply;
use crate::fakes::ai::{Decision, Outcome};

/// What the model says instead of an answer that it refuses.
const REFUSAL: &str = "I'm sorry, I cannot assist with that request.";

/// An answer as it is sent.
struct Said<'a> {
    text: Option<&'a str>,
    truncated: bool,
}

/// The answer, if the call has one.
pub(super) fn answered(
    asks: &Asks,
    outcome: &Outcome,
    interface: Interface,
    created: i64,
) -> Option<Reply> {
    let said = match &outcome.decision {
        Decision::Answer { text, truncated } => Said { text: Some(text), truncated: *truncated },
        Decision::Blocked => Said { text: None, truncated: false },
        _ => return None,
    };
    Some(match interface {
        Interface::Responses => Reply::json(200, &response(asks, outcome, &said, created)),
        Interface::Chat if asks.stream => {
            let mut events = String::new();
            for chunk in chunks(asks, outcome, &said, created) {
                events.push_str("data: ");
                events.push_str(&chunk.to_string());
                events.push_str("\n\n");
            }
            Reply::text(200, "text/event-stream; charset=utf-8", events + "data: [DONE]\n\n")
        }
        Interface::Chat => Reply::json(200, &completion(asks, outcome, &said, created)),
    })
}

fn finish(said: &Said<'_>) -> &'static str {
    if said.truncated { "length" } else { "stop" }
}

fn usage(outcome: &Outcome) -> Value {
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": outcome.thought_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0
        }
    })
}

fn completion(asks: &Asks, outcome: &Outcome, said: &Said<'_>, created: i64) -> Value {
    let refusal = said.text.is_none().then_some(REFUSAL);
    json!({
        "id": format!("chatcmpl-rehearsal{}", outcome.serial),
        "object": "chat.completion",
        "created": created,
        "model": asks.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": said.text, "refusal": refusal, "annotations": []},
            "logprobs": null,
            "finish_reason": finish(said)
        }],
        "usage": usage(outcome),
        "service_tier": "default",
        "system_fingerprint": "fp_rehearsal"
    })
}

/// The chunks of a stream: the role, the text in pieces, how it ended, and the usage if wanted.
fn chunks(asks: &Asks, outcome: &Outcome, said: &Said<'_>, created: i64) -> Vec<Value> {
    const CHARS: usize = 120;
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({
            "id": format!("chatcmpl-rehearsal{}", outcome.serial),
            "object": "chat.completion.chunk",
            "created": created,
            "model": asks.model,
            "system_fingerprint": "fp_rehearsal",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]
        })
    };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    match said.text {
        Some(text) => {
            let letters: Vec<char> = text.chars().collect();
            chunks.extend(letters.chunks(CHARS).map(|piece| {
                let piece: String = piece.iter().collect();
                chunk(json!({"content": piece}), None)
            }));
        }
        None => chunks.push(chunk(json!({"refusal": REFUSAL}), None)),
    }
    chunks.push(chunk(json!({}), Some(finish(said))));
    if asks.stream_usage {
        let mut last = chunk(json!({}), None);
        last["choices"] = json!([]);
        last["usage"] = usage(outcome);
        chunks.push(last);
    }
    chunks
}

fn response(asks: &Asks, outcome: &Outcome, said: &Said<'_>, created: i64) -> Value {
    let content = match said.text {
        Some(text) => json!({"type": "output_text", "text": text, "annotations": []}),
        None => json!({"type": "refusal", "refusal": REFUSAL}),
    };
    let status = if said.truncated { "incomplete" } else { "completed" };
    let cut = said.truncated.then(|| json!({"reason": "max_output_tokens"}));
    let (input, output) = (outcome.input_tokens, outcome.output_tokens);
    json!({
        "id": format!("resp_rehearsal{}", outcome.serial),
        "object": "response",
        "created_at": created,
        "status": status,
        "error": null,
        "incomplete_details": cut,
        "instructions": asks.instructions,
        "max_output_tokens": asks.of_model().max_output_tokens,
        "model": asks.model,
        "output": [{
            "type": "message",
            "id": format!("msg_rehearsal{}", outcome.serial),
            "status": status,
            "role": "assistant",
            "content": [content]
        }],
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "metadata": {},
        "usage": {
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": outcome.thought_tokens},
            "total_tokens": input + output
        }
    })
}
