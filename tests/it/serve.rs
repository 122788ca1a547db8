//! The fakes on real ports, as a client of any language meets them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, io};
use tagspace::Metric;

use serde_json::{Value, json};
use tagspace::internals::sim::serve::ExchangeObserver;
use tagspace::internals::sim::serve::server_log::ServerLog;
use tempfile::TempDir;

use crate::common::{PLAIN, plain};

/// A server that runs until it is told to stop.
struct Served {
    folder: TempDir,
    child: Child,
    origins: Value,
}

impl Served {
    /// Serves the plain scenario with this text after it.
    fn start(more: &str, args: &[&str]) -> Self {
        Self::start_by(more, |folder| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
            command.args(["serve", "plain.toml", "--json"]).args(args).current_dir(folder);
            command
        })
    }

    fn start_by(more: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("plain.toml"), format!("{PLAIN}{more}")).unwrap();
        let mut command = command(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let origins = serde_json::from_str(&line).unwrap();
        Self { folder, child, origins }
    }

    fn origin(&self, service: &str) -> &str {
        self.origins[service].as_str().unwrap()
    }

    /// The address that raw bytes go to.
    fn address(&self, service: &str) -> &str {
        self.origin(service).strip_prefix("http://").unwrap()
    }

    /// Asks Gemini; gives the status and the body.
    fn gemini(&self, prompt: &str) -> (u16, Value) {
        let model = "gemini-3.5-flash-lite";
        let url = format!("{}/v1beta/models/{model}:generateContent", self.origin("gemini"));
        let body = json!({"contents": [{"parts": [{"text": prompt}]}]}).to_string();
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(&url).header("x-goog-api-key", "k").send(body).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap())
    }

    /// Stops it; gives its exit code, what it said, and its report.
    fn stop(mut self) -> (i32, String, Value) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        let report = self.folder.path().join("reports/out/plain/report.json");
        let report = fs::read_to_string(report).unwrap_or_default();
        (code, said, serde_json::from_str(&report).unwrap_or_default())
    }
}

fn metric<'a>(report: &'a Value, name: &str) -> &'a Value {
    &report["runs"][0]["metrics"][name]
}

#[test]
fn an_outside_client_does_what_was_foretold_and_is_judged_by_the_same_targets() {
    let targets = "[targets.run]\nai_calls = \"== 4\"\npages_mistagged = \"== 0\"\npages_tagged = \"== 20\"\ncache_hits = \"== 0\"\n";
    let served = Served::start(targets, &["--speed", "20"]);
    let tagged = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["tag", "DOCS", "--write"])
        .env_clear()
        .env("CONFLUENCE_URL", format!("{}/wiki", served.origin("confluence")))
        .env("CONFLUENCE_USER", "me@example.com")
        .env("CONFLUENCE_API_TOKEN", "t")
        .env("GEMINI_API_KEY", "k")
        .env("GOOGLE_GEMINI_BASE_URL", served.origin("gemini"))
        .env("TAG_SPACE_BATCH_SIZE", "5")
        .output()
        .unwrap();
    assert!(tagged.status.success(), "{}", String::from_utf8_lossy(&tagged.stderr));
    let (code, said, report) = served.stop();
    assert_eq!(code, 0, "{said}");
    assert_eq!(report["verdict"], "met");
    assert!(said.contains("not evaluated: not observable by the server"), "{said}");
    assert_eq!(report["runs"][0]["targets"][3]["met"], Value::Null);
    let foretold = plain(&[]).figures;
    for name in ["pages", "ai_calls", "prompts", "labels_written", "input_tokens", "output_tokens"]
    {
        assert_eq!(
            metric(&report, name),
            &json!(foretold.number(Metric::find(name).unwrap())),
            "{name}"
        );
    }
    assert_eq!(metric(&report, "cost_usd_micros"), &json!(foretold.number(Metric::Cost)));
    assert_eq!(metric(&report, "cache_hits"), &Value::Null);
    assert_eq!(metric(&report, "concurrency"), &Value::Null);
}

