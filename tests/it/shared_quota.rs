//! Quotas that are more than one window: another amount midway, several windows at once, and
//! neighbours that take a part.

use tagspace::Metric;
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::quota::{Dimension, Quota, QuotaConfig};
use tagspace::internals::fakes::world_event::{Service, WorldEvent};
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::recorder::entry::{Entry, What};

use proptest::prelude::*;

use crate::common::{PLAIN, judged, plain, same_cases, scenario};

fn quota(text: &str) -> Quota {
    Quota::new(&toml::from_str::<QuotaConfig>(text).unwrap())
}

fn calendar() -> Calendar {
    Calendar::new(jiff::Timestamp::UNIX_EPOCH)
}

/// How many of `calls` calls at this time are taken, and the limit that a refusal states.
fn taken(quota: &mut Quota, at_ms: u64, calls: u64) -> (u64, Option<u64>) {
    let (mut taken, mut stated) = (0, None);
    for _ in 0..calls {
        match quota.admit(at_ms, 10, &calendar()) {
            Ok(()) => taken += 1,
            Err(refusals) => stated = Some(refusals[0].limit),
        }
    }
    (taken, stated)
}

#[test]
fn a_quota_falls_midway_and_the_window_keeps_what_it_holds() {
    let mut quota = quota("requests = 6\nchange = [{ at_s = 30, requests = 2 }]");
    assert_eq!(taken(&mut quota, 29_000, 4), (4, None));
    // Four are held, which is more than is allowed now.
    assert_eq!(taken(&mut quota, 30_000, 1), (0, Some(2)));
    assert_eq!(taken(&mut quota, 88_999, 1), (0, Some(2)));
    assert_eq!(taken(&mut quota, 89_000, 3), (2, Some(2)));
}

#[test]
fn a_quota_rises_midway_and_headers_say_so() {
    let mut quota = quota("requests = 2\ntokens = 100\nchange = [{ at_s = 30, requests = 5 }]");
    assert_eq!(taken(&mut quota, 0, 3), (2, Some(2)));
    assert_eq!(taken(&mut quota, 29_999, 1), (0, Some(2)));
    let left = quota.left(30_000);
    assert_eq!(
        left.iter().map(|(_, left)| (left.limit, left.left)).collect::<Vec<_>>(),
        [(5, 3), (100, 80)]
    );
    assert_eq!(taken(&mut quota, 30_000, 4), (3, Some(5)));
}

#[test]
fn a_bucket_refills_at_the_old_pace_until_the_new_one_comes() {
    let text =
        "requests = 60\nwindow = \"bucket\"\nburst = 10\nchange = [{ at_s = 5, requests = 6 }]";
    let mut quota = quota(text);
    assert_eq!(taken(&mut quota, 0, 11).0, 10);
    // Five came back in the first five seconds, one in the ten after that.
    assert_eq!(taken(&mut quota, 15_000, 10).0, 6);
}

#[test]
fn a_fixed_window_takes_the_new_amount_within_the_window() {
    let mut quota = quota(
        "requests = 4\nwindow = \"fixed\"\nchange = [{ at_s = 10, tokens = 20, requests = 2 }]\ntokens = 100",
    );
    assert_eq!(taken(&mut quota, 0, 1), (1, None));
    assert_eq!(taken(&mut quota, 10_000, 3).0, 1);
    assert_eq!(taken(&mut quota, 60_000, 5).0, 2);
    let window = toml::from_str::<QuotaConfig>("requests = 4").unwrap();
    assert!(window.window_of(Dimension::Tokens).is_none());
}

#[test]
fn headers_of_a_bucket_say_what_it_holds() {
    let mut quota = quota("requests = 60\nwindow = \"bucket\"\nburst = 5");
    assert_eq!(taken(&mut quota, 0, 2), (2, None));
    let (_, left) = quota.left(0)[0];
    assert_eq!((left.limit, left.left, left.reset_ms), (60, 3, 2_000));
    let (_, left) = quota.left(9_000)[0];
    assert_eq!((left.left, left.reset_ms), (5, 0));
}

#[test]
fn of_two_windows_at_once_the_fuller_one_refuses() {
    let mut quota =
        quota("requests = 6\nwindow = \"fixed\"\nalso = [{ requests = 3, per_s = 10 }]");
    assert_eq!(taken(&mut quota, 0, 4), (3, Some(3)));
    let refusals = quota.admit(1_000, 10, &calendar()).unwrap_err();
    assert_eq!((refusals.len(), refusals[0].retry_ms), (1, 9_000));
    // Headers speak of the first.
    let left = quota.left(1_000);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].1.limit, left[0].1.left, left[0].1.reset_ms), (6, 3, 59_000));
    // Where both are full, the longer wait is told.
    assert_eq!(taken(&mut quota, 10_000, 4).0, 3);
    let refusals = quota.admit(11_000, 10, &calendar()).unwrap_err();
    let told: Vec<(u64, u64)> = refusals.iter().map(|one| (one.limit, one.retry_ms)).collect();
    assert_eq!(told, [(6, 49_000), (3, 9_000)]);
    assert_eq!(taken(&mut quota, 20_000, 1), (0, Some(6)));
    assert_eq!(taken(&mut quota, 60_000, 4), (3, Some(3)));
}

