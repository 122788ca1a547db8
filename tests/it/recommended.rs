//! The recommended profile in whole runs: what it does about quotas that it was not told of.

use std::sync::{Arc, Mutex};
use tagspace::Metric;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tagspace::internals::pipeline::config::SettingsPatch;
use tagspace::internals::pipeline::control::Control;
use tagspace::internals::pipeline::event::{Event, FallbackReason, Observer};
use tagspace::internals::pipeline::job::{Job, PageSelection};
use tagspace::internals::pipeline::page::PageId;
use tagspace::internals::pipeline::provider::stated_quota::WindowKind;
use tagspace::internals::pipeline::provider::{Provider, ProviderApi, Secret};
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::pipeline::transport::{Exchange, Transport};
use tagspace::internals::pipeline::{Parts, Pipeline, Site};
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::recorder;
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{PLAIN, judged, scenario};

/// One run of 60 single pages under the profile.
fn run(settings: &[&str]) -> JudgedRun {
    let base = ["pipeline.profile=\"recommended\"", "pipeline.batch_size=1", "space.pages=60"];
    let settings: Vec<&str> = base.iter().chain(settings).copied().collect();
    judged(&scenario(PLAIN, &settings)).runs.remove(0)
}

fn number(run: &JudgedRun, metric: Metric) -> u64 {
    run.figures.number(metric)
}

#[test]
fn a_minutes_quota_costs_two_refusals_and_no_fallback() {
    let run = run(&["gemini.quota={ requests = 15 }"]);
    assert_eq!(number(&run, Metric::PagesTagged), 60);
    assert!(number(&run, Metric::RateLimited) <= 2);
    assert_eq!(number(&run, Metric::Fallbacks), 0);
    assert_eq!(number(&run, Metric::EarlyCalls), 0);
    // Three windows and what the last of them takes.
    assert!(number(&run, Metric::Makespan) < 186_000, "{}", number(&run, Metric::Makespan));
}

#[test]
fn a_quota_of_tokens_is_kept_by_expected_tokens() {
    let run = run(&["gemini.quota={ tokens = 5000 }"]);
    assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (60, 0));
    assert!(number(&run, Metric::RateLimited) <= 2, "{}", number(&run, Metric::RateLimited));
}

#[test]
fn a_prompt_larger_than_the_token_quota_tells_how_long_its_window_is() {
    for per_s in [3, 10, 30] {
        let quota = format!("gemini.quota={{ tokens = 900, per_s = {per_s} }}");
        let run = run(&[&quota, "pipeline.batch_size=8", "space.pages=32", "deadline_s=36000"]);
        assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (32, 0));
        let (took, bound) = (number(&run, Metric::Makespan), number(&run, Metric::BoundMakespan));
        assert!(took <= 2 * bound, "900 tokens per {per_s} s: {took} ms, at least {bound}");
    }
}

#[test]
fn a_prompt_larger_than_the_token_quota_is_halved_and_a_page_that_is_sent_on() {
    let run_with = |tokens: u64| {
        let quota = format!("gemini.quota={{ tokens = {tokens} }}");
        run(&[&quota, "pipeline.batch_size=8", "space.pages=16", "deadline_s=36000"])
    };
    let halved = run_with(900);
    assert_eq!((number(&halved, Metric::PagesTagged), number(&halved, Metric::Fallbacks)), (16, 0));
    assert!(number(&halved, Metric::RateLimited) <= 5, "{}", number(&halved, Metric::RateLimited));
    let sent_on = run_with(50);
    assert_eq!(number(&sent_on, Metric::PagesTagged), 16);
    assert!(number(&sent_on, Metric::Makespan) < 30_000, "{}", number(&sent_on, Metric::Makespan));
    let mut reasons = sent_on.log.events().filter_map(|event| match event {
        Event::Fallback { why, .. } => Some(why),
        _ => None,
    });
    assert!(reasons.all(|why| why == FallbackReason::TooLarge));
}

