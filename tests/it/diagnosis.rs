//! What is odd about a run: each kind in a world made for it, none where all is well, and gone with the
//! change that is advised. What stands behind a metric's worst value.

use std::path::Path;

use insta::assert_snapshot;
use tagspace::Metric;
use tagspace::internals::pipeline::batch::BatchId;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, WindowKind};
use tagspace::internals::report::diagnosis::chain as text;
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::recorder::entry::{Entry, What};
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::diagnosis::anomaly::AnomalyKind;
use tagspace::internals::study::diagnosis::chain;
use tagspace::internals::study::diagnosis::chain::ChainOf;
use tagspace::internals::study::measure::figure::Figure;
use tagspace::internals::study::measure::stat::Stat;
use tagspace::internals::study::measure::value::Value;
use tagspace::internals::study::verdict::judge::JudgedScenario;
use tagspace::internals::units::Share;

use super::common::{PLAIN, judged, scenario};

/// A world in which one thing is odd.
struct World {
    kind: AnomalyKind,
    /// On top of the plain scenario.
    settings: &'static [&'static str],
    /// What is added to its text.
    more: &'static str,
    /// What the advice comes to.
    cure: &'static [&'static str],
}

const FAULT_503: &str = "[[gemini.fault]]\nreply = { status = 503 }\n";

const WORLDS: [World; 9] = [
    World {
        kind: AnomalyKind::RateLimitStorm,
        settings: &[
            "pipeline.profile=before",
            "space.pages=60",
            "gemini.quota={ requests = 10, per_s = 60 }",
            "pipeline.fallback=false",
        ],
        more: "",
        cure: &["pipeline.limiter=quota", "pipeline.retry_hints=true", "pipeline.patience_s=600"],
    },
    World {
        kind: AnomalyKind::RetryAmplification,
        settings: &[
            "space.pages=60",
            "pipeline.batch_size=2",
            "pipeline.attempts=8",
            "pipeline.fallback=false",
        ],
        more: "[[gemini.fault]]\nwhen = { until_s = 5 }\nreply = { status = 503 }\n",
        cure: &["pipeline.limiter=quota"],
    },
    World {
        kind: AnomalyKind::StuckLimit,
        settings: &[
            "space.pages=400",
            "pipeline.batch_size=2",
            "pipeline.concurrency=8",
            "pipeline.max_concurrency=8",
        ],
        more: "[[gemini.fault]]\nwhen = { first_calls = 3 }\nreply = { status = 429 }\n",
        cure: &["pipeline.limiter=aimd"],
    },
    World {
        kind: AnomalyKind::CacheThrash,
        settings: &["space.pages=100", "pipeline.cache_size=50"],
        more: "[[run]]\nname = \"first\"\n[[run]]\nname = \"second\"\n",
        cure: &["pipeline.cache_size=100"],
    },
    World {
        kind: AnomalyKind::SlowTail,
        settings: &["space.pages=60", "pipeline.batch_size=2"],
        more: "[[gemini.fault]]\nwhen = { pages = [60], until_s = 32 }\nreply = { latency_factor = 50 }\n",
        cure: &["pipeline.timeout_ms=5000", "pipeline.backoff_base_ms=2000"],
    },
    World {
        kind: AnomalyKind::Starvation,
        settings: &[
            "space.pages=200",
            "pipeline.batch_size=2",
            "pipeline.attempts=6",
            "pipeline.backoff_base_ms=10000",
            "pipeline.backoff_max_ms=20000",
        ],
        more: "[[gemini.fault]]\nwhen = { pages = [1], until_s = 60 }\nreply = { status = 503 }\n",
        cure: &["pipeline.attempts=2"],
    },
    World {
        kind: AnomalyKind::Neighbour,
        settings: &[
            "space.pages=200",
            "pipeline.profile=recommended",
            "pipeline.batch_size=2",
            "pipeline.max_batch_size=2",
            "pipeline.patience_s=600",
            "pipeline.max_concurrency=4",
            "pipeline.concurrency=4",
            "gemini.latency.ms=4000",
            "gemini.quota={ requests = 20, per_s = 60 }",
            "gemini.neighbour={ requests = 30, per_s = 60 }",
        ],
        more: "",
        cure: &["gemini.neighbour.requests=1"],
    },
    World {
        kind: AnomalyKind::IdleGate,
        settings: &[
            "space.pages=400",
            "pipeline.profile=recommended",
            "pipeline.batch_size=2",
            "pipeline.max_batch_size=2",
        ],
        more: "[[gemini.fault]]\nwhen = { from_s = 1, until_s = 6 }\nreply = { status = 429 }\n",
        cure: &["pipeline.limiter=sre"],
    },
    World {
        kind: AnomalyKind::HiddenPrimary,
        settings: &["space.pages=60", "pipeline.attempts=1"],
        more: FAULT_503,
        cure: &["gemini.fault=[]"],
    },
];

