//! The fakes' wire formats, as `research` and the services' documents give them.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::world::World;
use tagspace::internals::fakes::{Broken, Reply, hosts};

use crate::common::{PLAIN, scenario};

struct Service {
    world: World,
}

impl Service {
    fn new(settings: &[&str]) -> Self {
        let mut world = World::new(scenario(PLAIN, settings).world);
        world.begin_run(0, tagspace::internals::units::Ratio::ZERO, None, 3_000);
        Self { world }
    }

    fn send(&mut self, now_ms: u64, method: &str, url: &str, body: &Value) -> Reply {
        let host = url.split('/').nth(2).unwrap().to_owned();
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("x-goog-api-key", "k")
            .header("authorization", "Bearer k")
            .body(body)
            .unwrap();
        self.world.reply(now_ms, &host, &request).unwrap()
    }

    fn gemini(&mut self, now_ms: u64, prompt: &str) -> Reply {
        let model = "gemini-3.5-flash-lite";
        let url = format!("https://{}/v1beta/models/{model}:generateContent", hosts::GEMINI);
        self.send(now_ms, "POST", &url, &json!({"contents": [{"parts": [{"text": prompt}]}]}))
    }

    fn confluence(&mut self, method: &str, path: &str, body: &Value) -> Response<Bytes> {
        self.send(0, method, &format!("https://{}/wiki{path}", hosts::CONFLUENCE), body).response
    }
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn gemini_answers_from_the_prompt_alone() {
    let mut service = Service::new(&[]);
    let prompt = "doc: guide, report\ntool: kafka\n\n=== page 7 ===\nTitle\nA Guide to kafka, kafka.\n\n=== page 9 ===\nnothing";
    let reply = service.gemini(0, prompt);
    assert_eq!(reply.latency_ms, 1_000);
    let body = body(&reply.response);
    let text = body["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        answer,
        json!({"pages": [
            {"id": "7", "tags": {"doc": ["guide"], "tool": ["kafka"]}},
            {"id": "9", "tags": {"doc": [], "tool": []}}
        ]})
    );
    let usage = &body["usageMetadata"];
    let sum = usage["promptTokenCount"].as_u64().unwrap()
        + usage["candidatesTokenCount"].as_u64().unwrap();
    assert_eq!(usage["totalTokenCount"], sum);
}

#[test]
fn gemini_without_delimiters_answers_the_four_lists() {
    let mut service = Service::new(&[]);
    let reply = service.gemini(0, "doc: guide\n\nthis is a guide");
    let body = body(&reply.response);
    assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], r#"{"doc":["guide"]}"#);
}

#[test]
fn a_refused_gemini_call_names_quota_and_delay() {
    let mut service = Service::new(&["gemini.quota={ requests = 1, per_s = 60 }"]);
    assert_eq!(service.gemini(0, "x").response.status(), 200);
    let reply = service.gemini(21_500, "x");
    assert_eq!(reply.response.status(), 429);
    assert_eq!(reply.latency_ms, 100);
    assert!(!reply.response.headers().contains_key("retry-after"));
    let error = &body(&reply.response)["error"];
    assert_eq!(error["status"], "RESOURCE_EXHAUSTED");
    assert!(error["message"].as_str().unwrap().ends_with("Please retry in 38.500s."));
    let violation = &error["details"][1]["violations"][0];
    assert_eq!(violation["quotaId"], "GenerateRequestsPerMinutePerProjectPerModel");
    assert_eq!(violation["quotaValue"], "1");
    // Whole seconds are rounded down, as they are on the real wire.
    assert_eq!(error["details"][2]["retryDelay"], "38s");
}

#[test]
fn a_free_account_is_named_in_the_quota() {
    let quota = "gemini.quota={ requests = 1, per_day = 2, tier = \"free\" }";
    let mut service = Service::new(&[quota]);
    let refused = |service: &mut Service, now_ms| {
        let error = body(&service.gemini(now_ms, "x").response);
        let violation = &error["error"]["details"][1]["violations"][0];
        (violation["quotaId"].clone(), violation["quotaMetric"].clone())
    };
    assert_eq!(service.gemini(0, "x").response.status(), 200);
    let metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
    let minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
    assert_eq!(refused(&mut service, 1), (minute.into(), metric.into()));
    assert_eq!(service.gemini(60_000, "x").response.status(), 200);
    let day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
    assert_eq!(refused(&mut service, 120_000), (day.into(), metric.into()));
}

