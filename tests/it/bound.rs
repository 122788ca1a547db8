//! What no scheduler could beat, against all schedules that there are.

use proptest::prelude::*;
use tagspace::Metric;
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::quota::{Dimension, QuotaConfig, Window, WindowKind};
use tagspace::internals::study::measure::bound::{earliest, least_end};

use crate::common::{PLAIN, judged, same_cases, scenario};

fn quota(kind: WindowKind, requests: u64, per_s: u64) -> QuotaConfig {
    let kind = serde_json::to_value(kind).unwrap();
    let written = serde_json::json!({"requests": requests, "per_s": per_s, "window": kind});
    serde_json::from_value(written).unwrap()
}

/// The same with other amounts from some seconds on.
fn changing(kind: WindowKind, (requests, per_s): (u64, u64), change: &[(u64, u64)]) -> QuotaConfig {
    let mut quota = quota(kind, requests, per_s);
    let change = change.iter().map(|(at_s, requests)| {
        serde_json::from_value(serde_json::json!({"at_s": at_s, "requests": requests})).unwrap()
    });
    quota.change = change.collect();
    quota
}

/// The shortest time in which a window takes `calls` calls, each at once or a second later.
fn dawdle(quota: &QuotaConfig, sent: &mut Vec<u64>, now: u64, calls: usize) -> u64 {
    if sent.len() == calls {
        return sent.last().copied().unwrap_or(now);
    }
    let mut window = quota.window_of(Dimension::Requests).unwrap();
    for at in sent.iter() {
        assert_eq!(window.wait(*at, 1), None);
        window.take(*at, 1);
    }
    let mut best = u64::MAX;
    let mut at = now;
    // Enough to reach past two windows and the changes.
    for _ in 0..40 {
        if window.wait(at, 1).is_none() {
            sent.push(at);
            best = best.min(dawdle(quota, sent, at, calls));
            sent.pop();
            if sent.is_empty() && calls > 3 {
                break;
            }
        }
        at += 1_000;
    }
    best
}

/// The shortest makespan of all orders, each call as soon as the quota takes it.
fn brute_force(quota: &QuotaConfig, first: u64, latencies: &mut Vec<u64>, done: usize) -> u64 {
    if done == latencies.len() {
        let limit = quota.requests.unwrap().get();
        let per_ms = quota.per_s.get() * 1000;
        let mut window = Window::new(quota.window, limit, limit, per_ms);
        let (mut now, mut end) = (first, 0);
        for latency in latencies {
            while let Some(wait) = window.wait(now, 1) {
                now += wait;
            }
            window.take(now, 1);
            end = end.max(now + *latency);
        }
        return end;
    }
    let mut best = u64::MAX;
    for next in done..latencies.len() {
        latencies.swap(done, next);
        best = best.min(brute_force(quota, first, latencies, done + 1));
        latencies.swap(done, next);
    }
    best
}

proptest! {
    #![proptest_config(same_cases(256))]

    #[test]
    fn no_order_is_better_and_one_is_as_good(
        kind in prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Fixed), Just(WindowKind::Bucket)],
        requests in 1_u64..4,
        per_s in 1_u64..20,
        first in 0_u64..60_000,
        mut latencies in prop::collection::vec(0_u64..30_000, 1..6),
    ) {
        let quota = quota(kind, requests, per_s);
        let calendar = Calendar::new(jiff::Timestamp::UNIX_EPOCH);
        let starts = earliest(&quota, &calendar, first, (latencies.len() as u64, 0));
        let bound = least_end(&starts, &latencies);
        prop_assert_eq!(bound, brute_force(&quota, first, &mut latencies, 0));
    }
}

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn where_the_quota_changes_midway_no_dawdling_helps(
        kind in prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Fixed), Just(WindowKind::Bucket)],
        requests in 1_u64..4,
        per_s in 1_u64..6,
        first in 0_u64..4,
        change in prop::collection::btree_map(1_u64..12, 1_u64..4, 1..3),
    ) {
        // A bucket's units come back at whole seconds only if the length divides by the amount.
        let change: Vec<(u64, u64)> = change.into_iter().collect();
        let per_s = if kind == WindowKind::Bucket { 6 } else { per_s };
        let quota = changing(kind, (requests, per_s), &change);
        let calendar = Calendar::new(jiff::Timestamp::UNIX_EPOCH);
        let starts = earliest(&quota, &calendar, first * 1000, (4, 0));
        let best = dawdle(&quota, &mut Vec::new(), first * 1000, 4);
        if kind == WindowKind::Bucket {
            // Between two seconds it may be earlier by a part of one.
            prop_assert!(starts[3] <= best && best < starts[3] + 1_000, "{:?} {}", starts, best);
        } else {
            prop_assert_eq!(starts[3], best);
        }
    }
}

