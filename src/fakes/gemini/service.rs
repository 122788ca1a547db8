//! Gemini's service: its routes, and what each of them answers.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::batch::{Jobs, NotMade};
use super::interactions::Kept;
use super::request::GenerateRequest;
use super::route::Route;
use crate::fakes::llm::tokens::Tokenizer;
use crate::fakes::llm::{LlmService, Scene, digest, glance};
use crate::fakes::observation::{Observation, Prompt};
use crate::fakes::query::Query;
use crate::fakes::world_event::Service;
use crate::fakes::{Reply, ordered};
use crate::units::Whole;

/// The largest body that it takes: 20 MB inline.
pub(crate) const BODY_LIMIT: usize = 20 << 20;

/// What it says to a larger one.
pub(crate) fn too_large() -> Reply {
    super::error::invalid("Request payload size exceeds the limit: 20971520 bytes.")
}

/// The service: its model, its batch jobs, and the interactions that it keeps.
#[derive(Debug)]
pub struct Gemini {
    ai: LlmService,
    jobs: Jobs,
    kept: Kept,
}

impl Gemini {
    /// A service that nobody has called yet.
    pub fn new(ai: LlmService) -> Self {
        Self { ai, jobs: Jobs::default(), kept: Kept::default() }
    }

    /// Its model.
    pub fn ai_mut(&mut self) -> &mut LlmService {
        &mut self.ai
    }

    /// Answers a request.
    pub fn reply(&mut self, now_ms: u64, request: &Request<Bytes>, scene: &mut Scene<'_>) -> Reply {
        let path = request.uri().path();
        let version = ["v1beta", "v1"].into_iter().find_map(|version| {
            Some((version, path.strip_prefix('/')?.strip_prefix(version)?.strip_prefix('/')?))
        });
        let routed = version
            .and_then(|(version, route)| Some((version, Route::of(request.method(), route)?)));
        let Some((version, route)) = routed else { return super::error::no_such_route() };
        let reply = self
            .refused(request, version, route)
            .unwrap_or_else(|| self.routed(now_ms, request, route, scene));
        let model = route.model().unwrap_or(&self.ai.config().model).to_owned();
        let reply = if route.asks() { self.ai.with_left(reply, &model, now_ms) } else { reply };
        // A client that speaks OpenAI's language gets errors in a list of one.
        let is_error = !reply.response.status().is_success();
        let reply =
            if route.is_openai() && is_error { super::response::listed(reply) } else { reply };
        // A call that fails before the model sees it is a call all the same.
        if route.asks() && reply.about.is_none() {
            return reply.on(Observation::Prompt(unseen(request.body(), route)));
        }
        reply
    }

    /// What is said to a client without a key that is taken, or that asks for a model that there is not.
    fn refused(&self, request: &Request<Bytes>, version: &str, route: Route<'_>) -> Option<Reply> {
        let query = Query::new(request.uri().query().unwrap_or(""));
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        let key = header("x-goog-api-key").or_else(|| query.one("key"));
        match key.or(bearer.filter(|_| route.is_openai())) {
            None | Some("") if route.is_openai() => {
                return Some(super::error::invalid("Missing or invalid Authorization header."));
            }
            None | Some("") => return Some(super::error::no_key()),
            Some(key) if !self.ai.takes(key) => return Some(super::error::bad_key()),
            Some(_) => {}
        }
        let model = route.model()?;
        let is_known = self.ai.models().any(|known| known == model);
        (!is_known).then(|| super::error::no_such_model(model, version))
    }

    fn routed(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        route: Route<'_>,
        scene: &mut Scene<'_>,
    ) -> Reply {
        match route {
            Route::Models => {
                super::paging::piece(request, "models", self.ai.models().map(described).collect())
            }
            Route::Model(model) => crate::fakes::gemini::sent::sent(200, &described(model)),
            Route::ChatModels => super::chat::models(&self.ai),
            Route::ChatModel(model) => {
                crate::fakes::gemini::sent::sent(200, &super::chat::described(model))
            }
            Route::Count(_) => counted(request.body(), self.ai.tokenizer()),
            Route::Generate(model) | Route::Stream(model) => {
                self.generated(now_ms, request, (model, route), scene)
            }
            Route::Interact => super::interactions::create(
                &mut self.ai,
                &mut self.kept,
                now_ms,
                request.body(),
                scene,
            ),
            Route::Interaction(id) => self.kept.shown(id).unwrap_or_else(super::error::not_found),
            Route::ForgetInteraction(id) => emptied(self.kept.forget(id)),
            Route::Chat => super::chat::completed(&mut self.ai, now_ms, request.body(), scene),
            Route::Batch(model) => {
                let Ok(body) = ordered::read(request.body()) else {
                    return super::error::invalid("Invalid JSON payload received.");
                };
                let takes_ms = self.ai.config().batch_s.map_or(600, Whole::get) * 1000;
                match self.jobs.create(now_ms, model, &body, takes_ms) {
                    Ok(name) => self.job(now_ms, &name, scene),
                    Err(NotMade::Wrong(wrong)) => super::error::invalid(wrong),
                    Err(NotMade::TooMany) => super::error::exhausted(),
                }
            }
            Route::Jobs => {
                let names = self.jobs.names();
                let jobs = names
                    .iter()
                    .filter_map(|name| self.jobs.operation(now_ms, name, &mut self.ai, scene));
                let jobs = jobs.collect();
                super::paging::piece(request, "operations", jobs)
            }
            Route::Job(name) => self.job(now_ms, name, scene),
            Route::Cancel(name) => emptied(self.jobs.cancel(now_ms, name)),
            Route::Delete(name) => emptied(self.jobs.delete(name)),
        }
    }

