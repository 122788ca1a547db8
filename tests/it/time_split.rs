//! Where the time of a run went: what binds in a world has its part, and the parts add up.

use std::collections::BTreeMap;

use tagspace::Metric;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::study::measure::time_split::TimePart;
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{PLAIN, judged, plain, scenario};

/// The parts that took time, by their names without `time_`.
fn parts(run: &JudgedRun) -> BTreeMap<&'static str, u64> {
    let figures = &run.figures;
    let of = |part: &TimePart| {
        let name = part.metric().name().trim_start_matches("time_");
        (name, figures.number(part.metric()))
    };
    let parts: BTreeMap<_, _> = TimePart::ALL.iter().map(of).filter(|(_, ms)| *ms > 0).collect();
    assert_eq!(parts.values().sum::<u64>(), figures.number(Metric::Makespan), "{parts:?}");
    parts
}

/// Asserts the parts of the plain world with these settings.
fn assert_parts(settings: &[&str], expected: &[(&'static str, u64)]) {
    let run = plain(settings);
    let failed = run.figures.number(Metric::PagesFailed);
    assert_eq!((parts(&run), failed), (expected.iter().copied().collect(), 0), "{settings:?}");
}

#[test]
fn one_page_is_listed_asked_about_and_written() {
    // The space and the list, 10 ms each; a call; the labels read and added.
    let expected = [("listing", 20), ("model_queue", 1_000), ("writing", 20)];
    assert_parts(&["space.pages=1"], &expected);
}

#[test]
fn a_list_of_pages_takes_its_time() {
    // The space and two pieces; every page has a place for its two calls.
    let settings = [
        "space.pages=251",
        "confluence.latency.ms=3000",
        "gemini.latency.ms=1",
        "pipeline.confluence_concurrency=256",
        "pipeline.batch_size=1",
        "pipeline.concurrency=300",
        "pipeline.max_concurrency=300",
        "pipeline.in_flight_batches=300",
    ];
    assert_parts(&settings, &[("listing", 9_000), ("model_queue", 1), ("writing", 6_000)]);
}

#[test]
fn the_labels_of_a_space_are_part_of_its_list() {
    // The page is answered long before its labels are known: the space, its labels, their pages.
    let settings = [
        "run=[{ name = \"first\" }, { name = \"second\", changed_ratio = 1 }]",
        "pipeline.profile=\"recommended\"",
        "pipeline.confluence_pace=\"fixed\"",
        "space.pages=1",
        "gemini.latency.ms=1",
        "confluence.latency.ms=500",
    ];
    let run = judged(&scenario(PLAIN, &settings)).runs.remove(1);
    assert_eq!(parts(&run), [("listing", 1_500), ("writing", 500)].into());
}

#[test]
fn a_model_reads_and_writes() {
    let settings = [
        "space.pages=1",
        "gemini.latency={ dist = \"fixed\", ms = 0, ms_per_1k_input_tokens = 1000, output_tokens_per_s = 10 }",
    ];
    let run = plain(&settings);
    let tokens = |metric| run.figures.number(metric);
    let (read, written) = (tokens(Metric::InputTokens), tokens(Metric::OutputTokens) * 100);
    let expected =
        [("listing", 20), ("model_input", read), ("model_output", written), ("writing", 20)];
    assert_eq!(parts(&run), expected.into());
}

#[test]
fn the_last_batch_waits_for_a_permit() {
    // Four batches, one after the other.
    for place in ["pipeline.limiter=\"fixed\"", "pipeline.in_flight_batches=1"] {
        let settings = [place, "pipeline.concurrency=1", "pipeline.max_concurrency=1"];
        let expected =
            [("ai_place", 3_000), ("listing", 20), ("model_queue", 1_000), ("writing", 40)];
        let run = plain(&settings);
        let mut parts = parts(&run);
        // Five pages are written by four writers.
        let written = parts.remove("confluence_place").unwrap() + parts["writing"];
        parts.insert("writing", written);
        assert_eq!(parts, expected.into(), "{place}");
    }
}

#[test]
fn a_quota_of_the_model_is_waited_for() {
    // The first call starts after 20 ms, and one every minute from then on.
    let settings = [
        "pipeline.profile=\"recommended\"",
        "pipeline.label_reads=\"by-page\"",
        "pipeline.batch_size=5",
        "pipeline.quota={ requests = 1, per_s = 60 }",
    ];
    let run = plain(&settings);
    let waited = run.figures.number(Metric::Makespan) - 20 - 1_000 - 20;
    assert!((180_000..=180_500).contains(&waited), "{waited}");
    let expected = [("ai_quota", waited), ("listing", 20), ("model_queue", 1_000), ("writing", 20)];
    assert_eq!(parts(&run), expected.into());
}

#[test]
fn a_quota_of_confluence_is_waited_for() {
    // Three calls a minute: the space, the list and the labels, which are then added a minute later.
    let settings = [
        "space.pages=1",
        "pipeline.profile=\"recommended\"",
        "pipeline.label_reads=\"by-page\"",
        "gemini.latency.ms=100",
        "confluence.rate_limit={ requests = 3, per_s = 60, hint = \"retry-after\" }",
    ];
    let run = plain(&settings);
    let parts = parts(&run);
    let waited = run.figures.number(Metric::Makespan) - 20 - 100 - 20;
    assert!(waited > 50_000, "{waited}");
    let expected =
        [("confluence_quota", waited), ("listing", 20), ("model_queue", 100), ("writing", 20)];
    assert_eq!(parts, expected.into());
}

#[test]
fn the_last_page_waits_for_a_writer() {
    // Ten pages, two calls of half a second each, one page at a time.
    let settings = [
        "space.pages=10",
        "pipeline.batch_size=10",
        "pipeline.confluence_concurrency=1",
        "confluence.latency.ms=500",
    ];
    let expected = [
        ("confluence_place", 9_000),
        ("listing", 1_000),
        ("model_queue", 1_000),
        ("writing", 1_000),
    ];
    assert_parts(&settings, &expected);
}

#[test]
fn failed_calls_and_the_waits_after_them_are_backoff() {
    // Two calls fail after 100 ms; the schedule waits between them.
    let fault = "gemini.fault=[{ when = { first_calls = 2 }, reply = { status = 503 } }]";
    let run = plain(&["space.pages=1", fault]);
    let of_wait = |event| match event {
        Event::Backoff { delay_ms, .. } => Some(delay_ms),
        _ => None,
    };
    let waits: u64 = run.log.events().filter_map(of_wait).sum();
    let parts = parts(&run);
    let expected =
        [("backoff", 2 * 100 + waits), ("listing", 20), ("model_queue", 1_000), ("writing", 20)];
    assert_eq!(parts, expected.into());
}

#[test]
fn what_a_fallback_does_is_of_the_fallback() {
    // The primary refuses the key at once; the fallback takes two seconds.
    let fault = "gemini.fault=[{ reply = { status = 400 } }]";
    let settings = [
        "space.pages=1",
        fault,
        "pipeline.profile=\"recommended\"",
        "pipeline.label_reads=\"by-page\"",
    ];
    let expected = [("backoff", 100), ("fallback", 2_000), ("listing", 20), ("writing", 20)];
    assert_parts(&settings, &expected);
}

#[test]
fn pages_of_the_cache_cost_no_model() {
    let run = judged(&scenario(
        PLAIN,
        &[
            "run=[{ name = \"first\" }, { name = \"second\" }]",
            "space.pages=4",
            "pipeline.cache_key=\"content\"",
        ],
    ))
    .runs
    .remove(1);
    assert_eq!(run.figures.number(Metric::AiCalls), 0);
    assert_eq!(parts(&run), [("listing", 20), ("writing", 10)].into());
}

#[test]
fn a_batch_that_waits_for_a_slot_waits_for_what_those_in_the_slots_wait_for() {
    // Four batches in one slot, each of which is refused at first and waits for the stated time.
    let settings = [
        "pipeline.in_flight_batches=1",
        "pipeline.retry_hints=true",
        "gemini.quota={ requests = 1, per_s = 30 }",
    ];
    let run = plain(&settings);
    let parts = parts(&run);
    let figures = |metric| run.figures.number(metric);
    assert!(figures(Metric::RateLimited) >= 3, "{parts:?}");
    let stated = parts["ai_quota"] + parts.get("backoff").copied().unwrap_or(0);
    assert!(stated * 10 >= figures(Metric::Makespan) * 8, "{parts:?}");
    assert_eq!(parts.get("idle"), None, "{parts:?}");
}

#[test]
fn a_cancelled_run_was_held_up_by_what_it_waited_for() {
    // A batch of its size waits by itself; one of any size is only made when it may start.
    for size in ["pipeline.batch_size=5", "pipeline.max_batch_size=5"] {
        let settings = [
            "pipeline.profile=\"recommended\"",
            size,
            "pipeline.quota={ requests = 1, per_s = 60 }",
            "run=[{ name = \"run\", cancel_at_s = 50 }]",
        ];
        let parts = parts(&plain(&settings));
        assert!(parts["ai_quota"] >= 48_000, "{size}: {parts:?}");
    }
}
