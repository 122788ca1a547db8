//! What goes over the wire: responses to the pipeline, and requests to the fakes.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tagspace::internals::fakes::latency::LatencyFile;
use tagspace::internals::fakes::llm::json_schema;
use tagspace::internals::fakes::world::World;
use tagspace::internals::fakes::{hosts, ordered};
use tagspace::internals::pipeline::control::Control;
use tagspace::internals::pipeline::event::{Event, Observer};
use tagspace::internals::pipeline::job::{Job, PageSelection};
use tagspace::internals::pipeline::page::{Page, PageId};
use tagspace::internals::pipeline::provider::{Provider, ProviderApi, Secret};
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::pipeline::transport::{Exchange, Transport};
use tagspace::internals::pipeline::{Parts, Pipeline, Site, answer, config};
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::scenario::{Scenario, default_taxonomy};

use crate::engine::{edited, play};

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "\"",
    "\\",
    "\\ud800",
    "\n",
    "\"$ref\":\"#\"",
    "\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]",
    "\"retryDelay\":\"1e300s\"",
    "é",
    "\"quotaId\":\"TokensPerDay\"",
    "\"id\":",
    "Please retry in 99999999999s.",
];

fn pages() -> Vec<Page> {
    let page =
        |id| Page { id: PageId(id), version: 1, title: "T".to_owned(), text: "guide".to_owned() };
    vec![page(5), page(6), page(u64::MAX)]
}

#[test]
fn answers() {
    let taxonomy = Taxonomy::new(default_taxonomy());
    let pages = pages();
    let examples = [
        r#"{"pages":[{"id":"5","tags":{"doc":["guide"],"domain":[],"kb":["faq"],"tool":[]}},{"id":"6","tags":{"doc":[]}}]}"#,
        r#"Here: ```json {"pages": [{"id": 5, "tags": {"doc": "guide"}}, {"id":"18446744073709551615","tags":{}}] ```"#,
        r#"{"pages":[{"id":"5","tags":{"doc":["guide","gui"#,
    ];
    let examples = examples.map(str::to_owned).to_vec();
    play("answer", 500, edited("answer", examples, JSON), |text| {
        answer::read(text, &pages, &taxonomy);
    });
}

/// A response as it is written: status, headers, an empty line, the body.
fn response(text: &str) -> Option<Response<Bytes>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut response = Response::builder().status(lines.next()?.trim().parse::<u16>().ok()?);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        response = response.header(name.trim(), value.trim());
    }
    response.body(Bytes::from(body.to_owned())).ok()
}

const RESPONSES: [&str; 7] = [
    "200\ncontent-type: application/json\n\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"{}\"},{\"text\":\"x\",\"thought\":true}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":5,\"thoughtsTokenCount\":3}}",
    "429\nretry-after: 5\ndate: Mon, 05 Jan 2026 09:00:00 GMT\n\n{\"error\":{\"code\":429,\"message\":\"x Please retry in 38.909s.\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"QuotaFailure\",\"violations\":[{\"quotaMetric\":\"m\",\"quotaId\":\"GenerateRequestsPerMinutePerProjectPerModel\",\"quotaValue\":\"12\"}]},{\"@type\":\"RetryInfo\",\"retryDelay\":\"38s\"}]}}",
    "503\nretry-after: Mon, 05 Jan 2026 09:00:30 GMT\ndate: Mon, 05 Jan 2026 09:00:00 GMT\n\n[{\"error\":{}}]",
    "200\nx-ratelimit-limit-requests: 500\nx-ratelimit-limit-tokens: 30000\n\n{\"choices\":[{\"message\":{\"content\":\"{}\",\"refusal\":null},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}",
    "429\nretry-after-ms: 700\nx-ratelimit-limit-tokens: 30000\n\n{\"error\":{\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\",\"message\":\"Rate limit reached on tokens per min\"}}",
    "429\nretry-after: 1e308\n\n{\"error\":{\"type\":\"insufficient_quota\"}}",
    "400\n\n{\"error\":{\"message\":\"API_KEY_INVALID\"}}",
];

fn provider(wire: ProviderApi) -> Provider {
    Provider {
        name: "ai".to_owned(),
        wire,
        model: "m".to_owned(),
        origin: "https://ai.example".to_owned(),
        key: Secret::new("k"),
    }
}

#[test]
fn responses() {
    let providers = [provider(ProviderApi::Gemini), provider(ProviderApi::OpenAi)];
    let examples = RESPONSES.map(str::to_owned).to_vec();
    play("response", 500, edited("response", examples, JSON), |text| {
        let Some(response) = response(text) else { return };
        for provider in &providers {
            if let Err(failure) = provider.read(&response) {
                assert!(failure.hint.is_none_or(|hint| hint <= Duration::from_hours(240)));
            }
        }
    });
}

