//! What the limiter must not learn from: chance, outages, idle time, and somebody else.

use std::time::Duration;

use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::learned_quotas::LearnedQuota;
use tagspace::internals::pipeline::limiter::algorithm::{
    CallReport, EndedCall, InferredQuota, Limit, Outcome, Start,
};
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{
    Dimension, Stated, WindowKind as Kind,
};
use tagspace::internals::rng::Seed;

use crate::quota::{Service, job_of, limiter, remembered_quota, unweighed};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A call that ends 100 ms after it was sent.
pub(crate) fn call(limiter: &mut QuotaLimiter, sent: u64, tokens: u64, verdict: CallReport) {
    limiter.on_start(ms(sent), tokens);
    limiter.on_end(ms(sent + 100), &EndedCall { sent: ms(sent), tokens, in_flight: 1, verdict });
}

pub(crate) fn stating(
    outcome: Outcome,
    dimension: Dimension,
    limit: u64,
    hint: Option<u64>,
) -> CallReport {
    let mut verdict = CallReport::from(outcome);
    verdict.hint = hint.map(ms);
    verdict.quotas = vec![Stated { limit: Some(limit), ..Stated::of(dimension) }];
    verdict
}

/// A bucket that gives this amount in a minute.
fn bucket(dimension: Dimension, limit: u64, inferred: bool) -> LearnedQuota {
    let unit_us = Some(60_000_000 / limit);
    LearnedQuota { dimension, unit_us, inferred, ..remembered_quota(limit, 60_000) }
}

/// What is known of requests.
fn requests(limiter: &QuotaLimiter) -> InferredQuota {
    limiter.learned().into_iter().find(|known| known.dimension == Dimension::Requests).unwrap()
}

/// When the next call may start.
pub(crate) fn next(limiter: &mut QuotaLimiter, now: u64, tokens: u64) -> u64 {
    match limiter.next_start(ms(now), tokens) {
        Start::Now => now,
        Start::At(at) if at > ms(now) => {
            next(limiter, u64::try_from(at.as_millis()).unwrap(), tokens)
        }
        other => panic!("expected a time, found {other:?}"),
    }
}

#[test]
fn a_neighbour_is_not_taken_for_a_longer_window() {
    for kind in [WindowKind::Sliding, WindowKind::Fixed] {
        for every in [5_300, 8_000, 11_000] {
            for refused_count in [false, true] {
                let service = Service {
                    neighbour_every_ms: Some(every),
                    refused_count,
                    ..Service::new(kind, 15, 60_000)
                };
                let mut limiter = limiter(None);
                let done = job_of(&mut limiter, service, &[1_000; 1_000], 300);
                // What is left of sixty seconds, for a thousand calls.
                let left = 15_000 - 60_000_000 / every;
                let shortest_ms = 1_000 * 60_000 * 1_000 / left;
                let known = requests(&limiter);
                let what =
                    format!("{kind:?}, every {every} ms, {refused_count}: {done:?} {known:?}");
                assert!(done.refused <= 50, "{what}");
                assert!(done.makespan_ms * 10 <= shortest_ms * 13, "{what}");
                assert!(known.kind == Kind::Bucket || known.window <= ms(121_000), "{what}");
            }
        }
    }
}

#[test]
fn a_silent_outage_leaves_a_stated_window_as_it_was() {
    let mut limiter = limiter(None);
    for n in 0..10 {
        let says = stating(Outcome::Success, Dimension::Requests, 600, None);
        call(&mut limiter, n * 1_000, 0, says);
    }
    let before = unweighed(&limiter);
    let mut now = 10_000;
    while now < 900_000 {
        now = next(&mut limiter, now, 0);
        call(&mut limiter, now, 0, Outcome::RateLimited.into());
        now += 100;
    }
    now = next(&mut limiter, now, 0);
    call(&mut limiter, now, 0, Outcome::Success.into());
    assert_eq!(unweighed(&limiter), before);
}

