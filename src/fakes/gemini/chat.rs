//! What Gemini serves in OpenAI's language: `POST /v1beta/openai/chat/completions` and its models. Its
//! quotas and its errors are those of Gemini, the errors in a list of one; it takes what models of
//! OpenAI that reason do not.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{error, response, sent};
use crate::fakes::llm::{LlmService, Scene};
use crate::fakes::observation::Observation;
use crate::fakes::openai::error::told;
use crate::fakes::openai::request::CompletionRequest;
use crate::fakes::openai::{Interface, output};
use crate::fakes::{Reply, ordered};

/// Answers a call.
pub(super) fn completed(
    ai: &mut LlmService,
    now_ms: u64,
    body: &Bytes,
    scene: &mut Scene<'_>,
) -> Reply {
    let Ok(body) = ordered::read(body) else {
        return error::invalid("Invalid JSON payload received.");
    };
    let asks = match CompletionRequest::of(&body, Interface::Chat) {
        Ok(asks) => asks,
        Err(wrong) => return error::invalid(&told(&wrong).2),
    };
    // It may be named as the list of models has it.
    let model = asks.model.strip_prefix("models/").unwrap_or(&asks.model);
    if !ai.models().any(|known| known == model) {
        return error::no_such_model(model, "v1main");
    }
    let asked = asks.of_model();
    let outcome = ai.decide(now_ms, crate::fakes::llm::Asked { model, ..asked }, scene);
    let created = scene.calendar.shown(now_ms).as_second();
    let reply = output::answered(&asks, &outcome, Interface::Chat, created);
    let reply = reply.unwrap_or_else(|| response::failed(ai, model, &outcome));
    reply.after(outcome.latency_ms).on(Observation::Prompt(outcome.about))
}

/// The prompt of a call.
pub(super) fn prompt(body: &Value) -> Option<String> {
    CompletionRequest::of(body, Interface::Chat).ok().map(|asks| asks.prompt().to_owned())
}

/// The list of models.
pub(super) fn models(ai: &LlmService) -> Reply {
    let models: Vec<Value> = ai.models().map(described).collect();
    sent::sent(200, &json!({"object": "list", "data": models}))
}

/// A model, as the list shows it.
pub(super) fn described(model: &str) -> Value {
    json!({
        "id": format!("models/{model}"),
        "object": "model",
        "owned_by": "google",
        "display_name": model
    })
}
