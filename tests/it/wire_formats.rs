//! The wire formats beyond what our own pipeline asks for.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tagspace::internals::fakes::llm::json_schema;
use tagspace::internals::fakes::observation::{Observation, Use};
use tagspace::internals::fakes::world::World;
use tagspace::internals::fakes::{Reply, hosts};

use crate::common::{PLAIN, scenario};

pub(crate) struct Service(pub(crate) World);

impl Service {
    pub(crate) fn new(settings: &[&str]) -> Self {
        let mut world = World::new(scenario(PLAIN, settings).world);
        world.watch();
        world.begin_run(0, tagspace::internals::units::Ratio::ZERO, None, 3_000);
        Self(world)
    }

    pub(crate) fn send(&mut self, now_ms: u64, method: &str, url: &str, body: &Value) -> Reply {
        self.send_as(now_ms, method, url, body, "Basic bWU6dA==")
    }

    pub(crate) fn send_as(
        &mut self,
        now_ms: u64,
        method: &str,
        url: &str,
        body: &Value,
        auth: &str,
    ) -> Reply {
        let host = url.split('/').nth(2).unwrap().to_owned();
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let auth = if host == hosts::OPENAI { "Bearer k" } else { auth };
        let request = Request::builder().method(method).uri(url);
        let request = request.header("x-goog-api-key", "k").header("authorization", auth);
        self.0.reply(now_ms, &host, &request.body(body).unwrap()).unwrap()
    }

    pub(crate) fn gemini(&mut self, now_ms: u64, action: &str, body: &Value) -> Reply {
        let model = "gemini-3.5-flash-lite";
        let url = format!("https://{}/v1beta/models/{model}:{action}", hosts::GEMINI);
        self.send(now_ms, "POST", &url, body)
    }

    pub(crate) fn openai(&mut self, path: &str, body: &Value) -> Reply {
        self.send(0, "POST", &format!("https://{}/v1/{path}", hosts::OPENAI), body)
    }

    pub(crate) fn confluence(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(0, method, &format!("https://{}/wiki{path}", hosts::CONFLUENCE), body)
    }
}

pub(crate) fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.response.body()).unwrap()
}

pub(crate) fn status(reply: &Reply) -> u16 {
    reply.response.status().as_u16()
}

pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn asking(prompt: &str) -> Value {
    json!({"contents": [{"parts": [{"text": prompt}]}]})
}

const PAGES: &str = "doc: guide, runbook\ntool: kafka, postgres\n\n=== page 7 ===\nA guide to kafka\n\n=== page 9 ===\nA runbook for postgres, postgres and again kafka, the guide of all guides";