#[test]
fn gemini_lists_its_model_and_counts_tokens_in_either_spelling() {
    let mut service = Service::new(&[]);
    let mut ask = |method: &str, path: &str, sent: &Value| {
        let reply = service.send(0, method, &format!("https://{}{path}", hosts::GEMINI), sent);
        assert_eq!(reply.response.headers()["content-type"], "application/json; charset=UTF-8");
        (reply.response.status().as_u16(), body(&reply.response))
    };
    let model = "models/gemini-3.5-flash-lite";
    let (status, listed) = ask("GET", "/v1beta/models", &Value::Null);
    assert_eq!((status, &listed["models"][0]["name"]), (200, &json!(model)));
    let of_piece = |listed: &Value| listed["models"].as_array().unwrap().clone();
    let all = of_piece(&listed);
    assert!(all.len() > 2 && listed.get("nextPageToken").is_none());
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1beta/models?pageSize=2&pageToken={token}");
        let piece = ask("GET", &path, &Value::Null).1;
        assert!(of_piece(&piece).len() <= 2);
        found.extend(of_piece(&piece));
        let Some(next) = piece["nextPageToken"].as_str() else { break };
        token = next.to_owned();
    }
    assert_eq!(found, all);
    for wrong in ["pageSize=two", "pageSize=-1", "pageToken=x", "page_token=from-9999"] {
        assert_eq!(ask("GET", &format!("/v1beta/models?{wrong}"), &Value::Null).0, 400, "{wrong}");
    }
    assert_eq!(ask("GET", &format!("/v1/{model}"), &Value::Null).1["name"], model);
    assert_eq!(ask("GET", "/v1/models/gone", &Value::Null).0, 404);
    let contents = json!([{"parts": [{"text": "eighteen characters"}]}]);
    let count = format!("/v1/{model}:countTokens");
    let (_, counted) = ask("POST", &count, &json!({"contents": contents}));
    assert_eq!(counted["totalTokens"], 4);
    let nested = json!({"generate_content_request": {"contents": contents}});
    assert_eq!(ask("POST", &count, &nested).1, counted);
    // Snake case is what one of the SDKs sends.
    let limited =
        |most| json!({"contents": contents, "generation_config": {"max_output_tokens": most}});
    let (_, cut) = ask("POST", &format!("/v1/{model}:generateContent"), &limited(1));
    assert_eq!(cut["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(ask("POST", &format!("/v1/{model}:generateContent"), &limited(0)).0, 400);
    // What the system instruction says belongs to the prompt.
    let ruled = json!({"contents": contents, "system_instruction": {"parts": [{"text": "eighteen characters"}]}});
    let (_, longer) = ask("POST", &count, &ruled);
    assert!(longer["totalTokens"].as_u64() > counted["totalTokens"].as_u64());
}

#[test]
fn without_hints_a_refusal_says_nothing() {
    let mut service = Service::new(&["gemini.quota={ requests = 1, hint = \"none\" }"]);
    service.gemini(0, "x");
    let body = body(&service.gemini(0, "x").response);
    assert_eq!(body["error"]["details"], Value::Null);
}

#[test]
fn a_day_quota_reopens_at_midnight_pacific() {
    let mut service = Service::new(&["gemini.quota={ per_day = 1 }"]);
    // Virtual zero is 09:00 UTC on 5 January, 01:00 in Los Angeles: 23 hours are left.
    assert_eq!(service.gemini(0, "x").response.status(), 200);
    let refused = service.gemini(1_000, "x").response;
    let quota = body(&refused)["error"]["details"][1]["violations"][0]["quotaId"].clone();
    assert_eq!(quota, "GenerateRequestsPerDayPerProjectPerModel");
    let midnight = 23 * 3_600_000;
    assert_eq!(service.gemini(midnight - 1, "x").response.status(), 429);
    assert_eq!(service.gemini(midnight, "x").response.status(), 200);
}

#[test]
fn the_pacific_day_knows_summer_time() {
    let hour = 3_600_000;
    let winter = Calendar::new("2026-01-05T09:00:00Z".parse().unwrap());
    assert_eq!(winter.pacific_midnight_after(0), 23 * hour);
    let summer = Calendar::new("2026-07-05T09:00:00Z".parse().unwrap());
    assert_eq!(summer.pacific_midnight_after(0), 22 * hour);
    // The day on which the clocks go forward has 23 hours.
    let change = Calendar::new("2026-03-08T08:00:00Z".parse().unwrap());
    assert_eq!(change.pacific_midnight_after(0), 23 * hour);
}

#[test]
fn a_wrong_model_a_missing_key_and_an_unknown_route_are_errors_of_the_service() {
    let mut service = Service::new(&[]);
    let url = format!("https://{}/v1beta/models/gone:generateContent", hosts::GEMINI);
    assert_eq!(service.send(0, "POST", &url, &json!({})).response.status(), 404);
    let request = Request::post("https://x/v1beta/models/gemini-3.5-flash-lite:generateContent");
    let reply =
        service.world.reply(0, hosts::GEMINI, &request.body(Bytes::new()).unwrap()).unwrap();
    assert_eq!(reply.response.status(), 403);
    let url = format!("https://{}/v1/nothing", hosts::OPENAI);
    assert_eq!(service.send(0, "POST", &url, &json!({})).response.status(), 404);
    assert_eq!(service.confluence("GET", "/api/v2/nothing", &Value::Null).status(), 404);
}

#[test]
fn openai_refuses_with_headers() {
    let url = format!("https://{}/v1/chat/completions", hosts::OPENAI);
    let asked = json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": "doc: guide\n\na guide"}]});
    let mut service = Service::new(&["openai.quota={ requests = 1, per_s = 60 }"]);
    let answered = service.send(0, "POST", &url, &asked).response;
    assert_eq!(body(&answered)["choices"][0]["finish_reason"], "stop");
    assert_eq!(answered.headers()["x-ratelimit-remaining-requests"], "0");
    let refused = service.send(1_500, "POST", &url, &asked).response;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "59");
    assert_eq!(refused.headers()["retry-after-ms"], "58500");
    assert_eq!(body(&refused)["error"]["code"], "rate_limit_exceeded");
}