#[test]
fn calls_that_were_wasted_or_too_early_are_counted() {
    let set = ["--set", "gemini.quota.requests=1", "--set", "gemini.quota.per_s=60"];
    let served = Served::start("[targets.run]\nwasted_calls = \"== 0\"\n", &set);
    let (status, _) = served.gemini("one");
    assert_eq!(status, 200);
    let (status, body) = served.gemini("two");
    assert_eq!(status, 429);
    let details = body["error"]["details"].to_string();
    assert!(details.contains("retryDelay"), "{body}");
    let (status, _) = served.gemini("three");
    assert_eq!(status, 429);
    let (code, said, report) = served.stop();
    assert_eq!(code, 99, "{said}");
    assert_eq!(report["exit_code"], 99);
    assert_eq!(metric(&report, "ai_calls"), 3);
    assert_eq!(metric(&report, "wasted_calls"), 2);
    assert_eq!(metric(&report, "early_calls"), 1);
    assert_eq!(metric(&report, "rate_limited"), 2);
    assert!(said.contains("1 of 1, 2 refused"), "{said}");
    assert!(said.contains("again: tagspace serve plain.toml --set"), "{said}");
}

#[test]
fn a_faster_world_asks_for_shorter_waits() {
    let set = ["--set", "gemini.quota.requests=1", "--set", "gemini.quota.per_s=60"];
    let served = Served::start("", &[&set[..], &["--speed", "10"]].concat());
    assert_eq!(served.gemini("one").0, 200);
    let (status, body) = served.gemini("two");
    assert_eq!(status, 429);
    let delay = body["error"]["details"][2]["retryDelay"].as_str().unwrap();
    let seconds: f64 = delay.trim_end_matches('s').parse().unwrap();
    assert!((5.0..=6.0).contains(&seconds), "{delay}");
}

#[test]
fn targets_of_which_none_can_be_judged_are_not_met() {
    // Nobody came.
    let (code, said, report) = Served::start("[targets.run]\nai_calls = \"<= 5\"\n", &[]).stop();
    assert_eq!((code, &report["verdict"]), (99, &json!("missed")), "{said}");
    // Somebody came, but only they could tell.
    let served = Served::start("[targets.run]\ncache_hits = \"== 0\"\n", &[]);
    assert_eq!(served.gemini("one").0, 200);
    let (code, said, report) = served.stop();
    assert_eq!((code, &report["verdict"]), (99, &json!("missed")), "{said}");
}

