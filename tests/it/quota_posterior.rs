//! The limiter that weighs hypotheses about a quota, in time that only counts.

use std::time::Duration;

use proptest::prelude::*;
use tagspace::Metric;
use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::learned_quotas::LearnedQuota;
use tagspace::internals::pipeline::limiter::algorithm::{
    CallReport, EndedCall, InferredQuota, Limit, Outcome, Start,
};
use tagspace::internals::pipeline::limiter::paced::KnownQuota;
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{
    Dimension, Stated, WindowKind as Kind,
};

use crate::common::plain;
use crate::quota::{Service, bound_ms, job, job_of, unweighed};

fn limiter() -> QuotaLimiter {
    QuotaLimiter::new(64, 64, Duration::from_hours(2), None)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What is known of requests, as limit and seconds.
fn known(limiter: &QuotaLimiter) -> Vec<(Kind, u64, u64)> {
    let known = |quota: InferredQuota| (quota.kind, quota.limit, quota.window.as_secs());
    limiter.learned().into_iter().map(known).collect()
}

#[test]
fn a_minutes_quota_costs_one_refusal_and_is_known() {
    let mut limiter = limiter();
    let service = Service::new(WindowKind::Sliding, 15, 60_000);
    let done = job(&mut limiter, service, 200, 300);
    assert_eq!((done.refused, done.early), (1, 0));
    assert!(done.makespan_ms <= bound_ms(service, 200) + 2_000, "{done:?}");
    assert_eq!(known(&limiter), [(Kind::Sliding, 15, 60)]);
}

#[test]
fn twenty_in_ten_seconds_cost_one_refusal_and_hardly_any_time() {
    let service = Service::new(WindowKind::Sliding, 20, 10_000);
    let done = job(&mut limiter(), service, 60, 0);
    assert_eq!(done.refused, 1);
    assert!(done.makespan_ms * 100 <= bound_ms(service, 60) * 106, "{done:?}");
}

#[test]
fn a_service_that_says_nothing_costs_a_few_refusals_more() {
    let service = Service { says: false, ..Service::new(WindowKind::Sliding, 15, 60_000) };
    let mut limiter = limiter();
    let done = job(&mut limiter, service, 200, 300);
    assert!(done.refused <= 12, "{done:?}");
    assert!(done.makespan_ms <= bound_ms(service, 200) * 102 / 100, "{done:?}");
    assert_eq!(known(&limiter), [(Kind::Sliding, 15, 60)]);
}

#[test]
fn a_bucket_and_a_fixed_window_are_told_from_one_that_slides() {
    for (kind, limit, per_ms, starts_ms, as_known) in [
        (WindowKind::Bucket, 60, 60_000, 0, Kind::Bucket),
        (WindowKind::Fixed, 20, 10_000, 3_300, Kind::Fixed),
    ] {
        let mut limiter = limiter();
        let done = job(&mut limiter, Service::new(kind, limit, per_ms), 200, starts_ms);
        assert!(done.refused <= 6, "{done:?}");
        let found = known(&limiter)[0];
        assert_eq!((found.0, found.1, found.2), (as_known, limit, per_ms / 1_000));
    }
}

#[test]
fn where_nothing_binds_calls_are_hardly_spaced() {
    let service = Service::new(WindowKind::Sliding, 100_000, 60_000);
    for calls in [300, 2_000] {
        let done = job(&mut limiter(), service, calls, 0);
        // 64 at once, a second each.
        let most = calls.div_ceil(64) * 1_000;
        assert!(done.refused == 0 && done.makespan_ms * 100 <= most * 118, "{calls}: {done:?}");
    }
}

#[test]
fn the_first_call_goes_alone() {
    let mut limiter = limiter();
    assert_eq!(limiter.next_start(ms(0), 500), Start::Now);
    limiter.on_start(ms(0), 500);
    assert_eq!(limiter.next_start(ms(0), 500), Start::At(ms(131)));
}

#[test]
fn each_refusal_in_a_row_without_a_word_is_followed_by_a_longer_wait() {
    let mut limiter = limiter();
    let mut now = 0;
    for row in 1_u32..=16 {
        loop {
            match limiter.next_start(ms(now), 0) {
                Start::Now => break,
                Start::At(at) => now = u64::try_from(at.as_millis()).unwrap(),
                Start::AfterAnother | Start::Never => panic!("nothing is in flight"),
            }
        }
        limiter.on_start(ms(now), 0);
        let sent = ms(now);
        now += 100;
        limiter.on_end(ms(now), &EndedCall::alone(sent, Outcome::RateLimited));
        let Start::At(at) = limiter.next_start(ms(now), 0) else { panic!("it goes on at once") };
        let least = (8_u64 << row).min(20_000);
        assert!(at >= ms(now + least), "refusal {row}: {at:?} after {now} ms");
    }
}

#[test]
fn a_wait_that_nobody_has_stated_ends_within_the_patience() {
    let patience = Duration::from_mins(2);
    let mut limiter = QuotaLimiter::new(64, 64, patience, None);
    // Sixty a minute, twice; then nothing, as if it were a longer window.
    let (mut now, mut last, mut answered) = (0, 0, 0);
    while now < 175_000 {
        while let Start::At(at) = limiter.next_start(ms(now), 0) {
            now = u64::try_from(at.as_millis()).unwrap();
        }
        assert!(now - last <= 60_100, "{} ms until {now}", now - last);
        last = now;
        let is_answered = answered < 60 || now >= 60_000 && answered < 120;
        answered += u64::from(is_answered);
        let outcome = if is_answered { Outcome::Success } else { Outcome::RateLimited };
        limiter.on_start(ms(now), 0);
        limiter.on_end(ms(now + 100), &EndedCall::alone(ms(now), outcome));
        now += 100;
    }
}

#[test]
fn two_windows_at_once_are_both_kept() {
    let mut limiter = limiter();
    let refused = |limit: u64, wait: u64| {
        let mut verdict = CallReport::from(Outcome::RateLimited);
        verdict.hint = Some(ms(wait));
        verdict.quotas.push(Stated { limit: Some(limit), ..Stated::of(Dimension::Requests) });
        verdict
    };
    let mut call = |sent: u64, verdict: CallReport| {
        limiter.on_start(ms(sent), 0);
        let ended = EndedCall { sent: ms(sent), tokens: 0, in_flight: 1, verdict };
        limiter.on_end(ms(sent + 100), &ended);
    };
    // Ten in ten seconds, beside thirty in a minute.
    for window in 0..3 {
        for number in 0..10 {
            call(window * 10_100 + number * 110, Outcome::Success.into());
        }
        let full = if window < 2 { refused(10, 8_900) } else { refused(30, 38_700) };
        call(window * 10_100 + 1_100, full);
    }
    let limits: Vec<u64> = limiter.learned().iter().map(|quota| quota.limit).collect();
    assert_eq!(limits, [10, 30]);
    let Start::At(at) = limiter.next_start(ms(21_500), 0) else { panic!("both are full") };
    assert!(at >= ms(59_900), "{at:?}");
}

#[test]
fn what_is_configured_is_kept_from_the_first_call() {
    let told = KnownQuota { requests: Some(5), tokens: None, window: Duration::from_mins(1) };
    let mut limiter = QuotaLimiter::new(64, 64, Duration::from_hours(2), Some(told));
    let done = job(&mut limiter, Service::new(WindowKind::Sliding, 5, 60_000), 20, 0);
    assert_eq!(done.refused, 0);
}

#[test]
fn what_is_remembered_spares_another_limiter_the_refusals() {
    let service = Service::new(WindowKind::Sliding, 15, 60_000);
    let mut first = limiter();
    let done = job(&mut first, service, 45, 300);
    let written = serde_json::to_string(&first.remember(ms(300 + done.makespan_ms))).unwrap();
    let read: Vec<LearnedQuota> = serde_json::from_str(&written).unwrap();
    let mut second = limiter();
    second.recall(&read);
    assert_eq!(unweighed(&second), unweighed(&first));
    assert_eq!(job(&mut second, service, 40, 120_000).refused, 0);
    // What the window still holds is not given out again.
    let mut third = limiter();
    third.recall(&read);
    let start = third.next_start(ms(0), 0);
    assert!(matches!(start, Start::At(at) if at > ms(55_000)), "{start:?}");
}

#[test]
fn a_limiter_says_how_sure_it_is_and_what_else_may_be() {
    // Three refusals that say nothing: a short sliding window, or chance, or something else.
    let service = Service { says: false, ..Service::new(WindowKind::Sliding, 15, 60_000) };
    let (mut unsure, mut sure) = (limiter(), limiter());
    job(&mut unsure, service, 20, 300);
    job(&mut sure, service, 200, 300);
    let weights = |limiter: &QuotaLimiter| {
        let known = limiter.learned()[0];
        (known.limit, known.weight_ppm, known.runner_up.map(|other| other.weight_ppm))
    };
    let (first, last) = (weights(&unsure), weights(&sure));
    assert!(first.1 < last.1, "{first:?} {last:?}");
    assert_eq!(last.0, 15);
    assert!(last.1 > 900_000 && last.2.is_some_and(|other| other < 100_000), "{last:?}");
}

#[test]
fn a_call_that_is_larger_than_a_stated_quota_never_starts() {
    let mut limiter = limiter();
    let mut verdict = CallReport::from(Outcome::RateLimited);
    verdict.hint = Some(ms(500));
    verdict.quotas = vec![Stated { limit: Some(1_000), ..Stated::of(Dimension::Tokens) }];
    limiter.on_start(ms(0), 9_000);
    limiter.on_end(ms(100), &EndedCall { sent: ms(0), tokens: 9_000, in_flight: 1, verdict });
    assert_eq!(limiter.next_start(ms(1_000), 9_000), Start::Never);
    assert_ne!(limiter.next_start(ms(1_000), 900), Start::Never);
}

#[test]
fn a_page_that_is_refused_twice_long_apart_is_not_given_up_while_others_are_answered() {
    // Most pages are refused in the first second, and wait minutes for their turn; then chance refuses
    // some of them again.
    let run = plain(&[
        "deadline_s=20000",
        "space.pages=33",
        "gemini.quota={ requests = 2 }",
        "gemini.error_429_ratio=0.1",
        "pipeline.profile=\"recommended\"",
        "pipeline.limiter=\"quota\"",
        "pipeline.batch_size=1",
        "pipeline.max_batch_size=1",
        "pipeline.fallback=false",
    ]);
    assert_eq!(run.figures.number(Metric::PagesFailed), 0);
}

fn services() -> impl Strategy<Value = Service> {
    let kind =
        prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Fixed), Just(WindowKind::Bucket)];
    let of = (kind, 1_u64..60, 1_u64..100, any::<bool>(), any::<bool>());
    of.prop_map(|(kind, limit, per_s, says, refused_count)| Service {
        says,
        refused_count,
        ..Service::new(kind, limit, per_s * 1_000)
    })
}