#[test]
fn faults_strike_in_order_and_in_their_window() {
    let rules = "[[gemini.fault]]\nwhen = { first_calls = 1 }\nreply = { kind = \"reset\" }\n\
                 [[gemini.fault]]\nwhen = { until_s = 10 }\nreply = { status = 503 }\n[openai]";
    let text = PLAIN.replace("[openai]", rules);
    let mut service = Service { world: World::new(scenario(&text, &[]).world) };
    assert_eq!(service.gemini(0, "x").broken, Some(Broken::Reset));
    assert_eq!(service.gemini(9_999, "x").response.status(), 503);
    assert_eq!(service.gemini(10_000, "x").response.status(), 200);
}

#[test]
fn listing_follows_the_cursor_to_the_end() {
    let mut service = Service::new(&["space.pages=7"]);
    let spaces = body(&service.confluence("GET", "/api/v2/spaces?keys=DOCS", &Value::Null));
    let id = spaces["results"][0]["id"].as_str().unwrap().to_owned();
    let mut path = format!("/api/v2/spaces/{id}/pages?body-format=storage&limit=3");
    let mut seen = Vec::new();
    loop {
        let list = body(&service.confluence("GET", &path, &Value::Null));
        for page in list["results"].as_array().unwrap() {
            seen.push(page["id"].as_str().unwrap().to_owned());
            assert!(!page["body"]["storage"]["value"].as_str().unwrap().is_empty());
        }
        match list["_links"]["next"].as_str() {
            Some(next) => path = next.strip_prefix("/wiki").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[test]
fn labels_are_added_split_lowered_and_removed() {
    let mut service = Service::new(&[]);
    let path = "/rest/api/content/100001/label";
    let names = |list: &Value| {
        let results = list["results"].as_array().unwrap().iter();
        results.map(|label| label["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let added = service.confluence(
        "POST",
        path,
        &json!([{"prefix": "global", "name": "Runbook"}, {"name": "a b"}]),
    );
    assert_eq!(names(&body(&added)), ["a", "b", "runbook"]);
    // One object instead of a list, and a label that is there already.
    let again = service.confluence("POST", path, &json!({"prefix": "global", "name": "runbook"}));
    assert_eq!(names(&body(&again)).len(), 3);
    assert_eq!(service.confluence("DELETE", &format!("{path}?name=a"), &Value::Null).status(), 204);
    assert_eq!(service.confluence("DELETE", &format!("{path}/b"), &Value::Null).status(), 204);
    let left = service.confluence("GET", "/api/v2/pages/100001/labels", &Value::Null);
    assert_eq!(names(&body(&left)), ["runbook"]);
    assert_eq!(service.confluence("POST", path, &json!([{"name": "a!b"}])).status(), 400);
    assert_eq!(service.confluence("POST", "/rest/api/content/1/label", &json!([])).status(), 404);
}