#[test]
fn a_silent_outage_leaves_an_inferred_pace_as_it_was_and_is_noticed() {
    let known = bucket(Dimension::Requests, 15, true);
    let mut limiter = QuotaLimiter::new(16, 256, Duration::from_mins(2), None);
    limiter.recall(&[known]);
    call(&mut limiter, 0, 0, Outcome::Success.into());
    let (mut now, mut waited) = (4_000, 0);
    while now < 600_000 {
        let at = next(&mut limiter, now, 0);
        waited = waited.max(at - now);
        call(&mut limiter, at, 0, Outcome::RateLimited.into());
        now = at + 100;
    }
    // Longer than the patience: so that another service is asked.
    assert!(waited > 120_000, "{waited}");
    now = next(&mut limiter, now, 0);
    call(&mut limiter, now, 0, Outcome::Success.into());
    let after = next(&mut limiter, now + 100, 0);
    assert!(after - now <= 8_000, "a unit takes {} ms", after - now);
}

#[test]
fn idle_time_is_not_taken_for_the_pace_of_a_bucket() {
    let known = bucket(Dimension::Requests, 15, false);
    let mut limiter = limiter(None);
    limiter.recall(&[known]);
    call(&mut limiter, 0, 0, Outcome::Success.into());
    // After a while somebody else has just emptied it.
    let refused = stating(Outcome::RateLimited, Dimension::Requests, 15, Some(4_000));
    call(&mut limiter, 100_000, 0, refused);
    let now = next(&mut limiter, 100_100, 0);
    call(&mut limiter, now, 0, Outcome::Success.into());
    let unit = next(&mut limiter, now + 100, 0) - now;
    assert!(unit <= 8_000, "a unit takes {unit} ms");
}

#[test]
fn a_stated_limit_that_rises_speeds_a_bucket_up() {
    let known = bucket(Dimension::Requests, 15, false);
    let mut limiter = limiter(None);
    limiter.recall(&[known]);
    call(&mut limiter, 0, 0, stating(Outcome::Success, Dimension::Requests, 60, None));
    call(&mut limiter, 10_000, 0, Outcome::Success.into());
    assert_eq!(next(&mut limiter, 10_100, 0), 11_000);
}

#[test]
fn a_window_that_somebody_else_has_used_is_not_too_small_for_ever() {
    let mut limiter = limiter(None);
    let refused = || stating(Outcome::RateLimited, Dimension::Tokens, 1_000, Some(30_000));
    call(&mut limiter, 0, 980, refused());
    let now = next(&mut limiter, 100, 980);
    // It was empty then, and still refused.
    call(&mut limiter, now, 980, refused());
    assert_eq!(limiter.next_start(ms(now + 40_000), 980), Start::Never);
}

#[test]
fn a_refused_call_takes_no_time_of_a_bucket_of_tokens() {
    let known = bucket(Dimension::Tokens, 1_000, false);
    let mut limiter = limiter(None);
    limiter.recall(&[known]);
    // A tenth of a second to get an answer, and no word of tokens in it.
    call(&mut limiter, 0, 500, stating(Outcome::RateLimited, Dimension::Requests, 15, Some(1_000)));
    assert!(next(&mut limiter, 200, 500) < 5_000);
}

#[test]
fn success_that_states_the_limit_takes_no_share_away_from_a_neighbour() {
    let mut limiter = limiter(None);
    for n in 0..8 {
        call(&mut limiter, n * 1_000, 0, Outcome::Success.into());
    }
    // Refused although there is room for seven more, and for longer than a bucket's unit.
    let refused = stating(Outcome::RateLimited, Dimension::Requests, 15, Some(20_000));
    call(&mut limiter, 9_000, 0, refused);
    let ours = requests(&limiter);
    assert!(ours.limit < 15, "{ours:?}");
    let now = next(&mut limiter, 9_100, 0);
    call(&mut limiter, now, 0, stating(Outcome::Success, Dimension::Requests, 15, None));
    assert_eq!(requests(&limiter).limit, ours.limit);
}

#[test]
fn a_few_refusals_by_chance_after_long_work_are_no_quota() {
    let mut limiter = limiter(None);
    let mut now = 0;
    for _ in 0..400 {
        now = next(&mut limiter, now, 0);
        call(&mut limiter, now, 0, Outcome::Success.into());
        now += 300;
    }
    for _ in 0..3 {
        now = next(&mut limiter, now, 0);
        call(&mut limiter, now, 0, Outcome::RateLimited.into());
        now += 100;
    }
    now = next(&mut limiter, now, 0);
    call(&mut limiter, now, 0, Outcome::Success.into());
    assert_eq!(limiter.learned(), []);
}

