//! Windows that begin anew at fixed times: told from those that slide, and used as what they are.

use proptest::prelude::*;
use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::learned_quotas::{LearnedQuota, LearnedQuotas};
use tagspace::internals::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome, Start};
use tagspace::internals::pipeline::limiter::ledger::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, WindowKind as Kind};

use crate::common::same_cases;
use crate::ledger::{Service, job_of, ledger};
use crate::quota_must_not_learn::{call, ms, stating};

pub(crate) fn latencies(latency: u64, calls: u64) -> Vec<u64> {
    (0..calls).map(|_| latency).collect()
}

fn remembered(ledger: &QuotaLimiter, now: u64) -> LearnedQuota {
    ledger.remember(ms(now)).remove(0)
}

#[test]
fn one_that_is_met_in_its_middle_is_told_from_one_that_slides() {
    for (limit, per_s, starts_ms) in
        [(15, 60, 47_000), (20, 7, 300), (20, 7, 5_000), (10, 3, 300), (30, 45, 20_000)]
    {
        let what = format!("{limit} per {per_s} s from {starts_ms} ms on");
        let service = Service::new(WindowKind::Fixed, limit, per_s * 1000);
        let mut ledger = ledger(None);
        let calls = limit * 8;
        let done = job_of(&mut ledger, service, &latencies(1_000, calls), starts_ms);
        let known = ledger.learned()[0];
        assert_eq!((known.kind, known.window), (Kind::Fixed, ms(per_s * 1000)), "{what}");
        assert!(done.refused <= 7, "{what}: {done:?}");
        // It began at the earliest when the first call was sent, and seven begin after it.
        let least_ms = (starts_ms / (per_s * 1000) + 7) * per_s * 1000 - starts_ms;
        assert!(done.makespan_ms <= least_ms + 3_000, "{what}: {done:?}, at least {least_ms} ms");
    }
}

proptest! {
    #![proptest_config(same_cases(3000))]

    #[test]
    fn what_slides_or_drips_is_never_taken_for_one(
        kind in prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Bucket)],
        limit in 1_u64..80,
        per_s in prop_oneof![Just(60_u64), Just(10), 1_u64..100],
        calls in 1_u64..250,
        starts_ms in 0_u64..100_000,
        refused_count in any::<bool>(),
        latency in 200_u64..3_000,
    ) {
        let service = Service { refused_count, ..Service::new(kind, limit, per_s * 1000) };
        let mut ledger = ledger(None);
        job_of(&mut ledger, service, &latencies(latency, calls), starts_ms);
        let kinds: Vec<Kind> = ledger.learned().iter().map(|known| known.kind).collect();
        prop_assert!(!kinds.contains(&Kind::Fixed), "{:?}: {:?}", service, ledger.learned());
    }
}

/// What is known of twenty calls per 7 s, of a window that began so long ago.
fn known(begun_ms_ago: u64, taken: Vec<(u64, u64)>) -> LearnedQuota {
    LearnedQuota {
        dimension: Dimension::Requests,
        limit: 20,
        window_ms: 7_000,
        unit_us: None,
        begun_ms_ago: Some(begun_ms_ago),
        inferred: false,
        refused_count: false,
        stated_ms_ago: 0,
        taken,
    }
}

#[test]
fn the_next_run_knows_when_it_begins_anew() {
    // It began 4 s ago; 9 s later another has begun 6 s ago.
    let mut memory = LearnedQuotas::default();
    memory.providers.insert("x".to_owned(), vec![known(4_000, vec![(1_000, 20)])]);
    let after = memory.after(9_000).providers.remove("x").unwrap().remove(0);
    assert_eq!((after.begun_ms_ago, after.taken.len()), (Some(6_000), 0));
    let mut ledger = ledger(None);
    ledger.recall(&[after]);
    // All of what is left of it at once, and all of the next when that begins.
    let mut starts = Vec::new();
    let mut now = 0;
    while starts.len() < 40 {
        match ledger.next_start(ms(now), 0) {
            Start::Now => {
                ledger.on_start(ms(now), 0);
                starts.push(now);
                let verdict = Outcome::Success.into();
                ledger.on_end(
                    ms(now),
                    &EndedCall { sent: ms(now), tokens: 0, in_flight: 1, verdict },
                );
            }
            Start::At(at) => now = u64::try_from(at.as_millis()).unwrap(),
            other => panic!("expected a time, found {other:?}"),
        }
    }
    assert_eq!((starts[19], starts[20], starts[39]), (0, 1_060, 1_060));
    assert_eq!(remembered(&ledger, now).begun_ms_ago, Some(60));
}

#[test]
fn one_that_begins_when_it_is_first_used_is_taken_as_if_it_slid() {
    let mut ledger = ledger(None);
    ledger.recall(&[known(0, vec![])]);
    for sent in [3_000, 7_100] {
        for _ in 0..20 {
            assert_eq!(ledger.next_start(ms(sent), 0), Start::Now, "at {sent}");
            ledger.on_start(ms(sent), 0);
        }
        // The first window began at 3,000 ms.
        let verdict = if sent == 3_000 {
            Outcome::Success.into()
        } else {
            stating(Outcome::RateLimited, Dimension::Requests, 20, Some(2_900))
        };
        for _ in 0..20 {
            let verdict = verdict.clone();
            ledger.on_end(
                ms(sent + 50),
                &EndedCall { sent: ms(sent), tokens: 0, in_flight: 1, verdict },
            );
        }
    }
    let known = ledger.learned()[0];
    assert_eq!((known.kind, known.window, known.limit), (Kind::Sliding, ms(7_000), 20));
}

#[test]
fn who_takes_a_part_of_it_does_not_make_it_slide() {
    let mut ledger = ledger(None);
    ledger.recall(&[known(0, vec![])]);
    for n in 0..10 {
        call(&mut ledger, 100 + n, 0, Outcome::Success.into());
    }
    let refused = stating(Outcome::RateLimited, Dimension::Requests, 20, Some(6_700));
    call(&mut ledger, 300, 0, refused);
    let known = ledger.learned()[0];
    assert_eq!((known.kind, known.window, known.limit), (Kind::Fixed, ms(7_000), 10));
}

#[test]
fn a_stated_quota_that_falls_in_a_burst_leaves_the_window_as_it_was() {
    for starts_ms in (0..2_000).step_by(50) {
        let service =
            Service { change: Some((121, 15)), ..Service::new(WindowKind::Sliding, 60, 60_000) };
        let mut ledger = ledger(None);
        let latencies: Vec<u64> = (0..300).map(|n| 400 + 170 * ((n + starts_ms) % 9)).collect();
        let done = job_of(&mut ledger, service, &latencies, starts_ms);
        let known = ledger.learned()[0];
        let what = format!("from {starts_ms} ms on: {done:?} {known:?}");
        assert_eq!((known.kind, known.limit), (Kind::Sliding, 15), "{what}");
        assert!(known.window < ms(61_000), "{what}");
        // Two windows of sixty, and what is left in windows of fifteen.
        assert!(done.makespan_ms <= 800_000, "{what}");
    }
}
