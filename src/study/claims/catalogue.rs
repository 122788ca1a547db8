//! The claims, as statements.
//!
//! Where a claim says what things were like before, a statement about the state before takes the
//! lower end of it: the worse it was, the more there is to promise.

use std::ops::RangeInclusive;

use super::Claim;
use super::factor::{
    BATCH, BATCH_WITHOUT_MISSES, CHANGED, LATENCY, MISSES, PAGES, PAGES_OF_CACHE, QUOTA,
    REPETITIONS,
};
use super::observable::Observable;
use super::observable::Observable::{
    CumulativeHits, FallbacksOfCalls, Figure, Final, Highest, Less, Lost, Times, Untold,
    WrittenTwice,
};
use super::statement::Hypothesis;
use super::worlds::{SCRIPT, STOPPED_EARLY, STOPPED_MIDWAY, Setup, TWICE, UNCHANGED, once};

use crate::study::measure::metric::Metric;

const SMALL: &Setup = &once(10);
const FIFTH: &Setup = &once(20);
const HUNDRED: &Setup = &once(100);
const MEDIUM: &Setup = &once(200);
const LARGE: &Setup = &once(500);

const fn before(quantity: Observable, range: RangeInclusive<u64>) -> Hypothesis {
    Hypothesis { profile: "before", setup: HUNDRED, quantity, range }
}

const fn plan(
    setup: &'static Setup,
    quantity: Observable,
    range: RangeInclusive<u64>,
) -> Hypothesis {
    Hypothesis { profile: "documented", setup, quantity, range }
}

const fn rollback(quantity: Observable, range: RangeInclusive<u64>) -> Hypothesis {
    Hypothesis { profile: "conservative", setup: HUNDRED, quantity, range }
}

const fn at_most(most: u64) -> RangeInclusive<u64> {
    0..=most
}

const fn at_least(least: u64) -> RangeInclusive<u64> {
    least..=u64::MAX
}