#[test]
fn a_stream_of_gemini_says_the_same_in_pieces() {
    let mut service = Service::new(&[]);
    let whole = body(&service.gemini(0, "generateContent", &asking(PAGES)));
    let wanted = whole["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let reply = service.gemini(0, "streamGenerateContent?alt=sse", &asking(PAGES));
    assert_eq!(header(&reply, "content-type"), "text/event-stream");
    let text = String::from_utf8(reply.response.body().to_vec()).unwrap();
    let chunks: Vec<Value> = text
        .split("\r\n\r\n")
        .filter(|event| !event.is_empty())
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let said: String = chunks
        .iter()
        .map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap())
        .collect();
    assert_eq!(said, wanted);
    assert!(chunks.len() > 1);
    let (last, rest) = chunks.split_last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert!(rest.iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
    // Without the parameter it is a list.
    let list = body(&service.gemini(0, "streamGenerateContent", &asking(PAGES)));
    assert_eq!(list.as_array().unwrap().len(), chunks.len());
}

#[test]
fn a_batch_job_passes_through_its_states() {
    let mut service = Service::new(&["gemini.batch_s=100"]);
    let one = json!({"request": asking(PAGES), "metadata": {"key": "a"}});
    let bad = json!({"request": {}, "metadata": {"key": "b"}});
    let batch = json!({"batch": {"displayName": "job", "inputConfig": {"requests": {"requests": [one, bad]}}}});
    let made = body(&service.gemini(0, "batchGenerateContent", &batch));
    assert_eq!(made["metadata"]["state"], "BATCH_STATE_PENDING");
    let name = made["name"].as_str().unwrap();
    let url = format!("https://{}/v1beta/{name}", hosts::GEMINI);
    let mut at = |now_ms, method, url: &str| body(&service.send(now_ms, method, url, &Value::Null));
    assert_eq!(at(50_000, "GET", &url)["metadata"]["state"], "BATCH_STATE_RUNNING");
    let done = at(100_000, "GET", &url);
    assert_eq!(
        (&done["done"], &done["metadata"]["state"]),
        (&json!(true), &json!("BATCH_STATE_SUCCEEDED"))
    );
    let stats = &done["metadata"]["batchStats"];
    assert_eq!(
        stats,
        &json!({"requestCount": "2", "successfulRequestCount": "1", "failedRequestCount": "1"})
    );
    let responses = &done["metadata"]["output"]["inlinedResponses"]["inlinedResponses"];
    assert_eq!(responses[0]["metadata"]["key"], "a");
    assert!(responses[0]["response"]["candidates"][0]["content"]["parts"][0]["text"].is_string());
    assert_eq!(responses[1]["error"]["code"], 3);
    assert_eq!(at(100_000, "DELETE", &url), json!({}));
    assert_eq!(at(100_000, "GET", &url)["error"]["code"], 404);

    let made = body(&service.gemini(200_000, "batchGenerateContent", &batch));
    let url = format!("https://{}/v1/{}", hosts::GEMINI, made["name"].as_str().unwrap());
    service.send(201_000, "POST", &format!("{url}:cancel"), &json!({}));
    let cancelled = body(&service.send(400_000, "GET", &url, &Value::Null));
    assert_eq!(cancelled["metadata"]["state"], "BATCH_STATE_CANCELLED");
    assert!(cancelled["metadata"].get("output").is_none());
}

#[test]
fn thinking_eats_the_budget_unless_it_is_switched_off() {
    let mut service = Service::new(&["gemini.thinking_tokens=300"]);
    let mut asked = asking(PAGES);
    asked["generationConfig"] = json!({"maxOutputTokens": 200});
    let starved = body(&service.gemini(0, "generateContent", &asked));
    let candidate = &starved["candidates"][0];
    assert_eq!(candidate["finishReason"], "MAX_TOKENS");
    assert_eq!(candidate["content"], json!({"role": "model"}));
    assert_eq!(starved["usageMetadata"]["thoughtsTokenCount"], 200);
    assert!(starved["usageMetadata"].get("candidatesTokenCount").is_none());
    asked["generationConfig"]["thinkingConfig"] = json!({"thinking_level": "minimal"});
    let fed = body(&service.gemini(0, "generateContent", &asked));
    assert_eq!(fed["candidates"][0]["finishReason"], "STOP");
    assert!(fed["usageMetadata"].get("thoughtsTokenCount").is_none());
}

#[test]
fn unknown_fields_are_refused_by_their_name_in_either_spelling_of_their_neighbours() {
    let mut service = Service::new(&[]);
    let mut refused = |asked: Value| {
        let reply = service.gemini(0, "generateContent", &asked);
        let error = body(&reply)["error"].clone();
        assert_eq!((status(&reply), &error["status"]), (400, &json!("INVALID_ARGUMENT")));
        let violation = error["details"][0]["fieldViolations"][0].clone();
        assert_eq!(violation["description"], error["message"]);
        (error["message"].as_str().unwrap().to_owned(), violation["field"].clone())
    };
    let contents = json!([{"role": "user", "parts": [{"text": "Hello."}]}]);
    let (message, field) = refused(json!({"contents": contents, "max_tokens": 5}));
    assert_eq!(
        message,
        "Invalid JSON payload received. Unknown name \"max_tokens\": Cannot find field."
    );
    assert_eq!(field, Value::Null);
    for config in ["generationConfig", "generation_config"] {
        let (message, field) = refused(json!({"contents": contents, config: {"maxTokens": 5}}));
        assert_eq!(
            message,
            "Invalid JSON payload received. Unknown name \"maxTokens\" at 'generation_config': \
             Cannot find field."
        );
        assert_eq!(field, "generation_config");
    }
    let parts = json!([{"role": "user", "parts": [{"text": "Hello."}, {"txt": "Hello."}]}]);
    assert_eq!(refused(json!({"contents": parts})).1, "contents[0].parts[1]");
    let thinking = json!({"thinkingConfig": {"thinking_budget": 1, "budget": 1}});
    let (_, field) = refused(json!({"contents": contents, "generationConfig": thinking}));
    assert_eq!(field, "generation_config.thinking_config");
}

#[test]
fn a_stream_has_an_end_for_each_of_its_pieces() {
    let mut service = Service::new(&[]);
    let url = format!(
        "https://{}/v1/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse",
        hosts::GEMINI
    );
    let gemini = service.send(0, "POST", &url, &asking(PAGES));
    let input = json!({"model": "gpt-4o-mini", "input": PAGES, "stream": true});
    let openai = service.openai("responses", &input);
    for (reply, between) in [(gemini, "\r\n\r\n"), (openai, "\n\n")] {
        let text = std::str::from_utf8(reply.response.body()).unwrap();
        let ends: Vec<usize> =
            text.match_indices(between).map(|(at, end)| at + end.len()).collect();
        assert!(ends.len() > 1);
        assert_eq!(reply.pieces, ends);
        assert_eq!(ends.last(), Some(&text.len()));
    }
}

#[test]
fn an_answer_has_the_form_that_is_asked_for() {
    let mut service = Service::new(&[]);
    let schema = json!({"type": "OBJECT", "required": ["articles", "urgency"], "properties": {
        "articles": {"type": "ARRAY", "items": {"type": "OBJECT", "properties": {
            "id": {"type": "STRING"}, "tool": {"type": "ARRAY", "items": {"type": "STRING"}}}}},
        "urgency": {"type": "STRING", "enum": ["low", "again"]},
        "score": {"type": "INTEGER", "minimum": 1}}});
    let mut asked = asking(PAGES);
    asked["generationConfig"] =
        json!({"responseMimeType": "application/json", "responseSchema": schema});
    let answer = body(&service.gemini(0, "generateContent", &asked));
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert!(json_schema::fits(&answer, &schema), "{answer}");
    let wanted = json!({
        "articles": [{"id": "7", "tool": ["kafka"]}, {"id": "9", "tool": ["postgres", "kafka"]}],
        "urgency": "again", "score": 1
    });
    assert_eq!(answer, wanted);
}

#[test]
fn one_page_gets_the_four_lists_of_its_own_text() {
    let mut service = Service::new(&[]);
    let prompt = "doc: guide, runbook\ndomain: billing\nkb: faq\ntool: kafka\nA runbook for kafka and nothing else";
    let answer = body(&service.gemini(0, "generateContent", &asking(prompt)));
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(answer, json!({"doc": ["runbook"], "domain": [], "kb": [], "tool": ["kafka"]}));
}

#[test]
fn a_page_may_have_lines_that_look_like_a_taxonomy() {
    let mut service = Service::new(&[]);
    let prompt =
        "doc: guide, runbook\ntool: kafka\n\nA runbook for kafka\nowner: bob\nand nothing else";
    let answer = body(&service.gemini(0, "generateContent", &asking(prompt)));
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(answer, json!({"doc": ["runbook"], "tool": ["kafka"]}));
    // A prompt that names its taxonomy in another way gets the scenario's.
    let foreign = asking(
        "Choose from guide|runbook and kafka. The page: how we restart kafka, a runbook, a runbook, kafka",
    );
    let answer = body(&service.gemini(0, "generateContent", &foreign));
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(answer["doc"], json!(["runbook", "guide"]));
    assert_eq!(answer["tool"], json!(["kafka"]));
}

#[test]
fn every_quota_has_the_name_that_the_service_gives_it() {
    for (setting, tier, id) in [
        ("requests = 1", "free", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        ("tokens = 2", "free", "GenerateContentInputTokensPerModelPerMinute-FreeTier"),
        ("per_day = 1", "free", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        ("tokens_per_day = 2", "free", "GenerateContentInputTokensPerModelPerDay-FreeTier"),
        ("requests = 1", "paid", "GenerateRequestsPerMinutePerProjectPerModel"),
        ("tokens = 2", "paid", "GenerateContentPaidTierInputTokensPerModelPerMinute"),
        ("per_day = 1", "paid", "GenerateRequestsPerDayPerProjectPerModel"),
    ] {
        let setting = format!("gemini.quota={{ {setting}, tier = \"{tier}\" }}");
        let mut service = Service::new(&[&setting]);
        service.gemini(0, "generateContent", &asking("one"));
        let refused = body(&service.gemini(0, "generateContent", &asking("three words")));
        assert_eq!(refused["error"]["details"][1]["violations"][0]["quotaId"], id);
        assert_eq!(refused["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.Help");
        assert!(refused["error"]["details"][2]["retryDelay"].as_str().unwrap().ends_with('s'));
    }
}

#[test]
fn a_refusal_names_every_quota_that_it_meets() {
    let mut service =
        Service::new(&["gemini.quota={ requests = 1, tokens = 7, per_s = 60, tier = \"free\" }"]);
    assert_eq!(status(&service.gemini(0, "generateContent", &asking("ten words"))), 200);
    let refused =
        body(&service.gemini(1_000, "generateContent", &asking("and ten words more than those")));
    let violations = refused["error"]["details"][1]["violations"].as_array().unwrap().clone();
    let ids: Vec<&str> = violations.iter().map(|one| one["quotaId"].as_str().unwrap()).collect();
    let wanted = [
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    ];
    assert_eq!(ids, wanted);
    let message = refused["error"]["message"].as_str().unwrap();
    assert_eq!(message.matches("Quota exceeded for metric").count(), 2, "{message}");
}

#[test]
fn keys_and_models_are_any_unless_the_scenario_names_them() {
    let mut service = Service::new(&[]);
    let of = |model: &str| format!("https://{}/v1/models/{model}:generateContent", hosts::GEMINI);
    let other = of("gemini-3.8-flash");
    let reply = service.send(0, "POST", &other, &asking(PAGES));
    assert_eq!(body(&reply)["modelVersion"], "gemini-3.8-flash");
    assert_eq!(status(&service.send(0, "POST", &of("gemini-0"), &asking(PAGES))), 404);

    let mut strict =
        Service::new(&["gemini.keys=[\"sesame\"]", "gemini.models=[]", "openai.keys=[\"sesame\"]"]);
    let refused = strict.gemini(0, "generateContent", &asking(PAGES));
    assert_eq!(status(&refused), 400);
    let details = &body(&refused)["error"]["details"];
    assert_eq!(details[0]["reason"], "API_KEY_INVALID");
    let reply = strict.openai("chat/completions", &json!({}));
    assert_eq!(
        (status(&reply), body(&reply)["error"]["code"].clone()),
        (401, json!("invalid_api_key"))
    );
    let mut strict = Service::new(&["gemini.models=[]"]);
    assert_eq!(status(&strict.send(0, "POST", &other, &asking(PAGES))), 404);
}

#[test]
fn openai_has_two_interfaces_and_says_what_is_left() {
    let mut service = Service::new(&["openai.quota={ requests = 10, tokens = 4000, per_s = 60 }"]);
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": PAGES}]}]);
    let chat =
        service.openai("chat/completions", &json!({"model": "gpt-6-luna", "messages": messages}));
    let response = service.openai("responses", &json!({"model": "gpt-6-luna", "input": PAGES}));
    let said = &body(&chat)["choices"][0]["message"]["content"];
    assert_eq!(&body(&response)["output"][0]["content"][0]["text"], said);
    assert_eq!(body(&response)["status"], "completed");
    assert_eq!(header(&chat, "x-ratelimit-limit-requests"), "10");
    assert_eq!(header(&response, "x-ratelimit-remaining-requests"), "8");
    assert_eq!(header(&chat, "x-ratelimit-reset-requests"), "1m0s");
    assert_eq!(header(&chat, "openai-processing-ms"), "2000");
    assert_ne!(header(&chat, "x-request-id"), header(&response, "x-request-id"));
    let missing = service.openai("responses", &json!({"model": "gpt-6-luna"}));
    assert_eq!((status(&missing), &body(&missing)["error"]["param"]), (400, &json!("input")));
    let streamed = service.openai(
        "chat/completions",
        &json!({"model": "gpt-6-luna", "messages": messages, "stream": true}),
    );
    let text = String::from_utf8(streamed.response.body().to_vec()).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[test]
fn gemini_says_what_is_left_where_a_scenario_asks_for_it() {
    let quota = "requests = 2, tokens = 9000, window = \"fixed\"";
    let ask =
        |service: &mut Service, at_ms| service.gemini(at_ms, "generateContent", &asking(PAGES));
    let mut silent = Service::new(&[&format!("gemini.quota={{ {quota} }}")]);
    assert!(!ask(&mut silent, 0).response.headers().contains_key("x-ratelimit-limit-requests"));
    let mut service = Service::new(&[&format!("gemini.quota={{ {quota}, hint = \"remaining\" }}")]);
    let answer = ask(&mut service, 1_000);
    assert_eq!((status(&answer), header(&answer, "x-ratelimit-limit-requests")), (200, "2"));
    assert_eq!(header(&answer, "x-ratelimit-remaining-requests"), "1");
    assert_eq!(header(&answer, "x-ratelimit-reset-requests"), "59s");
    assert_eq!(header(&answer, "x-ratelimit-limit-tokens"), "9000");
    ask(&mut service, 1_500);
    // A refusal says it as well, beside its own words.
    let refusal = ask(&mut service, 20_250);
    assert_eq!((status(&refusal), header(&refusal, "x-ratelimit-remaining-requests")), (429, "0"));
    assert_eq!(header(&refusal, "x-ratelimit-reset-requests"), "39.75s");
    assert!(body(&refusal)["error"]["message"].as_str().unwrap().contains("39.750s"));
}

#[test]
fn money_that_is_used_up_is_no_rate_limit() {
    let mut service =
        Service::new(&["openai.fault=[{ reply = { kind = \"insufficient-quota\" } }]"]);
    let asked = json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": "x"}]});
    let reply = service.openai("chat/completions", &asked);
    assert_eq!(status(&reply), 429);
    assert_eq!(body(&reply)["error"]["type"], "insufficient_quota");
    let Some(Observation::Prompt(prompt)) = reply.about.as_deref() else { panic!("{reply:?}") };
    assert_eq!(prompt.use_of, Use::Exhausted);
}

#[test]
fn openai_charges_what_a_call_may_take_at_most() {
    let mut service = Service::new(&["openai.quota={ tokens = 1000 }"]);
    let asked = |most: u64| {
        json!({"model": "gpt-4o-mini", "max_tokens": most,
                                   "messages": [{"role": "user", "content": "Hello."}]})
    };
    let reply = service.openai("chat/completions", &asked(500));
    assert_eq!(header(&reply, "x-ratelimit-remaining-tokens"), "500");
    assert_eq!(status(&service.openai("chat/completions", &asked(900))), 429);
}

#[test]
fn openai_says_what_is_wrong_with_a_value() {
    let mut service = Service::new(&[]);
    let good = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello."}]});
    for (name, value, code) in [
        ("temperature", json!("warm"), "invalid_type"),
        ("max_tokens", json!(0), "integer_below_min_value"),
        ("max_completion_tokens", json!("many"), "invalid_type"),
        ("messages", json!("Hello."), "invalid_type"),
        ("messages", json!([{"role": "wizard", "content": "Hello."}]), "invalid_value"),
        ("response_format", json!({"type": "yaml"}), "invalid_value"),
        ("response_format", json!({"type": "json_schema"}), "missing_required_parameter"),
    ] {
        let mut asked = good.clone();
        asked[name] = value;
        let reply = service.openai("chat/completions", &asked);
        assert_eq!((status(&reply), &body(&reply)["error"]["code"]), (400, &json!(code)), "{name}");
    }
    let asked = json!({"model": "gpt-4o-mini", "input": "Hello.", "max_output_tokens": 15});
    assert_eq!(status(&service.openai("responses", &asked)), 400);
}
