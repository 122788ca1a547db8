//! OpenAI's service: its routes, and what each of them answers.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::request::CompletionRequest;
use crate::fakes::llm::{LlmService, Scene, digest, glance};
use crate::fakes::observation::{Observation, Prompt};
use crate::fakes::openai::interface::Interface;
use crate::fakes::world_event::Service;
use crate::fakes::{Reply, ordered};

/// The largest body that it takes. No page of the service names one; this is what keeps a
/// server's memory in bounds.
pub(crate) const BODY_LIMIT: usize = 20 << 20;

/// What it says to a larger one.
pub(crate) fn too_large() -> Reply {
    super::error::too_large()
}

/// Answers a request.
pub(crate) fn reply(
    ai: &mut LlmService,
    now_ms: u64,
    request: &Request<Bytes>,
    scene: &mut Scene<'_>,
) -> Reply {
    let path = request.uri().path();
    let interface = match (request.method(), path) {
        (&Method::POST, "/v1/chat/completions") => Some(Interface::Chat),
        (&Method::POST, "/v1/responses") => Some(Interface::Responses),
        _ => None,
    };
    let id = ai.number_request();
    let reply = match (unauthorized(ai, request), interface) {
        (Some(refusal), _) => refusal,
        (None, Some(interface)) => asked(ai, now_ms, request, interface, scene),
        (None, None) => models(ai, request),
    };
    let took_ms = reply.latency_ms.to_string();
    let reply = reply
        .with_header("x-request-id", &format!("req_{id}"))
        .with_header("openai-processing-ms", &took_ms)
        .with_header("openai-organization", "org-rehearsal")
        .with_header("openai-version", "2020-10-01");
    // A call that fails before the model sees it is a call all the same.
    if interface.is_some() && reply.about.is_none() {
        let body: Option<Value> = ordered::read(request.body()).ok();
        let asks = interface
            .zip(body)
            .and_then(|(interface, body)| CompletionRequest::of(&body, interface).ok());
        let (model, (identity, pages)) = match &asks {
            Some(asks) => (asks.model.as_str(), glance(asks.prompt())),
            None => ("", (digest(request.body()), 0)),
        };
        let seen = Prompt::refused(Service::Openai, model, identity, pages);
        return reply.on(Observation::Prompt(seen));
    }
    reply
}

/// What is said to a client without a key that is taken.
fn unauthorized(ai: &LlmService, request: &Request<Bytes>) -> Option<Reply> {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let key = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match key.map(|(_, key)| key.trim()) {
        None | Some("") => Some(super::error::no_key()),
        Some(key) if !ai.takes(key) => Some(super::error::bad_key()),
        Some(_) => None,
    }
}

fn asked(
    ai: &mut LlmService,
    now_ms: u64,
    request: &Request<Bytes>,
    interface: Interface,
    scene: &mut Scene<'_>,
) -> Reply {
    let Ok(body) = ordered::read(request.body()) else {
        return super::error::invalid("We could not parse the JSON body of your request.", None);
    };
    let asks = match CompletionRequest::of(&body, interface) {
        Ok(asks) => asks,
        Err(wrong) => return super::error::wrong(&wrong),
    };
    if !ai.models().any(|known| known == asks.model) {
        return super::error::no_such_model(&asks.model);
    }
    if let Err(wrong) = super::rules::check(&body, &asks, interface) {
        return super::error::wrong(&wrong);
    }
    let outcome = ai.decide(now_ms, asks.of_model(), scene);
    let created = scene.calendar.shown(now_ms).as_second();
    let reply = match super::output::answered(&asks, &outcome, interface, created) {
        Some(reply) => reply,
        None => super::error::of(ai, &asks.model, &outcome),
    };
    let reply = ai.with_left(reply, &asks.model, now_ms);
    reply.after(outcome.latency_ms).on(Observation::Prompt(outcome.about))
}

/// The list of models, or one of them.
fn models(ai: &LlmService, request: &Request<Bytes>) -> Reply {
    let path = request.uri().path();
    let described = |model: &str| json!({"id": model, "object": "model", "created": 1_767_225_600, "owned_by": "system"});
    let one = path.strip_prefix("/v1/models/").filter(|_| request.method() == Method::GET);
    match one {
        Some(model) if ai.models().any(|known| known == model) => {
            Reply::json(200, &described(model))
        }
        Some(model) => super::error::no_such_model(model),
        None if path == "/v1/models" && request.method() == Method::GET => {
            let models: Vec<Value> = ai.models().map(described).collect();
            Reply::json(200, &json!({"object": "list", "data": models}))
        }
        None => super::error::no_such_route(request.method().as_str(), path),
    }
}
