//! The limiter that keeps the quota, against quotas of every kind, in time that only counts.

use std::time::Duration;

use proptest::prelude::*;
use tagspace::internals::fakes;
use tagspace::internals::fakes::quota::{QuotaConfig, Window, WindowKind};
use tagspace::internals::pipeline::learned_quotas::{LearnedQuota, LearnedQuotas};
use tagspace::internals::pipeline::limiter::algorithm::{
    CallReport, EndedCall, InferredQuota, Limit, Outcome, Start,
};
use tagspace::internals::pipeline::limiter::paced::KnownQuota;
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{
    Dimension, Stated, WindowKind as Kind,
};

/// A service with one quota of requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) kind: WindowKind,
    pub(crate) limit: u64,
    pub(crate) per_ms: u64,
    pub(crate) burst: u64,
    pub(crate) says: bool,
    pub(crate) refused_count: bool,
    /// Another limit from some second on.
    pub(crate) change: Option<(u64, u64)>,
    /// Somebody else sends a call as often as that.
    pub(crate) neighbour_every_ms: Option<u64>,
}

impl Service {
    pub(crate) fn new(kind: WindowKind, limit: u64, per_ms: u64) -> Self {
        Self {
            kind,
            limit,
            per_ms,
            burst: limit,
            says: true,
            refused_count: false,
            change: None,
            neighbour_every_ms: None,
        }
    }
}

impl Service {
    fn window(self) -> Window {
        let Self { kind, limit, per_ms, burst, change, .. } = self;
        let Some((at_s, requests)) = change else {
            return Window::new(kind, limit, burst, per_ms);
        };
        let window = serde_json::to_value(kind).unwrap();
        let change = serde_json::json!([{"at_s": at_s, "requests": requests}]);
        let quota = serde_json::json!({
            "requests": limit, "per_s": per_ms / 1000, "window": window, "change": change
        });
        let quota: QuotaConfig = serde_json::from_value(quota).unwrap();
        quota.window_of(fakes::quota::Dimension::Requests).unwrap()
    }
}

/// What came of a job.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) refused: u64,
    pub(crate) makespan_ms: u64,
    /// Calls that were sent before a stated time.
    pub(crate) early: u64,
}

const LATENCY_MS: u64 = 1_000;
const REFUSAL_MS: u64 = 100;

pub(crate) fn limiter(told: Option<KnownQuota>) -> QuotaLimiter {
    QuotaLimiter::new(16, 256, Duration::from_hours(2), told)
}

/// Carries a job of `calls` calls through.
pub(crate) fn job(limiter: &mut dyn Limit, service: Service, calls: u64, starts_ms: u64) -> Done {
    let latencies = vec![LATENCY_MS; usize::try_from(calls).unwrap()];
    job_of(limiter, service, &latencies, starts_ms)
}

/// The answer to a call that has to wait; it may state the wait, and its limit.
fn verdict(wait: Option<u64>, stated_limit: Option<u64>) -> CallReport {
    let Some(wait) = wait else { return Outcome::Success.into() };
    let mut verdict = CallReport::from(Outcome::RateLimited);
    verdict.hint = stated_limit.map(|_| Duration::from_millis(wait));
    let stated = |limit| Stated { limit: Some(limit), ..Stated::of(Dimension::Requests) };
    verdict.quotas.extend(stated_limit.map(stated));
    verdict
}

