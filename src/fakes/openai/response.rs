//! A response, whole or as the events of a stream.

use serde_json::{Value, json};

use crate::fakes::openai::said::{REFUSAL, Said};

fn status(said: &Said<'_>) -> &'static str {
    if said.truncated || said.filtered { "incomplete" } else { "completed" }
}

/// The one message of a response.
fn message(said: &Said<'_>, status: &str, content: &[Value]) -> Value {
    json!({
        "type": "message",
        "id": format!("msg_rehearsal{}", said.outcome.serial),
        "status": status,
        "role": "assistant",
        "content": content
    })
}

/// The one item of its output: a message, or the call of a function.
fn item(said: &Said<'_>, status: &str, text: Option<&str>) -> Value {
    match said.call() {
        Some(call) => json!({
            "type": "function_call",
            "id": format!("fc_rehearsal{}", said.outcome.serial),
            "call_id": format!("call_rehearsal{}", said.outcome.serial),
            "name": call.name,
            "arguments": text.unwrap_or_default(),
            "status": status
        }),
        None => message(
            said,
            status,
            &text.map(|text| part(said, text)).into_iter().collect::<Vec<_>>(),
        ),
    }
}

/// The one part of its message.
fn part(said: &Said<'_>, text: &str) -> Value {
    match said.text {
        Some(_) => json!({"type": "output_text", "text": text, "annotations": []}),
        None => json!({"type": "refusal", "refusal": text}),
    }
}

/// A response in one piece.
pub(super) fn whole(said: &Said<'_>) -> Value {
    let said_it = item(said, status(said), Some(said.text.unwrap_or(REFUSAL)));
    let cut = match () {
        () if said.filtered => Some(json!({"reason": "content_filter"})),
        () => said.truncated.then(|| json!({"reason": "max_output_tokens"})),
    };
    let (input, output) = (said.outcome.input_tokens, said.outcome.output_tokens);
    json!({
        "id": format!("resp_rehearsal{}", said.outcome.serial),
        "object": "response",
        "created_at": said.created,
        "status": status(said),
        "error": null,
        "incomplete_details": cut,
        "instructions": said.asks.instructions,
        "max_output_tokens": said.asks.of_model().max_output_tokens,
        "model": said.asks.model,
        "output": [said_it],
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
            "output_tokens_details": {"reasoning_tokens": said.outcome.thought_tokens},
            "total_tokens": input + output
        }
    })
}

/// The events of a stream, numbered: what begins, the text in pieces, what is done.
pub(super) fn events(said: &Said<'_>) -> Vec<Value> {
    let whole = whole(said);
    let mut begun = whole.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    begun["incomplete_details"] = Value::Null;
    let id = item(said, "", None)["id"].clone();
    let of_part = |kind: &str, name: &str, value: Value| {
        let mut event = json!({"type": kind, "item_id": id, "output_index": 0, "content_index": 0});
        event[name] = value;
        if said.call().is_some() {
            event.as_object_mut().map(|event| event.remove("content_index"));
        }
        if kind.starts_with("response.output_text") {
            event["logprobs"] = json!([]);
        }
        event
    };
    let (text, kind, last) = match said.text {
        Some(text) if said.call().is_some() => {
            (text, "response.function_call_arguments", "arguments")
        }
        Some(text) => (text, "response.output_text", "text"),
        None => (REFUSAL, "response.refusal", "refusal"),
    };
    let pieces = if said.text.is_some() { said.pieces() } else { vec![REFUSAL.to_owned()] };
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0,
               "item": item(said, "in_progress", None)}),
    ];
    let is_message = said.call().is_none();
    if is_message {
        events.push(of_part("response.content_part.added", "part", part(said, "")));
    }
    let delta = format!("{kind}.delta");
    events.extend(pieces.into_iter().map(|piece| of_part(&delta, "delta", json!(piece))));
    events.push(of_part(&format!("{kind}.done"), last, json!(text)));
    if is_message {
        events.push(of_part("response.content_part.done", "part", part(said, text)));
    }
    events.extend([
        json!({"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]}),
        json!({"type": format!("response.{}", status(said)), "response": whole}),
    ]);
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}
