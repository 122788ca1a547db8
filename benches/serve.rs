//! What `tagspace serve` holds: 2,000 requests a second for 30 s from another process, against a
//! bare hyper echo under the same load: `cargo bench --bench serve`. A missed bar fails the bench.
//!
//! - late: the p99 of the latencies, beyond the 20 ms that the scenario asks for, against the p99 of
//!   the echo, in milliseconds
//! - rate: the requests that were answered each second
//! - memory: the resident memory at the end, against that after a third of the time
//!
//! Latencies are taken from the moment at which a request was due, not from when it could be
//! sent, so that a server that stalls cannot hide it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints")]

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

type Fallible<T> = Result<T, Box<dyn Error>>;

const PER_SECOND: u64 = 2_000;
const SECONDS: u64 = 30;
const ASKED_MS: f64 = 20.0;
const LATE_MS: f64 = 5.0;
const RATE: f64 = 0.99;
const MEMORY: f64 = 1.25;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let done = if args.iter().any(|arg| arg == "--echo") {
        echo().map(|()| true)
    } else if args.iter().any(|arg| arg == "--bench") {
        bars()
    } else {
        // `cargo test --benches` and `cargo bench --no-run` only want to know that it builds.
        Ok(true)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("serve: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A server that does nothing but read and answer, until it is killed.
fn echo() -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", json!({"gemini": format!("http://{}", listener.local_addr()?)}));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let answer = service_fn(async |request: http::Request<Incoming>| {
                    let body = request.into_body().collect().await;
                    let body = body.map_or(Bytes::new(), Collected::to_bytes);
                    Ok::<_, Infallible>(http::Response::new(Full::new(body)))
                });
                let connection = hyper::server::conn::http1::Builder::new();
                connection.serve_connection(TokioIo::new(stream), answer).await
            });
        }
    })
}

/// A server in a process of its own.
struct Server {
    child: Child,
    origin: String,
}

impl Server {
    fn start(mut command: Command) -> Fallible<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().ok_or("no output")?).read_line(&mut line)?;
        let origins: Value = serde_json::from_str(&line)?;
        let origin = origins["gemini"].as_str().ok_or("no origin")?.to_owned();
        Ok(Self { child, origin })
    }

    fn resident_kb(&self) -> Fallible<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(line.ok_or("no VmRSS")?.trim().trim_end_matches(" kB").trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of a load.
struct Measured {
    answered: u64,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    resident_kb: [u64; 2],
}

fn bars() -> Fallible<bool> {
    let folder = tempfile::tempdir()?;
    let scenario = folder.path().join("load.toml");
    fs::write(
        &scenario,
        "# Does it hold the load?\nschema = 1\nseed = 1\n[space]\npages = 10\n[gemini]\nmodel = \
         \"gemini-3.5-flash-lite\"\nlatency = { dist = \"fixed\", ms = 20 }\n",
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--echo");
    let bare = runtime.block_on(load(&Server::start(command)?))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    command.arg("serve").arg(&scenario).args(["--json", "--out"]).arg(folder.path());
    let served = runtime.block_on(load(&Server::start(command)?))?;
    for (name, measured) in [("echo", &bare), ("serve", &served)] {
        let Measured { answered, seconds, p50_ms, p99_ms, resident_kb } = measured;
        let [early, late] = resident_kb.map(|kb| kb / 1024);
        println!(
            "{name:<6} {answered} answered in {seconds:.2} s, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, \
             {early} MB after a third, {late} MB at the end"
        );
    }
    let rate = ratio(served.answered, PER_SECOND * SECONDS);
    let late_ms = served.p99_ms - ASKED_MS - bare.p99_ms;
    let memory = ratio(served.resident_kb[1], served.resident_kb[0]);
    let kept = [
        bar("late", late_ms, late_ms <= LATE_MS, "<= 5.00 ms"),
        bar("rate", rate, rate >= RATE && served.seconds <= 31.0, ">= 0.99 of 2,000 a second"),
        bar("memory", memory, memory <= MEMORY, "<= 1.25"),
    ];
    Ok(kept.into_iter().all(|kept| kept))
}

fn bar(name: &str, value: f64, kept: bool, wanted: &str) -> bool {
    println!("{name:<7} {value:>6.2}  {} (wanted {wanted})", if kept { "kept" } else { "MISSED" });
    kept
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Asks at an even rate, whatever comes back.
async fn load(server: &Server) -> Fallible<Measured> {
    // The client wants a TLS implementation even where it uses none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().http1_only().build()?;
    let url = format!("{}/v1beta/models/gemini-3.5-flash-lite:generateContent", server.origin);
    let start = Instant::now();
    let mut open = JoinSet::new();
    let mut millis: Vec<f64> = Vec::new();
    let mut early_kb = 0;
    for number in 0..PER_SECOND * SECONDS {
        let due = start + Duration::from_micros(number * 1_000_000 / PER_SECOND);
        sleep_until(due).await;
        if number == PER_SECOND * SECONDS / 3 {
            early_kb = server.resident_kb()?;
        }
        let (client, url, body) = (client.clone(), url.clone(), prompt(number));
        open.spawn(async move {
            let request = client.post(url).header("x-goog-api-key", "k").body(body);
            let response = request.send().await.ok()?;
            let is_ok = response.status().is_success();
            response.bytes().await.ok()?;
            is_ok.then(|| due.elapsed().as_secs_f64() * 1000.0)
        });
        while let Some(Ok(done)) = open.try_join_next() {
            millis.extend(done);
        }
    }
    while let Some(Ok(done)) = open.join_next().await {
        millis.extend(done);
    }
    let seconds = start.elapsed().as_secs_f64();
    millis.sort_by(f64::total_cmp);
    let percentile = |percent: usize| millis.get(millis.len() * percent / 100).copied();
    Ok(Measured {
        answered: millis.len() as u64,
        seconds,
        p50_ms: percentile(50).unwrap_or(f64::INFINITY),
        p99_ms: percentile(99).unwrap_or(f64::INFINITY),
        resident_kb: [early_kb, server.resident_kb()?],
    })
}

/// A request of one page, which no other request has: what a server keeps of each would show.
fn prompt(number: u64) -> Bytes {
    let text = "Our runbook says how kafka and postgres are restarted. ".repeat(30);
    let prompt = format!(
        "doc: guide, runbook\ntool: kafka, postgres\n\n=== page {} ===\nTitle\n{text}",
        200_000 + number
    );
    Bytes::from(json!({"contents": [{"parts": [{"text": prompt}]}]}).to_string())
}