#[test]
fn of_the_fallback_as_much_is_reserved_as_it_charges() {
    let run = run(&[
        "gemini.quota={ per_day = 1 }",
        "pipeline.max_output_tokens=1000",
        "openai.quota={ tokens = 5000 }",
        "space.pages=25",
    ]);
    assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (25, 24));
    let refused = run.log.events().filter(|event| {
        let provider = "openai";
        matches!(event, Event::AttemptFinished { provider: by, status: Some(429), .. } if by == provider)
    });
    // The headers of the first answer tell the quota; until then it is felt for.
    let refused = refused.count();
    assert!(refused <= 3, "{refused}");
}

#[test]
fn a_used_up_day_is_remembered_by_the_next_pipeline() {
    let text = format!(
        "{PLAIN}[[run]]\nname = \"first\"\n[[run]]\nname = \"next\"\nchanged_ratio = 1\nstart_after_s = 60\n\
         [run.pipeline]\nconcurrency = 2\n"
    );
    let settings = ["pipeline.profile=\"recommended\"", "gemini.quota={ per_day = 2 }"];
    let judged = judged(&scenario(&text, &settings));
    assert!(number(&judged.runs[0], Metric::RateLimited) > 0);
    assert_eq!(number(&judged.runs[1], Metric::RateLimited), 0);
    assert_eq!(number(&judged.runs[1], Metric::PagesTagged), 20);
}

#[test]
fn a_batch_that_no_window_can_hold_is_asked_in_parts() {
    // Twenty pages take about twice as many tokens as a window has.
    for size in ["20", "\"auto\""] {
        let size = format!("pipeline.batch_size={size}");
        let run = run(&["gemini.quota={ tokens = 1600 }", &size]);
        assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (60, 0));
        // Those that stood in the line when it was learned included.
        let mut is_known = false;
        for event in run.log.events() {
            match event {
                Event::QuotaLearned { .. } => is_known = true,
                Event::AttemptStarted { pages, .. } => assert!(!is_known || pages <= 12),
                _ => {}
            }
        }
        assert!(is_known);
    }
}

#[test]
fn a_days_quota_sends_all_the_rest_to_the_fallback_without_asking_again() {
    let run = run(&["gemini.quota={ per_day = 20 }"]);
    assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (60, 40));
    // Those that were on their way when the day was over.
    assert!(number(&run, Metric::RateLimited) <= 3, "{}", number(&run, Metric::RateLimited));
    let reasons = run.log.events().filter_map(|event| match event {
        Event::Fallback { why, .. } => Some(why),
        _ => None,
    });
    assert!(reasons.eq([FallbackReason::Patience; 40]));
}

#[test]
fn a_long_outage_falls_back_after_the_patience_and_comes_back_with_the_service() {
    let outage =
        "gemini.fault=[{ when = { from_s = 2, until_s = 600 }, reply = { status = 503 } }]";
    let run = run(&[
        outage,
        "pipeline.in_flight_batches=4",
        "openai.latency={ dist = \"fixed\", ms = 60000 }",
    ]);
    assert_eq!(number(&run, Metric::PagesTagged), 60);
    let calls = number(&run, Metric::AiCalls);
    assert!(calls < 60 + 60, "probes are few: {calls}");
    let back = run.log.events().filter(|event| {
        matches!(event, Event::AttemptFinished { provider, status: Some(200), .. } if provider == "gemini")
    });
    assert!(back.count() > 5, "after the outage it is asked again");
}

#[test]
fn who_refuses_everything_without_a_word_is_lost_after_the_patience() {
    let mute = "gemini.fault=[{ when = { from_s = 70 }, reply = { status = 429 } }]";
    let run = run(&[mute, "gemini.quota={ requests = 15 }", "space.pages=200"]);
    assert_eq!(number(&run, Metric::PagesTagged), 200);
    // Two windows, and the patience once for all and not for each batch.
    assert!(number(&run, Metric::Makespan) < 600_000, "{}", number(&run, Metric::Makespan));
    assert!(number(&run, Metric::RateLimited) < 100, "{}", number(&run, Metric::RateLimited));
}

#[test]
fn what_one_run_learned_serves_the_next() {
    let text = format!(
        "{PLAIN}[[run]]\nname = \"cold\"\n[[run]]\nname = \"warm\"\nchanged_ratio = 1\nstart_after_s = 7\n"
    );
    let settings = [
        "pipeline.profile=\"recommended\"",
        "pipeline.batch_size=1",
        "gemini.quota={ requests = 15 }",
    ];
    let judged = judged(&scenario(&text, &settings));
    let refused: Vec<u64> =
        judged.runs.iter().map(|run| number(run, Metric::RateLimited)).collect();
    assert!(refused[0] > 0, "{refused:?}");
    assert_eq!(refused[1], 0);
}

