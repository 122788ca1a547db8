//! A chat completion, whole or as the chunks of a stream.

use serde_json::{Value, json};

use super::said::{REFUSAL, Said};
use crate::fakes::ai::Outcome;

fn finish(said: &Said<'_>) -> &'static str {
    match () {
        () if said.filtered => "content_filter",
        () if said.truncated => "length",
        () => "stop",
    }
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
pub(super) fn chunks(said: &Said<'_>) -> Vec<Value> {
    let Said { asks, outcome, created, .. } = said;
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
        Some(_) => {
            chunks.extend(said.pieces().iter().map(|piece| chunk(json!({"content": piece}), None)));
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
