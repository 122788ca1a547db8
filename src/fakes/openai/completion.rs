//! A chat completion, whole or as the chunks of a stream.

use serde_json::{Value, json};

use crate::fakes::llm::Outcome;
use crate::fakes::openai::said::{REFUSAL, Said};

/// How it ended; a call that the caller named ends like a text.
fn finish(said: &Said<'_>) -> &'static str {
    match said.call() {
        _ if said.filtered => "content_filter",
        _ if said.truncated => "length",
        Some(call) if !call.is_named => "tool_calls",
        _ => "stop",
    }
}

/// The call of a function with these arguments.
fn called(said: &Said<'_>, name: Option<&str>, arguments: &str) -> Value {
    let mut call = json!({"function": {"arguments": arguments}});
    if let Some(name) = name {
        call["id"] = json!(format!("call_rehearsal{}", said.outcome.serial));
        call["type"] = json!("function");
        call["function"]["name"] = json!(name);
    }
    call
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

/// A completion in one piece.
pub(super) fn whole(said: &Said<'_>) -> Value {
    let Said { asks, outcome, created, .. } = said;
    let refusal = said.text.is_none().then_some(REFUSAL);
    let mut message = json!({
        "role": "assistant", "content": said.text, "refusal": refusal, "annotations": []
    });
    if let Some((call, arguments)) = said.call().zip(said.text) {
        message["content"] = Value::Null;
        message["tool_calls"] = json!([called(said, Some(&call.name), arguments)]);
    }
    let choice = |index: u64| {
        json!({
            "index": index, "message": message, "logprobs": null, "finish_reason": finish(said)
        })
    };
    json!({
        "id": format!("chatcmpl-rehearsal{}", outcome.serial),
        "object": "chat.completion",
        "created": created,
        "model": asks.model,
        "choices": (0..asks.choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(outcome),
        "service_tier": "default",
        "system_fingerprint": "fp_rehearsal"
    })
}

/// The chunks of a stream: the role, the text in pieces, how it ended, and the usage if wanted.
pub(super) fn chunks(said: &Said<'_>) -> Vec<Value> {
    let Said { asks, outcome, created, .. } = said;
    let chunk = |choices: &Value| {
        json!({
            "id": format!("chatcmpl-rehearsal{}", outcome.serial),
            "object": "chat.completion.chunk",
            "created": created,
            "model": asks.model,
            "system_fingerprint": "fp_rehearsal",
            "choices": choices
        })
    };
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    match (said.text, said.call()) {
        (Some(_), Some(call)) => {
            let part = |name: Option<&str>, arguments: &str| {
                let mut call = called(said, name, arguments);
                call["index"] = json!(0);
                json!({"tool_calls": [call]})
            };
            deltas[0]["content"] = Value::Null;
            deltas.push(part(Some(&call.name), ""));
            deltas.extend(said.pieces().iter().map(|piece| part(None, piece)));
        }
        (Some(_), None) => {
            deltas.extend(said.pieces().iter().map(|piece| json!({"content": piece})));
        }
        (None, _) => deltas.push(json!({"refusal": REFUSAL})),
    }
    let mut chunks = Vec::new();
    for index in 0..asks.choices {
        let mut send = |delta: &Value, finish: Option<&str>| {
            chunks.push(chunk(&json!([
                {"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}
            ])));
        };
        for delta in &deltas {
            send(delta, None);
        }
        send(&json!({}), Some(finish(said)));
    }
    if asks.stream_usage {
        let mut last = chunk(&json!([]));
        last["usage"] = usage(outcome);
        chunks.push(last);
    }
    chunks
}