/// The same with these latencies, a call each; a refused call goes first again.
pub(crate) fn job_of(
    limiter: &mut dyn Limit,
    service: Service,
    latencies: &[u64],
    starts_ms: u64,
) -> Done {
    let calls = latencies.len() as u64;
    let mut latencies: Vec<u64> = latencies.iter().rev().copied().collect();
    let Service { per_ms, says, refused_count, neighbour_every_ms, .. } = service;
    let mut others_at = neighbour_every_ms.unwrap_or(u64::MAX);
    let mut window = service.window();
    let mut flying: Vec<(u64, u64, u64, CallReport)> = Vec::new();
    let (mut now, mut not_before) = (starts_ms, 0);
    let mut done = Done { refused: 0, makespan_ms: 0, early: 0 };
    let ms = Duration::from_millis;
    loop {
        let mut wake = u64::MAX;
        while !latencies.is_empty() && (flying.len() as u64) < limiter.current() {
            match limiter.next_start(ms(now), 0) {
                Start::Now => {}
                Start::At(at) => {
                    wake = u64::try_from(at.as_millis()).unwrap().max(now + 1);
                    break;
                }
                Start::AfterAnother => break,
                Start::Never => panic!("no call of this job is too large"),
            }
            limiter.on_start(ms(now), 0);
            let Some(latency) = latencies.pop() else { break };
            done.early += u64::from(now < not_before);
            while let Some(every) = neighbour_every_ms.filter(|_| others_at <= now) {
                if window.wait(others_at, 1).is_none() {
                    window.take(others_at, 1);
                }
                others_at += every;
            }
            let wait = window.wait(now, 1);
            if wait.is_none() || refused_count {
                window.take(now, 1);
            }
            let verdict = verdict(wait, says.then(|| window.limit()));
            flying.push((now + wait.map_or(latency, |_| REFUSAL_MS), now, latency, verdict));
        }
        let Some(next) = flying.iter().map(|(end, ..)| *end).min().map(|end| end.min(wake)) else {
            if latencies.is_empty() {
                done.makespan_ms = now - starts_ms;
                return done;
            }
            assert!(wake < u64::MAX, "it waits for nothing");
            now = wake;
            continue;
        };
        now = next;
        while let Some(at) = flying.iter().position(|(end, ..)| *end == now) {
            let in_flight = flying.len() as u64;
            let (_, sent, latency, verdict) = flying.remove(at);
            if verdict.outcome == Outcome::RateLimited {
                done.refused += 1;
                latencies.push(latency);
                let hint = verdict.hint.map_or(0, |hint| u64::try_from(hint.as_millis()).unwrap());
                not_before = not_before.max(if hint > 0 { now + hint } else { 0 });
            }
            limiter.on_end(ms(now), &EndedCall { sent: ms(sent), tokens: 0, in_flight, verdict });
        }
        assert!(now < starts_ms + 100_000_000 + calls * per_ms, "no end: {done:?}");
    }
}

/// What is remembered of a quota of requests that was stated, and of which nothing is taken.
pub(crate) fn remembered_quota(limit: u64, window_ms: u64) -> LearnedQuota {
    LearnedQuota {
        dimension: Dimension::Requests,
        limit,
        window_ms,
        unit_us: None,
        burst: None,
        begun_ms_ago: None,
        inferred: false,
        refused_count: false,
        stated_ms_ago: 0,
        taken: vec![],
    }
}

/// No schedule is shorter: what the windows before the last cannot hold comes with the last.
pub(crate) fn bound_ms(service: Service, calls: u64) -> u64 {
    let windows = calls.div_ceil(service.limit) - 1;
    match service.kind {
        WindowKind::Sliding | WindowKind::Fixed => windows * service.per_ms + LATENCY_MS,
        WindowKind::Bucket => {
            calls.saturating_sub(service.burst) * service.per_ms / service.limit + LATENCY_MS
        }
    }
}

#[test]
fn a_sliding_window_costs_two_refusals_and_no_time() {
    let service = Service::new(WindowKind::Sliding, 15, 60_000);
    let done = job(&mut limiter(None), service, 200, 300);
    assert!(done.refused <= 2, "{done:?}");
    assert!(done.makespan_ms < bound_ms(service, 200) * 102 / 100, "{done:?}");
}

#[test]
fn the_length_of_the_window_is_learned_from_the_stated_time_not_from_a_name() {
    let service = Service::new(WindowKind::Sliding, 20, 10_000);
    let mut limiter = limiter(None);
    let done = job(&mut limiter, service, 60, 300);
    assert!(done.refused <= 2, "{done:?}");
    assert!(done.makespan_ms < bound_ms(service, 60) * 115 / 100, "{done:?}");
    let learned = limiter.learned();
    assert_eq!((learned[0].limit, learned[0].is_inferred), (20, false));
    assert!(learned[0].window.abs_diff(Duration::from_secs(10)) < Duration::from_millis(5));
}

#[test]
fn a_bucket_is_told_from_a_window() {
    let service = Service { burst: 2, ..Service::new(WindowKind::Bucket, 15, 60_000) };
    let mut limiter = limiter(None);
    let done = job(&mut limiter, service, 100, 300);
    // Those that were on their way at the first wall.
    assert!(done.refused <= 10, "{done:?}");
    assert!(done.makespan_ms < bound_ms(service, 100) * 102 / 100, "{done:?}");
    assert_eq!(limiter.learned()[0].kind, Kind::Bucket);
}