/// Every claim but that about the parts alone ([`Ablation`](super::ablation::Ablation)), in order.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "C1",
        says: "100 pages take 4-8 AI calls instead of 100-200, 20-50 times fewer",
        statements: &[
            before(Figure(0, Metric::AiCalls), at_least(100)),
            plan(HUNDRED, Figure(0, Metric::AiCalls), at_most(8)),
            plan(HUNDRED, Times(Metric::AiCalls), at_least(20_000)),
        ],
        axes: &[QUOTA, BATCH, BATCH_WITHOUT_MISSES],
    },
    Claim {
        id: "C2",
        says: "its test script: at most 20 AI calls for 100 pages, at most 2 for 10",
        statements: &[
            plan(HUNDRED, Figure(0, Metric::AiCalls), at_most(20)),
            plan(SMALL, Figure(0, Metric::AiCalls), at_most(2)),
        ],
        axes: &[QUOTA, MISSES],
    },
    Claim {
        id: "C3",
        says: "100 pages take 30-60 s instead of 5-10 min, 5-10 times less",
        statements: &[
            before(Figure(0, Metric::Makespan), at_least(300_000)),
            plan(HUNDRED, Figure(0, Metric::Makespan), at_most(60_000)),
            plan(HUNDRED, Times(Metric::Makespan), at_least(5_000)),
        ],
        axes: &[QUOTA, LATENCY],
    },
    Claim {
        id: "C4",
        says: "1-3 % of calls meet a 429 instead of 15-20 %, 80-90 % fewer",
        statements: &[
            before(Figure(0, Metric::RateLimitedRatio), at_least(150_000)),
            plan(HUNDRED, Figure(0, Metric::RateLimitedRatio), at_most(30_000)),
            plan(HUNDRED, Less(Metric::RateLimitedRatio), at_least(800_000)),
        ],
        axes: &[QUOTA, BATCH],
    },
    Claim {
        id: "C5",
        says: "0-1 % of prompts fall back to GPT instead of 10-15 %, 90-100 % fewer",
        statements: &[
            before(Figure(0, Metric::FallbackRatio), at_least(100_000)),
            plan(HUNDRED, Figure(0, Metric::FallbackRatio), at_most(10_000)),
            plan(HUNDRED, Less(Metric::FallbackRatio), at_least(900_000)),
        ],
        axes: &[QUOTA, BATCH],
    },
    Claim {
        id: "C6",
        says: "60-80 % cache hits on a second run",
        statements: &[plan(&TWICE, Figure(1, Metric::CacheHitRatio), at_least(600_000))],
        axes: &[CHANGED],
    },
    Claim {
        id: "C7",
        says: "its test: more than 60 % hits, cumulative over 10 pages, 100 pages and the same 100",
        statements: &[plan(&SCRIPT, CumulativeHits, at_least(600_001))],
        axes: &[REPETITIONS],
    },
    Claim {
        id: "C8",
        says: "concurrency tunes itself between 1 and 10",
        statements: &[
            plan(HUNDRED, Highest(Metric::Concurrency), 1..=10),
            // It began with 3: no lower at the end, and higher at some time.
            plan(HUNDRED, Final(Metric::Concurrency), at_least(3)),
            plan(HUNDRED, Highest(Metric::Concurrency), at_least(4)),
        ],
        axes: &[QUOTA, PAGES],
    },
    Claim {
        id: "C9",
        says: "batches make N calls into N/5",
        statements: &[plan(HUNDRED, Figure(0, Metric::Prompts), at_most(20))],
        axes: &[MISSES],
    },
    Claim {
        id: "C10",
        says: "an LRU cache of 1,000 entries serves 60-80 % of the second run",
        statements: &[plan(&UNCHANGED, Figure(1, Metric::CacheHitRatio), at_least(600_000))],
        axes: &[PAGES_OF_CACHE],
    },
    Claim {
        id: "C11",
        says: "20 pages take less than 30 s, 200 less than 2 min, 500 less than 10 min",
        statements: &[
            plan(FIFTH, Figure(0, Metric::Makespan), at_most(29_999)),
            plan(MEDIUM, Figure(0, Metric::Makespan), at_most(119_999)),
            plan(LARGE, Figure(0, Metric::Makespan), at_most(599_999)),
        ],
        axes: &[QUOTA, LATENCY],
    },
    Claim {
        id: "C12",
        says: "fewer than 5 % of calls meet a 429, fewer than 2 % fall back",
        statements: &[
            plan(HUNDRED, Figure(0, Metric::RateLimitedRatio), at_most(49_999)),
            plan(HUNDRED, FallbacksOfCalls, at_most(19_999)),
        ],
        axes: &[QUOTA, BATCH],
    },
    Claim {
        id: "C13",
        says: "all at once: 20 calls, 0-1 429s, no fallback, 2-3 retries, 45 s instead of 300 s, then 65 % hits",
        statements: &[
            before(Figure(0, Metric::Makespan), at_least(300_000)),
            plan(&TWICE, Figure(0, Metric::AiCalls), at_most(20)),
            plan(&TWICE, Figure(0, Metric::RateLimited), at_most(1)),
            plan(&TWICE, Figure(0, Metric::Fallbacks), at_most(0)),
            plan(&TWICE, Figure(0, Metric::Retries), at_most(3)),
            plan(&TWICE, Figure(0, Metric::Makespan), at_most(45_000)),
            plan(&TWICE, Figure(1, Metric::CacheHitRatio), at_least(650_000)),
        ],
        axes: &[QUOTA],
    },
    Claim {
        id: "C14",
        says: "rollback to conservative mode is safe: no page lost, no 429",
        statements: &[
            rollback(Lost, at_most(0)),
            rollback(Figure(0, Metric::PagesFailed), at_most(0)),
            rollback(Figure(0, Metric::RateLimited), at_most(0)),
        ],
        axes: &[QUOTA],
    },
    Claim {
        id: "C15",
        says: "work can be stopped and progress is told: nothing lost, nothing written twice",
        statements: &[
            plan(&STOPPED_EARLY, Lost, at_most(0)),
            plan(&STOPPED_EARLY, WrittenTwice, at_most(0)),
            plan(&STOPPED_EARLY, Untold, at_most(0)),
            plan(&STOPPED_EARLY, Figure(1, Metric::PagesNotDone), at_most(0)),
            plan(&STOPPED_MIDWAY, Lost, at_most(0)),
            plan(&STOPPED_MIDWAY, WrittenTwice, at_most(0)),
            plan(&STOPPED_MIDWAY, Untold, at_most(0)),
            plan(&STOPPED_MIDWAY, Figure(1, Metric::PagesNotDone), at_most(0)),
        ],
        axes: &[],
    },
];