#[test]
fn a_fast_bucket_that_says_nothing_is_not_taken_for_chance() {
    for (limit, per_ms, burst) in [(60, 60_000, 5), (150, 60_000, 10), (600, 60_000, 10)] {
        let silent =
            Service { burst, says: false, ..Service::new(WindowKind::Bucket, limit, per_ms) };
        let mut limiter = limiter(None);
        let done = job_of(&mut limiter, silent, &[1_000; 600], 0);
        assert!(done.refused <= 60, "{limit}: {done:?}");
        let bound = (600 - burst) * per_ms / limit;
        assert!(done.makespan_ms <= bound * 11 / 10, "{limit}: {done:?}, bound {bound}");
    }
    // A window of a second is kept by the same pace.
    let silent = Service { says: false, ..Service::new(WindowKind::Sliding, 5, 1_000) };
    let done = job_of(&mut limiter(None), silent, &[1_000; 300], 0);
    assert!(done.refused <= 20 && done.makespan_ms <= 90_000, "{done:?}");
}

#[test]
fn frequent_chance_is_not_taken_for_a_bucket_for_long() {
    // Three of ten calls are refused, by no clock.
    let mut limiter = limiter(None);
    let (mut now, mut answered) = (0, 0_u64);
    for number in 0..900 {
        now = next(&mut limiter, now, 0);
        let is_refused = Seed(1).draw("chance", number, 0).unit() < 0.3;
        let outcome = if is_refused { Outcome::RateLimited } else { Outcome::Success };
        answered += u64::from(!is_refused);
        call(&mut limiter, now, 0, outcome.into());
        now += 100;
    }
    assert!(
        limiter.learned().iter().all(|known| known.kind != Kind::Bucket),
        "{:?}",
        limiter.learned()
    );
    // A wait now and then, and no pace that gets slower and slower.
    assert!(now / answered < 1_000, "{} ms a call", now / answered);
}

#[test]
fn a_service_that_says_when_is_not_lost_after_two_minutes() {
    let mut limiter = QuotaLimiter::new(16, 64, Duration::from_mins(2), None);
    for now in [0, 60_200] {
        assert_eq!(next(&mut limiter, now, 1_500), now);
        let refusal = stating(Outcome::RateLimited, Dimension::Tokens, 3_000, Some(60_000));
        call(&mut limiter, now, 1_500, refusal);
    }
    // While the third is on its way, the others wait for what becomes of it.
    assert_eq!(next(&mut limiter, 120_300, 1_500), 120_301);
    limiter.on_start(ms(120_301), 1_500);
    assert_ne!(limiter.next_start(ms(120_400), 1_500), Start::Now);
}

#[test]
fn a_window_that_somebody_else_used_up_says_nothing_of_its_size() {
    let mut limiter = limiter(None);
    let mut now = 0;
    for _ in 0..5 {
        now = next(&mut limiter, now, 0);
        let refusal = stating(Outcome::RateLimited, Dimension::Requests, 12, None);
        call(&mut limiter, now, 0, refusal);
        assert_eq!(requests(&limiter).limit, 12);
    }
}

#[test]
fn of_several_limits_on_the_same_thing_the_least_counts() {
    for limits in [[12, 1000], [1000, 12]] {
        let mut limiter = limiter(None);
        let mut refusal = stating(Outcome::RateLimited, Dimension::Requests, 0, Some(5_000));
        refusal.quotas = limits
            .map(|limit| Stated { limit: Some(limit), ..Stated::of(Dimension::Requests) })
            .to_vec();
        call(&mut limiter, 0, 0, refusal);
        assert_eq!(requests(&limiter).limit, 12, "{limits:?}");
    }
}

#[test]
fn an_outage_is_over_five_seconds_after_its_end_and_halves_the_calls_once() {
    let mut limiter = limiter(None);
    let before = limiter.current();
    let mut now = 0;
    let mut sent = now;
    while now < 70_000 {
        sent = next(&mut limiter, now, 0);
        call(&mut limiter, sent, 0, Outcome::Failed.into());
        now = sent + 100;
    }
    assert!(next(&mut limiter, now, 0) - sent <= 5_100);
    assert_eq!(limiter.current(), before / 2);
}