#[test]
fn refusals_that_count_are_noticed_and_the_job_ends() {
    let counting = Service { refused_count: true, ..Service::new(WindowKind::Sliding, 15, 60_000) };
    let done = job(&mut limiter(None), counting, 200, 300);
    assert!(done.refused <= 5, "{done:?}");
    assert!(done.makespan_ms < bound_ms(counting, 200) * 103 / 100, "{done:?}");
}

#[test]
fn without_a_word_the_quota_is_inferred() {
    let silent = Service { says: false, ..Service::new(WindowKind::Sliding, 15, 60_000) };
    let mut limiter = limiter(None);
    let done = job(&mut limiter, silent, 200, 300);
    assert!(done.refused <= 10, "{done:?}");
    assert!(done.makespan_ms < bound_ms(silent, 200) * 108 / 100, "{done:?}");
    let learned = limiter.learned();
    assert_eq!((learned[0].limit, learned[0].is_inferred), (15, true));
}

#[test]
fn a_window_of_a_usual_length_is_learned() {
    for (limit, per_s, calls) in
        [(10, 3, 100), (30, 30, 200), (7, 5, 60), (25, 20, 150), (5, 1, 60)]
    {
        for kind in [WindowKind::Sliding, WindowKind::Fixed] {
            let service = Service::new(kind, limit, per_s * 1000);
            let mut limiter = limiter(None);
            let done = job(&mut limiter, service, calls, 300);
            assert!(done.refused <= 6, "{limit} per {per_s} s: {done:?}");
            // One call is waited for; a window that begins by the clock may cost a window more.
            let a_window = if kind == WindowKind::Fixed { service.per_ms } else { 500 };
            let more = LATENCY_MS + a_window;
            let most = bound_ms(service, calls) * 105 / 100 + more;
            assert!(done.makespan_ms <= most, "{limit} per {per_s} s: {done:?}");
        }
    }
}

#[test]
fn a_quota_that_falls_is_believed_at_once_and_one_that_says_nothing_is_learned_anew() {
    for (says, most) in [(true, 5), (false, 32)] {
        let service = Service {
            says,
            change: Some((90, 15)),
            ..Service::new(WindowKind::Sliding, 60, 60_000)
        };
        let mut limiter = limiter(None);
        let done = job(&mut limiter, service, 200, 300);
        assert!(done.refused <= most, "{says}: {done:?}");
        // A service may have two limits, so that both are known.
        assert_eq!(limiter.learned().last().unwrap().limit, 15);
    }
}

#[test]
fn a_call_that_is_larger_than_the_quota_never_starts_and_holds_up_nobody() {
    let ms = Duration::from_millis;
    let mut limiter = limiter(None);
    let refused = |limit: u64| {
        let mut verdict = CallReport::from(Outcome::RateLimited);
        verdict.hint = Some(ms(500));
        let limit = Some(limit);
        verdict.quotas = vec![Stated { limit, ..Stated::of(Dimension::Tokens) }];
        verdict
    };
    limiter.on_start(ms(0), 9_000);
    let verdict = refused(1_000);
    limiter.on_end(ms(100), &EndedCall { sent: ms(0), tokens: 9_000, in_flight: 1, verdict });
    assert_eq!(limiter.next_start(ms(1_000), 9_000), Start::Never);
    // Estimates may be a little too large: that is tried once.
    assert_eq!(limiter.next_start(ms(1_000), 1_020), Start::Now);
    limiter.on_start(ms(1_000), 1_020);
    let verdict = refused(1_000);
    limiter.on_end(ms(1_100), &EndedCall { sent: ms(1_000), tokens: 1_020, in_flight: 1, verdict });
    assert_eq!(limiter.next_start(ms(2_000), 1_020), Start::Never);
    assert_ne!(limiter.next_start(ms(2_000), 900), Start::Never);
    // Another limit, another answer.
    limiter.on_start(ms(70_000), 900);
    let mut verdict = CallReport::from(Outcome::Success);
    verdict.quotas = refused(20_000).quotas;
    limiter.on_end(ms(71_000), &EndedCall { sent: ms(70_000), tokens: 900, in_flight: 1, verdict });
    assert_ne!(limiter.next_start(ms(72_000), 9_000), Start::Never);
}

