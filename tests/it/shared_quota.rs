//! Quotas that do not stay as they are: another amount midway, and a neighbour that takes a part.

use tagspace::Metric;
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::quota::{Dimension, Quota, QuotaConfig};
use tagspace::internals::fakes::world_event::{Service, WorldEvent};
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::recorder::entry::What;

use crate::common::{PLAIN, judged, plain, scenario};

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
