//! What is varied to find where a claim begins or ceases to hold.

use super::statement::Configuration;

/// One thing that is varied, and over which range.
#[derive(Debug)]
pub struct Factor {
    /// Its name in files, with its unit.
    pub name: &'static str,
    /// What its numbers count, to be read after a number.
    pub unit: &'static str,
    /// The numbers that are tried first.
    pub points: &'static [u64],
    /// Whether it replaces the quota, so that there is nothing else to choose.
    pub is_quota: bool,
    /// With how many seeds at most: [`MANY`], or [`FEW`] where next to nothing is left to chance.
    pub seeds: u64,
    /// Sets it.
    pub set: fn(&mut Configuration, u64),
}

/// The fewest seeds of which one may fail, as 5 % may.
pub const MANY: u64 = 20;
/// As many as it takes to see that they say the same.
pub const FEW: u64 = 2;

/// Calls a minute, with a million tokens a minute.
pub const QUOTA: Factor = Factor {
    name: "quota_rpm",
    unit: "calls a minute",
    points: &[2, 5, 10, 15, 20, 30, 45, 60, 90, 150, 300, 1000, 4000],
    is_quota: true,
    seeds: MANY,
    set: |place, x| place.quota = format!("{{ requests = {x}, tokens = 1_000_000 }}"),
};

/// Pages in a call.
pub const BATCH: Factor = Factor {
    name: "batch_size",
    unit: "pages in a call",
    points: &[1, 2, 3, 5, 8, 10, 13, 16, 20, 25, 30, 40, 50, 75, 100],
    is_quota: false,
    seeds: MANY,
    set: |place, x| place.after = vec![format!("pipeline.batch_size={x}")],
};

/// The same with a model that misses no page, however many are in a call.
pub const BATCH_WITHOUT_MISSES: Factor = Factor {
    name: "batch_size, none missed",
    unit: "pages in a faultless call",
    set: |place, x| {
        place.everywhere = misses("0");
        place.after = vec![format!("pipeline.batch_size={x}")];
    },
    ..BATCH
};

/// Pages of the space.
pub const PAGES: Factor = Factor {
    name: "pages",
    unit: "pages",
    points: &[10, 50, 100, 200, 500, 1000],
    is_quota: false,
    seeds: MANY,
    set: |place, x| place.everywhere = vec![format!("space.pages={x}")],
};

/// The same for a cache of 1,000 entries.
pub const PAGES_OF_CACHE: Factor =
    Factor { points: &[100, 500, 900, 1000, 1100, 2000], seeds: FEW, ..PAGES };

/// Pages that changed before the second run.
pub const CHANGED: Factor = Factor {
    name: "changed_percent",
    unit: "% of pages changed",
    points: &[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
    is_quota: false,
    seeds: MANY,
    set: |place, x| {
        place.everywhere = vec![format!("run.second.changed_ratio={}.{:02}", x / 100, x % 100)];
    },
};

/// How long a call takes.
pub const LATENCY: Factor = Factor {
    name: "latency_median_ms",
    unit: "ms a call, before tokens",
    points: &[100, 450, 1000, 2000, 4000, 8000, 16_000, 32_000],
    is_quota: false,
    seeds: MANY,
    set: |place, x| place.everywhere = vec![format!("gemini.latency.median_ms={x}")],
};

/// How often a model misses a page, an assumption.
pub const MISSES: Factor = Factor {
    name: "pages_missed_ppm",
    unit: "ppm missed per other page",
    points: &[0, 10, 30, 100, 300, 1000, 3000, 10_000],
    is_quota: false,
    seeds: MANY,
    set: |place, x| place.everywhere = misses(&format!("{}.{:06}", x / 1_000_000, x % 1_000_000)),
};

/// How often the same pages are tagged once more.
pub const REPETITIONS: Factor = Factor {
    name: "repetitions",
    unit: "repeated run(s) of the same pages",
    points: &[0, 1, 2, 4, 8],
    is_quota: false,
    seeds: FEW,
    set: |place, x| {
        let runs: Vec<String> =
            (1..=x).map(|n| format!("[[run]]\nname = \"again{n}\"\n")).collect();
        place.runs = runs.concat();
    },
};

/// How often both models miss a page, for each other page in the call.
fn misses(ratio: &str) -> Vec<String> {
    let of = |service| format!("{service}.answer.miss_ratio_per_extra_page={ratio}");
    ["gemini", "openai"].map(of).to_vec()
}
