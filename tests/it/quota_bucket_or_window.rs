//! What a window explains as well as a bucket is found out with a few calls.

use std::time::Duration;

use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::learned_quotas::LearnedQuota;
use tagspace::internals::pipeline::limiter::algorithm::{InferredQuota, Limit, Start};
use tagspace::internals::pipeline::provider::stated_quota::WindowKind as Kind;

use crate::fixed_windows::latencies;
use crate::quota::{Done, Service, job_of, limiter, remembered_quota};
use crate::quota_must_not_learn::ms;

/// What comes of a job of some windows' calls, and what is known of the quota after it.
fn played(service: Service, latency: u64, windows: u64) -> (Done, InferredQuota) {
    let mut limiter = limiter(None);
    let done = job_of(&mut limiter, service, &latencies(latency, service.limit * windows), 0);
    (done, limiter.learned()[0])
}

const LATENCIES: [u64; 3] = [300, 1_000, 4_000];

#[test]
fn a_short_window_is_not_taken_for_a_bucket() {
    for (limit, per_s) in [(12, 5), (5, 2), (10, 6), (20, 3), (4, 15), (3, 20), (2, 5)] {
        for latency in LATENCIES {
            let service = Service::new(WindowKind::Sliding, limit, per_s * 1000);
            let (done, known) = played(service, latency, 12);
            let what = format!("{limit} per {per_s} s, {latency} ms a call: {done:?} {known:?}");
            assert_eq!((known.kind, known.window), (Kind::Sliding, ms(per_s * 1000)), "{what}");
            assert!(done.refused <= 12, "{what}");
            // Eleven windows, and the answers of the first, of two that are waited for, and of the last.
            let most_ms = per_s * 11_000 + 4 * latency + 3_000;
            assert!(done.makespan_ms <= most_ms, "{what}, at most {most_ms} ms");
        }
    }
}

#[test]
fn a_full_bucket_is_known_at_the_price_of_one_more_refusal() {
    for (limit, per_s) in [(5, 60), (10, 60), (15, 60), (24, 60), (28, 60), (5, 10), (10, 10)] {
        for latency in LATENCIES {
            let service = Service::new(WindowKind::Bucket, limit, per_s * 1000);
            let (done, known) = played(service, latency, 4);
            let what = format!("{limit} per {per_s} s, {latency} ms a call: {done:?} {known:?}");
            // Its pace is as it was: the call that told says nothing of it.
            assert_eq!((known.kind, known.window), (Kind::Bucket, ms(per_s * 1000)), "{what}");
            // Those that were on their way at the wall, and while its pace was taken for another.
            let most = 9;
            assert!(done.refused <= most, "{what}, at most {most}");
            let most_ms = per_s * 3_000 + 3 * latency + 3_000;
            assert!(done.makespan_ms <= most_ms, "{what}, at most {most_ms} ms");
        }
    }
}

#[test]
fn where_refused_calls_take_what_is_left_in_a_bucket_that_is_known() {
    for limit in [6, 15, 30, 60] {
        let what = format!("{limit} a minute");
        let service =
            Service { refused_count: true, ..Service::new(WindowKind::Bucket, limit, 60_000) };
        let (done, known) = played(service, 1_300, 5);
        assert_eq!((known.kind, known.refused_count), (Kind::Bucket, true), "{what}: {known:?}");
        assert!(done.refused <= 45, "{what}: {done:?}");
        assert!(done.makespan_ms <= 4 * 60_000 * 11 / 10, "{what}: {done:?}");
    }
}

#[test]
fn a_bucket_that_is_remembered_gives_the_next_unit_when_it_is_due() {
    // Fifteen calls in the minute before, four seconds apart, the last a second ago.
    let taken: Vec<(u64, u64)> = (0..15).rev().map(|n| (1_000 + n * 4_000, 1)).collect();
    let unit_us = Some(4_000_000);
    let known = LearnedQuota { unit_us, taken, ..remembered_quota(15, 60_000) };
    let mut limiter = limiter(None);
    limiter.recall(&[known]);
    assert_eq!(limiter.next_start(Duration::ZERO, 0), Start::At(Duration::from_secs(3)));
}

#[test]
fn what_a_bucket_holds_at_once_is_remembered() {
    let starts = |burst| {
        let unit_us = Some(1_000_000);
        let known = LearnedQuota { unit_us, burst, ..remembered_quota(60, 60_000) };
        let mut limiter = limiter(None);
        limiter.recall(&[known]);
        // All that go within the first half a second.
        let mut sent = 0;
        for at in 0..500 {
            if limiter.next_start(ms(at), 0) == Start::Now {
                limiter.on_start(ms(at), 0);
                sent += 1;
            }
        }
        sent
    };
    assert_eq!((starts(Some(10)), starts(None)), (10, 1));
}
