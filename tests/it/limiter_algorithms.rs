//! The limiters that compete, step by step: what they do by their published defaults.

use std::time::Duration;

use tagspace::internals::pipeline::limiter::aimd::Aimd;
use tagspace::internals::pipeline::limiter::algorithm::{EndedCall, Limit, Outcome, Start};
use tagspace::internals::pipeline::limiter::aws_cubic::AwsCubic;
use tagspace::internals::pipeline::limiter::paced::{KnownQuota, Paced};
use tagspace::internals::pipeline::limiter::sre_throttle::SreThrottle;
use tagspace::internals::pipeline::limiter::vector_arc::VectorArc;
use tagspace::internals::rng::Seed;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A call ends that took `took` milliseconds, with `in_flight` calls in flight.
fn end(limit: &mut impl Limit, now: u64, took: u64, in_flight: u64, outcome: Outcome) {
    let ended = EndedCall { in_flight, ..EndedCall::alone(ms(now - took), outcome) };
    limit.on_end(ms(now), &ended);
}

/// In how many milliseconds the next call may start.
fn wait(limit: &mut impl Limit, now: u64) -> u64 {
    match limit.next_start(ms(now), 0) {
        Start::Now => 0,
        Start::At(at) => u64::try_from(at.saturating_sub(ms(now)).as_millis()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn aimd_keeps_between_20_and_200_and_takes_five_seconds_for_slow() {
    let mut aimd = Aimd::new();
    assert_eq!(aimd.current(), 20);
    end(&mut aimd, 10_000, 100, 10, Outcome::Success);
    assert_eq!(aimd.current(), 21, "half of it is in use");
    end(&mut aimd, 10_000, 100, 10, Outcome::Success);
    assert_eq!(aimd.current(), 21, "less than half of it is");
    for _ in 0..300 {
        end(&mut aimd, 10_000, 5_000, 200, Outcome::Success);
    }
    assert_eq!(aimd.current(), 200);
    end(&mut aimd, 10_000, 5_001, 200, Outcome::Success);
    assert_eq!(aimd.current(), 180, "what is slow is dropped");
    end(&mut aimd, 10_000, 100, 200, Outcome::RateLimited);
    assert_eq!(aimd.current(), 162);
    end(&mut aimd, 10_000, 100, 200, Outcome::Failed);
    assert_eq!(aimd.current(), 145);
    for _ in 0..30 {
        end(&mut aimd, 10_000, 100, 200, Outcome::RateLimited);
    }
    assert_eq!(aimd.current(), 20);
}

/// A period in which all calls of the limit take so long; gives the limit after it.
fn period(arc: &mut VectorArc, now: &mut u64, took: u64, outcome: Outcome) -> u64 {
    *now += 100_000;
    let in_flight = arc.current();
    end(arc, *now, took, in_flight, outcome);
    arc.current()
}

#[test]
fn arc_takes_one_more_for_each_round_trip_up_to_200() {
    let (mut arc, mut now) = (VectorArc::new(), 0);
    assert_eq!(arc.current(), 1);
    assert_eq!(period(&mut arc, &mut now, 100, Outcome::Success), 2);
    // Within one round trip it decides once.
    end(&mut arc, now + 99, 100, 2, Outcome::Success);
    assert_eq!(arc.current(), 2);
    end(&mut arc, now + 100, 100, 2, Outcome::Success);
    assert_eq!(arc.current(), 3);
    for _ in 0..300 {
        period(&mut arc, &mut now, 100, Outcome::Success);
    }
    assert_eq!(arc.current(), 200);
    assert_eq!(period(&mut arc, &mut now, 100, Outcome::RateLimited), 180);
    now += 100_000;
    end(&mut arc, now, 100, 179, Outcome::Success);
    assert_eq!(arc.current(), 180, "the limit was not reached");
}

#[test]
fn arc_takes_two_and_a_half_deviations_for_longer() {
    let after = |last: u64| {
        let (mut arc, mut now) = (VectorArc::new(), 0);
        for _ in 0..99 {
            period(&mut arc, &mut now, 1_000, Outcome::Success);
        }
        assert_eq!(arc.current(), 100);
        // The mean is 1,040 ms then, and the variance 2,400: two fifths of what is new.
        assert_eq!(period(&mut arc, &mut now, 1_100, Outcome::Success), 90);
        period(&mut arc, &mut now, last, Outcome::Success)
    };
    assert_eq!(after(1_040), 91);
    assert_eq!(after(1_041), 90);
    assert_eq!(after(1_162), 90);
    assert_eq!(after(1_163), 81);
}

#[test]
fn cubic_falls_to_seven_tenths_and_is_back_when_the_curve_is_flat() {
    let mut cubic = AwsCubic::new(64);
    for call in 1..=100 {
        assert_eq!(wait(&mut cubic, call * 100), 0, "nothing is limited before the first refusal");
        cubic.on_start(ms(call * 100), 0);
        end(&mut cubic, call * 100, 10, 1, Outcome::Success);
    }
    end(&mut cubic, 10_050, 10, 1, Outcome::RateLimited);
    // Ten a second: seven now, from an empty bucket.
    assert_eq!(wait(&mut cubic, 10_050), 142);
    // It is back after the cube root of 10 x 0.3 / 0.4 seconds: the bucket holds ten then.
    for call in 101..=119 {
        end(&mut cubic, call * 100, 10, 1, Outcome::Success);
    }
    end(&mut cubic, 12_007, 10, 1, Outcome::Success);
    for _ in 0..64 {
        cubic.on_start(ms(12_007), 0);
    }
    assert_eq!(wait(&mut cubic, 12_007), 100);
    for refusal in 0..60 {
        end(&mut cubic, 12_100 + refusal * 2_000, 10, 1, Outcome::RateLimited);
    }
    for _ in 0..64 {
        cubic.on_start(ms(130_100), 0);
    }
    assert_eq!(wait(&mut cubic, 130_100), 2_000, "never slower than one call in two seconds");
}

#[test]
fn cubic_measures_four_fifths_of_what_is_new() {
    let mut cubic = AwsCubic::new(64);
    for half_second in 1..=20 {
        for _ in 0..5 {
            end(&mut cubic, half_second * 500, 10, 1, Outcome::Success);
        }
    }
    // Fifteen in half a second, four of them from before, after ten in each second: 26 a second by
    // now, of which seven tenths are left.
    for call in 0..10 {
        end(&mut cubic, 10_490 + call, 10, 1, Outcome::Success);
    }
    end(&mut cubic, 10_500, 10, 1, Outcome::RateLimited);
    assert_eq!(wait(&mut cubic, 10_500), 54);
}

#[test]
fn sre_holds_back_what_is_more_than_twice_what_was_accepted() {
    let held_back = |refused: u64, accepted: u64, now: u64| {
        (0..1000)
            .filter(|seed| {
                let mut sre = SreThrottle::new(64, Seed(*seed));
                for _ in 0..refused {
                    end(&mut sre, 1_000, 10, 1, Outcome::RateLimited);
                }
                for _ in 0..accepted {
                    end(&mut sre, 1_000, 10, 1, Outcome::Success);
                }
                let wait = wait(&mut sre, now);
                assert!(wait == 0 || wait == 500, "{wait}");
                wait > 0
            })
            .count()
    };
    assert_eq!(held_back(50, 50, 1_000), 0);
    // (100 - 2 x 25) / 101.
    assert!((450..=540).contains(&held_back(75, 25, 1_000)), "{}", held_back(75, 25, 1_000));
    assert!(held_back(99, 0, 1_000) > 970);
    assert!(held_back(99, 0, 120_999) > 970);
    assert_eq!(held_back(99, 0, 121_000), 0, "two minutes later all is forgotten");
}

#[test]
fn pace_starts_one_call_every_so_often() {
    let told =
        KnownQuota { requests: Some(30), tokens: Some(6_000), window: Duration::from_mins(1) };
    let mut pace = Paced::new(64, told);
    assert_eq!(wait(&mut pace, 0), 0);
    pace.on_start(ms(0), 100);
    assert_eq!(wait(&mut pace, 0), 2_000, "the requests are the narrower quota");
    pace.on_start(ms(2_000), 900);
    assert_eq!(wait(&mut pace, 2_000), 9_000, "the tokens are");
    assert_eq!(wait(&mut pace, 11_000), 0);
}