#[test]
fn a_batch_without_a_usable_answer_is_asked_in_halves() {
    let spoilt = "gemini.fault=[{ when = { first_calls = 3 }, reply = { kind = \"malformed\" } }]";
    let asked = |halves: &str| {
        let run = run(&[spoilt, "pipeline.batch_size=8", "space.pages=8", halves]);
        assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (8, 0));
        let pages = run.log.events().filter_map(|event| match event {
            Event::AttemptStarted { pages, .. } => Some(pages),
            _ => None,
        });
        pages.collect::<Vec<_>>()
    };
    assert_eq!(asked("pipeline.halves=true"), [8, 4, 4, 2, 2, 2, 2]);
    assert_eq!(asked("pipeline.halves=false"), [8, 8, 8, 8]);
}

#[test]
fn identical_texts_are_asked_about_once_and_each_gets_the_answer() {
    let run = run(&["space.duplicate_ratio=0.5"]);
    let (hits, tagged, cached) = (
        number(&run, Metric::CacheHits),
        number(&run, Metric::PagesTagged),
        number(&run, Metric::PagesCached),
    );
    assert!(hits > 10, "{hits}");
    assert_eq!((tagged + cached, cached), (60, hits));
    assert_eq!(number(&run, Metric::AiCalls), 60 - hits);
    assert_eq!(number(&run, Metric::PagesMistagged), 0);
}

/// Answers with all pages but what one of them spoils.
struct Spoilt {
    poison: u64,
    pages: u64,
    how: &'static str,
    /// The pages of each prompt.
    asked: Mutex<Vec<Vec<u64>>>,
}

impl Transport for Spoilt {
    fn send(&self, request: Request<Bytes>) -> Exchange<'_> {
        let url = request.uri().to_string();
        let reply = |body: Value| Response::new(Bytes::from(body.to_string()));
        let response = if url.contains("/labels") {
            reply(json!({"results": []}))
        } else if url.contains("/pages?id=") {
            let page = |id| {
                json!({"id": format!("{id}"), "title": "T", "version": {"number": 1},
                    "body": {"storage": {"value": format!("<p>{id}</p>")}}})
            };
            reply(json!({"results": (1..=self.pages).map(page).collect::<Vec<_>>(), "_links": {}}))
        } else {
            let body = String::from_utf8_lossy(request.body());
            let asked: Vec<u64> = body
                .split("=== page ")
                .skip(1)
                .filter_map(|rest| rest.split(' ').next()?.parse().ok())
                .collect();
            self.asked.lock().unwrap().push(asked.clone());
            let is_spoilt = asked.contains(&self.poison);
            let entry = |id: &u64| json!({"id": id.to_string(), "tags": {"doc": []}}).to_string();
            let before: Vec<String> = asked
                .iter()
                .take_while(|id| !is_spoilt || **id != self.poison)
                .map(entry)
                .collect();
            let (text, end) = match (is_spoilt, self.how) {
                (true, "malformed") => ("no".to_owned(), "STOP"),
                (true, "truncated") => {
                    (format!("{{\"pages\": [{},", before.join(",")), "MAX_TOKENS")
                }
                (true, "broken") => (format!("{{\"pages\": [{},", before.join(",")), "STOP"),
                _ => (format!("{{\"pages\": [{}]}}", before.join(",")), "STOP"),
            };
            if is_spoilt && self.how == "blocked" {
                reply(json!({"promptFeedback": {"blockReason": "OTHER"}}))
            } else {
                reply(json!({"candidates": [
                    {"content": {"parts": [{"text": text}]}, "finishReason": end}]}))
            }
        };
        Box::pin(async move { Ok(response) })
    }
}

struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: Event) {}
}

