//! The bars that the simulation keeps to, each a ratio of two things measured in turn within one
//! process: `cargo bench --bench bars`. A missed bar fails the bench.
//!
//! - wire: the medium scenario over wiremock, against as many bare round trips to wiremock by a
//!   thread that blocks while an I/O thread does them, as the design describes its wire. The
//!   simulation's own client needs no second thread; against it there is a figure, but no bar.
//! - direct: the same in memory, against SHA-256, JSON both ways and one XML pass over its bytes
//! - linear: ten times the pages over wiremock, against ten times the time
//! - resident: the most memory of 10,000 pages over wiremock, against 200 MB
//! - store: the CPU time in which 20,000 answers are kept in a file and found again

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench prints, and measures real time"
)]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tagspace::internals::fakes::world::World;
use tagspace::internals::pipeline::cache::{Content, Fingerprint, Key};
use tagspace::internals::pipeline::config::CacheKey;
use tagspace::internals::pipeline::control::Control;
use tagspace::internals::pipeline::event::{Event, Observer};
use tagspace::internals::pipeline::job::{Job, PageSelection};
use tagspace::internals::pipeline::page::{Page, PageId, Tags};
use tagspace::internals::pipeline::provider::{Provider, ProviderApi, Secret};
use tagspace::internals::pipeline::store::{AnswerStore, SqliteStore};
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::pipeline::transport::{Exchange, Transport as Carry, TransportError};
use tagspace::internals::pipeline::{Parts, Pipeline, Site};
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::sim::{Options, Transport, run_scenario};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

type Fallible<T> = Result<T, Box<dyn Error>>;

const WIRE: f64 = 2.0;
const DIRECT: f64 = 2.5;
const LINEAR: f64 = 1.25;
const RESIDENT_MB: f64 = 200.0;
const STORE_CPU_MS: f64 = 1000.0;

fn main() -> ExitCode {
    // `cargo test --benches` and `cargo bench --no-run` only want to know that it builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    match bars() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bars: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bars() -> Fallible<bool> {
    let medium = read(&[])?;
    let exchanges = capture(&medium)?;
    println!("medium: {} exchanges, {} bytes of bodies", exchanges.len(), bytes_of(&exchanges));
    let wired = Options::default();
    let direct = Options { transport: Transport::Direct, ..Options::default() };

    let over_wire = ratio(
        21,
        || run_scenario(&medium, &wired).map(drop).map_err(Into::into),
        || blocking_round_trips(exchanges.len()),
    )?;
    let over_ureq = ratio(
        21,
        || run_scenario(&medium, &wired).map(drop).map_err(Into::into),
        || bare_round_trips(exchanges.len()),
    )?;
    let in_memory = ratio(
        41,
        || run_scenario(&medium, &direct).map(drop).map_err(Into::into),
        || floor(&exchanges),
    )?;
    let (small, large) = (read(&["space.pages=1000"])?, read(&["space.pages=10000"])?);
    let linear = ratio(
        3,
        || run_scenario(&large, &wired).map(drop).map_err(Into::into),
        || (0..10).try_for_each(|_| run_scenario(&small, &wired).map(drop).map_err(Into::into)),
    )?;
    let mut kept = true;
    let mut judge = |name: &str, value: f64, bar: f64| {
        kept &= value <= bar;
        let mark = if value <= bar { "ok  " } else { "OVER" };
        println!("{mark}  {name:<44} {value:>8.2}  (at most {bar:.2})");
    };
    judge("wire: medium / bare round trips", over_wire, WIRE);
    println!("      wire: medium / round trips by ureq, one thread {over_ureq:>6.2}  (no bar)");
    judge("direct: medium / hash, JSON and XML", in_memory, DIRECT);
    judge("linear: 10,000 pages / 10 times 1,000", linear, LINEAR);
    judge("resident: MB at 10,000 pages over the wire", resident_mb()?, RESIDENT_MB);
    judge("store: CPU ms for 10,000 answers, kept and found", store_cpu_ms()?, STORE_CPU_MS);
    Ok(kept)
}

/// The CPU time, in milliseconds, in which 10,000 answers are kept in a file and found again.
fn store_cpu_ms() -> Fallible<f64> {
    const ANSWERS: u64 = 20_000;
    const TEN_THOUSANDS: f64 = 2.0;
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&folder.path().join("answers.db"), 1_000_000)?;
    let taxonomy = Taxonomy::new(vec![("doc".to_owned(), vec!["guide".to_owned()])]);
    let fingerprint = Fingerprint::new(&taxonomy, "a-model", "https://ai.example");
    let tags = Tags([("doc".to_owned(), vec!["guide".to_owned()])].into());
    let key = |id| {
        let page = Page { id: PageId(id), version: 1, title: id.to_string(), text: String::new() };
        Key::new(Content::new(&page, CacheKey::Content), fingerprint)
    };
    let before = cpu_ms()?;
    for id in 0..ANSWERS {
        store.keep("a-model", &[(key(id), &tags)])?;
    }
    for id in 0..ANSWERS {
        if store.answer(&key(id))?.is_none() {
            return Err("an answer was lost".into());
        }
    }
    Ok((cpu_ms()? - before) / TEN_THOUSANDS)
}

/// The CPU time of this process so far, in milliseconds, in steps of ten.
fn cpu_ms() -> Fallible<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // User and system time stand 12 and 13 places behind the name, which is in brackets.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no fields in /proc/self/stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * 10.0)
}

fn read(settings: &[&str]) -> Fallible<Scenario> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/medium.toml");
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    Scenario::read(&path, &settings).map_err(|problem| problem.to_string().into())
}

