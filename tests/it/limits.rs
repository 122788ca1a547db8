//! What limits a run, and what each limit costs.

use std::process::{Command, Output};

use serde_json::Value;
use tagspace::Metric;
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::limits::liftable::Whose;
use tagspace::internals::study::limits::shadow_price::{self, ShadowPrice};

use crate::common::{PLAIN, plain, scenario};

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
