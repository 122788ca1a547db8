//! The limiter, driven one poll at a time.

use std::time::Duration;

use tagspace::pipeline::limiter::{Fixed, Halving, Limit, Limiter, Outcome};
use tokio_test::task;
use tokio_test::{assert_pending, assert_ready};

const MINUTES_5: Duration = Duration::from_mins(5);

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
    assert_eq!(limiter.load(), (3, 2));
    assert_pending!(second.poll());
    // With the second's place given back, the first may go: it and the one that runs are two.
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
    let change = running.pop().unwrap().finish(Outcome::RateLimited).unwrap();
    assert_eq!((change.old, change.new), (4, 2));
    // Three run under a limit of two.
    assert_pending!(waiting.poll());
    running.pop().unwrap().finish(Outcome::Success);
    assert_pending!(waiting.poll());
    running.pop().unwrap().finish(Outcome::Success);
    let _permit = assert_ready!(waiting.poll());
    assert_eq!(limiter.load(), (2, 2));
}

#[test]
fn halving_halves_down_to_one() {
    let mut limit = Halving::new(10, 10, 0);
    let seen: Vec<u64> = (1..=5)
        .map(|second| {
            limit.on_rate_limited(Duration::from_secs(second));
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
            limit.on_success(MINUTES_5 * period);
        }
        let expected = if start < 5 { start } else { 10 };
        assert_eq!(limit.current(), expected, "from {start}");
    }
    let mut limit = Halving::new(1, 10, 1);
    (1..=50).for_each(|period| limit.on_success(MINUTES_5 * period));
    assert_eq!(limit.current(), 10, "with a step of at least one");
}

#[test]
fn it_recovers_exactly_five_minutes_after_the_last_429() {
    let mut limit = Halving::new(10, 10, 0);
    limit.on_rate_limited(Duration::from_secs(7));
    limit.on_success(
        (Duration::from_secs(7) + MINUTES_5).checked_sub(Duration::from_millis(1)).unwrap(),
    );
    assert_eq!(limit.current(), 5);
    limit.on_success(Duration::from_secs(7) + MINUTES_5);
    assert_eq!(limit.current(), 6);
}