#[test]
fn what_is_being_answered_when_it_stops_is_answered() {
    let served = Served::start("", &[]);
    let body = json!({"contents": [{"parts": [{"text": "one"}]}]}).to_string();
    let head = format!(
        "POST /v1/models/gemini-3.5-flash-lite:generateContent HTTP/1.1\r\nHost: x\r\n\
         x-goog-api-key: k\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(served.address("gemini")).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    // Now it is known to have begun.
    assert_eq!(lines.next().unwrap(), "HTTP/1.1 100 Continue");
    let kill = format!("kill -TERM {}", served.child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(lines.nth(1).unwrap(), "HTTP/1.1 200 OK");
}

#[test]
fn a_form_without_end_is_refused_and_harms_nobody() {
    let served = Served::start("", &[]);
    let fields: serde_json::Map<String, Value> =
        ('a'..='h').map(|name| (name.to_string(), json!({"$ref": "#/$defs/N"}))).collect();
    let names: Vec<&String> = fields.keys().collect();
    let schema = json!({"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "required": names, "properties": fields}}});
    let url =
        format!("{}/v1/models/gemini-3.5-flash-lite:generateContent", served.origin("gemini"));
    let body = json!({
        "contents": [{"parts": [{"text": "x"}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}
    });
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = agent.post(&url).header("x-goog-api-key", "k").send(body.to_string()).unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    assert_eq!(served.gemini("next").0, 200);
}

#[test]
fn an_answered_prompt_that_is_asked_again_is_no_retry() {
    let served = Served::start("", &["--speed", "20"]);
    for _ in 0..2 {
        assert_eq!(served.gemini("one").0, 200);
    }
    let (_, said, report) = served.stop();
    assert_eq!(metric(&report, "retries"), 0, "{said}");
    assert_eq!(metric(&report, "prompts"), 2, "{said}");
    // Each has a latency of its own; as one prompt they would have one from the first call on.
    let latency = metric(&report, "ai_latency_ms");
    assert_eq!(latency["count"], 2, "{latency}");
    assert!(latency["p50"].as_u64().unwrap() >= 900, "{latency}");
}

#[test]
fn where_the_model_takes_the_taxonomy_for_the_page_nobody_knows_what_is_mistagged() {
    let targets = "[targets.run]\npages_mistagged = \"== 0\"\nai_calls = \"== 1\"\n";
    let list = "guide runbook specification reference policy report billing payments identity search \
                logistics analytics faq troubleshooting onboarding glossary migration backup";
    for (prompt, code) in
        [(format!("Tags: {list}.\nThe page: a runbook"), 99), ("a runbook".into(), 0)]
    {
        let served = Served::start(targets, &["--speed", "20"]);
        assert_eq!(served.gemini(&prompt).0, 200);
        let (status, said, report) = served.stop();
        assert_eq!(status, code, "{said}");
        let is_unknown = metric(&report, "pages_mistagged").is_null();
        assert_eq!(is_unknown, code == 99, "{said}");
        assert_eq!(said.contains("cannot tell the page from the taxonomy"), is_unknown, "{said}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_noticed_and_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let witness = ServerLog::new("run", Vec::new(), Full);
    assert!(!witness.has_failed());
    witness.arrived(1, None, Vec::new());
    assert!(witness.has_failed());
    assert_eq!(witness.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn the_time_to_serve_ends_by_itself() {
    let started = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["serve", "scenarios/small.toml", "--for", "300ms", "--out"])
        .arg(tempfile::tempdir().unwrap().path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&started.stdout);
    assert_eq!(started.status.code(), Some(99), "{said}");
    for name in
        ["export CONFLUENCE_URL=http://127.0.0.1:", "GOOGLE_GEMINI_BASE_URL=", "OPENAI_BASE_URL="]
    {
        assert!(said.contains(name), "{said}");
    }
    assert!(said.contains("served 0 requests to Confluence and 0 AI calls"), "{said}");
}

#[test]
fn another_model_of_the_same_provider_is_no_fallback() {
    let served = Served::start("", &["--set", "gemini.quota={ requests = 1 }"]);
    let ask = |model: &str, prompt: &str| {
        let path = format!("/v1/models/{model}:generateContent?key=k");
        let body = json!({"contents": [{"parts": [{"text": prompt}]}]}).to_string();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        let sent = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        raw(served.address("gemini"), sent.as_bytes())
    };
    assert!(ask("gemini-3.5-flash-lite", "one").starts_with("HTTP/1.1 200"));
    assert!(ask("gemini-3.5-flash-lite", "two").starts_with("HTTP/1.1 429"));
    assert!(ask("gemini-2.5-flash", "two").starts_with("HTTP/1.1 200"));
    let (_, said, report) = served.stop();
    assert_eq!(metric(&report, "ai_calls"), 3, "{said}");
    assert_eq!(metric(&report, "fallbacks"), 0);
}

#[test]
fn links_lead_to_where_this_client_found_the_site() {
    let served = Served::start("", &[]);
    let spaces = |host: &str| {
        let head = format!("GET /wiki/api/v2/spaces HTTP/1.1\r\nHost:{host}\r\n");
        let sent = format!("{head}Authorization: Basic YTpi\r\nConnection: close\r\n\r\n");
        raw(served.address("confluence"), sent.as_bytes())
    };
    assert!(spaces(" other.example").contains("http://other.example/wiki"));
    let own = spaces("");
    assert!(own.contains(&format!("{}/wiki", served.origin("confluence"))), "{own}");
}

#[test]
fn wrong_arguments_say_what_is_wanted() {
    for (args, wanted) in [
        (&["scenarios"][..], "expected one scenario, found the folder scenarios"),
        (&["scenarios/small.toml", "--run", "nope"], "expected a run, one of: run, found `nope`"),
        (
            &["scenarios/small.toml", "--for", "soon"],
            "expected a time such as 500ms, 60s, 2m or 1h, found `soon`",
        ),
        (
            &["scenarios/small.toml", "--speed", "1.5"],
            "expected a whole number from 1 to 1000, found `1.5`",
        ),
        (
            &["scenarios/small.toml", "--bind", "here"],
            "expected an IP address such as 127.0.0.1 or 0.0.0.0, found `here`",
        ),
        (&["scenarios/none.toml"], "cannot read"),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_tagspace")).arg("serve").args(args).output();
        let ended = ended.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}

/// Sends bytes as they are, and gives what comes back until the server closes or is silent.
fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // A server that refuses may close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
        if read == 0 || answer.len() > 100_000 || answer.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn garbage_is_answered_or_shut_out_and_the_next_client_is_served() {
    let served = Served::start("", &[]);
    let gemini = served.address("gemini");
    // Half a request, and a client that goes away in the middle.
    let mut half = TcpStream::connect(gemini).unwrap();
    half.write_all(b"POST /v1beta/models/x:generateContent HTTP/1.1\r\nHost: x\r\nContent-Le")
        .unwrap();
    let mut gone = TcpStream::connect(gemini).unwrap();
    gone.write_all(b"POST /v1beta/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"a\"")
        .unwrap();
    drop(gone);
    // Headers without end.
    let long =
        format!("GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(10 << 20));
    let refused = raw(gemini, long.as_bytes());
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");
    // Bodies over the services' limits.
    let path = "/wiki/rest/api/content/100001/label";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 6000000\r\n\r\n"
    );
    let large = [head.as_bytes(), &vec![b'a'; 6_000_000]].concat();
    assert!(raw(served.address("confluence"), &large).starts_with("HTTP/1.1 413"));
    // Text that is none.
    let head = "POST /v1/models/gemini-3.5-flash-lite:generateContent HTTP/1.1\r\nHost: x\r\nx-goog-api-key: k\r\nContent-Length: 4\r\n\r\n";
    let invalid = [head.as_bytes(), &[0xff, 0xfe, 0x80, 0x00]].concat();
    assert!(raw(gemini, &invalid).starts_with("HTTP/1.1 400"));
    assert!(raw(gemini, &[0xff; 64]).starts_with("HTTP/1.1 400"));
    assert_eq!(served.gemini("next").0, 200);
    drop(half);
    let (code, said, _) = served.stop();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn idle_connections_make_room_for_the_next_client() {
    let served = Served::start_by("", |folder| {
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_tagspace");
        // Fewer file handles than clients.
        command.args(["-c", &format!("ulimit -n 200; exec {program} serve plain.toml --json")]);
        command.current_dir(folder);
        command
    });
    let idle: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(served.address("openai")).unwrap()).collect();
    assert_eq!(served.gemini("next").0, 200);
    drop(idle);
    assert_eq!(served.gemini("and the one after").0, 200);
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that has failed leaves no server behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Storage format without its tags, as a client strips it.
fn stripped(storage: &str) -> String {
    let parts = storage.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    parts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_client_that_lists_its_taxonomy_its_own_way_is_judged_rightly() {
    let taxonomy = "[taxonomy]\ndoc = [\"doc-tech\", \"doc-process\", \"doc-onboarding\", \"doc-design\"]\n\
        kb = [\"kb-overview\", \"kb-uml\", \"kb-error-handling\"]\ntool = [\"tool-confluence\", \"tool-rovo-agent\"]\n";
    let targets = "[targets.run]\npages_tagged = \"== 20\"\npages_mistagged = \"== 0\"\n";
    let served = Served::start(&format!("{taxonomy}{targets}"), &["--speed", "20"]);
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let site = format!("{}/wiki", served.origin("confluence"));
    let url = format!("{site}/api/v2/pages?body-format=storage&limit=50");
    let mut list = agent.get(&url).header("authorization", "Basic bWU6dA==").call().unwrap();
    let list: Value = serde_json::from_str(&list.body_mut().read_to_string().unwrap()).unwrap();
    let words = taxonomy.split('"').skip(1).step_by(2).map(|tag| format!("- {tag}\n"));
    let words: String = words.collect();
    for page in list["results"].as_array().unwrap() {
        let text = stripped(page["body"]["storage"]["value"].as_str().unwrap());
        let prompt = format!(
            "You tag pages, for example as \"doc-tech\".\nALLOWED TAGS:\n{words}\nCONTENT:\n{text}\n\n\
             Return ONLY JSON with tags of the list."
        );
        let (_, answer) = served.gemini(&prompt);
        let said = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
        let tags: std::collections::BTreeMap<String, Vec<String>> =
            serde_json::from_str(said).unwrap();
        // A page without tags is written as well, so that it counts as judged.
        let labels: Vec<Value> = (tags.values().flatten())
            .map(|tag| json!({"prefix": "global", "name": tag}))
            .chain([json!({"prefix": "global", "name": "read"})])
            .collect();
        let url = format!("{site}/rest/api/content/{}/label", page["id"].as_str().unwrap());
        let body = json!(labels).to_string();
        let post = agent.post(&url).header("authorization", "Basic bWU6dA==");
        post.header("content-type", "application/json").send(body).unwrap();
    }
    let (code, said, report) = served.stop();
    assert_eq!((code, &report["verdict"]), (0, &json!("met")), "{said}");
    assert_eq!(metric(&report, "pages_mistagged"), 0);
}