#[test]
fn prompts_of_which_none_was_ever_admitted_are_too_large() {
    let mut limiter = limiter(None);
    let mut now = 0;
    let start = loop {
        match limiter.next_start(ms(now), 8_000) {
            Start::Now => call(&mut limiter, now, 8_000, Outcome::RateLimited.into()),
            Start::At(at) if now < 3_600_000 => now = u64::try_from(at.as_millis()).unwrap(),
            other => break other,
        }
    };
    assert_eq!(start, Start::Never);
    assert!((10_000..120_000).contains(&now), "{now}");
    // Small ones are not: it is another wall that they meet.
    assert!(next(&mut limiter, now, 1_500) >= now);
}

#[test]
fn a_limit_that_is_stated_is_not_felt_for_any_more() {
    // A pace that is tried, and was never refused so far.
    let silent = Service { says: false, ..Service::new(WindowKind::Sliding, 5, 1_000) };
    let mut limiter = limiter(None);
    job_of(&mut limiter, silent, &[1_000; 30], 0);
    assert!(requests(&limiter).is_inferred);
    let mut now = 200_000;
    for _ in 0..60 {
        now = next(&mut limiter, now, 0);
        let answer = stating(Outcome::Success, Dimension::Requests, 150, None);
        call(&mut limiter, now, 0, answer);
        assert_eq!(requests(&limiter).limit, 150);
        now += 100;
    }
}

#[test]
fn a_bucket_of_an_odd_length_is_taken_at_its_own_pace() {
    for (limit, per_ms, burst) in [(7, 3_000, 1), (10, 5_000, 2), (30, 20_000, 3), (5, 1_000, 5)] {
        let service = Service { burst, ..Service::new(WindowKind::Bucket, limit, per_ms) };
        let mut limiter = limiter(None);
        let done = job_of(&mut limiter, service, &[1_000; 200], 300);
        let shortest_ms = (200 - burst) * per_ms / limit;
        let known = requests(&limiter);
        let what = format!("{limit} per {per_ms} ms: {done:?} {known:?}");
        assert!(done.makespan_ms * 100 <= shortest_ms * 108, "{what}");
        assert!(done.refused <= 10 && known.kind == Kind::Bucket && !known.refused_count, "{what}");
    }
}

#[test]
fn refused_calls_that_count_are_not_taken_for_a_longer_window() {
    for limit in [15, 30, 60] {
        for refusal in 0..8 {
            let service =
                Service { refused_count: true, ..Service::new(WindowKind::Sliding, limit, 60_000) };
            let mut limiter = limiter(None);
            let latencies: Vec<u64> = (0..300).map(|n| 400 + 150 * ((n + refusal) % 7)).collect();
            let done = job_of(&mut limiter, service, &latencies, 300);
            let shortest_ms = (300_u64.div_ceil(limit) - 1) * 60_000;
            let known = requests(&limiter);
            let what = format!("{limit}: {done:?} {known:?}");
            assert!(known.window < ms(65_000), "{what}");
            assert!(done.makespan_ms * 10 <= shortest_ms * 13, "{what}");
        }
    }
}

#[test]
fn what_was_stated_days_ago_is_tried_again() {
    let known = |stated_ms_ago| LearnedQuota { stated_ms_ago, ..remembered_quota(15, 60_000) };
    // The key may take much more by now.
    let service = Service::new(WindowKind::Sliding, 1_000, 60_000);
    let took = |stated_ms_ago| {
        let mut limiter = limiter(None);
        limiter.recall(&[known(stated_ms_ago)]);
        let done = job_of(&mut limiter, service, &[1_000; 200], 300);
        (done.makespan_ms, done.refused, limiter.remember(ms(done.makespan_ms)))
    };
    let (minutes, _, kept) = took(3_600_000);
    assert!(minutes > 780_000, "{minutes}");
    // It grows older for as long as nobody states it anew.
    assert_eq!(kept[0].stated_ms_ago, 3_600_000 + minutes);
    let (minutes, refused, kept) = took(2 * 86_400_000);
    assert!(minutes < 200_000 && refused == 0, "{minutes} {refused} {kept:?}");
    // Where it is the same still, that costs a refusal.
    let mut limiter = limiter(None);
    limiter.recall(&[known(2 * 86_400_000)]);
    let same = Service::new(WindowKind::Sliding, 15, 60_000);
    let done = job_of(&mut limiter, same, &[1_000; 60], 300);
    assert!(done.refused <= 2 && requests(&limiter).limit == 15, "{done:?}");
}