fn played(world: &World, cure: &[&str]) -> JudgedScenario {
    let settings = [world.settings, cure].concat();
    judged(&scenario(&format!("{PLAIN}{}", world.more), &settings))
}

fn kinds(judged: &JudgedScenario) -> Vec<AnomalyKind> {
    judged.runs.iter().flat_map(|run| run.anomalies.iter().map(|one| one.kind)).collect()
}

#[test]
fn each_kind_is_found_in_its_world_and_gone_with_its_cure() {
    for world in &WORLDS {
        let found = kinds(&played(world, &[]));
        assert_eq!(found, [world.kind]);
        let cured = kinds(&played(world, world.cure));
        assert!(!cured.contains(&world.kind), "{:?} is not cured: {cured:?}", world.kind);
    }
}

#[test]
fn an_anomaly_says_what_was_seen() {
    let said: Vec<String> = WORLDS
        .iter()
        .map(|world| {
            let judged = played(world, &[]);
            let found = judged.runs.iter().flat_map(|run| &run.anomalies).next().unwrap();
            format!("{}: {} {:?}", found.kind.name(), found.seen, found.events)
        })
        .collect();
    assert_snapshot!(said.join("\n"), @r#"
    rate_limit_storm: of 100 calls in a row 100 were answered with 429 [256, 850]
    retry_amplification: 70 calls were made for 30 batches, up to 5 for one (batch 10); 40 ended with a server error (5xx) [200, 250, 300, 350, 529]
    stuck_limit: the limit was cut from 8 to 1 and stayed there to the end, for 195 s after the last failure [363, 4564]
    cache_thrash: 50 of 100 pages were asked about again with the text that had been answered before: a cache of 50 entries had forgotten them [137, 138, 139, 140, 141]
    slow_tail: the last 3 of 60 pages took 49 s of 59 s; a call of batch 30 alone took 50 s [650]
    starvation: batch 1 of 2 pages waited for 72 s while 89 later ones were answered; half of all waited for less than 3 s [239, 301, 1038, 2201, 2217]
    neighbour: 3 of 3 refusals came when our own calls had used far less than the quota: at the first, 13 of 20 [459, 472, 719]
    idle_gate: calls waited for 16 s of 26 s for a quota that had room, the longest time for 6 s [1261]
    hidden_primary: 12 of 12 calls of gemini failed; the fallback gave 12 of 12 answers, and no page failed all the same [199, 602]
    "#);
}

/// Shipped scenarios in which nothing is odd.
const HEALTHY: [&str; 13] = [
    "cancellation",
    "confluence-outages",
    "confluence-throttling",
    "conservative",
    "hinted-quota",
    "learned-quota",
    "measured",
    "medium",
    "null-fields",
    "random-429",
    "second-run",
    "short-random-429",
    "small",
];

#[test]
fn nothing_is_odd_where_all_is_well() {
    for name in HEALTHY {
        let file = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let scenario = Scenario::read(Path::new(&file), &[]).unwrap();
        for seed in 1..=3 {
            let judged = judged(&scenario.seeded(seed));
            let seen: Vec<&str> = judged
                .runs
                .iter()
                .flat_map(|run| run.anomalies.iter().map(|one| one.seen.as_str()))
                .collect();
            assert!(seen.is_empty(), "{name}, seed {seed}: {seen:?}");
        }
    }
}

/// Worlds that look like an anomaly, and are none.
const LOOKALIKES: [(AnomalyKind, &[&str], &str); 7] = [
    // Calls that are answered with nonsense take of the quota as well.
    (
        AnomalyKind::Neighbour,
        &[
            "pipeline.batch_size=1",
            "space.pages=60",
            "gemini.answer.malformed_ratio=0.5",
            "gemini.quota={ requests = 20, per_s = 60 }",
        ],
        "",
    ),
    (
        AnomalyKind::IdleGate,
        &[
            "pipeline.profile=recommended",
            "pipeline.batch_size=1",
            "pipeline.max_batch_size=1",
            "pipeline.patience_s=600",
            "space.pages=60",
            "gemini.answer.malformed_ratio=0.5",
            "gemini.quota={ requests = 20, per_s = 60 }",
        ],
        "",
    ),
    // It is the fallback's quota that is waited for.
    (
        AnomalyKind::IdleGate,
        &[
            "pipeline.profile=recommended",
            "pipeline.batch_size=1",
            "pipeline.max_batch_size=1",
            "pipeline.patience_s=600",
            "space.pages=60",
            "openai.quota={ requests = 10, per_s = 60 }",
        ],
        "[[gemini.fault]]\nreply = { status = 400 }\n",
    ),
    // A window beside the first is waited for, with no more calls than it takes.
    (
        AnomalyKind::IdleGate,
        &[
            "pipeline.profile=recommended",
            "pipeline.batch_size=1",
            "pipeline.max_batch_size=1",
            "pipeline.limiter=pace",
            "pipeline.quota={ requests = 2, per_s = 10 }",
            "space.pages=60",
            "gemini.quota={ requests = 600, also = [{ requests = 2, per_s = 10 }] }",
        ],
        "",
    ),
    // A minute's window refuses, though the seconds before were quiet.
    (
        AnomalyKind::Neighbour,
        &[
            "pipeline.batch_size=1",
            "space.pages=60",
            "gemini.quota={ requests = 60, per_s = 5, also = [{ requests = 20, per_s = 60 }] }",
        ],
        "",
    ),
    // All calls are as slow.
    (
        AnomalyKind::SlowTail,
        &[
            "pipeline.batch_size=20",
            "pipeline.concurrency=1",
            "space.pages=21",
            "gemini.latency.ms=15000",
        ],
        "",
    ),
    // Whoever waits for the quota's window to pass is asked to.
    (
        AnomalyKind::IdleGate,
        &[
            "pipeline.profile=recommended",
            "pipeline.batch_size=1",
            "pipeline.max_batch_size=1",
            "pipeline.patience_s=600",
            "space.pages=60",
            "gemini.quota={ requests = 20, per_s = 60, window = \"bucket\", burst = 5 }",
        ],
        "",
    ),
];

#[test]
fn what_looks_like_an_anomaly_is_none() {
    for (kind, settings, more) in LOOKALIKES {
        let found = kinds(&judged(&scenario(&format!("{PLAIN}{more}"), settings)));
        assert!(!found.contains(&kind), "{settings:?}: {found:?}");
    }
}

#[test]
fn a_chain_leads_from_the_listing_of_the_slowest_page_to_its_labels() {
    let starved = &WORLDS[5];
    let judged = played(starved, &[]);
    let run = &judged.runs[0];
    let worst = chain::worst(&run.log, Metric::PageLatency).unwrap();
    let slowest = run.figures.integer(Figure::stat_of(Metric::PageLatency, Stat::Max));
    assert_eq!(Some(worst.value), slowest);
    assert!(matches!(worst.of, ChainOf::Page(_)));
    let events = chain::events(&run.log, &worst.of);
    assert_snapshot!(text::text(run, Metric::PageLatency, &worst, &events), @r#"
    page_latency, run `run`: page 100001 took 74.22 s from its listing to its tags, the longest of all

       204    20 ms              page 100001 is listed: version 1, 379 characters
       237    20 ms              the cache does not know page 100001
       239    20 ms              batch 1 is formed of 2 pages (100001, 100002)
       292    20 ms              batch 1 has a permit after 0 ms
       293    20 ms              call 1 asks gemini about batch 1 of 2, attempt 1, 1 in flight
       301   120 ms     +100 ms  call 1 of gemini fails: a server error (5xx) after 100 ms, status 503
       302   120 ms              batch 1 waits 10.00 s before it asks gemini again (a server error (5xx))
      1018  12.12 s    +12.00 s  batch 1 has a permit after 2.00 s, 2.00 s for a place
      1019  12.12 s              call 40 asks gemini about batch 1 of 2, attempt 2, 3 in flight
      1038  12.22 s     +100 ms  call 40 of gemini fails: a server error (5xx) after 100 ms, status 503
      1039  12.22 s              batch 1 waits 20.00 s before it asks gemini again (a server error (5xx))
      2178  33.02 s    +20.80 s  batch 1 has a permit after 800 ms, 800 ms for a place
      2179  33.02 s              call 102 asks gemini about batch 1 of 2, attempt 3, 2 in flight
      2201  33.12 s     +100 ms  call 102 of gemini fails: a server error (5xx) after 100 ms, status 503
      2202  33.12 s              batch 1 waits 20.00 s before it asks gemini again (a server error (5xx))
      2214  53.12 s    +20.00 s  batch 1 has a permit after 0 ms
      2215  53.12 s              call 103 asks gemini about batch 1 of 2, attempt 4, 1 in flight
      2217  53.22 s     +100 ms  call 103 of gemini fails: a server error (5xx) after 100 ms, status 503
      2218  53.22 s              batch 1 waits 20.00 s before it asks gemini again (a server error (5xx))
      2219  73.22 s    +20.00 s  batch 1 has a permit after 0 ms
      2220  73.22 s              call 104 asks gemini about batch 1 of 2, attempt 5, 1 in flight
      2222  74.22 s     +1.00 s  call 104 is answered by gemini after 1.00 s, status 200, 419 tokens in and 73 out
      2223  74.23 s      +10 ms  a call to Confluence reads labels of page 100001: 200 in 10 ms
      2227  74.24 s      +10 ms  a call to Confluence adds labels of page 100001: 200 in 10 ms
      2228  74.24 s              page 100001 has its labels: 6 added, 0 removed
      2229  74.24 s              page 100001 is tagged by the answer: guide, specification, reference, migration, faq, postgres
    "#);
}

#[test]
fn every_metric_that_a_run_has_is_explained() {
    let judged = played(&WORLDS[0], &[]);
    let run = &judged.runs[0];
    for metric in Metric::ALL {
        let worst = chain::worst(&run.log, *metric);
        // No event tells which pages these are; of the rest what is there has a chain.
        let is_untold = matches!(metric, Metric::PagesMistagged | Metric::PagesUnlabelled);
        let is_absent = match run.figures.get(*metric) {
            None | Some(Value::Number(0) | Value::Share(Share { num: 0, .. })) => true,
            Some(Value::Distribution(samples)) => samples.sorted().is_empty(),
            Some(_) => is_untold,
        };
        assert!(worst.is_some() || is_absent, "{}", metric.name());
        if let Some(worst) = worst {
            let (events, _) = chain::events(&run.log, &worst.of);
            assert!(!events.is_empty(), "{}: {worst:?}", metric.name());
        }
    }
}

#[test]
fn a_wait_for_a_quota_is_explained_by_what_was_known_of_it() {
    let settings = [
        "space.pages=12",
        "gemini.quota={ requests = 4, per_s = 30 }",
        "pipeline.profile=recommended",
        "pipeline.batch_size=1",
        "pipeline.fallback=false",
    ];
    let judged = judged(&scenario(PLAIN, &settings));
    let run = &judged.runs[0];
    let worst = chain::worst(&run.log, Metric::QueueWait).unwrap();
    let events = chain::events(&run.log, &worst.of);
    let said = text::text(run, Metric::QueueWait, &worst, &events);
    assert_snapshot!(said, @r"
    queue_wait, run `run`: batch 12 waited 60.52 s for a permit, the longest of all

       52    20 ms              batch 12 is formed of 1 page (100012)
       88   254 ms     +234 ms  gemini is thought to allow 4 requests in 30.00 s (sliding, stated, 85.58 % likely), or 4 requests in 30.00 s (sliding, refused calls count, 14.14 % likely)
      156  60.54 s    +60.29 s  batch 12 has a permit after 60.52 s, 60.52 s for the quota
      157  60.54 s              call 19 asks gemini about batch 12 of 1, attempt 1, 4 in flight
      170  61.54 s     +1.00 s  call 19 is answered by gemini after 1.00 s, status 200, 283 tokens in and 35 out
    ");
}

#[test]
fn what_an_earlier_run_has_learned_explains_the_waits_of_the_next() {
    let settings = [
        "space.pages=12",
        "gemini.quota={ requests = 4, per_s = 30 }",
        "pipeline.profile=recommended",
        "pipeline.batch_size=1",
        "pipeline.cache=false",
        "pipeline.fallback=false",
    ];
    let two = format!("{PLAIN}\n[[run]]\nname = \"first\"\n[[run]]\nname = \"second\"\n");
    let judged = judged(&scenario(&two, &settings));
    let run = &judged.runs[1];
    assert_eq!(run.figures.number(Metric::RateLimited), 0);
    let worst = chain::worst(&run.log, Metric::QueueWait).unwrap();
    let said = text::text(run, Metric::QueueWait, &worst, &chain::events(&run.log, &worst.of));
    assert!(said.contains("gemini is thought to allow 4 requests in 30.00 s"), "{said}");
}

#[test]
fn of_each_dimension_the_last_that_was_known_explains_a_wait() {
    let learned = |dimension, limit| Event::QuotaLearned {
        provider: "gemini".to_owned(),
        dimension,
        limit,
        window_ms: 60_000,
        kind: WindowKind::Sliding,
        inferred: false,
        refused_count: false,
        weight_ppm: None,
        runner_up: None,
    };
    let batch = BatchId(7);
    let events = [
        (100, learned(Dimension::Requests, 4)),
        (200, learned(Dimension::Requests, 5)),
        (300, learned(Dimension::Tokens, 9_000)),
        (9_000, Event::PermitGranted { batch, waited_ms: 8_000, quota_ms: 8_000, backoff_ms: 0 }),
        (9_500, learned(Dimension::Requests, 6)),
    ];
    let mut log = Log::default();
    for (t_ms, event) in events {
        log.entries.push(&Entry { t_ms, what: What::Event(event) });
    }
    let (found, left) = chain::events(&log, &ChainOf::Batch(batch));
    let numbers: Vec<usize> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!((numbers, left), (vec![2, 3, 4], 0));
}