/// The median ratio of the times of two things that take turns.
fn ratio(
    rounds: usize,
    mut this: impl FnMut() -> Fallible<()>,
    mut that: impl FnMut() -> Fallible<()>,
) -> Fallible<f64> {
    let timed = |work: &mut dyn FnMut() -> Fallible<()>| -> Fallible<Duration> {
        let start = Instant::now();
        work()?;
        Ok(start.elapsed())
    };
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push((timed(&mut this)?, timed(&mut that)?));
    }
    let median = |mut all: Vec<Duration>| {
        all.sort();
        all[all.len() / 2]
    };
    let this = median(times.iter().map(|(this, _)| *this).collect());
    let that = median(times.iter().map(|(_, that)| *that).collect());
    println!("      {this:.1?} against {that:.1?}");
    Ok(this.as_secs_f64() / that.as_secs_f64())
}

/// The peak of this process's resident memory, from the kernel.
fn resident_mb() -> Fallible<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kb: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(kb / 1024.0)
}

/// As many empty round trips, set up as the design describes the wire: a thread blocks on a
/// channel while another, with a runtime of its own, does the exchange with wiremock.
fn blocking_round_trips(count: usize) -> Fallible<()> {
    let (ask, asked) = mpsc::sync_channel::<mpsc::SyncSender<bool>>(1);
    let io = std::thread::spawn(move || -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // An earlier call has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().map_err(|e| text(&e))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| text(&e))?;
        let server = runtime.block_on(start_bare());
        while let Ok(answer) = asked.recv() {
            let request = client.get(server.uri()).send();
            let body = runtime.block_on(async { request.await?.bytes().await });
            answer.send(body.is_ok()).map_err(|e| text(&e))?;
        }
        Ok(())
    });
    for _ in 0..count {
        let (answer, answered) = mpsc::sync_channel(1);
        ask.send(answer)?;
        assert!(answered.recv()?);
    }
    drop(ask);
    io.join().map_err(|_| "a round trip panicked")??;
    Ok(())
}

/// As many empty round trips by the simulation's own client, in one thread.
fn bare_round_trips(count: usize) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = runtime.block_on(start_bare());
    let client = ureq::Agent::config_builder().proxy(None).build().new_agent();
    for _ in 0..count {
        client.get(server.uri()).call()?.into_body().read_to_vec()?;
    }
    Ok(())
}

/// A wiremock server that answers everything the same.
async fn start_bare() -> MockServer {
    let server = MockServer::builder().disable_request_recording().start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    server
}

/// Both bodies of an exchange.
type Bodies = (Bytes, Bytes);

fn bytes_of(exchanges: &[Bodies]) -> usize {
    exchanges.iter().map(|(request, response)| request.len() + response.len()).sum()
}

/// What nothing that simulates this scenario can do without.
fn floor(exchanges: &[Bodies]) -> Fallible<()> {
    for body in exchanges.iter().flat_map(|(request, response)| [request, response]) {
        std::hint::black_box(Sha256::digest(body));
        if body.is_empty() {
            continue;
        }
        let value: Value = serde_json::from_slice(body)?;
        std::hint::black_box(serde_json::to_vec(&value)?);
        for page in value["results"].as_array().into_iter().flatten() {
            let Some(storage) = page["body"]["storage"]["value"].as_str() else { continue };
            let mut reader = Reader::from_str(storage);
            let mut text = 0;
            loop {
                match reader.read_event()? {
                    Xml::Text(piece) => text += piece.len(),
                    Xml::Eof => break,
                    _ => {}
                }
            }
            std::hint::black_box(text);
        }
    }
    Ok(())
}

/// Runs the scenario's pipeline once, and keeps what went over the line.
fn capture(scenario: &Scenario) -> Fallible<Vec<Bodies>> {
    let line = Arc::new(Tap {
        world: Mutex::new(World::new(scenario.world.clone())),
        bodies: Mutex::new(Vec::new()),
    });
    let provider = Provider {
        name: "gemini".to_owned(),
        wire: ProviderApi::Gemini,
        model: scenario.world.gemini.0.model.clone(),
        origin: format!("https://{}", tagspace::internals::fakes::hosts::GEMINI),
        key: Secret::new("bench"),
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let pipeline = Pipeline::new(Parts {
            config: scenario.runs[0].config.clone(),
            taxonomy: Taxonomy::new(scenario.world.taxonomy.clone()),
            site: Site {
                base: format!("https://{}/wiki", tagspace::internals::fakes::hosts::CONFLUENCE),
                user: Some("bench@example.com".to_owned()),
                token: Secret::new("bench"),
            },
            providers: vec![provider],
            transport: Arc::clone(&line) as Arc<dyn Carry>,
            observer: Arc::new(Deaf),
            store: None,
            journal: None,
            seed: scenario.world.seed,
        });
        let what = PageSelection::space(scenario.world.space.key.clone());
        pipeline.run(Job::of("bench", what), Control::default()).await
    })?;
    let bodies = line.bodies.lock().map_err(|_| "poisoned")?.clone();
    Ok(bodies)
}

struct Deaf;

impl Observer for Deaf {
    fn observe(&self, _: Event) {}
}

struct Tap {
    world: Mutex<World>,
    bodies: Mutex<Vec<Bodies>>,
}

impl Carry for Tap {
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_> {
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let reply = self.world.lock().expect("one thread").reply(0, &host, &request);
            let reply = reply.ok_or_else(|| TransportError::Reset("no reply".into()))?;
            let bodies = (request.into_body(), reply.response.body().clone());
            self.bodies.lock().expect("one thread").push(bodies);
            Ok(reply.response)
        })
    }
}