/// Gives the same reply to the same request: an exchange a line of `host-part`.
struct Scripted(Vec<(String, Response<Bytes>)>);

impl Transport for Scripted {
    fn send(&self, request: Request<Bytes>) -> Exchange<'_> {
        let url = request.uri().to_string();
        let known = self.0.iter().find(|(part, _)| url.contains(part.as_str()));
        let response = known.map_or_else(Response::default, |(_, response)| {
            let mut same = Response::new(response.body().clone());
            *same.status_mut() = response.status();
            *same.headers_mut() = response.headers().clone();
            same
        });
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(response)
        })
    }
}

#[derive(Default)]
struct Count(Mutex<u64>);

impl Observer for Count {
    fn observe(&self, _: Event) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn whole_runs_against_odd_services() {
    let listing = "/spaces?\n200\n\n{\"results\":[{\"id\":\"9\",\"key\":\"DOCS\"}]}\n----\n/labels\n200\n\n{\"results\":[{\"name\":\"mine\"}],\"_links\":{}}\n----\n/pages?\n200\n\n{\"results\":[{\"id\":\"5\",\"title\":\"T\",\"version\":{\"number\":2},\"body\":{\"storage\":{\"value\":\"<p>guide</p>\"}}}],\"_links\":{}}\n----\n/label\n200\n\n{\"results\":[]}\n----\nai.example\n";
    let mut examples: Vec<String> =
        RESPONSES.iter().map(|response| format!("{listing}{response}")).collect();
    examples.push(examples[0].replace(
        "\"_links\":{}}\n----\n/label\n",
        "\"_links\":{\"next\":\"/wiki/api/v2/spaces/9/pages?cursor=1\"}}\n----\n/label\n",
    ));
    play("exchange", 40, edited("exchange", examples, JSON), |text| {
        let scripted = text.split("\n----\n").filter_map(|exchange| {
            let (part, written) = exchange.split_once('\n')?;
            Some((part.to_owned(), response(written)?))
        });
        let transport = Arc::new(Scripted(scripted.collect()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        for profile in ["documented", "recommended"] {
            let overrides: config::SettingsPatch =
                toml::from_str(&format!("profile = \"{profile}\"")).unwrap();
            let (transport, observer) = (Arc::clone(&transport), Arc::new(Count::default()));
            runtime.block_on(async {
                let pipeline = Pipeline::new(Parts {
                    config: overrides.resolve().unwrap(),
                    taxonomy: Taxonomy::new(default_taxonomy()),
                    site: Site {
                        base: "https://c.example/wiki".to_owned(),
                        user: Some("u".to_owned()),
                        token: Secret::new("t"),
                    },
                    providers: vec![provider(ProviderApi::Gemini), provider(ProviderApi::OpenAi)],
                    transport,
                    observer,
                    store: None,
                    journal: None,
                    seed: Seed(1),
                });
                let job = Job::of("t", PageSelection::space("DOCS"));
                let ended = tokio::time::timeout(
                    Duration::from_mins(10),
                    pipeline.run(job, Control::default()),
                );
                if let Ok(Err(error)) = ended.await {
                    let told = format!("{error:?}");
                    assert!(!told.contains("Panicked"), "{told}");
                }
            });
        }
    });
}

static WORLD: LazyLock<Scenario> = LazyLock::new(|| {
    let text = "# World?\nschema = 1\nseed = 4\n[space]\npages = 9\nchars = { median = 60, sigma = 0.3, max = 200 }\n[confluence]\nrate_limit = { requests = 20, per_s = 5 }\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\nquota = { requests = 30, tokens = 9000 }\nneighbour = { requests = 10 }\nthinking_tokens = 1000000000\n[openai]\nmodel = \"gpt-6-luna\"\nquota = { tokens = 1000, window = \"bucket\" }\n";
    Scenario::parse("world", "world.toml", text, Path::new(".")).unwrap()
});

#[test]
fn requests() {
    let examples = [
        "confluence GET /wiki/api/v2/spaces/9001/pages?limit=250&body-format=storage&cursor=c1\nauthorization: Bearer t\n\n",
        "confluence POST /wiki/rest/api/content/100001/label\nauthorization: Bearer t\n\n[{\"prefix\":\"global\",\"name\":\"guide\"}]",
        "confluence DELETE /wiki/rest/api/content/100001/label?name=a%2Fb\nauthorization: Basic dTp0\n\n",
        "confluence GET /wiki/rest/api/content?spaceKey=DOCS&start=3&limit=2&expand=body.storage,version\nauthorization: Bearer t\n\n",
        "gemini POST /v1beta/models/gemini-3.5-flash-lite:generateContent\nx-goog-api-key: k\n\n{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"doc: guide, runbook\\n=== page 5 ===\\nguide\"}]}],\"generationConfig\":{\"maxOutputTokens\":8192,\"thinkingConfig\":{\"thinkingBudget\":5},\"responseSchema\":{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"STRING\"},\"minItems\":2}}}}}",
        "gemini POST /v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse\nx-goog-api-key: k\n\n{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}",
        "gemini POST /v1beta/models/gemini-3.5-flash-lite:batchGenerateContent\nx-goog-api-key: k\n\n{\"batch\":{\"display_name\":\"b\",\"input_config\":{\"requests\":{\"requests\":[{\"request\":{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]},\"metadata\":{\"key\":\"1\"}}]}}}}",
        "gemini POST /v1beta/models/gemini-3.5-flash-lite:countTokens\nx-goog-api-key: k\n\n{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}",
        "gemini GET /v1beta/batches/rehearsal-1\nx-goog-api-key: k\n\n",
        "openai POST /v1/chat/completions\nauthorization: Bearer k\n\n{\"model\":\"gpt-6-luna\",\"messages\":[{\"role\":\"user\",\"content\":\"doc: guide\\n=== page 5 ===\\nguide\"}],\"max_completion_tokens\":100,\"stream\":true,\"stream_options\":{\"include_usage\":true},\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"guide\"]}}}}}}",
        "openai POST /v1/responses\nauthorization: Bearer k\n\n{\"model\":\"gpt-6-luna\",\"input\":\"guide\",\"instructions\":\"x\",\"max_output_tokens\":16}",
        "openai GET /v1/models\nauthorization: Bearer k\n\n",
    ];
    let examples = examples.map(str::to_owned).to_vec();
    play("request", 300, edited("request", examples, JSON), |text| {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or("").split(' ');
        let host = match words.next() {
            Some("gemini") => hosts::GEMINI,
            Some("openai") => hosts::OPENAI,
            _ => hosts::CONFLUENCE,
        };
        let mut request = Request::builder()
            .method(words.next().unwrap_or("GET"))
            .uri(words.next().unwrap_or("/"));
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { return };
            request = request.header(name.trim(), value.trim());
        }
        let Ok(request) = request.body(Bytes::from(body.to_owned())) else { return };
        let mut world = World::new(WORLD.world.clone());
        world.begin_run(0, tagspace::internals::units::Ratio::ZERO, None, 3000);
        for now_ms in [0, 1000, 61_000, 8_640_000_000] {
            world.reply(now_ms, host, &request);
            world.take_records();
        }
    });
}

#[test]
fn forms() {
    let examples = [
        r#"{"type":"object","properties":{"pages":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"tags":{"type":"array","items":{"type":"string","enum":["guide","faq"]},"maxItems":3}},"required":["id","tags"]},"minItems":1}},"required":["pages"],"additionalProperties":false}"#,
        r##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"},{"properties":{"x":{"type":"integer","minimum":-5.5,"maximum":3}}}]},"b":{"type":"object","properties":{"n":{"$ref":"#/$defs/a"}}}},"$ref":"#/$defs/a"}"##,
        r#"{"type":"OBJECT","properties":{"a":{"type":"STRING","minLength":"5","maxLength":9,"format":"date"},"b":{"anyOf":[{"type":"null"},{"const":4}]},"c":{"type":"ARRAY","items":{"type":"NUMBER"},"minItems":"3","uniqueItems":true}}}"#,
        r##"{"properties":{"a":{"allOf":[{"$ref":"#"}]},"b":{"allOf":[{"$ref":"#"}]}}}"##,
    ];
    let seen = [json_schema::TaggedPage {
        id: Some("5"),
        text: "a guide",
        tags: [("doc".to_owned(), vec!["guide".to_owned()])].into(),
    }];
    let examples = examples.map(str::to_owned).to_vec();
    play("form", 300, edited("form", examples, JSON), |text| {
        let Ok(schema) = ordered::read(text.as_bytes()) else { return };
        if let Some(filled) = json_schema::fill(&schema, &seen) {
            let filled = serde_json::from_str(&filled).unwrap();
            json_schema::fits(&filled, &schema);
            json_schema::in_order(&filled, &schema);
        }
    });
}

#[test]
fn measurements() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.csv");
    let file: LatencyFile =
        toml::from_str("dist = \"empirical\"\ncsv = \"l.csv\"\ncolumn = \"ms\"").unwrap();
    let words = &["\n", ",", "\"", "ms", "-", "e5", "\r\n", " ", "NaN"];
    let examples = vec!["when,ms\n1,250\n2,300.5\n3,0\n".to_owned(), "ms\n86400000\n".to_owned()];
    play("measurements", 200, edited("measurements", examples, words), |text| {
        std::fs::write(&path, text).unwrap();
        if let Ok(latency) = file.resolve(folder.path()) {
            latency.draw(Seed(3), "x", 1, 0, tagspace::internals::fakes::latency::Load::default());
        }
    });
}
