//! The limiter, driven one poll at a time.

use std::time::Duration;

use tagspace::internals::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome, Start};
use tagspace::internals::pipeline::limiter::fixed::Fixed;
use tagspace::internals::pipeline::limiter::halving::Halving;
use tagspace::internals::pipeline::limiter::{Closed, Limiter, PermitRequest};
use tokio_test::{assert_pending, assert_ready, task};

const MINUTES_5: Duration = Duration::from_mins(5);

fn ended(outcome: Outcome) -> EndedCall {
    EndedCall::alone(Duration::ZERO, outcome)
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order() {
    let limiter = Limiter::new(Box::new(Fixed::new(1)));
    let mut first = task::spawn(limiter.acquire());
    let mut second = task::spawn(limiter.acquire());
    let mut third = task::spawn(limiter.acquire());
    let permit = assert_ready!(first.poll());
    assert_pending!(second.poll());
    assert_pending!(third.poll());
    permit.finish(Outcome::Success);
    assert!(second.is_woken());
    let permit = assert_ready!(second.poll());
    assert_pending!(third.poll());
    drop(permit);
    let _third = assert_ready!(third.poll());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_left_loses_no_permit() {
    let limiter = Limiter::new(Box::new(Fixed::new(1)));
    let permit = limiter.acquire().await;
    let mut left_before = task::spawn(limiter.acquire());
    assert_pending!(left_before.poll());
    let mut left_after = task::spawn(limiter.acquire());
    assert_pending!(left_after.poll());
    drop(left_before);
    permit.finish(Outcome::Success);
    // Its permit is on the way when it leaves.
    drop(left_after);
    assert_eq!(limiter.load(), (0, 1));
    let mut next = task::spawn(limiter.acquire());
    let _permit = assert_ready!(next.poll());
}

#[tokio::test(start_paused = true)]
async fn a_cut_overtakes_permits_that_are_on_their_way() {
    let limiter = Limiter::new(Box::new(Halving::new(4, 10, 0)));
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(limiter.acquire().await);
    }
    let mut first = task::spawn(limiter.acquire());
    let mut second = task::spawn(limiter.acquire());
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    // Two places become free and are given away, but the limit is cut before anyone takes them.
    running.pop().unwrap().finish(Outcome::Success);
    running.pop().unwrap().finish(Outcome::Success);
    running.pop().unwrap().finish(Outcome::RateLimited);
    assert_eq!(limiter.load(), (1, 2));
    assert_pending!(second.poll());
    // The first goes first: with the one that runs these are two.
    let permit = assert_ready!(first.poll());
    assert_pending!(second.poll());
    drop(permit);
    let _second = assert_ready!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn after_a_cut_nothing_starts_until_enough_has_ended() {
    let limiter = Limiter::new(Box::new(Halving::new(4, 10, 0)));
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(limiter.acquire().await);
    }
    let mut waiting = task::spawn(limiter.acquire());
    assert_pending!(waiting.poll());
    let change = running.pop().unwrap().finish(Outcome::RateLimited).limit.unwrap();
    assert_eq!((change.old, change.new), (4, 2));
    // Three run under a limit of two.
    assert_pending!(waiting.poll());
    running.pop().unwrap().finish(Outcome::Success);
    assert_pending!(waiting.poll());
    running.pop().unwrap().finish(Outcome::Success);
    let _permit = assert_ready!(waiting.poll());
    assert_eq!(limiter.load(), (2, 2));
}

/// Lets calls start at fixed times, and never more than one.
#[derive(Debug)]
struct Timetable(Vec<u64>);

impl Limit for Timetable {
    fn current(&self) -> u64 {
        10
    }
    fn next_start(&mut self, now: Duration, _: u64) -> Start {
        match self.0.first().map(|at| Duration::from_secs(*at)) {
            Some(at) if at > now => Start::At(at),
            Some(_) => Start::Now,
            None => Start::AfterAnother,
        }
    }
    fn on_start(&mut self, _: Duration, _: u64) {
        self.0.remove(0);
    }
    fn on_end(&mut self, _: Duration, _: &EndedCall) {}
}

#[tokio::test(start_paused = true)]
async fn a_call_starts_when_its_time_has_come_and_older_ones_go_first() {
    let limiter = Limiter::new(Box::new(Timetable(vec![3, 5])));
    let start = tokio::time::Instant::now();
    let ask = |order| PermitRequest { order, ..PermitRequest::default() };
    let young = limiter.acquire_for(ask(7));
    let old = limiter.acquire_for(ask(2));
    let (young, old) = tokio::join!(
        async { young.await.map(|permit| (permit, start.elapsed().as_secs())) },
        async { old.await.map(|permit| (permit, start.elapsed().as_secs())) },
    );
    assert_eq!((old.unwrap().1, young.unwrap().1), (3, 5));
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_too_long_is_told_so_at_once_and_so_are_those_behind() {
    let limiter = Limiter::new(Box::new(Timetable(vec![500])));
    let ask = PermitRequest { patience: Duration::from_mins(2), ..PermitRequest::default() };
    let mut first = task::spawn(limiter.acquire_for(ask));
    let mut second = task::spawn(limiter.acquire_for(ask));
    let wait = Duration::from_secs(500);
    assert_eq!(assert_ready!(first.poll()).unwrap_err(), Closed::For(wait));
    assert!(assert_ready!(second.poll()).is_err());
    assert_eq!(limiter.load().0, 0);
}

#[test]
fn halving_halves_down_to_one() {
    let mut limit = Halving::new(10, 10, 0);
    let seen: Vec<u64> = (1..=5)
        .map(|second| {
            limit.on_end(Duration::from_secs(second), &ended(Outcome::RateLimited));
            limit.current()
        })
        .collect();
    assert_eq!(seen, [5, 2, 1, 1, 1]);
}

#[test]
fn a_fifth_more_rounded_down_never_leaves_the_limits_below_five() {
    for start in 1..=10 {
        let mut limit = Halving::new(start, 10, 0);
        for period in 1..=50 {
            limit.on_end(MINUTES_5 * period, &ended(Outcome::Success));
        }
        let expected = if start < 5 { start } else { 10 };
        assert_eq!(limit.current(), expected, "from {start}");
    }
    let mut limit = Halving::new(1, 10, 1);
    (1..=50).for_each(|period| limit.on_end(MINUTES_5 * period, &ended(Outcome::Success)));
    assert_eq!(limit.current(), 10, "with a step of at least one");
}

#[test]
fn it_recovers_exactly_five_minutes_after_the_last_429() {
    let mut limit = Halving::new(10, 10, 0);
    limit.on_end(Duration::from_secs(7), &ended(Outcome::RateLimited));
    let just_before = Duration::from_millis(7_000 + 300_000 - 1);
    limit.on_end(just_before, &ended(Outcome::Success));
    assert_eq!(limit.current(), 5);
    limit.on_end(Duration::from_secs(7) + MINUTES_5, &ended(Outcome::Success));
    assert_eq!(limit.current(), 6);
}
