//! Live use over a real socket, in real time, against a server that answers like the services.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use tagspace::internals::pipeline::provider::{Provider, ProviderApi, Secret};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::common::attentive;

const KEY: &str = "sesame-gemini-key";
const TOKEN: &str = "sesame-confluence-token";

pub(crate) async fn services() -> MockServer {
    services_with(Duration::ZERO).await
}

async fn services_with(model_takes: Duration) -> MockServer {
    let server = MockServer::start().await;
    let ok = |body| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(method("GET"))
        .and(path("/wiki/api/v2/spaces"))
        .and(query_param("keys", "DOCS & MORE"))
        .respond_with(ok(json!({"results": [{"id": "9", "key": "DOCS & MORE"}]})))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/wiki/api/v2/spaces/9/pages"))
        .respond_with(ok(json!({"results": [{
            "id": "5", "title": "T", "version": {"number": 1},
            "body": {"storage": {"value": "<p>How to write a runbook</p>"}}
        }], "_links": {}})))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/wiki/api/v2/pages/5/labels"))
        .respond_with(ok(json!({"results": []})))
        .mount(&server)
        .await;
    let answer = json!({"pages": [{"id": "5", "tags": {"doc": ["runbook"]}}]}).to_string();
    Mock::given(method("POST"))
        .and(path("/v1beta/models/gemini-3.5-flash-lite:generateContent"))
        .and(header("x-goog-api-key", KEY))
        .and(body_string_contains("How to write a runbook"))
        .respond_with(
            ok(json!({
                "candidates": [{"content": {"parts": [{"text": answer}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10}
            }))
            .set_delay(model_takes),
        )
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/wiki/rest/api/content/5/label"))
        .and(body_string_contains("runbook"))
        .respond_with(ok(json!({"results": []})))
        .mount(&server)
        .await;
    server
}

fn tag(server: &MockServer, folder: &tempfile::TempDir, args: &[&str]) -> Output {
    command(server, folder, args).output().unwrap()
}

fn command(server: &MockServer, folder: &tempfile::TempDir, args: &[&str]) -> Command {
    let mut command = attentive(env!("CARGO_BIN_EXE_tagspace"));
    command
        .args(["tag", "DOCS & MORE", "--log", "tag.log", "--events", "tag.jsonl"])
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .env("CONFLUENCE_URL", format!("{}/wiki", server.uri()))
        .env("CONFLUENCE_USER", "me@example.com")
        .env("CONFLUENCE_API_TOKEN", TOKEN)
        .env("GEMINI_API_KEY", KEY)
        .env("GOOGLE_GEMINI_BASE_URL", server.uri());
    command
}

#[tokio::test]
async fn a_page_is_tagged_over_the_network_and_no_key_is_shown() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    for (args, writes) in [(&[][..], 0), (&["--write"][..], 1)] {
        let output = tag(&server, &folder, args);
        let shown = format!(
            "{}{}{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            std::fs::read_to_string(folder.path().join("tag.log")).unwrap(),
            std::fs::read_to_string(folder.path().join("tag.jsonl")).unwrap(),
        );
        assert!(output.status.success(), "{shown}");
        assert!(shown.contains(": runbook  +runbook  "), "{shown}");
        assert!(shown.contains("[METRICS_SUMMARY]"), "{shown}");
        assert!(!shown.contains("sesame"), "{shown}");
        let received = server.received_requests().await.unwrap();
        let posted = received.iter().filter(|r| r.url.path().ends_with("/label")).count();
        assert_eq!(posted, writes, "{args:?}");
    }
}

#[tokio::test]
async fn a_run_that_takes_long_says_every_ten_seconds_how_it_stands() {
    let server = services_with(Duration::from_millis(10_500)).await;
    let folder = tempfile::tempdir().unwrap();
    let output = tag(&server, &folder, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let stands: Vec<&str> = said.lines().filter(|line| line.contains(" so far, ")).collect();
    let expected = "0 of 1 listed pages, 0 tagged; $0.0000 so far, 1 call in flight, 0 tokens in the last minute";
    assert_eq!(stands, [expected], "{said}");
}

#[tokio::test]
async fn an_address_without_its_path_is_told() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&server, &folder, &[]);
    let output = command.env("CONFLUENCE_URL", server.uri()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("nothing found (404); the address of Confluence Cloud ends with /wiki"),
        "{said}"
    );
}

/// Interrupts a run while its only AI call is in flight, `times` times, and gives its exit code
/// with the event log that it leaves.
#[cfg(unix)]
async fn interrupted(times: usize, model_takes: Duration) -> (Option<i32>, String) {
    use std::io::{BufRead, BufReader};

    let server = services_with(model_takes).await;
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(&server, &folder, &[]).stderr(Stdio::piped()).spawn().unwrap();
    let is_asked = |request: &wiremock::Request| request.url.path().contains("generateContent");
    while !server.received_requests().await.unwrap().iter().any(is_asked) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..times {
        let kill = format!("kill -INT {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        // The first is answered before the second is sent.
        said.next();
    }
    let code = tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap();
    (code, std::fs::read_to_string(folder.path().join("tag.jsonl")).unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn one_interrupt_finishes_what_is_in_flight_and_a_second_does_not() {
    let (code, log) = interrupted(1, Duration::from_secs(1)).await;
    assert_eq!(code, Some(130));
    assert!(log.contains("\"page_tagged\"") && log.contains("\"end\":\"cancelled\""), "{log}");
    let (code, log) = interrupted(2, Duration::from_secs(30)).await;
    assert_eq!(code, Some(130));
    assert!(log.contains("\"attempt_started\""), "{log}");
    assert!(!log.contains("\"attempt_finished\""), "{log}");
    assert!(log.contains("\"page_not_done\"") && log.contains("\"end\":\"cancelled\""), "{log}");
}

#[tokio::test]
async fn what_is_learned_of_quotas_is_kept_in_a_file() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.json");
    let kept = |text: &str| {
        std::fs::write(&path, text).unwrap();
        tag(&server, &folder, &["--state", "quotas.json"])
    };
    assert!(tag(&server, &folder, &["--state", "quotas.json"]).status.success());
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("\"format_version\": 1") && !written.contains("sesame"), "{written}");
    // What an earlier run learned is still known after one that learned nothing.
    let model = "gemini-3.5-flash-lite";
    let known = format!(
        r#"{{"format_version": 1, "saved_at_ms": 0, "providers": {{"gemini {} {model}": [{{
            "dimension": "requests", "limit": 15, "window_ms": 60000, "inferred": false,
            "refused_count": false, "taken": [[5, 1]]}}]}}}}"#,
        server.uri()
    );
    assert!(kept(&known).status.success());
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("\"limit\": 15"), "{written}");
    let account = |key: &str| {
        let (wire, name) = (ProviderApi::Gemini, "gemini".to_owned());
        let (origin, key) = (server.uri(), Secret::new(key));
        Provider { name, wire, model: model.to_owned(), origin, key }.account()
    };
    let own = account(KEY);
    // A closed gate ages by the time that has passed, and is kept.
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let closed = format!(
        r#"{{"format_version": 1, "saved_at_ms": {now_ms}, "providers": {{}},
            "closed_ms": {{"another": 5000000, "{own}": 7200000}}}}"#
    );
    // Another key's gate is not ours.
    let other = closed.replace(&own, &account("another-key"));
    let is_tagged = || {
        let events = std::fs::read_to_string(folder.path().join("tag.jsonl")).unwrap();
        events.contains("\"page_tagged\"")
    };
    assert!(other != closed && kept(&other).status.success() && is_tagged());
    let closed = kept(&closed);
    assert!(!is_tagged());
    let said = String::from_utf8_lossy(&closed.stderr).into_owned();
    assert!(said.contains("patience 120 s"), "{said}");
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (name, wait) in [("another", 5_000_000), (&own, 7_200_000)] {
        let left = written["closed_ms"][name].as_u64().unwrap();
        assert!((wait - 600_000..wait).contains(&left), "{name}: {written}");
    }
    // One of another version is replaced, and that is said; what is none is refused.
    let other = kept("{\"format_version\": 9, \"saved_at_ms\": 0, \"providers\": {}}");
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(other.status.success() && said.contains("expected format 1, found 9"), "{said}");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("\"format_version\": 1"), "{written}");
    let none = "{\"limit\": 15}";
    assert_eq!(kept(none).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), none);
}

