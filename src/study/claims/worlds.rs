//! The worlds in which the claims are judged.
//!
//! One base, and a quota for each kind of account from the smallest free one to a large paid one.
//! Nothing in it is chosen so that a claim holds or falls: latencies are those of the shipped
//! scenarios, page lengths those of production (534 to 1,001 tokens a call), quotas those that were
//! published or seen.

use crate::study::experiment::trial::Trial;

/// What all worlds have in common.
pub const BASE: &str = r#"# Which of the plan's promises are true?
schema = 1
seed = 1
[space]
pages = 100
chars = { median = 2600, sigma = 0.3, max = 6000 }
[confluence]
latency = { dist = "lognormal", median_ms = 180, sigma = 0.4 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 450, sigma = 0.5, ms_per_1k_input_tokens = 18, output_tokens_per_s = 200, tail = { ratio = 0.01, min_ms = 5000, max_ms = 20000 } }
[openai]
model = "gpt-6-luna"
latency = { dist = "lognormal", median_ms = 900, sigma = 0.4 }
"#;

/// An account with its quota.
#[derive(Debug, PartialEq, Eq)]
pub struct AccountTier {
    /// Its name in tables.
    pub name: &'static str,
    /// The quota, as scenarios have it.
    pub quota: &'static str,
    /// Where that is from.
    pub source: &'static str,
}

/// The accounts, from small to large.
pub const TIERS: &[AccountTier] = &[
    AccountTier {
        name: "free-5",
        quota: "{ requests = 5, tokens = 250_000, per_day = 20, tier = \"free\" }",
        source: "gemini-2.5-flash without billing, from refusals seen in 2026",
    },
    AccountTier {
        name: "measured-12",
        quota: "{ requests = 12, tier = \"free\" }",
        source: "what production measured on 2026-01-03 (scenarios/production.toml)",
    },
    AccountTier {
        name: "free-15",
        quota: "{ requests = 15, tokens = 250_000, per_day = 500, tier = \"free\" }",
        source: "gemini-3.5-flash-lite without billing, from refusals seen in 2026",
    },
    AccountTier {
        name: "paid-150",
        quota: "{ requests = 150, tokens = 2_000_000, per_day = 10_000 }",
        source: "gemini-2.5-pro, tier 1, as published in 2025",
    },
    AccountTier {
        name: "paid-1000",
        quota: "{ requests = 1000, tokens = 1_000_000, per_day = 10_000 }",
        source: "gemini-2.5-flash, tier 1, as published in 2025",
    },
];

/// The accounts on which other things than the quota are varied: a free one and a paid one.
pub fn tiers_of_axes() -> impl Iterator<Item = &'static AccountTier> {
    TIERS.iter().filter(|tier| matches!(tier.name, "free-15" | "paid-1000"))
}

/// What is done in a world: how large the space is and which runs follow one another.
#[derive(Debug, PartialEq, Eq)]
pub struct Setup {
    /// The pages of the space.
    pub pages: u64,
    /// The `[[run]]` tables; one run if there are none.
    pub runs: &'static str,
    /// What they do, in words.
    pub what: &'static str,
    /// With how many seeds at most.
    pub seeds: u64,
}

impl Setup {
    /// It with this quota under this profile.
    pub fn trial(&self, quota: &str, profile: &str) -> Trial {
        let settings = vec![
            format!("space.pages={}", self.pages),
            format!("gemini.quota={quota}"),
            format!("pipeline.profile={profile}"),
        ];
        let text = format!("{BASE}{}", self.runs);
        Trial { name: "claims".to_owned(), text, settings, seed: 1 }
    }
}

/// As many as are asked for.
const ANY: u64 = u64::MAX;
/// Where little is left to chance, or a trial takes as long as five others.
pub const EIGHT: u64 = 8;

/// A space of this size, tagged once.
pub const fn once(pages: u64) -> Setup {
    Setup { pages, runs: "", what: "tagged once", seeds: if pages < 500 { ANY } else { EIGHT } }
}

/// 100 pages, and again after 30 % of them may have changed.
pub const TWICE: Setup = Setup {
    pages: 100,
    runs: "[[run]]\nname = \"first\"\n[[run]]\nname = \"second\"\nchanged_ratio = 0.3\n",
    what: "again with up to 30 % changed",
    seeds: ANY,
};

/// The same pages twice.
pub const UNCHANGED: Setup = Setup {
    pages: 100,
    runs: "[[run]]\nname = \"first\"\n[[run]]\nname = \"second\"\n",
    what: "again unchanged",
    seeds: EIGHT,
};

/// The runs of the plan's own test script: 10 pages, 100 pages, the same 100 again.
pub const SCRIPT: Setup = Setup {
    pages: 10,
    runs: "[[run]]\nname = \"test1\"\n[[run]]\nname = \"test2\"\npages = 100\n[[run]]\nname = \"test3\"\n",
    what: "then 100, then the same 100",
    seeds: EIGHT,
};

macro_rules! stopped_after {
    ($seconds:literal) => {
        Setup {
            pages: 100,
            runs: concat!(
                "[[run]]\nname = \"stopped\"\ncancel_at_s = ",
                $seconds,
                "\n[[run]]\nname = \"rest\"\n"
            ),
            what: concat!("stopped after ", $seconds, " s, then the rest"),
            seeds: ANY,
        }
    };
}

/// A run that is stopped at once, and one that does the rest.
pub const STOPPED_EARLY: Setup = stopped_after!(1);
/// The same, stopped in its middle.
pub const STOPPED_MIDWAY: Setup = stopped_after!(5);

/// The profiles that are shown beside each other.
pub const PROFILES: [&str; 3] = ["before", "documented", "recommended"];
