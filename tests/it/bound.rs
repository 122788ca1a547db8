//! What no scheduler could beat, against all schedules that there are.

use proptest::prelude::*;
use tagspace::fakes::calendar::Calendar;
use tagspace::fakes::quota::{QuotaConfig, Window, WindowKind};
use tagspace::study::bound::{earliest, least_end};

use crate::common::{PLAIN, judged, same_cases, scenario};

fn quota(kind: WindowKind, requests: u64, per_s: u64) -> QuotaConfig {
    let kind = serde_json::to_value(kind).unwrap();
    let written = serde_json::json!({"requests": requests, "per_s": per_s, "window": kind});
    serde_json::from_value(written).unwrap()
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
                let (bound, makespan) =
                    (run.figures.number("bound_makespan"), run.figures.number("makespan"));
                assert!(0 < bound, "{settings:?}");
                // Who gives pages up may well be faster.
                if run.figures.number("pages_failed") == 0 {
                    assert!(bound <= makespan, "{settings:?}: {bound} {makespan}");
                }
                let calls = run.figures.number("ai_calls");
                assert!(run.figures.number("bound_calls") <= calls);
            }
        }
    }
}

#[test]
fn a_run_that_meets_its_bound_is_wholly_efficient() {
    // One page: listed, asked about, written, with nothing to be done better.
    let settings = ["space.pages=1", "pipeline.profile=\"recommended\""];
    let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
    let (bound, makespan) = (run.figures.number("bound_makespan"), run.figures.number("makespan"));
    assert_eq!(bound, makespan);
}