proptest! {
    #![proptest_config(crate::common::same_cases(1000))]

    #[test]
    fn no_call_is_sent_before_a_stated_time_and_every_job_ends(
        service in services(),
        calls in 1_u64..120,
        starts_ms in 0_u64..100_000,
    ) {
        let done = job(&mut limiter(), service, calls, starts_ms);
        prop_assert_eq!(done.early, 0);
    }

    #[test]
    fn weights_are_parts_of_one(service in services(), calls in 1_u64..120) {
        let mut limiter = limiter();
        job(&mut limiter, service, calls, 0);
        for quota in limiter.learned() {
            let other = quota.runner_up.map_or(0, |other| other.weight_ppm);
            prop_assert!(quota.weight_ppm > 0, "{quota:?}");
            // Each is rounded to a whole part of a million.
            prop_assert!(quota.weight_ppm + other <= 1_000_001, "{quota:?}");
            let is_alone = quota.runner_up.is_none();
            prop_assert!(!is_alone || quota.weight_ppm == 1_000_000, "{quota:?}");
            // The likeliest is told, but where headers state that there is a quota.
            prop_assert!(quota.weight_ppm >= other, "{quota:?}");
        }
    }

    #[test]
    fn the_same_job_is_done_the_same_way(service in services(), calls in 1_u64..120) {
        let latencies: Vec<u64> = (0..calls).map(|call| 300 + call * 7_919 % 1_700).collect();
        let run = || {
            let mut limiter = limiter();
            let done = job_of(&mut limiter, service, &latencies, 0);
            (format!("{done:?}"), limiter.learned(), limiter.remember(ms(1_000_000_000)))
        };
        prop_assert_eq!(run(), run());
    }
}
