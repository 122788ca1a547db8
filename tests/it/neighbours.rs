//! Another client on the same quota, which was there before or used it up; and waits in whole seconds.

use tagspace::Metric;
use tagspace::internals::pipeline::limiter::algorithm::{Limit, Outcome};
use tagspace::internals::pipeline::provider::stated_quota::Dimension;
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{PLAIN, judged, scenario};
use crate::quota::limiter;
use crate::quota_must_not_learn::{call, ms, stating};

/// The last of these runs, of calls with one page each.
fn last_run(runs: &str, settings: &[&str]) -> JudgedRun {
    let base = [
        "pipeline.profile=\"recommended\"",
        "pipeline.batch_size=1",
        "pipeline.max_batch_size=1",
        "pipeline.in_flight_batches=64",
        "confluence.latency.ms=5",
        "deadline_s=40000",
    ];
    let settings: Vec<&str> = base.iter().chain(settings).copied().collect();
    judged(&scenario(&format!("{PLAIN}{runs}"), &settings)).runs.pop().unwrap()
}

/// A job that starts some seconds later.
fn late(start_s: u64, pages: u64, settings: &[&str]) -> JudgedRun {
    let runs = format!(
        "[[run]]\nname = \"before\"\npages = 0\n[[run]]\nname = \"run\"\npages = {pages}\nchanged_ratio = 1\nstart_after_s = {start_s}\n"
    );
    let all = format!("space.pages={pages}");
    last_run(&runs, &[settings, &[&all]].concat())
}

/// How many times the bound it took, in hundredths, and how many calls were refused.
fn cost(run: &JudgedRun) -> (u64, u64) {
    let number = |name| run.figures.number(name);
    assert_eq!((number(Metric::PagesFailed), number(Metric::Fallbacks)), (0, 0));
    (number(Metric::Makespan) * 100 / number(Metric::BoundMakespan), number(Metric::RateLimited))
}

#[test]
fn half_is_left_to_one_who_was_there_first() {
    // The bound knows no neighbour: twice of it is what half of the quota takes.
    let mut missed = Vec::new();
    for (quota, neighbour, start_s, pages, most) in [
        ("requests = 16", "requests = 8", 57, 100, (220, 9)),
        ("requests = 16", "requests = 2", 55, 100, (160, 6)),
        ("requests = 60", "requests = 6", 33, 300, (190, 8)),
        ("requests = 150", "requests = 75", 55, 500, (220, 40)),
        ("requests = 600", "requests = 100", 58, 1200, (350, 20)),
        ("requests = 20, per_s = 10", "requests = 2", 1, 120, (180, 4)),
        ("requests = 20, per_s = 10", "requests = 2", 33, 120, (180, 4)),
        ("requests = 16, per_s = 10", "requests = 8, per_s = 10", 57, 100, (220, 8)),
        (
            "requests = 20, per_s = 7, window = \"fixed\"",
            "requests = 3, per_s = 7",
            1,
            100,
            (280, 10),
        ),
        ("requests = 16, window = \"bucket\"", "requests = 4", 57, 100, (110, 5)),
    ] {
        let quota = format!("gemini.quota={{ {quota} }}");
        let neighbour = format!("gemini.neighbour={{ {neighbour} }}");
        let cost = cost(&late(start_s, pages, &[&quota, &neighbour]));
        let what = format!("{quota} {neighbour}, after {start_s} s");
        if cost.0 > most.0 || cost.1 > most.1 {
            missed.push(format!("{what}: {cost:?}, at most {most:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_window_that_somebody_has_used_up_says_nothing_of_the_next_run() {
    let other = |requests: u64| {
        format!(
            "[[run]]\nname = \"other\"\npages = {requests}\n[run.pipeline]\nlimiter = \"fixed\"\nconcurrency = 64\nmax_concurrency = 64\n\
             [[run]]\nname = \"one\"\npages = 1\nchanged_ratio = 1\n\
             [[run]]\nname = \"job\"\npages = {}\nchanged_ratio = 1\nstart_after_s = 300\n",
            3 * requests
        )
    };
    for (requests, per_s) in [(20, 10), (40, 60)] {
        let quota = format!("gemini.quota={{ requests = {requests}, per_s = {per_s} }}");
        let run = last_run(&other(requests), &[&quota, "space.pages=200"]);
        let (over, refused) = cost(&run);
        assert!(over <= 125 && refused <= 2, "{quota}: {over} % of the bound, {refused} refused");
    }
}

#[test]
fn of_a_shared_quota_all_is_remembered_that_was_stated() {
    let mut limiter = limiter(None);
    for sent in 0..8 {
        call(&mut limiter, sent * 100, 0, Outcome::Success.into());
    }
    let refusal = stating(Outcome::RateLimited, Dimension::Requests, 16, Some(40_000));
    call(&mut limiter, 800, 0, refusal);
    let (known, kept) = (&limiter.learned()[0], &limiter.remember(ms(600_000))[0]);
    assert_eq!((known.limit, known.is_inferred), (8, true), "half of it is ours: {known:?}");
    assert_eq!((kept.limit, kept.window_ms, kept.inferred), (16, 60_000, false), "{kept:?}");
}

#[test]
fn short_windows_and_fast_buckets_are_told_apart_though_waits_are_rounded() {
    let (mut worlds, mut missed) = (Vec::new(), Vec::new());
    // Whatever is left of a window that begins at fixed times when the job does.
    worlds.extend((0..7).map(|second| ("fixed", 20, 7, 70 + second, (145, 26))));
    worlds.extend([
        ("fixed", 12, 5, 102, (135, 5)),
        ("fixed", 20, 3, 61, (200, 6)),
        ("sliding", 10, 1, 1, (260, 3)),
        ("bucket", 12, 5, 1, (135, 8)),
        ("bucket", 20, 10, 1, (240, 4)),
        ("bucket", 15, 60, 1, (101, 3)),
        ("bucket", 60, 60, 1, (101, 15)),
        ("bucket", 100, 60, 1, (101, 14)),
    ]);
    for (window, requests, per_s, start_s, most) in worlds {
        let quota = format!(
            "gemini.quota={{ requests = {requests}, per_s = {per_s}, window = \"{window}\", hint = \"retry-after\" }}"
        );
        let cost = cost(&late(start_s, 6 * requests, &[&quota]));
        let what = format!("{quota}, after {start_s} s");
        if cost.0 > most.0 || cost.1 > most.1 {
            missed.push(format!("{what}: {cost:?}, at most {most:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