#[test]
fn a_closed_gate_stays_closed_for_the_next_limiter() {
    let ms = Duration::from_millis;
    let mut first = limiter(None);
    let mut verdict = CallReport::from(Outcome::RateLimited);
    verdict.hint = Some(ms(30_000));
    first.on_start(ms(0), 0);
    first.on_end(ms(100), &EndedCall { sent: ms(0), tokens: 0, in_flight: 1, verdict });
    let wait = first.closed_for(ms(10_000));
    assert!(wait >= ms(20_000), "{wait:?}");
    let mut second = limiter(None);
    second.keep_closed(wait);
    assert_eq!(second.next_start(ms(0), 0), Start::At(wait));
    assert_eq!(limiter(None).next_start(ms(0), 0), Start::Now);
}

#[test]
fn what_it_is_told_costs_no_refusal() {
    let service = Service::new(WindowKind::Sliding, 15, 60_000);
    let window = Duration::from_mins(1);
    let told = KnownQuota { requests: Some(15), tokens: None, window };
    let done = job(&mut limiter(Some(told)), service, 100, 300);
    assert_eq!(done.refused, 0);
}

#[test]
fn what_it_has_learned_serves_the_next_job() {
    let service = Service::new(WindowKind::Sliding, 15, 60_000);
    let mut limiter = limiter(None);
    job(&mut limiter, service, 100, 300);
    let next = job(&mut limiter, service, 100, 1_000_000);
    assert_eq!(next.refused, 0);
}

/// What is known, however sure the limiter is.
pub(crate) fn unweighed(limiter: &QuotaLimiter) -> Vec<InferredQuota> {
    let plain = |quota: InferredQuota| InferredQuota { weight_ppm: 0, runner_up: None, ..quota };
    limiter.learned().into_iter().map(plain).collect()
}

#[test]
fn what_is_remembered_spares_another_ledger_the_refusals() {
    let bucket = Service { burst: 1, ..Service::new(WindowKind::Bucket, 15, 60_000) };
    for service in [Service::new(WindowKind::Sliding, 15, 60_000), bucket] {
        let mut first = limiter(None);
        let done = job(&mut first, service, 40, 300);
        let now = Duration::from_millis(300 + done.makespan_ms);
        let written = serde_json::to_string(&first.remember(now)).unwrap();
        let read: Vec<LearnedQuota> = serde_json::from_str(&written).unwrap();
        let mut second = limiter(None);
        second.recall(&read);
        assert_eq!(unweighed(&second), unweighed(&first));
        // What the window still holds is not given out again.
        let full = read[0].taken.len() as u64;
        assert!(full > 0, "{read:?}");
        assert_eq!(job(&mut second, service, 40, 120_000).refused, 0);
    }
}

#[test]
fn what_no_window_holds_any_more_is_not_remembered() {
    let taken = vec![(1_000, 1), (50_000, 1)];
    let known = LearnedQuota { taken, ..remembered_quota(15, 60_000) };
    let providers = [("gemini".to_owned(), vec![known])].into();
    let closed_ms = [("gemini".to_owned(), 30_000), ("openai".to_owned(), 20_000)].into();
    let memory = LearnedQuotas { providers, closed_ms }.after(20_000);
    assert_eq!(memory.providers["gemini"][0].taken, [(21_000, 1)]);
    assert_eq!(memory.closed_ms, [("gemini".to_owned(), 10_000)].into());
}

