//! Quotas that say nothing: what the limiter makes of walls, and what it does not.

use tagspace::Metric;
use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::limiter::algorithm::{Limit, Outcome};
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;

use crate::common::{PLAIN, judged, scenario};
use crate::quota::{Service, job_of, limiter};
use crate::quota_must_not_learn::{call, ms, next};

/// The next call, which ends after 100 ms; gives when it was sent.
fn next_call(limiter: &mut QuotaLimiter, now: u64, outcome: Outcome) -> u64 {
    let sent = next(limiter, now, 0);
    call(limiter, sent, 0, outcome.into());
    sent
}

/// Some calls, and then a wall for some more; gives when all are done.
fn wall(limiter: &mut QuotaLimiter, mut now: u64, calls: u64, refusals: u64) -> u64 {
    for _ in 0..calls {
        now = next_call(limiter, now, Outcome::Success) + 100;
    }
    for _ in 0..refusals {
        now = next_call(limiter, now, Outcome::RateLimited) + 100;
    }
    next_call(limiter, now, Outcome::Success) + 100
}

#[test]
fn windows_between_one_and_two_minutes_are_waited_for() {
    for per_s in [70, 80, 90, 100, 110] {
        let quota = format!("gemini.quota={{ requests = 20, per_s = {per_s}, hint = \"none\" }}");
        let settings = [
            "pipeline.profile=\"recommended\"",
            "pipeline.batch_size=1",
            "space.pages=100",
            &quota,
        ];
        let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
        let number = |metric| run.figures.number(metric);
        assert_eq!((number(Metric::PagesTagged), number(Metric::Fallbacks)), (100, 0), "{per_s}");
        assert!(number(Metric::RateLimited) <= 14, "{per_s}: {}", number(Metric::RateLimited));
        // Four windows, taken to be as long as the next of those that are tried.
        let taken_s = if per_s <= 90 { 90 } else { 119 };
        let most_ms = 4 * taken_s * 1000 + 20_000;
        assert!(number(Metric::Makespan) <= most_ms, "{per_s}: {}", number(Metric::Makespan));
    }
}

#[test]
fn refused_calls_that_count_are_in_the_window() {
    let service = Service {
        says: false,
        refused_count: true,
        ..Service::new(WindowKind::Sliding, 15, 60_000)
    };
    let mut limiter = limiter(None);
    let done = job_of(&mut limiter, service, &[1_000; 200], 300);
    assert!(limiter.learned()[0].refused_count, "{:?}", limiter.learned());
    // Thirteen windows.
    assert!(done.makespan_ms <= 790_000 && done.refused <= 10, "{done:?}");
}

#[test]
fn where_more_is_there_it_is_taken_within_a_window() {
    let service = Service {
        says: false,
        change: Some((150, 600)),
        ..Service::new(WindowKind::Sliding, 15, 60_000)
    };
    let done = job_of(&mut limiter(None), service, &[1_000; 400], 300);
    // Without more it would take 1,560 s; all of it at once from second 150 on, 190.
    assert!(done.makespan_ms <= 450_000, "{done:?}");
}

#[test]
fn two_walls_with_much_more_between_them_are_no_window() {
    let mut limiter = limiter(None);
    let mut now = wall(&mut limiter, 0, 6, 2);
    for _ in 0..15 {
        now = next_call(&mut limiter, now, Outcome::Success) + 100;
    }
    next_call(&mut limiter, now, Outcome::RateLimited);
    assert_eq!(limiter.learned(), []);
}

#[test]
fn a_window_of_any_length_is_found_by_trying_shorter_ones() {
    for (kind, limit, per_s) in [
        (WindowKind::Sliding, 20, 20),
        (WindowKind::Sliding, 10, 15),
        (WindowKind::Sliding, 30, 30),
        (WindowKind::Fixed, 20, 30),
    ] {
        let what = format!("{kind:?}, {limit} per {per_s} s");
        let service = Service { says: false, ..Service::new(kind, limit, per_s * 1000) };
        let mut limiter = limiter(None);
        let calls = usize::try_from(limit * 20).unwrap();
        let done = job_of(&mut limiter, service, &vec![1_000; calls], 300);
        let known = limiter.learned()[0];
        assert_eq!((known.limit, known.window), (limit, ms(per_s * 1000)), "{what}: {known:?}");
        assert!(done.refused <= 12, "{what}: {done:?}");
        // Nineteen windows; the first two are taken for minutes, and each length is kept once.
        let most_ms = 17 * per_s * 1000 + 3 * 60_000 + 30_000;
        assert!(done.makespan_ms <= most_ms, "{what}: {done:?}, at most {most_ms} ms");
    }
}

#[test]
fn a_minute_is_not_taken_for_less_wherever_it_begins() {
    for kind in [WindowKind::Sliding, WindowKind::Fixed] {
        // Its last ten seconds alone look like a window of ten seconds at first.
        for starts_ms in (0..48_000).step_by(2_900) {
            for latency in [300, 1_000, 2_500] {
                let what = format!("{kind:?} from {starts_ms} ms on, {latency} ms a call");
                let service = Service { says: false, ..Service::new(kind, 15, 60_000) };
                let mut limiter = limiter(None);
                let done = job_of(&mut limiter, service, &[latency; 200], starts_ms);
                let known = limiter.learned()[0];
                assert_eq!((known.limit, known.window), (15, ms(60_000)), "{what}: {known:?}");
                assert!(done.refused <= 26, "{what}: {done:?}");
            }
        }
    }
}

#[test]
fn what_a_fixed_window_admits_when_it_begins_anew_is_no_shorter_window() {
    for seed in 1..=4 {
        let settings = [
            "pipeline.profile=\"recommended\"",
            "pipeline.batch_size=1",
            "space.pages=200",
            "deadline_s=8000",
            "gemini.latency={ dist = \"lognormal\", median_ms = 1200, sigma = 0.3, refusal_ms = 120 }",
            "gemini.quota={ requests = 15, window = \"fixed\", hint = \"none\" }",
            &format!("seed={seed}"),
        ];
        let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
        let refused = run.figures.number(Metric::RateLimited);
        assert!(refused <= 12, "seed {seed}: {refused}");
    }
}
