//! How a run that goes on stands, as Prometheus reads it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use insta::assert_snapshot;
use tagspace::internals::pipeline::batch::BatchId;
use tagspace::internals::pipeline::event::{CallId, CallOutcome, Event};
use tagspace::internals::pipeline::page::{PageId, Source, Tags};
use tagspace::internals::report::exposition::Exposition;

use crate::scripted::{Server, Tagged};
use crate::wiki::Wiki;

fn ended(outcome: CallOutcome, status: u16, tokens: u64) -> Event {
    Event::AttemptFinished {
        call: CallId(1),
        batch: BatchId(1),
        provider: "gemini".to_owned(),
        model: None,
        outcome,
        class: None,
        status: Some(status),
        input_tokens: tokens,
        output_tokens: tokens / 10,
        latency_ms: 700,
        hint_ms: None,
        dropped: 0,
    }
}

#[test]
fn each_event_moves_its_series() {
    let models = [("gemini".to_owned(), "gemini-2.5-flash".to_owned())].into();
    let exposition = Exposition::new(&models);
    let started = Event::AttemptStarted {
        call: CallId(1),
        batch: BatchId(1),
        provider: "gemini".to_owned(),
        model: None,
        attempt: 1,
        pages: 5,
        in_flight: 2,
        limit: Some(16),
    };
    for event in [
        Event::PageListed { page: PageId(7), version: 1, chars: 900 },
        started.clone(),
        started,
        ended(CallOutcome::Failed, 429, 0),
        ended(CallOutcome::Ok, 200, 10_000),
        Event::PageTagged { page: PageId(7), source: Source::Answer, tags: Tags::default() },
        Event::PageNotDone { page: PageId(8) },
        Event::LabelsWritten { page: PageId(7), added: 3, removed: 1 },
    ] {
        exposition.observed(&event);
    }
    let text = exposition.text();
    let mut shown: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket")).collect();
    // Series of one name come in any order.
    shown.sort_unstable();
    assert_snapshot!(shown.join("\n"), @r#"
    tagspace_billed_tokens_total{provider="gemini",direction="input"} 10000
    tagspace_billed_tokens_total{provider="gemini",direction="output"} 1000
    tagspace_changed_labels_total{change="added"} 3
    tagspace_changed_labels_total{change="removed"} 1
    tagspace_done_pages_total{end="not_done"} 1
    tagspace_done_pages_total{end="tagged"} 1
    tagspace_listed_pages_total 1
    tagspace_model_call_duration_seconds_count{provider="gemini"} 2
    tagspace_model_call_duration_seconds_sum{provider="gemini"} 1.4
    tagspace_model_call_limit{provider="gemini"} 16.0
    tagspace_model_calls_in_flight{provider="gemini"} 0.0
    tagspace_model_calls_total{provider="gemini",outcome="ok"} 1
    tagspace_model_calls_total{provider="gemini",outcome="refused"} 1
    tagspace_spent_usd_total{provider="gemini"} 0.0055
    "#);
}

/// What a GET of this path gives.
fn read(port: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_run_is_read_while_it_goes_on() {
    let wiki = Wiki::default();
    let goes_on = Arc::new(AtomicBool::new(false));
    let (inner, may_answer) = (wiki.clone(), Arc::clone(&goes_on));
    let server = Server::start(4, move |asked| {
        while asked.target.contains("generateContent") && !may_answer.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        inner.reply(asked, 4)
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--no-state", "--metrics", "127.0.0.1:0"];
    let mut command = server.command(folder.path(), &args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("metrics at ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended without a word of metrics");
    }
    let port = line.trim().rsplit(':').next().unwrap().strip_suffix("/metrics").unwrap();
    let metrics = loop {
        let metrics = read(port, "/metrics");
        if metrics.contains("tagspace_model_calls_in_flight{provider=\"gemini\"} 1") {
            break metrics;
        }
    };
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{metrics}"
    );
    assert!(metrics.contains("\ntagspace_listed_pages_total 4\n"), "{metrics}");
    assert!(!metrics.contains("sesame"), "{metrics}");
    assert!(read(port, "/").starts_with("HTTP/1.1 404 "));
    goes_on.store(true, Ordering::Relaxed);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // An address that is taken is no run.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["DOCS", "--no-state", "--metrics", &address];
    let refused = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains(&format!("listen at --metrics {address}: ")), "{refused:?}");
}