#[tokio::test]
async fn it_is_kept_without_being_asked_and_not_where_that_is_unwanted() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let tag = |name: &str, value: &std::path::Path, args: &[&str]| {
        let output = command(&server, &folder, args).env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    let usual = home.path().join(".local/state/tagspace/quotas.json");
    tag("HOME", home.path(), &["--no-state"]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    tag("HOME", home.path(), &[]);
    assert!(std::fs::read_to_string(&usual).unwrap().contains("\"format_version\": 1"));
    // What is known of others stays, also under a limiter that learns nothing.
    let other = r#"{"format_version": 1, "saved_at_ms": 0, "providers": {"other": [{
        "dimension": "requests", "limit": 7, "window_ms": 60000, "inferred": false,
        "refused_count": false, "taken": []}]}}"#;
    std::fs::write(&usual, other).unwrap();
    tag("HOME", home.path(), &["--profile", "documented"]);
    assert!(std::fs::read_to_string(&usual).unwrap().contains("\"limit\": 7"));
    // No other file is left behind, but for the report and the answers.
    assert_eq!(std::fs::read_dir(usual.parent().unwrap()).unwrap().count(), 3);
    assert!(usual.with_file_name("answers.db").exists());
    assert!(usual.with_file_name("reports").join("DOCS___MORE/report.html").exists());

    let state = home.path().join("state");
    tag("XDG_STATE_HOME", &state, &[]);
    assert!(state.join("tagspace/quotas.json").exists());
    // A place where nothing can be written is no reason to fail.
    let said = tag("XDG_STATE_HOME", &usual, &[]);
    assert!(said.contains("warning: ") && said.contains("cannot write"), "{said}");
}