#[test]
fn a_429_by_chance_cuts_nothing() {
    let mut limiter = limiter(None);
    let ms = Duration::from_millis;
    // The service says why when its quota is used up; this one says nothing.
    let mut explained = CallReport::from(Outcome::RateLimited);
    explained.hint = Some(ms(500));
    let limit = Some(100);
    explained.quotas = vec![Stated { limit, ..Stated::of(Dimension::Requests) }];
    limiter.on_start(ms(0), 0);
    limiter
        .on_end(ms(100), &EndedCall { sent: ms(0), tokens: 0, in_flight: 1, verdict: explained });
    limiter.on_start(ms(2_000), 0);
    limiter.on_end(ms(3_000), &EndedCall::alone(ms(2_000), Outcome::Success));
    let known = limiter.learned();
    for at in (4_000..7_000).step_by(1_000) {
        assert_eq!(limiter.next_start(ms(at), 0), Start::Now);
        limiter.on_start(ms(at), 0);
        limiter.on_end(ms(at + 100), &EndedCall::alone(ms(at), Outcome::RateLimited));
    }
    assert_eq!(limiter.learned(), known);
    // But a client that is refused again and again waits, ever longer.
    let (mut now, mut calls) = (7_000, 0);
    while now < 600_000 {
        match limiter.next_start(ms(now), 0) {
            Start::Now => {
                calls += 1;
                limiter.on_start(ms(now), 0);
                limiter.on_end(ms(now + 100), &EndedCall::alone(ms(now), Outcome::RateLimited));
                now += 100;
            }
            Start::At(at) => now = u64::try_from(at.as_millis()).unwrap(),
            Start::AfterAnother | Start::Never => panic!("nothing is in flight"),
        }
    }
    // The longest wait is 20 s, so that the end of an outage is seen.
    assert!(calls < 40, "{calls}");
    assert_eq!(limiter.learned(), known);
}

#[test]
fn a_wait_that_a_failure_states_is_kept_and_one_that_names_no_quota_teaches_nothing() {
    let ms = Duration::from_millis;
    for outcome in [Outcome::Failed, Outcome::RateLimited] {
        let mut limiter = limiter(None);
        let mut verdict = CallReport::from(outcome);
        verdict.hint = Some(ms(30_000));
        limiter.on_start(ms(0), 0);
        limiter.on_end(ms(100), &EndedCall { sent: ms(0), tokens: 0, in_flight: 1, verdict });
        let start = limiter.next_start(ms(200), 0);
        assert!(matches!(start, Start::At(at) if at >= ms(30_100)), "{outcome:?}: {start:?}");
        assert_eq!(limiter.learned(), []);
    }
}

#[test]
fn failures_in_a_row_close_the_gate_until_one_call_is_answered() {
    let mut limiter = limiter(None);
    let ms = Duration::from_millis;
    let mut now = 0;
    for _ in 0..3 {
        assert_eq!(limiter.next_start(ms(now), 0), Start::Now);
        limiter.on_start(ms(now), 0);
        limiter.on_end(ms(now + 100), &EndedCall::alone(ms(now), Outcome::Failed));
        now += 1_000;
    }
    let closed = limiter.next_start(ms(2_100), 0);
    assert_eq!(closed, Start::At(ms(2_600)));
    // One probe; nobody else until it is back.
    assert_eq!(limiter.next_start(ms(2_600), 0), Start::Now);
    limiter.on_start(ms(2_600), 0);
    assert_eq!(limiter.next_start(ms(2_900), 0), Start::AfterAnother);
    limiter.on_end(ms(3_000), &EndedCall::alone(ms(2_600), Outcome::Success));
    assert_eq!(limiter.next_start(ms(3_100), 0), Start::Now);
}

proptest! {
    #![proptest_config(crate::common::same_cases(2000))]

    #[test]
    fn no_call_is_sent_before_a_stated_time_and_every_job_ends(
        kind in prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Fixed), Just(WindowKind::Bucket)],
        limit in 1_u64..60,
        per_s in 1_u64..100,
        calls in 1_u64..200,
        starts_ms in 0_u64..100_000,
        says in any::<bool>(),
        refused_count in any::<bool>(),
    ) {
        let service = Service { says, refused_count, ..Service::new(kind, limit, per_s * 1000) };
        let done = job(&mut limiter(None), service, calls, starts_ms);
        prop_assert_eq!(done.early, 0);
    }

    #[test]
    fn with_a_word_refusals_are_few(
        kind in prop_oneof![Just(WindowKind::Sliding), Just(WindowKind::Bucket)],
        limit in 2_u64..200,
        per_s in prop_oneof![Just(10_u64), Just(60)],
        calls in 1_u64..600,
    ) {
        let service = Service::new(kind, limit, per_s * 1000);
        let done = job(&mut limiter(None), service, calls, 0);
        // No more than were in flight at the first wall, and two in a hundred.
        prop_assert!(done.refused <= limit.max(16) + 5 + calls / 50, "{:?}", done);
    }
}
