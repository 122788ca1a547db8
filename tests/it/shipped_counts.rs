//! The exact counts of the shipped scenarios, each with the seed of its file.
//!
//! The targets of a scenario hold for many seeds. These counts hold for one: a change that moves
//! one of them is not wrong, but it has to be seen.

use std::path::Path;
use tagspace::Metric;

use tagspace::internals::sim::scenario::Scenario;

use crate::common::judged;

/// A scenario, one of its runs, a figure and its value.
#[rustfmt::skip]
const COUNTS: &[(&str, &str, &str, u64)] = &[
    ("before-after", "before", "ai_calls", 240),
    ("before-after", "before", "rate_limited", 140),
    ("before-after", "before", "fallbacks", 70),
    ("before-after", "documented", "ai_calls", 20),

    ("bursts-503", "run", "faults_fired", 70),
    ("bursts-503", "run", "retries", 53),
    ("bursts-503", "run", "fallbacks", 17),

    ("cancellation", "cancelled", "pages_not_done", 25),
    ("cancellation", "cancelled", "pages_tagged", 75),
    ("cancellation", "cancelled", "labels_written", 75),
    ("cancellation", "resumed", "pages_cached", 75),
    ("cancellation", "resumed", "pages_tagged", 25),
    ("cancellation", "resumed", "labels_written", 25),
    ("cancellation", "resumed", "ai_calls", 5),

    ("confluence-throttling", "run", "confluence_rate_limited", 10),
    ("confluence-throttling", "run", "labels_written", 80),

    ("day-quota", "first", "quota_refusals", 10),
    ("day-quota", "first", "fallbacks", 10),
    ("day-quota", "first", "retries", 0),
    ("day-quota", "first", "ai_calls", 34),
    ("day-quota", "next-day", "quota_refusals", 0),
    ("day-quota", "next-day", "fallbacks", 0),
    ("day-quota", "next-day", "ai_calls", 12),

    ("free-tier-profiles", "before", "rate_limited", 170),
    ("free-tier-profiles", "before", "fallbacks", 85),
    ("free-tier-profiles", "documented", "rate_limited", 20),
    ("free-tier-profiles", "documented", "fallbacks", 5),
    ("free-tier-profiles", "recommended", "ai_calls", 9),

    ("free-tier", "run", "ai_calls", 40),
    ("free-tier", "run", "rate_limited", 20),
    ("free-tier", "run", "fallbacks", 5),

    ("hinted-quota", "run", "quota_refusals", 4),
    ("hinted-quota", "run", "retries", 4),

    ("malformed", "run", "faults_fired", 18),
    ("malformed", "run", "pages_mistagged", 0),
    ("malformed", "run", "retries", 22),
    ("malformed", "run", "ai_calls", 46),

    ("medium", "run", "pages_mistagged", 0),
    ("medium", "run", "ai_calls", 20),
    ("medium", "run", "retries", 0),

    ("random-429", "run", "faults_fired", 16),
    ("random-429", "run", "rate_limited", 16),
    ("random-429", "run", "retries", 17),
    ("random-429", "run", "fallbacks", 0),

    ("second-run", "first", "ai_calls", 20),
    ("second-run", "second", "ai_calls", 4),
    ("second-run", "second", "pages_cached", 80),
    ("second-run", "second", "pages_tagged", 20),
    ("second-run", "second", "pages_mistagged", 0),

    ("short-random-429", "run", "faults_fired", 7),
    ("short-random-429", "run", "rate_limited", 7),
    ("short-random-429", "run", "retries", 7),
    ("short-random-429", "run", "fallbacks", 0),
    ("short-random-429", "run", "limit_cuts", 1),

    ("small", "run", "pages_mistagged", 0),
    ("small", "run", "ai_calls", 2),
];

#[test]
fn the_counts_of_each_files_own_seed_are_the_same_as_ever() {
    let mut differs = Vec::new();
    for of_one in COUNTS.chunk_by(|one, next| one.0 == next.0) {
        let path = Path::new("scenarios").join(of_one[0].0).with_extension("toml");
        let played = judged(&Scenario::read(&path, &[]).unwrap());
        for (scenario, name, figure, value) in of_one {
            let run = played.runs.iter().find(|run| run.name == *name).unwrap();
            let found = run.figures.number(Metric::find(figure).unwrap());
            if found != *value {
                differs
                    .push(format!("{scenario} {name} {figure}: expected {value}, found {found}"));
            }
        }
    }
    assert!(differs.is_empty(), "{}", differs.join("\n"));
}
