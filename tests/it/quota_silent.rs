//! Quotas that say nothing: what the ledger makes of walls, and what it does not.

use tagspace::Metric;
use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome};
use tagspace::internals::pipeline::limiter::ledger::QuotaLimiter;

use crate::common::{PLAIN, judged, scenario};
use crate::ledger::{Service, job_of, ledger};
use crate::quota_must_not_learn::{call, ms, next};

/// The next call, which ends after 100 ms; gives when it was sent.
fn next_call(ledger: &mut QuotaLimiter, now: u64, outcome: Outcome) -> u64 {
    let sent = next(ledger, now, 0);
    call(ledger, sent, 0, outcome.into());
    sent
}

/// Some calls, and then a wall for some more; gives when all are done.
fn wall(ledger: &mut QuotaLimiter, mut now: u64, calls: u64, refusals: u64) -> u64 {
    for _ in 0..calls {
        now = next_call(ledger, now, Outcome::Success) + 100;
    }
    for _ in 0..refusals {
        now = next_call(ledger, now, Outcome::RateLimited) + 100;
    }
    next_call(ledger, now, Outcome::Success) + 100
}

#[test]
fn a_wall_after_very_few_calls_is_believed_when_it_is_met_again() {
    let mut ledger = ledger(None);
    let now = wall(&mut ledger, 0, 2, 3);
    assert_eq!(ledger.learned(), []);
    wall(&mut ledger, now, 2, 3);
    assert!(ledger.learned()[0].limit <= 4, "{:?}", ledger.learned());
}

#[test]
fn a_wall_after_more_is_believed_at_once() {
    let mut ledger = ledger(None);
    wall(&mut ledger, 0, 12, 3);
    assert_eq!(ledger.learned()[0].limit, 12);
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
        assert!(number(Metric::RateLimited) <= 10, "{per_s}: {}", number(Metric::RateLimited));
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
    let mut ledger = ledger(None);
    let done = job_of(&mut ledger, service, &[1_000; 200], 300);
    assert!(ledger.learned()[0].refused_count, "{:?}", ledger.learned());
    // Thirteen windows, and a second to tell that it was there.
    assert!(done.makespan_ms <= 790_000 && done.refused <= 6, "{done:?}");
}

#[test]
fn where_more_is_there_it_is_taken_within_a_window() {
    let service = Service {
        says: false,
        change: Some((150, 600)),
        ..Service::new(WindowKind::Sliding, 15, 60_000)
    };
    let done = job_of(&mut ledger(None), service, &[1_000; 400], 300);
    // It tries twice as much at second 180 or so, and goes on without waiting for a minute each time.
    assert!(done.makespan_ms <= 330_000, "{done:?}");
}

#[test]
fn what_was_inferred_is_used_one_by_one_as_long_as_something_is_refused() {
    let mut ledger = ledger(None);
    let now = wall(&mut ledger, 0, 40, 3);
    let calm = now + 300_000;
    let starts = |ledger: &mut QuotaLimiter, from: u64| {
        let first = next(ledger, from, 0);
        ledger.on_start(ms(first), 0);
        let second = next(ledger, first, 0);
        ledger.on_end(ms(second), &EndedCall::alone(ms(first), Outcome::Success));
        second - first
    };
    assert_eq!(starts(&mut ledger, calm), 0);
    // Refused once; after the pause the next ones go alone.
    let sent = next_call(&mut ledger, calm + 1_000, Outcome::RateLimited);
    let sent = next_call(&mut ledger, sent + 100, Outcome::Success);
    assert!(starts(&mut ledger, sent + 200) >= 100);
    assert_eq!(starts(&mut ledger, sent + 20_000), 0);
}

#[test]
fn no_pace_is_measured_while_a_wall_is_waited_for() {
    let mut ledger = ledger(None);
    // Tried again at the ends of windows, up to two minutes later.
    wall(&mut ledger, 0, 2, 6);
    assert_eq!(ledger.learned(), []);
}

#[test]
fn two_walls_with_much_more_between_them_are_no_window() {
    let mut ledger = ledger(None);
    let mut now = wall(&mut ledger, 0, 6, 2);
    for _ in 0..15 {
        now = next_call(&mut ledger, now, Outcome::Success) + 100;
    }
    next_call(&mut ledger, now, Outcome::RateLimited);
    assert_eq!(ledger.learned(), []);
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
        let mut ledger = ledger(None);
        let calls = usize::try_from(limit * 20).unwrap();
        let done = job_of(&mut ledger, service, &vec![1_000; calls], 300);
        let known = ledger.learned()[0];
        assert_eq!((known.limit, known.window), (limit, ms(per_s * 1000)), "{what}: {known:?}");
        assert!(done.refused <= 7, "{what}: {done:?}");
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
                let mut ledger = ledger(None);
                let done = job_of(&mut ledger, service, &[latency; 200], starts_ms);
                let known = ledger.learned()[0];
                assert_eq!((known.limit, known.window), (15, ms(60_000)), "{what}: {known:?}");
                assert!(done.refused <= 8, "{what}: {done:?}");
            }
        }
    }
}

#[test]
fn what_is_only_tried_is_not_remembered() {
    let service = Service { says: false, ..Service::new(WindowKind::Sliding, 15, 60_000) };
    let mut ledger = ledger(None);
    // Three full windows, after which half a minute is tried.
    job_of(&mut ledger, service, &[1_000; 45], 300);
    let learned = ledger.learned()[0];
    assert_eq!((learned.limit, learned.window), (15, ms(30_000)));
    let remembered = &ledger.remember(ms(125_000))[0];
    assert_eq!((remembered.limit, remembered.window_ms), (15, 60_000));
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
        assert!(refused <= 6, "seed {seed}: {refused}");
    }
}