proptest! {
    #![proptest_config(same_cases(256))]

    #[test]
    fn windows_at_once_admit_what_each_of_them_admits(
        kind in prop::sample::select(vec!["sliding", "fixed", "bucket"]),
        limits in (1_u64..8, 1_u64..8),
        gaps in prop::collection::vec((0_u64..4_000, 1_u64..30), 1..60),
    ) {
        let text = |requests, tokens, per_s| format!(
            "requests = {requests}\ntokens = {tokens}\nper_s = {per_s}\nwindow = \"{kind}\""
        );
        let (first, tokens) = (text(limits.0, 90, 20), limits.1 * 10);
        let beside = format!("also = [{{ requests = {}, tokens = {tokens}, per_s = 5 }}]", limits.1);
        let mut both = quota(&format!("{first}\n{beside}"));
        let (mut one, mut other) = (quota(&first), quota(&text(limits.1, tokens, 5)));
        let mut now = 0;
        for (gap, amount) in gaps {
            now += gap;
            let admits = |quota: &mut Quota, amount| quota.admit(now, amount, &calendar()).is_ok();
            // A call of no tokens that is taken back would change nothing: ask what is free instead.
            let is_free = |quota: &mut Quota| {
                let left = quota.left(now);
                left.iter().all(|(what, left)| left.left >= if *what == "tokens" { amount } else { 1 })
            };
            let fits = is_free(&mut one) && is_free(&mut other);
            prop_assert_eq!(admits(&mut both, amount), fits);
            if fits {
                prop_assert!(admits(&mut one, amount) && admits(&mut other, amount));
            }
        }
    }
}

/// What the neighbour's calls came to.
fn visits(log: &Log) -> (u64, u64) {
    let of = |what: &What| match what {
        What::World(WorldEvent::Neighbour { service: Service::Gemini, admitted, refused }) => {
            Some((*admitted, *refused))
        }
        _ => None,
    };
    let all = log.entries.iter().filter_map(|entry| of(&entry.what));
    all.fold((0, 0), |sum, visit| (sum.0 + visit.0, sum.1 + visit.1))
}

#[test]
fn a_neighbour_takes_of_the_same_window_evenly() {
    let alone = ["gemini.quota={ requests = 6 }", "pipeline.batch_size=1", "pipeline.attempts=99"];
    let shared = [&alone[..], &["gemini.neighbour={ requests = 4, per_s = 60 }"]].concat();
    let (alone, shared) = (plain(&alone), plain(&shared));
    assert_eq!(visits(&alone.log), (0, 0));
    let (admitted, refused) = visits(&shared.log);
    // Every 15 seconds one, from virtual zero to our last call.
    let last = shared.figures.number(Metric::Makespan) / 15_000;
    assert!(
        admitted > 0 && (last..=last + 1).contains(&(admitted + refused)),
        "{admitted} {refused}"
    );
    assert!(shared.figures.number(Metric::RateLimited) > alone.figures.number(Metric::RateLimited));
}

#[test]
fn what_a_neighbour_is_refused_counts_where_refused_calls_do() {
    let world = |counts: bool| {
        let quota = format!("gemini.quota={{ requests = 2, refused_count = {counts} }}");
        let settings = [
            quota.as_str(),
            "gemini.neighbour={ requests = 30, per_s = 60 }",
            "pipeline.profile=\"recommended\"",
            "space.pages=5",
            "pipeline.batch_size=1",
            "deadline_s=7200",
            "pipeline.patience_s=600",
        ];
        judged(&scenario(PLAIN, &settings)).runs.remove(0)
    };
    // Its refused calls keep the window full for ever: then we never come in.
    let (open, shut) = (world(false), world(true));
    assert_eq!(open.figures.number(Metric::Fallbacks), 0);
    assert!(shut.figures.number(Metric::Fallbacks) > 0);
}

#[test]
fn neighbours_come_and_leave() {
    let base = [
        "gemini.quota={ requests = 20, per_s = 10 }",
        "space.pages=200",
        "pipeline.batch_size=1",
        "pipeline.limiter=\"pace\"",
        "pipeline.quota={ requests = 12, per_s = 10 }",
        "pipeline.attempts=99",
    ];
    let with = |neighbour: &str| {
        plain(&[&base[..], &[&format!("gemini.neighbour={neighbour}")]].concat()).log
    };
    let log = with("{ requests = 18, per_s = 10, from_s = 40, until_s = 80 }");
    let seen = |entry: &Entry| matches!(entry.what, What::World(WorldEvent::Neighbour { .. }));
    let times: Vec<u64> = log.entries.iter().filter(|e| seen(e)).map(|e| e.t_ms / 1000).collect();
    // A call of ours comes at least every second, and finds what they have done until then.
    assert!(times.first() == Some(&40) && times.iter().all(|s| (40..=80).contains(s)), "{times:?}");
    let (admitted, refused) = visits(&log);
    assert_eq!(admitted + refused, 4 * 18);
    // Two that follow each other do the same as one, in whatever order they are named.
    let two = "[{ requests = 18, per_s = 10, from_s = 60, until_s = 80 }, { requests = 18, per_s = 10, from_s = 40, until_s = 60 }]";
    assert_eq!(visits(&with(two)), (admitted, refused));
}
