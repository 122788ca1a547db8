//! Gemini's wire format, under `/v1` and `/v1beta`, with keys in camel case or in snake case:
//! `generateContent`, its stream, `countTokens`, batches and the list of models.

mod batch;
mod error;
mod fields;
mod request;
mod response;
mod schema;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use self::batch::{Jobs, NotMade};
use self::request::Asks;
use crate::fakes::Reply;
use crate::fakes::about::{About, Prompt};
use crate::fakes::ai::{Ai, Scene, digest, glance};
use crate::fakes::answer::tokens;
use crate::fakes::ordered;
use crate::fakes::query::Query;
use crate::fakes::record::Service;
use crate::units::Whole;

/// The largest body that it takes: 20 MB inline.
pub(super) const BODY_LIMIT: usize = 20 << 20;

/// What it says to a larger one.
pub(super) fn too_large() -> Reply {
    error::invalid("Request payload size exceeds the limit: 20971520 bytes.")
}

/// The service: its model and its batch jobs.
#[derive(Debug)]
pub struct Gemini {
    ai: Ai,
    jobs: Jobs,
}

/// What a path asks for.
#[derive(Clone, Copy)]
enum Route<'a> {
    Models,
    Model(&'a str),
    Generate(&'a str),
    Stream(&'a str),
    Count(&'a str),
    Batch(&'a str),
    Jobs,
    Job(&'a str),
    Cancel(&'a str),
    Delete(&'a str),
}

impl<'a> Route<'a> {
    fn of(method: &Method, route: &'a str) -> Option<Self> {
        let model = |action: &str| route.strip_prefix("models/")?.strip_suffix(action);
        let one = |rest: &'a str| Some(rest).filter(|name| !name.is_empty() && !name.contains('/'));
        if method == Method::POST {
            let job = route.strip_prefix("batches/");
            return model(":generateContent")
                .map(Self::Generate)
                .or_else(|| model(":streamGenerateContent").map(Self::Stream))
                .or_else(|| model(":countTokens").map(Self::Count))
                .or_else(|| model(":batchGenerateContent").map(Self::Batch))
                .or_else(|| job?.strip_suffix(":cancel").and_then(one).map(Self::Cancel));
        }
        let job = route.strip_prefix("batches/").and_then(one);
        if method == Method::DELETE {
            return job.map(Self::Delete);
        }
        if method != Method::GET {
            return None;
        }
        match route {
            "models" => Some(Self::Models),
            "batches" => Some(Self::Jobs),
            _ => {
                route.strip_prefix("models/").and_then(one).map(Self::Model).or(job.map(Self::Job))
            }
        }
    }

    /// The model that it is about.
    fn model(&self) -> Option<&'a str> {
        match self {
            Self::Model(model)
            | Self::Generate(model)
            | Self::Stream(model)
            | Self::Count(model)
            | Self::Batch(model) => Some(model),
            _ => None,
        }
    }
}

impl Gemini {
    /// A service that nobody has called yet.
    pub fn new(ai: Ai) -> Self {
        Self { ai, jobs: Jobs::default() }
    }

    /// Its model.
    pub fn ai_mut(&mut self) -> &mut Ai {
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
        let Some((version, route)) = routed else { return error::no_such_route() };
        let asks = matches!(route, Route::Generate(_) | Route::Stream(_));
        let reply = self.routed(now_ms, request, version, route, scene);
        // A call that fails before the model sees it is a call all the same.
        if asks && reply.about.is_none() {
            let body = ordered::read(request.body()).ok();
            let (identity, pages) = match body.and_then(Asks::of) {
                Some(asks) => glance(&asks.prompt),
                None => (digest(request.body()), 0),
            };
            let model = route.model().unwrap_or_default();
            let seen = Prompt::refused(Service::Gemini, model, identity, pages);
            return reply.on(About::Prompt(seen));
        }
        reply
    }

    fn routed(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        version: &str,
        route: Route<'_>,
        scene: &mut Scene<'_>,
    ) -> Reply {
        let query = Query::new(request.uri().query().unwrap_or(""));
        let header = request.headers().get("x-goog-api-key").and_then(|key| key.to_str().ok());
        match header.or_else(|| query.one("key")) {
            None | Some("") => return error::no_key(),
            Some(key) if !self.ai.takes(key) => return error::bad_key(),
            Some(_) => {}
        }
        if let Some(model) = route.model()
            && !self.ai.models().any(|known| known == model)
        {
            return error::no_such_model(model, version);
        }
        let asked = |asks: fn(Value) -> Option<Asks>| asks(ordered::read(request.body()).ok()?);
        let unread = || match serde_json::from_slice::<Value>(request.body()) {
            Err(_) => error::invalid("Invalid JSON payload received."),
            Ok(_) => {
                error::invalid("* GenerateContentRequest.contents: contents is not specified\n")
            }
        };
        match route {
            Route::Models => {
                let models: Vec<Value> = self.ai.models().map(described).collect();
                response::sent(200, &json!({"models": models}))
            }
            Route::Model(model) => response::sent(200, &described(model)),
            Route::Count(_) if counts_both(request.body()) => {
                error::invalid("contents and generate_content_request cannot both be set")
            }
            Route::Count(_) => match asked(Asks::counted) {
                Some(asks) => {
                    let count = tokens(&asks.prompt);
                    let details = json!([{"modality": "TEXT", "tokenCount": count}]);
                    response::sent(
                        200,
                        &json!({"totalTokens": count, "promptTokensDetails": details}),
                    )
                }
                None => unread(),
            },
            Route::Generate(model) | Route::Stream(model) => {
                let Some(asks) = asked(Asks::of) else { return unread() };
                if let Some(problem) = asks.problem(model) {
                    return error::refused(problem);
                }
                let outcome = self.ai.decide(now_ms, asks.of_model(model), scene);
                let shape = &asks.shape;
                let reply = match route {
                    Route::Stream(_) if query.one("alt") == Some("sse") => {
                        response::events(&self.ai, model, shape, &outcome)
                    }
                    Route::Stream(_) => response::list(&self.ai, model, shape, &outcome),
                    _ => response::whole(&self.ai, model, shape, &outcome),
                };
                reply.after(outcome.latency_ms).on(About::Prompt(outcome.about))
            }
            Route::Batch(model) => {
                let Ok(body) = ordered::read(request.body()) else {
                    return error::invalid("Invalid JSON payload received.");
                };
                let takes_ms = self.ai.config().batch_s.map_or(600, Whole::get) * 1000;
                match self.jobs.create(now_ms, model, &body, takes_ms) {
                    Ok(name) => self.job(now_ms, &name, scene),
                    Err(NotMade::Wrong(wrong)) => error::invalid(wrong),
                    Err(NotMade::TooMany) => error::exhausted(),
                }
            }
            Route::Jobs => {
                let names = self.jobs.names();
                let jobs = names
                    .iter()
                    .filter_map(|name| self.jobs.operation(now_ms, name, &mut self.ai, scene));
                response::sent(200, &json!({"operations": jobs.collect::<Vec<_>>()}))
            }
            Route::Job(name) => self.job(now_ms, name, scene),
            Route::Cancel(name) => match self.jobs.cancel(now_ms, name) {
                Some(()) => response::sent(200, &json!({})),
                None => error::not_found(),
            },
            Route::Delete(name) => match self.jobs.delete(name) {
                Some(()) => response::sent(200, &json!({})),
                None => error::not_found(),
            },
        }
    }

    fn job(&mut self, now_ms: u64, name: &str, scene: &mut Scene<'_>) -> Reply {
        match self.jobs.operation(now_ms, name, &mut self.ai, scene) {
            Some(operation) => response::sent(200, &operation),
            None => error::not_found(),
        }
    }
}

/// Whether a body asks to count two things.
fn counts_both(body: &Bytes) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let whole = request::either(&body, "generateContentRequest", "generate_content_request");
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