#[test]
fn tokens_that_change_midway_hold_up_the_last_call() {
    let mut quota = quota(WindowKind::Sliding, 100, 60);
    quota.tokens = serde_json::from_value(serde_json::json!(1_000)).unwrap();
    let change = serde_json::json!([{"at_s": 30, "tokens": 4_000}]);
    quota.change = serde_json::from_value(change).unwrap();
    let calendar = Calendar::new(jiff::Timestamp::UNIX_EPOCH);
    // A thousand at once, three thousand more from the thirtieth second on, the rest at the sixtieth.
    let last = |tokens| earliest(&quota, &calendar, 0, (2, tokens))[1];
    assert_eq!([last(1_000), last(1_001), last(4_000), last(4_001)], [0, 30_000, 30_000, 60_000]);
}

#[test]
fn the_longest_call_goes_first() {
    let quota = quota(WindowKind::Sliding, 1, 1);
    let starts = earliest(&quota, &Calendar::new(jiff::Timestamp::UNIX_EPOCH), 0, (2, 0));
    assert_eq!((starts.as_slice(), least_end(&starts, &[0, 1])), (&[0, 1000][..], 1000));
}

#[test]
fn no_run_is_faster_than_its_bound() {
    for profile in ["before", "documented", "recommended"] {
        for (quota, pages) in [
            ("{ requests = 150 }", 120),
            ("{ requests = 7, per_s = 20, window = \"fixed\" }", 60),
            ("{ requests = 30, per_s = 30, window = \"bucket\", burst = 2 }", 60),
            ("{ tokens = 9000, per_s = 10 }", 60),
            ("{ requests = 5, per_s = 10, change = [{ at_s = 15, requests = 20 }] }", 60),
            ("{ requests = 20, per_s = 10, change = [{ at_s = 9, requests = 4 }] }", 60),
        ] {
            for seed in 1..4 {
                let settings = [
                    format!("pipeline.profile=\"{profile}\""),
                    format!("gemini.quota={quota}"),
                    format!("space.pages={pages}"),
                    format!("seed={seed}"),
                    // What falls back is not the primary's.
                    "pipeline.fallback=false".to_owned(),
                    "gemini.latency={ dist = \"lognormal\", median_ms = 800, sigma = 0.5 }"
                        .to_owned(),
                ];
                let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
                let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
                let (bound, makespan) = (
                    run.figures.number(Metric::BoundMakespan),
                    run.figures.number(Metric::Makespan),
                );
                assert!(0 < bound, "{settings:?}");
                // A run that gives pages up may well be faster.
                if run.figures.number(Metric::PagesFailed) == 0 {
                    assert!(bound <= makespan, "{settings:?}: {bound} {makespan}");
                    assert_eq!(
                        run.figures.number(Metric::Regret),
                        makespan - bound,
                        "{settings:?}"
                    );
                }
                let calls = run.figures.number(Metric::AiCalls);
                assert!(run.figures.number(Metric::BoundCalls) <= calls);
            }
        }
    }
}

#[test]
fn a_lucky_second_attempt_is_in_the_bound() {
    // Where a call in a hundred takes much longer, a page that is refused on it may be lucky: this was
    // twice as fast as what nobody could beat.
    let hard = [
        ("gemini.quota={ requests = 10, per_s = 5 }", "gemini.error_429_ratio=0"),
        ("gemini.quota={ requests = 1000 }", "gemini.error_429_ratio=0.05"),
        (
            "gemini.quota={ requests = 1000 }",
            "gemini.fault=[{ when = { first_calls = 4 }, reply = { status = 503 } }]",
        ),
    ];
    let tail = "gemini.latency={ dist = \"lognormal\", median_ms = 900, sigma = 0.4, tail = { ratio = 0.05, min_ms = 5000, max_ms = 20000 } }";
    let mut were_lucky = 0;
    for (quota, faults) in hard {
        for seed in 1..=120 {
            let settings = [
                "pipeline.profile=\"recommended\"",
                "pipeline.batch_size=1",
                "pipeline.fallback=false",
                "space.pages=20",
                tail,
                quota,
                faults,
                &format!("seed={seed}"),
            ];
            let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
            let (bound, makespan) =
                (run.figures.number(Metric::BoundMakespan), run.figures.number(Metric::Makespan));
            assert!(bound <= makespan, "{settings:?}: {bound} {makespan}");
            were_lucky += u64::from(run.figures.number(Metric::WastedCalls) > 0);
        }
    }
    assert!(were_lucky > 100, "only {were_lucky} runs had a second attempt");
}

#[test]
fn a_run_that_meets_its_bound_is_wholly_efficient() {
    // One page: listed, asked about, written, with nothing to be done better.
    let settings = ["space.pages=1", "pipeline.profile=\"recommended\""];
    let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
    let (bound, makespan) =
        (run.figures.number(Metric::BoundMakespan), run.figures.number(Metric::Makespan));
    assert_eq!(bound, makespan);
    assert_eq!(run.figures.number(Metric::Regret), 0);
    assert_eq!(run.figures.integer(Metric::Efficiency), Some(1_000_000));
}
