//! The pace of Confluence: found, whatever a site says of its limit, and never set.

use std::time::Duration;

use proptest::prelude::*;
use tagspace::Metric;
use tagspace::internals::pipeline::limiter::algorithm::{
    CallReport, EndedCall, Limit, Outcome, Start,
};
use tagspace::internals::pipeline::limiter::site_pace::SitePace;
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, Remainder, Stated};
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{PLAIN, judged, same_cases, scenario};

/// A run whose only limit is the site's.
fn played(more: &[&str]) -> JudgedRun {
    let settings = [
        "pipeline.profile=\"recommended\"",
        "confluence.latency={ dist = \"lognormal\", median_ms = 180, sigma = 0.4 }",
        "gemini.latency={ dist = \"fixed\", ms = 20 }",
        "space.pages=300",
        "space.chars.median=60",
    ];
    judged(&scenario(PLAIN, &[&settings[..], more].concat())).runs.remove(0)
}

fn number(run: &JudgedRun, metric: Metric) -> u64 {
    run.figures.number(metric)
}

#[test]
fn a_site_that_says_what_is_left_refuses_nothing() {
    for (requests, per_s) in [(60, 10), (20, 3), (100, 60), (30, 1)] {
        for hint in ["retry-after", "reset"] {
            let limit = format!(
                "confluence.rate_limit={{ requests = {requests}, per_s = {per_s}, hint = \"{hint}\" }}"
            );
            let run = played(&[&limit]);
            let told = format!("{limit}: {} ms", number(&run, Metric::Makespan));
            assert_eq!(number(&run, Metric::PagesTagged), 300, "{told}");
            assert_eq!(number(&run, Metric::ConfluenceRateLimited), 0, "{told}");
            // A reset is stated to the second, so that short windows seem up to two seconds longer.
            let windows = 300 / requests;
            let at_most = (windows + 1) * (per_s + 2) * 1000 + 3_000;
            assert!(number(&run, Metric::Makespan) <= at_most, "{told}, at most {at_most}");
        }
    }
}

#[test]
fn a_site_that_says_nothing_before_it_refuses_teaches_by_that() {
    // Without headers, as behind a gateway: the refusals of one epoch, and those of a longer window.
    let limit = "confluence.rate_limit={ requests = 60, per_s = 10, hint = \"none\" }";
    let run = played(&[limit]);
    assert_eq!(number(&run, Metric::PagesTagged), 300);
    let makespan = number(&run, Metric::Makespan);
    assert!(makespan <= 110_000, "{makespan}");
}

#[test]
fn where_nothing_binds_the_pace_is_soon_as_high_as_it_may_be() {
    let found = number(&played(&[]), Metric::Makespan);
    let fixed = ["pipeline.confluence_pace=\"fixed\""];
    let fixed = number(&played(&fixed), Metric::Makespan);
    assert!(found <= fixed + 800, "found {found} ms, fixed {fixed} ms");
}

#[test]
fn what_makes_no_sense_is_not_believed() {
    // More than there is, and a quota that is there again in eight thousand years.
    let second = Duration::from_secs(1);
    for (limit, calls, reset) in [
        (None, u64::MAX, second),
        (Some(u64::MAX), u64::MAX, second),
        (Some(1), 0, Duration::from_secs(250_000_000_000)),
        (Some(10), 30_000, Duration::from_hours(1)),
    ] {
        let mut pace = SitePace::new(6, 64);
        for call in 0..100 {
            let now = Duration::from_millis(call * 10);
            assert_eq!(pace.next_start(now, 0), Start::Now, "{limit:?} {calls} {reset:?}");
            pace.on_start(now, 0);
            let left = Some(Remainder { amount: calls, reset });
            let stated = Stated { limit, left, ..Stated::of(Dimension::Requests) };
            let verdict = CallReport { quotas: vec![stated], ..Outcome::Success.into() };
            pace.on_end(now, &EndedCall { sent: now, tokens: 0, in_flight: 1, verdict });
        }
    }
}

/// A site with a sliding window that states nothing but the wait, and calls as fast as they may go.
fn refused_of(limit: u64, window_ms: u64, calls: u64) -> (u64, u64) {
    let mut pace = SitePace::new(6, 64);
    let (mut now, mut admitted, mut refused): (u64, Vec<u64>, u64) = (0, Vec::new(), 0);
    let ms = Duration::from_millis;
    while (admitted.len() as u64) < calls {
        match pace.next_start(ms(now), 0) {
            Start::At(at) => {
                let at = u64::try_from(at.as_millis()).unwrap();
                assert!(at > now, "a start in the past");
                now = at;
                continue;
            }
            Start::Now => {}
            other => panic!("{other:?}"),
        }
        pace.on_start(ms(now), 0);
        let held = admitted.iter().filter(|at| **at + window_ms > now);
        let mut report: CallReport = Outcome::Success.into();
        let mut wait = 0;
        if held.clone().count() as u64 >= limit {
            wait = held.min().unwrap() + window_ms - now;
            report = Outcome::RateLimited.into();
            report.hint = Some(ms(wait));
            refused += 1;
        } else {
            admitted.push(now);
        }
        let ended = EndedCall { sent: ms(now), tokens: 0, in_flight: 1, verdict: report };
        pace.on_end(ms(now), &ended);
        // A refusal is waited out, as the gate of the site does.
        now += wait + 5;
    }
    (refused, now)
}

proptest! {
    #![proptest_config(same_cases(256))]

    #[test]
    fn a_window_is_learned_from_few_refusals(
        limit in 5_u64..200,
        window_s in prop_oneof![Just(1_u64), Just(3), Just(10), Just(60), Just(300)],
    ) {
        let calls = limit * 6;
        let (refused, took) = refused_of(limit, window_s * 1000, calls);
        // Six windows, and some more: each window a few calls more are tried.
        prop_assert!(refused <= 8, "{} refused", refused);
        let fastest = 5 * window_s * 1000;
        prop_assert!(took <= fastest * 2 + 12_000, "{} ms of {}", took, fastest);
    }
}
