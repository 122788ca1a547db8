//! The pipeline against answers that no fake gives, and what it keeps to itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tagspace::internals::pipeline::config::{BatchSize, Profile, SettingsError, SettingsPatch};
use tagspace::internals::pipeline::control::{Control, Progress};
use tagspace::internals::pipeline::error::{Cause, ErrorClass, PipelineError};
use tagspace::internals::pipeline::event::{Event, Observer};
use tagspace::internals::pipeline::job::{Job, PageSelection};
use tagspace::internals::pipeline::page::PageId;
use tagspace::internals::pipeline::provider::{Provider, ProviderApi, Secret};
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::pipeline::transport::{Exchange, Transport};
use tagspace::internals::pipeline::{Parts, Pipeline, Site};
use tagspace::internals::rng::Seed;

/// Answers Confluence from one page, and AI calls from a list.
struct Script {
    answers: Mutex<VecDeque<Response<Bytes>>>,
    sent: Mutex<Vec<(String, String)>>,
    storage: String,
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> Exchange<'_> {
        let url = request.uri().to_string();
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.sent.lock().unwrap().push((format!("{} {url}", request.method()), body));
        let response = if url.contains("/spaces?") {
            ok(&json!({"results": [{"id": "9", "key": "DOCS"}]}))
        } else if url.contains("/pages") && url.ends_with("/labels?prefix=global&limit=250") {
            ok(&json!({"results": [{"name": "mine"}, {"name": "report"}]}))
        } else if url.contains("/pages") {
            let page = json!({
                "id": "5", "title": "T", "version": {"number": 2},
                "body": {"storage": {"value": self.storage}}
            });
            ok(&json!({"results": [page], "_links": {}}))
        } else if url.contains("/label") {
            ok(&json!({"results": []}))
        } else {
            self.answers.lock().unwrap().pop_front().unwrap_or_else(|| status(500, ""))
        };
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(response)
        })
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<Event>>);