    fn generated(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        (model, route): (&str, Route<'_>),
        scene: &mut Scene<'_>,
    ) -> Reply {
        let Some(asks) = ordered::read(request.body()).ok().and_then(GenerateRequest::of) else {
            return unread(request.body());
        };
        if let Some(problem) = asks.problem(model) {
            return super::error::refused(problem);
        }
        let outcome = self.ai.decide(now_ms, asks.of_model(model), scene);
        let shape = &asks.shape;
        let query = Query::new(request.uri().query().unwrap_or(""));
        let reply = match route {
            Route::Stream(_) if query.one("alt") == Some("sse") => {
                super::response::events(&self.ai, model, shape, &outcome)
            }
            Route::Stream(_) => super::response::list(&self.ai, model, shape, &outcome),
            _ => super::response::whole(&self.ai, model, shape, &outcome),
        };
        reply.after(outcome.latency_ms).on(Observation::Prompt(outcome.about))
    }

    fn job(&mut self, now_ms: u64, name: &str, scene: &mut Scene<'_>) -> Reply {
        match self.jobs.operation(now_ms, name, &mut self.ai, scene) {
            Some(operation) => crate::fakes::gemini::sent::sent(200, &operation),
            None => super::error::not_found(),
        }
    }
}

/// An empty answer to what was done, or to what there is not.
fn emptied(done: Option<()>) -> Reply {
    done.map_or_else(super::error::not_found, |()| {
        crate::fakes::gemini::sent::sent(200, &json!({}))
    })
}

/// What a call was about that the model never saw.
fn unseen(body: &Bytes, route: Route<'_>) -> Prompt {
    let read: Option<Value> = ordered::read(body).ok();
    let named = read.as_ref().and_then(|body| body["model"].as_str());
    let model = route.model().or(named).unwrap_or_default().to_owned();
    let prompt = read.and_then(|body| match route {
        Route::Interact => {
            Some(GenerateRequest::of(super::interactions::as_generate(&body, None))?.prompt)
        }
        Route::Chat => super::chat::prompt(&body),
        _ => Some(GenerateRequest::of(body)?.prompt),
    });
    let (identity, pages) = prompt.map_or_else(|| (digest(body), 0), |prompt| glance(&prompt));
    Prompt::refused(Service::Gemini, &model, identity, pages)
}

/// What is said to a body that asks nothing.
fn unread(body: &Bytes) -> Reply {
    match serde_json::from_slice::<Value>(body) {
        Err(_) => super::error::invalid("Invalid JSON payload received."),
        Ok(_) => {
            super::error::invalid("* GenerateContentRequest.contents: contents is not specified\n")
        }
    }
}

/// The tokens of what a body asks.
fn counted(body: &Bytes, tokenizer: &Tokenizer) -> Reply {
    if counts_both(body) {
        return super::error::invalid("contents and generate_content_request cannot both be set");
    }
    let Some(asks) = ordered::read(body).ok().and_then(GenerateRequest::counted) else {
        return unread(body);
    };
    let count = tokenizer.count(&asks.prompt);
    let details = json!([{"modality": "TEXT", "tokenCount": count}]);
    crate::fakes::gemini::sent::sent(
        200,
        &json!({"totalTokens": count, "promptTokensDetails": details}),
    )
}

/// Whether a body asks to count two things.
fn counts_both(body: &Bytes) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let whole = crate::fakes::gemini::fields::either(
        &body,
        "generateContentRequest",
        "generate_content_request",
    );
    body["contents"].is_array() && whole.is_object()
}

/// A model, as the list shows it.
fn described(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "version": "001",
        "displayName": model,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "batchGenerateContent"]
    })
}
