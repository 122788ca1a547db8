//! Windows that begin anew at fixed times: told from those that slide, and used as what they are.

use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::learned_quotas::{LearnedQuota, LearnedQuotas};
use tagspace::internals::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome, Start};
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, WindowKind as Kind};

use crate::quota::{Service, job_of, limiter, remembered_quota};
use crate::quota_must_not_learn::{call, ms, next, stating};
use crate::quota_properties::mixed;

pub(crate) fn latencies(latency: u64, calls: u64) -> Vec<u64> {
    (0..calls).map(|_| latency).collect()
}

fn remembered(limiter: &QuotaLimiter, now: u64) -> LearnedQuota {
    limiter.remember(ms(now)).remove(0)
}

#[test]
fn one_that_is_met_in_its_middle_is_told_from_one_that_slides() {
    for (limit, per_s, starts_ms) in
        [(15, 60, 47_000), (20, 10, 3_000), (20, 10, 6_000), (10, 3, 1_500), (30, 30, 20_000)]
    {
        let what = format!("{limit} per {per_s} s from {starts_ms} ms on");
        let service = Service::new(WindowKind::Fixed, limit, per_s * 1000);
        let mut limiter = limiter(None);
        let calls = limit * 8;
        let done = job_of(&mut limiter, service, &latencies(1_000, calls), starts_ms);
        let known = limiter.learned()[0];
        assert_eq!((known.kind, known.window), (Kind::Fixed, ms(per_s * 1000)), "{what}");
        assert!(done.refused <= 7, "{what}: {done:?}");
        // It began at the earliest when the first call was sent, and seven begin after it.
        let least_ms = (starts_ms / (per_s * 1000) + 7) * per_s * 1000 - starts_ms;
        assert!(done.makespan_ms <= least_ms + 3_000, "{what}: {done:?}, at least {least_ms} ms");
    }
}

#[test]
fn what_slides_or_drips_is_hardly_ever_taken_for_one() {
    let mut text = String::new();
    for kind in [WindowKind::Sliding, WindowKind::Bucket] {
        let mut taken = 0;
        for seed in 0..1_000 {
            let per_s = [60, 10, 1 + mixed(seed, 1) % 100][usize::try_from(seed % 3).unwrap()];
            let service = Service::new(kind, 1 + mixed(seed, 2) % 80, per_s * 1_000);
            let mut limiter = limiter(None);
            let calls = latencies(200 + mixed(seed, 3) % 2_800, 1 + mixed(seed, 4) % 250);
            job_of(&mut limiter, service, &calls, mixed(seed, 5) % 100_000);
            taken += usize::from(limiter.learned().iter().any(|known| known.kind == Kind::Fixed));
        }
        text = format!("{text}{kind:?}: {taken} of 1000\n");
    }
    insta::assert_snapshot!(text, @r"
    Sliding: 0 of 1000
    Bucket: 8 of 1000
    ");
}

/// What is known of twenty calls per 7 s, of a window that began so long ago.
fn known(begun_ms_ago: u64, taken: Vec<(u64, u64)>) -> LearnedQuota {
    LearnedQuota { begun_ms_ago: Some(begun_ms_ago), taken, ..remembered_quota(20, 7_000) }
}

#[test]
fn the_next_run_knows_when_it_begins_anew() {
    // It began 4 s ago; 9 s later another has begun 6 s ago.
    let mut memory = LearnedQuotas::default();
    memory.providers.insert("x".to_owned(), vec![known(4_000, vec![(1_000, 20)])]);
    let after = memory.after(9_000).providers.remove("x").unwrap().remove(0);
    assert_eq!((after.begun_ms_ago, after.taken.len()), (Some(6_000), 0));
    let mut limiter = limiter(None);
    limiter.recall(&[after]);
    // All of what is left of it at once, and all of the next when that begins.
    let mut starts = Vec::new();
    let mut now = 0;
    while starts.len() < 40 {
        match limiter.next_start(ms(now), 0) {
            Start::Now => {
                limiter.on_start(ms(now), 0);
                starts.push(now);
                let verdict = Outcome::Success.into();
                limiter.on_end(
                    ms(now),
                    &EndedCall { sent: ms(now), tokens: 0, in_flight: 1, verdict },
                );
            }
            Start::At(at) => now = u64::try_from(at.as_millis()).unwrap(),
            other => panic!("expected a time, found {other:?}"),
        }
    }
    assert_eq!((starts[19], starts[20], starts[39]), (0, 1_060, 1_060));
    assert_eq!(remembered(&limiter, now).begun_ms_ago, Some(60));
}

#[test]
fn one_that_begins_when_it_is_first_used_is_taken_as_if_it_slid() {
    let mut limiter = limiter(None);
    limiter.recall(&[known(0, vec![])]);
    for sent in [3_000, 7_100] {
        for _ in 0..20 {
            assert_eq!(limiter.next_start(ms(sent), 0), Start::Now, "at {sent}");
            limiter.on_start(ms(sent), 0);
        }
        // The first window began at 3,000 ms.
        let verdict = if sent == 3_000 {
            Outcome::Success.into()
        } else {
            stating(Outcome::RateLimited, Dimension::Requests, 20, Some(2_900))
        };
        for _ in 0..20 {
            let verdict = verdict.clone();
            limiter.on_end(
                ms(sent + 50),
                &EndedCall { sent: ms(sent), tokens: 0, in_flight: 1, verdict },
            );
        }
    }
    let known = limiter.learned()[0];
    assert_eq!((known.kind, known.window, known.limit), (Kind::Sliding, ms(7_000), 20));
}

#[test]
fn who_takes_a_part_of_it_does_not_make_it_slide() {
    let mut limiter = limiter(None);
    limiter.recall(&[known(0, vec![])]);
    for n in 0..10 {
        call(&mut limiter, 100 + n, 0, Outcome::Success.into());
    }
    let refused = stating(Outcome::RateLimited, Dimension::Requests, 20, Some(6_700));
    call(&mut limiter, 300, 0, refused);
    // Ten of it are ours, and nobody asks before the stated time.
    assert_eq!(limiter.learned()[0].limit, 10);
    assert!(next(&mut limiter, 400, 0) >= 7_000);
}

#[test]
fn a_stated_quota_that_falls_in_a_burst_leaves_the_window_as_it_was() {
    for starts_ms in (0..2_000).step_by(50) {
        let service =
            Service { change: Some((121, 15)), ..Service::new(WindowKind::Sliding, 60, 60_000) };
        let mut limiter = limiter(None);
        let latencies: Vec<u64> = (0..300).map(|n| 400 + 170 * ((n + starts_ms) % 9)).collect();
        let done = job_of(&mut limiter, service, &latencies, starts_ms);
        let known = *limiter.learned().last().unwrap();
        let what = format!("from {starts_ms} ms on: {done:?} {known:?}");
        assert_eq!((known.kind, known.limit), (Kind::Sliding, 15), "{what}");
        assert!(known.window < ms(61_000), "{what}");
        // Two windows of sixty, and what is left in windows of fifteen.
        assert!(done.makespan_ms <= 800_000, "{what}");
    }
}