impl Observer for Seen {
    fn observe(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

fn ok(body: &Value) -> Response<Bytes> {
    Response::new(Bytes::from(body.to_string()))
}

fn status(status: u16, body: &str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
}

fn tagged(id: u64) -> Response<Bytes> {
    let text = json!({"pages": [{"id": id.to_string(), "tags": {"doc": ["guide", "invented"]}}]});
    ok(&json!({
        "candidates": [{"content": {"parts": [{"text": text.to_string()}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}
    }))
}

struct Outcome {
    events: Vec<Event>,
    sent: Vec<(String, String)>,
    took: Duration,
    result: Result<(), PipelineError>,
    progress: Vec<Progress>,
}

fn play(overrides: &str, answers: Vec<Response<Bytes>>) -> Outcome {
    play_key("DOCS", overrides, answers)
}

fn play_key(key: &str, overrides: &str, answers: Vec<Response<Bytes>>) -> Outcome {
    play_what(PageSelection::space(key), overrides, answers)
}

fn play_what(what: PageSelection, overrides: &str, answers: Vec<Response<Bytes>>) -> Outcome {
    let overrides: SettingsPatch = toml::from_str(overrides).unwrap();
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        sent: Mutex::default(),
        storage: "<p>text</p>".to_owned(),
    });
    let seen = Arc::new(Seen::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let progress = Arc::new(Mutex::new(Vec::new()));
    let (result, took) = runtime.block_on(async {
        let (transport, observer) = (Arc::clone(&script), Arc::clone(&seen));
        let pipeline = Pipeline::new(Parts {
            config: overrides.resolve().unwrap(),
            taxonomy: Taxonomy::new(vec![(
                "doc".to_owned(),
                vec!["guide".to_owned(), "report".to_owned()],
            )]),
            site: Site {
                base: "https://acme.example/wiki".to_owned(),
                user: Some("me".to_owned()),
                token: Secret::new("sesame-token"),
            },
            providers: vec![Provider {
                name: "gemini".to_owned(),
                wire: ProviderApi::Gemini,
                model: "m".to_owned(),
                origin: "https://gemini.example".to_owned(),
                key: Secret::new("sesame-key"),
            }],
            transport,
            observer,
            store: None,
            journal: None,
            seed: Seed(1),
        });
        let told = Arc::clone(&progress);
        let control = Control {
            progress: Some(Arc::new(move |now| told.lock().unwrap().push(now))),
            ..Control::default()
        };
        assert!(!format!("{pipeline:?}").contains("sesame"));
        let start = tokio::time::Instant::now();
        let job = Job::of("t", what);
        let result = pipeline.run(job, control).await.map(drop);
        assert_eq!(pipeline.in_flight(), 0);
        (result, start.elapsed())
    });
    let events = std::mem::take(&mut *seen.0.lock().unwrap());
    let sent = std::mem::take(&mut *script.sent.lock().unwrap());
    let progress = std::mem::take(&mut *progress.lock().unwrap());
    Outcome { events, sent, took, result, progress }
}

fn classes(outcome: &Outcome) -> Vec<Option<ErrorClass>> {
    let of = |event: &Event| match event {
        Event::AttemptFinished { class, .. } => Some(*class),
        _ => None,
    };
    outcome.events.iter().filter_map(of).collect()
}

#[test]
fn pages_that_are_named_but_not_there_are_reported() {
    let what = PageSelection::Pages(vec![PageId(4), PageId(5), PageId(6)]);
    let outcome = play_what(what, "", vec![tagged(5)]);
    assert!(outcome.result.is_ok());
    let failed = outcome.events.iter().filter_map(|event| match event {
        Event::PageFailed { page, class, .. } => Some((page.0, *class)),
        _ => None,
    });
    let missing = [(4, ErrorClass::NotFound), (6, ErrorClass::NotFound)];
    assert_eq!(failed.collect::<Vec<_>>(), missing);
    let tagged = |event: &&Event| matches!(event, Event::PageTagged { page: PageId(5), .. });
    assert_eq!(outcome.events.iter().filter(tagged).count(), 1);
    assert_eq!(outcome.progress.last().map(|last| (last.done, last.total)), Some((3, Some(3))));
}

#[test]
fn a_page_is_tagged_and_only_missing_labels_are_written() {
    let outcome = play("", vec![tagged(5)]);
    assert!(outcome.result.is_ok());
    let (request, body) = outcome.sent.last().unwrap();
    assert_eq!(request, "POST https://acme.example/wiki/rest/api/content/5/label");
    // `invented` is not in the taxonomy, `mine` is not ours, `report` stays unless told otherwise.
    assert_eq!(body, r#"[{"name":"guide","prefix":"global"}]"#);
    assert_eq!(outcome.progress, [Progress { done: 1, listed: 1, total: Some(1) }]);
}

#[test]
fn stale_labels_of_the_taxonomy_go_if_told_so() {
    let outcome = play("remove_stale_labels = true", vec![tagged(5)]);
    let deleted: Vec<&String> = outcome
        .sent
        .iter()
        .map(|(request, _)| request)
        .filter(|r| r.starts_with("DELETE"))
        .collect();
    assert_eq!(deleted, ["DELETE https://acme.example/wiki/rest/api/content/5/label?name=report"]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let outcome = play("dry_run = true", vec![tagged(5)]);
    let writes = |(request, _): &&(String, String)| {
        request.contains("/label") && !request.starts_with("GET")
    };
    assert_eq!(outcome.sent.iter().filter(writes).count(), 0);
}

#[test]
fn thinking_counts_as_output_tokens() {
    let outcome = play("", vec![tagged(5)]);
    let usage = outcome.events.iter().find_map(|event| match event {
        Event::AttemptFinished { input_tokens, output_tokens, .. } => {
            Some((*input_tokens, *output_tokens))
        }
        _ => None,
    });
    assert_eq!(usage, Some((10, 7)));
}

#[test]
fn an_answer_about_another_page_tags_nobody() {
    let outcome = play("attempts = 2", vec![tagged(6), tagged(6)]);
    assert_eq!(classes(&outcome), [Some(ErrorClass::Malformed); 2]);
    let (page, class) = (PageId(5), ErrorClass::Malformed);
    let (service, status) = ("gemini".to_owned(), Some(200));
    assert!(outcome.events.contains(&Event::PageFailed { page, class, service, status }));
}

#[test]
fn permanent_errors_are_not_retried_where_classes_count() {
    let bad_key = r#"{"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}"#;
    for (code, body, class) in [
        (400, bad_key, ErrorClass::Auth),
        (400, "{}", ErrorClass::BadRequest),
        (403, "", ErrorClass::Auth),
        (404, "", ErrorClass::NotFound),
    ] {
        let outcome = play("backoff_by_class = true", vec![status(code, body), tagged(5)]);
        assert_eq!(classes(&outcome), [Some(class)]);
    }
    // The plan has one schedule for all errors.
    assert_eq!(classes(&play("", vec![status(403, ""), tagged(5)])).len(), 2);
}

#[test]
fn the_longest_stated_wait_is_honoured() {
    let stated = r#"{"error": {"message": "x Please retry in 38.909s.", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"}]}}"#;
    let outcome = play("retry_hints = true", vec![status(429, stated), tagged(5)]);
    let waited = outcome.events.iter().find_map(|event| match event {
        Event::Backoff { delay_ms, hinted: true, .. } => Some(*delay_ms),
        _ => None,
    });
    assert!((38_909..=40_900).contains(&waited.unwrap()), "{waited:?}");
    assert!(outcome.took >= Duration::from_millis(38_909));
    // The plan ignores it.
    assert!(play("", vec![status(429, stated), tagged(5)]).took < Duration::from_secs(3));
}

#[test]
fn a_wait_in_milliseconds_and_a_header_are_understood() {
    let body = r#"{"error": {"message": "Please retry in 800ms."}}"#;
    let outcome = play("retry_hints = true", vec![status(429, body), tagged(5)]);
    assert!(
        (Duration::from_millis(800)..Duration::from_secs(2))
            .contains(&outcome.took.checked_sub(Duration::from_millis(600)).unwrap())
    );
    let dated = Response::builder()
        .status(503)
        .header("date", "Mon, 05 Jan 2026 09:00:00 GMT")
        .header("retry-after", "Mon, 05 Jan 2026 09:00:20 GMT")
        .body(Bytes::new())
        .unwrap();
    let outcome = play("retry_hints = true", vec![dated, tagged(5)]);
    assert!((20..23).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
}

#[test]
fn a_day_quota_is_told_by_its_id_and_not_by_its_delay() {
    let body = r#"{"error": {"message": "Please retry in 5s.", "details": [
        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}"#;
    let outcome =
        play("retry_hints = true\nbackoff_by_class = true", vec![status(429, body), tagged(5)]);
    assert_eq!(classes(&outcome), [Some(ErrorClass::QuotaExhausted)]);
}

#[test]
fn a_wait_beyond_the_patience_gives_up() {
    let body = r#"{"error": {"message": "Please retry in 300s."}}"#;
    let outcome = play("retry_hints = true\npatience_s = 120", vec![status(429, body), tagged(5)]);
    assert_eq!(classes(&outcome).len(), 1);
    assert!(outcome.took < Duration::from_secs(5));
}

#[test]
fn a_spent_retry_budget_gives_up() {
    let settings = "attempts = 20\nretry_budget = 0.0\nbackoff_max_ms = 1";
    let outcome = play(settings, vec![status(503, ""); 20]);
    // The reserve is ten retries, and a budget of nothing adds none.
    assert_eq!(classes(&outcome), [Some(ErrorClass::Server); 11]);
}

#[test]
fn each_class_of_error_has_its_own_wait_where_classes_count() {
    let waits = |settings: &str, answers: Vec<Response<Bytes>>| {
        let outcome = play(settings, answers);
        let delay = |event: &Event| match event {
            Event::Backoff { delay_ms, .. } => Some(*delay_ms),
            _ => None,
        };
        outcome.events.iter().filter_map(delay).collect::<Vec<_>>()
    };
    let answers = || vec![status(429, ""), status(503, ""), tagged(6), tagged(5)];
    let settings = "backoff_jitter = 0.0\nbackoff_base_ms = 100\nbackoff_factor = 3.0\n";
    assert_eq!(waits(settings, answers()), [100, 300, 900]);
    // A limit needs longer than a passing fault, and an answer that makes no sense needs nothing.
    assert_eq!(waits(&format!("{settings}backoff_by_class = true"), answers()), [400, 300]);
}

#[test]
fn a_call_that_takes_too_long_is_tried_again() {
    let outcome = play("timeout_ms = 50\nattempts = 2\nconfluence_attempts = 1", vec![]);
    // The list itself is late here, and the run says so.
    assert!(matches!(
        outcome.result,
        Err(PipelineError::Listing { cause: Cause { class: ErrorClass::Timeout, .. }, .. })
    ));
}

#[test]
fn blocked_and_thought_out_answers_are_told_apart() {
    let blocked = ok(&json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}));
    let silent =
        ok(&json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}));
    let outcome = play("attempts = 3", vec![blocked, silent, tagged(5)]);
    assert_eq!(classes(&outcome), [Some(ErrorClass::Blocked), Some(ErrorClass::Truncated), None]);
}

#[test]
fn an_unknown_space_is_an_error_that_names_it() {
    let outcome = play_key("NOPE", "", vec![]);
    let error = outcome.result.unwrap_err().to_string();
    assert_eq!(error, "find the space: these credentials see no space with the key `NOPE`");
}

#[test]
fn no_secret_is_in_an_event() {
    let outcome = play("", vec![status(403, "sesame-key"), tagged(5)]);
    let text = format!("{:?}", outcome.events);
    assert!(!text.contains("sesame"), "{text}");
}

#[test]
fn the_profiles_are_what_the_plan_says() {
    let profile = |profile| {
        SettingsPatch { profile: Some(profile), ..SettingsPatch::default() }.resolve().unwrap()
    };
    let before = profile(Profile::Before);
    assert_eq!(
        (before.concurrency, before.batch_size, before.cache, before.attempts),
        (5, BatchSize::Pages(1), false, 2)
    );
    let documented = profile(Profile::Documented);
    assert_eq!((documented.concurrency, documented.max_concurrency), (3, 10));
    assert_eq!(
        (documented.batch_size, documented.cache_size, documented.attempts),
        (BatchSize::Pages(5), 1000, 4)
    );
    let conservative = profile(Profile::Conservative);
    assert_eq!(
        (conservative.concurrency, conservative.batch_size, conservative.cache),
        (1, BatchSize::Pages(1), false)
    );
    for config in [before, documented, conservative] {
        assert!(!config.retry_hints && !config.backoff_by_class);
    }
}

#[test]
fn the_environment_of_the_plan_is_read() {
    let set = [
        ("TAG_SPACE_AI_CONCURRENCY", "12"),
        ("TAG_SPACE_BATCH_SIZE", "7"),
        ("TAG_SPACE_CACHE_ENABLED", "False"),
        ("TAG_SPACE_CACHE_SIZE", "50"),
    ];
    let read = |pairs: &[(&str, &str)]| {
        let mut overrides = SettingsPatch::default();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let variable = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        overrides.read_env(variable).map(|()| overrides.resolve())
    };
    let config = read(&set).unwrap().unwrap();
    // The ceiling follows a start above it, unless it was set too.
    assert_eq!((config.concurrency, config.max_concurrency), (12, 12));
    assert_eq!(
        (config.batch_size, config.cache, config.cache_size),
        (BatchSize::Pages(7), false, 50)
    );
    let both = [("TAG_SPACE_AI_CONCURRENCY", "12"), ("TAG_SPACE_MAX_AI_CONCURRENCY", "10")];
    assert!(matches!(read(&both).unwrap(), Err(SettingsError::AboveCeiling { .. })));
    let auto = read(&[("TAG_SPACE_BATCH_SIZE", "auto")]).unwrap().unwrap();
    assert_eq!((auto.batch_size, auto.most_pages()), (BatchSize::Auto, 20));
    let error = read(&[("TAG_SPACE_BATCH_SIZE", "many")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "read TAG_SPACE_BATCH_SIZE: expected a whole number from 1 to 1000, or `auto`, found `many`"
    );
}
