//! What limits a run, and what each limit costs.

use std::process::{Command, Output};

use serde_json::Value;
use tagspace::Metric;
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::limits::liftable::Whose;
use tagspace::internals::study::limits::shadow_price::{self, ShadowPrice};
use tagspace::internals::study::limits::tolerance::{self, WorldTolerance};
use tagspace::internals::study::verdict::judge::Verdict;
use tagspace::internals::study::verdict::target_syntax;

use crate::common::{PLAIN, judged, plain, scenario};

fn limits(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    command.arg("limits").args(args).arg("--quiet").output().unwrap()
}

/// The prices of the limits of the plain scenario with these settings, over two seeds.
fn prices(settings: &[&str]) -> Vec<ShadowPrice> {
    let runner = TrialRunner::new(2).unwrap();
    let played = shadow_price::play(&scenario(PLAIN, settings), &[1, 2], &runner, &|_| ());
    played.unwrap().prices
}

fn saved_ms(prices: &[ShadowPrice], key: &str) -> i64 {
    let price = prices.iter().find(|price| price.key == key).unwrap();
    -price.changes[0].unwrap().mean_milli / 1000
}

#[test]
fn the_first_line_says_what_to_change() {
    let args = [
        "scenarios/free-tier-profiles.toml",
        "--run",
        "recommended",
        "--set",
        "pipeline.confluence_concurrency=4",
        "--seeds",
        "1..=8",
    ];
    let told = limits(&args);
    assert_eq!(told.status.code(), Some(0));
    let text = String::from_utf8(told.stdout).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("pipeline.confluence_concurrency costs "), "{text}");
    assert!(first.ends_with(": change it first."), "{text}");
    let told = limits(&[&args[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(json["limits"][0]["key"], "pipeline.confluence_concurrency");
    assert_eq!(
        (&json["limits"][0]["was"], &json["limits"][0]["lifted_to"]),
        (&"4".into(), &"256".into())
    );
    assert_eq!(json["limits"][0]["changes"]["makespan_ms"]["less"], 8);
}

#[test]
fn a_price_is_what_the_run_takes_more_than_without_the_limit() {
    let quota = "gemini.quota={ requests = 3, per_s = 20 }";
    let with = plain(&[quota]).figures.number(Metric::Makespan);
    let without = plain(&[]).figures.number(Metric::Makespan);
    assert!(with > without);
    let prices = prices(&[quota]);
    let saved = saved_ms(&prices, "gemini.quota.requests");
    assert_eq!(u64::try_from(saved).unwrap(), with - without);
    // The world of these has no luck and no such limits.
    assert!(prices.iter().all(|price| price.key != "gemini.latency.tail"));
    assert!(prices.iter().all(|price| price.key != "confluence.rate_limit"));
}

#[test]
fn each_thing_that_binds_has_its_price() {
    // One batch after the other: of 20 pages in fives four pauses, the last of them beside four label
    // calls of 10 ms; then all four at once, as far as three calls may be in flight.
    let alone = ["pipeline.in_flight_batches=1", "pipeline.pause_ms=5000"];
    let found = prices(&alone);
    assert_eq!(saved_ms(&found, "pipeline.pause_ms"), 20_000 - 40);
    assert_eq!(saved_ms(&found, "pipeline.in_flight_batches"), 18_000 - 1_000);
    // Each answer is a second, and there are two after one another. In that time half of the labels are
    // written, which else take two more rounds of 20 ms.
    let two = prices(&["pipeline.concurrency=2", "pipeline.max_concurrency=2"]);
    assert_eq!(saved_ms(&two, "pipeline.concurrency"), 1_000 - 40);
    assert_eq!(saved_ms(&two, "gemini.latency"), 2_000 - 40);
    let whose = |key: &str| two.iter().find(|price| price.key == key).unwrap().whose;
    assert_eq!(whose("pipeline.concurrency"), Whose::Pipeline);
    assert_eq!(whose("gemini.latency"), Whose::World);
}

#[test]
fn a_run_that_is_not_named_is_asked_for() {
    for (args, wanted) in [
        (
            &["scenarios/free-tier-profiles.toml"][..],
            "the runs are: before, documented, recommended",
        ),
        (&["scenarios/medium.toml", "--run", "nope"], "found `nope`"),
        (&["scenarios"], "expected one scenario, found several"),
    ] {
        let told = limits(args);
        assert_eq!(told.status.code(), Some(2), "{args:?}");
        let error = String::from_utf8(told.stderr).unwrap();
        assert!(error.contains(wanted), "{error}");
    }
}

/// A world without luck, with targets.
fn tolerance(settings: &[&str], targets: &str) -> WorldTolerance {
    let scenario = scenario(&format!("{PLAIN}[targets.run]\n{targets}"), settings);
    let runner = TrialRunner::new(2).unwrap();
    let targets = target_syntax::of(&scenario).unwrap();
    tolerance::play(&scenario, &targets, &[1, 2, 3], &runner, &|| ()).unwrap()
}

#[test]
fn a_knob_is_turned_until_a_target_is_missed() {
    // 20 pages in fours: 2 rounds of a second, the list, and what is written at the end.
    let makespan = plain(&[]).figures.number(Metric::Makespan);
    let found = tolerance(&[], &format!("makespan = \"<= {}ms\"", makespan + 1_000));
    assert_eq!(found.verdict, Verdict::Met);
    assert_eq!(found.headroom[0].margin, Some(1_000));
    let knob = |name: &str| found.knobs.iter().find(|one| one.knob == name).unwrap();
    // Two answers in a row may take half a second longer each.
    let latency = knob("gemini: latency");
    assert_eq!((latency.met_at.as_str(), latency.now.as_str()), ("1.49 times", "1.00 times"));
    let (at, missed) = latency.missed.clone().unwrap();
    assert_eq!((at.as_str(), missed.len()), ("1.55 times", 1));
    // No batch falls back, however slow the fallback is.
    assert_eq!(knob("openai: latency").missed, None);
    assert!(found.knobs.iter().all(|one| one.knob != "gemini: quota of requests"));
    // Those that bear least stand first.
    let turned: Vec<u64> = found.knobs.iter().map(|one| one.turned_permille).collect();
    assert!(turned.is_sorted(), "{turned:?}");
}

#[test]
fn headroom_is_what_is_left_in_as_many_seeds_as_are_asked_for() {
    let world = ["gemini.latency={ dist = \"lognormal\", median_ms = 1000, sigma = 0.5 }"];
    let limit_ms = 10_000;
    let mut left: Vec<i64> = (1..=3)
        .map(|seed| {
            let run = judged(&scenario(PLAIN, &world).seeded(seed)).runs.remove(0);
            limit_ms - i64::try_from(run.figures.number(Metric::Makespan)).unwrap()
        })
        .collect();
    left.sort_unstable();
    assert!(left[0] > 0 && left[0] < left[1] && left[1] < left[2], "{left:?}");
    let headroom = |share: &str| {
        tolerance(&world, &format!("makespan = \"<= {limit_ms}ms{share}\"")).headroom[0].margin
    };
    assert_eq!(headroom(""), Some(left[0]));
    assert_eq!(headroom(" in >= 60% of seeds"), Some(left[1]));
    assert_eq!(headroom(" in >= 30% of seeds"), Some(left[2]));
}

#[test]
fn what_is_missed_already_tolerates_nothing() {
    let found = tolerance(&[], "makespan = \"<= 1s\"");
    assert_eq!((found.verdict, found.knobs.len()), (Verdict::Missed, 0));
    assert!(found.headroom[0].margin.unwrap() < 0);
    let told = limits(&[
        "scenarios/small.toml",
        "--tolerance",
        "--seeds",
        "1..=4",
        "--set",
        "gemini.latency.median_ms=20000",
    ]);
    assert_eq!(told.status.code(), Some(99));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.starts_with("A target is missed as it is"), "{text}");
}

#[test]
fn without_limits_a_run_is_a_list_an_answer_and_a_label() {
    // The space and a piece of the list; the shortest prompt; the labels are read beside it and added.
    let settings = [
        "pipeline.profile=\"recommended\"",
        "pipeline.concurrency=2",
        "pipeline.confluence_concurrency=1",
        "gemini.quota={ requests = 2, per_s = 20 }",
        "gemini.error_429_ratio=0.2",
        "gemini.fault=[{ when = { ratio = 0.2 }, reply = { status = 503 } }]",
        "confluence.fault=[{ when = { ratio = 0.2 }, reply = { status = 503 } }]",
    ];
    let runner = TrialRunner::new(2).unwrap();
    let played =
        shadow_price::play(&scenario(PLAIN, &settings), &[1, 2], &runner, &|_| ()).unwrap();
    let after = |price: &ShadowPrice| {
        let change = price.changes[0].unwrap().mean_milli;
        (i64::try_from(played.means_milli[0].unwrap()).unwrap() + change) / 1_000
    };
    assert_eq!(after(&played.together[1]), 10 + 10 + 1_000 + 10);
    assert!(after(&played.together[0]) > after(&played.together[1]));
}

#[test]
fn a_window_beside_the_first_has_a_price_of_its_own() {
    let quota = "gemini.quota={ requests = 60, also = [{ requests = 2, per_s = 10 }] }";
    let settings = [quota, "pipeline.batch_size=1", "pipeline.profile=\"recommended\""];
    let prices = prices(&settings);
    let also = prices.iter().find(|price| price.key == "gemini.quota.also").unwrap();
    assert_eq!(also.lifted, ("2 requests in 10 s".to_owned(), "none"));
    // Ten windows of two calls each; the minute alone takes all twenty at once.
    let (further, first) =
        (saved_ms(&prices, "gemini.quota.also"), saved_ms(&prices, "gemini.quota.requests"));
    assert!(further > 60_000 && first < 20_000, "{further} {first}");
}