#[test]
fn a_page_that_spoils_every_answer_is_soon_alone() {
    for (pages, how) in [8_u64, 20]
        .into_iter()
        .flat_map(|pages| ["malformed", "blocked", "truncated", "broken"].map(|how| (pages, how)))
    {
        for poison in 1..=pages {
            let spoilt = Arc::new(Spoilt { poison, pages, how, asked: Mutex::default() });
            let transport = Arc::clone(&spoilt);
            let overrides = format!("profile = \"recommended\"\nbatch_size = {pages}");
            let overrides: SettingsPatch = toml::from_str(&overrides).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let pipeline = Pipeline::new(Parts {
                    config: overrides.resolve().unwrap(),
                    taxonomy: Taxonomy::new(vec![("doc".to_owned(), vec!["guide".to_owned()])]),
                    site: Site {
                        base: "https://acme.example/wiki".to_owned(),
                        user: Some("me".to_owned()),
                        token: Secret::new("t"),
                    },
                    providers: vec![Provider {
                        name: "gemini".to_owned(),
                        wire: ProviderApi::Gemini,
                        model: "m".to_owned(),
                        origin: "https://gemini.example".to_owned(),
                        key: Secret::new("k"),
                    }],
                    transport,
                    observer: Arc::new(Nobody),
                    store: None,
                    journal: None,
                    seed: Seed(1),
                });
                let what = PageSelection::Pages((1..=pages).map(PageId).collect());
                let job = Job::of("t", what);
                pipeline.run(job, Control::default()).await.unwrap();
            });
            let asked = spoilt.asked.lock().unwrap();
            let spoilt: Vec<usize> =
                asked.iter().filter(|ids| ids.contains(&poison)).map(Vec::len).collect();
            let calls = spoilt.iter().position(|pages| *pages == 1).unwrap() + 1;
            let most = pages.next_power_of_two().ilog2() as usize + 1;
            assert!(calls <= most, "{how}, page {poison} of {pages}: {spoilt:?}");
        }
    }
}

#[test]
fn an_outage_of_long_ago_is_none_in_the_next_run() {
    let text = format!(
        "{PLAIN}[[gemini.fault]]\nwhen = {{ from_s = 0, until_s = 620 }}\nreply = {{ status = 503 }}\n[[run]]\nname = \"during\"\n[[run]]\nname = \"after\"\nstart_after_s = 4000\nchanged_ratio = 1.0\n"
    );
    let settings = ["pipeline.profile=\"recommended\"", "pipeline.batch_size=1", "space.pages=60"];
    let runs = judged(&scenario(&text, &settings)).runs;
    // Longer than the patience: all of it goes to the next provider, as long as it lasts.
    assert_eq!(number(&runs[0], Metric::Fallbacks), 60);
    assert_eq!(
        (number(&runs[1], Metric::Fallbacks), number(&runs[1], Metric::FaultsFired)),
        (0, 0)
    );
}

#[test]
fn chance_that_looks_like_a_bucket_is_found_out() {
    // Calls of this seed are refused by chance in a row, ten seconds apart, and then one in ten.
    let run = run(&[
        "gemini.error_429_ratio=0.1",
        "gemini.quota={ requests = 150 }",
        "space.pages=400",
        "seed=104",
    ]);
    assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::Fallbacks)), (400, 0));
    let learned = run.log.entries.iter().any(|entry| {
        matches!(
            &entry.what,
            recorder::entry::What::Event(Event::QuotaLearned { kind: WindowKind::Bucket, .. })
        )
    });
    assert!(learned, "it takes it for a bucket");
    // That one in twenty is refused is no reason to become slower and slower.
    assert!(number(&run, Metric::Makespan) < 3_600_000, "{}", number(&run, Metric::Makespan));
}

#[test]
fn a_wait_in_whole_seconds_does_not_make_a_bucket_slow() {
    // What gives a unit in 100 or 400 ms asks for a second.
    for (quota, pages, most_ms) in [
        ("requests = 600, burst = 10", "space.pages=600", 66_000),
        ("requests = 150", "space.pages=400", 106_000),
    ] {
        let quota =
            format!("gemini.quota={{ {quota}, window = \"bucket\", hint = \"retry-after\" }}");
        let run = run(&[&quota, pages]);
        assert!(
            number(&run, Metric::RateLimited) <= 8,
            "{quota}: {}",
            number(&run, Metric::RateLimited)
        );
        assert!(
            number(&run, Metric::Makespan) <= most_ms,
            "{quota}: {}",
            number(&run, Metric::Makespan)
        );
    }
}
