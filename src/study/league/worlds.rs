//! The fields of the league: worlds in which limiters compete.
//!
//! Every field is the same base with a few keys set, so that what differs is in plain sight. Quotas
//! go from a free tier to a large paid one, in every kind of window.

/// What a field is about, as far as its bars go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Group {
    /// A quota that says when to come again and what it is.
    Hinted,
    /// A quota that says nothing.
    Silent,
    /// A quota that refused calls use up as well.
    Counting,
    /// 429s that no quota explains.
    Chance,
    /// A service that fails.
    Failing,
    /// A quota that becomes another one midway.
    Changing,
    /// A quota that another client uses as well.
    Shared,
}

impl Group {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A world in which limiters compete.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// The pages, each a call of its own.
    pub pages: u64,
    /// The quota, as scenarios have it.
    pub quota: &'static str,
    /// What the oracle is told of it.
    pub told: &'static str,
    /// What else is set.
    pub settings: &'static [&'static str],
    /// When the job starts, in seconds of virtual time: fixed windows begin at zero.
    pub starts_s: u64,
    /// The longest virtual time: a limiter that takes longer has not finished.
    pub deadline_s: u64,
}

/// What all fields have in common.
pub const BASE: &str = r#"# Which limiter fares best?
schema = 1
seed = 1
[space]
pages = 100
chars = { median = 1500, sigma = 0.4, max = 3000 }
[confluence]
latency = { dist = "lognormal", median_ms = 120, sigma = 0.3 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 900, sigma = 0.3, refusal_ms = 120, ms_per_1k_input_tokens = 18, output_tokens_per_s = 200 }
[openai]
model = "gpt-6-luna"
latency = { dist = "lognormal", median_ms = 900, sigma = 0.4 }
[pipeline]
profile = "recommended"
batch_size = 1
max_batch_size = 1
confluence_concurrency = 32
confluence_pace = "fixed"
label_reads = "by-page"
"#;

const fn field(
    name: &'static str,
    group: Group,
    (pages, deadline_s): (u64, u64),
    quota: &'static str,
    told: &'static str,
) -> World {
    World { name, group, pages, quota, told, settings: &[], starts_s: 0, deadline_s }
}

/// All fields.
pub const FIELDS: &[World] = &[
    field("sliding-5rpm-10", Group::Hinted, (10, 1200), "{ requests = 5 }", "{ requests = 5 }"),
    field("sliding-15rpm-20", Group::Hinted, (20, 1200), "{ requests = 15 }", "{ requests = 15 }"),
    field(
        "sliding-15rpm-200",
        Group::Hinted,
        (200, 8000),
        "{ requests = 15 }",
        "{ requests = 15 }",
    ),
    field(
        "sliding-60rpm-300",
        Group::Hinted,
        (300, 4000),
        "{ requests = 60 }",
        "{ requests = 60 }",
    ),
    field(
        "sliding-150rpm-800",
        Group::Hinted,
        (800, 4000),
        "{ requests = 150 }",
        "{ requests = 150 }",
    ),
    field(
        "sliding-600rpm-1200",
        Group::Hinted,
        (1200, 1200),
        "{ requests = 600 }",
        "{ requests = 600 }",
    ),
    field(
        "sliding-2000rpm-2000",
        Group::Hinted,
        (2000, 1200),
        "{ requests = 2000 }",
        "{ requests = 2000 }",
    ),
    field(
        "sliding-20per10s-60",
        Group::Hinted,
        (60, 600),
        "{ requests = 20, per_s = 10 }",
        "{ requests = 20, per_s = 10 }",
    ),
    field(
        "sliding-10per3s-100",
        Group::Hinted,
        (100, 1200),
        "{ requests = 10, per_s = 3 }",
        "{ requests = 10, per_s = 3 }",
    ),
    field(
        "sliding-12per5s-100",
        Group::Hinted,
        (100, 1200),
        "{ requests = 12, per_s = 5 }",
        "{ requests = 12, per_s = 5 }",
    ),
    field(
        "sliding-30per45s-200",
        Group::Hinted,
        (200, 4000),
        "{ requests = 30, per_s = 45 }",
        "{ requests = 30, per_s = 45 }",
    ),
    field(
        "fixed-15rpm-20",
        Group::Hinted,
        (20, 1200),
        "{ requests = 15, window = \"fixed\" }",
        "{ requests = 15 }",
    ),
    field(
        "fixed-15rpm-200",
        Group::Hinted,
        (200, 8000),
        "{ requests = 15, window = \"fixed\" }",
        "{ requests = 15 }",
    ),
    World {
        starts_s: 47,
        ..field(
            "fixed-15rpm-200-midway",
            Group::Hinted,
            (200, 8000),
            "{ requests = 15, window = \"fixed\" }",
            "{ requests = 15 }",
        )
    },
    field(
        "bucket-15rpm-burst2-100",
        Group::Hinted,
        (100, 4000),
        "{ requests = 15, window = \"bucket\", burst = 2 }",
        "{ requests = 15 }",
    ),
    field(
        "bucket-15rpm-60",
        Group::Hinted,
        (60, 4000),
        "{ requests = 15, window = \"bucket\" }",
        "{ requests = 15 }",
    ),
    field(
        "bucket-600rpm-burst10-600",
        Group::Hinted,
        (600, 1200),
        "{ requests = 600, window = \"bucket\", burst = 10 }",
        "{ requests = 600 }",
    ),
    field(
        "bucket-10per5s-burst2-150",
        Group::Hinted,
        (150, 1200),
        "{ requests = 10, per_s = 5, window = \"bucket\", burst = 2 }",
        "{ requests = 10, per_s = 5 }",
    ),
    field(
        "retry-after-20per10s-100",
        Group::Hinted,
        (100, 1200),
        "{ requests = 20, per_s = 10, hint = \"retry-after\" }",
        "{ requests = 20, per_s = 10 }",
    ),
    field(
        "retry-after-bucket-150rpm-300",
        Group::Hinted,
        (300, 4000),
        "{ requests = 150, window = \"bucket\", burst = 10, hint = \"retry-after\" }",
        "{ requests = 150 }",
    ),
    field(
        "tokens-20000tpm-200",
        Group::Hinted,
        (200, 8000),
        "{ tokens = 20000 }",
        "{ tokens = 20000 }",
    ),
    field(
        "silent-sliding-15rpm-200",
        Group::Silent,
        (200, 8000),
        "{ requests = 15, hint = \"none\" }",
        "{ requests = 15 }",
    ),
    field(
        "silent-sliding-150rpm-600",
        Group::Silent,
        (600, 4000),
        "{ requests = 150, hint = \"none\" }",
        "{ requests = 150 }",
    ),
    field(
        "silent-fixed-15rpm-200",
        Group::Silent,
        (200, 8000),
        "{ requests = 15, window = \"fixed\", hint = \"none\" }",
        "{ requests = 15 }",
    ),
    field(
        "silent-bucket-15rpm-100",
        Group::Silent,
        (100, 4000),
        "{ requests = 15, window = \"bucket\", hint = \"none\" }",
        "{ requests = 15 }",
    ),
    field(
        "silent-bucket-150rpm-300",
        Group::Silent,
        (300, 4000),
        "{ requests = 150, window = \"bucket\", burst = 10, hint = \"none\" }",
        "{ requests = 150 }",
    ),
    field(
        "silent-sliding-5per1s-300",
        Group::Silent,
        (300, 4000),
        "{ requests = 5, per_s = 1, hint = \"none\" }",
        "{ requests = 5, per_s = 1 }",
    ),
    field(
        "silent-sliding-20per20s-150",
        Group::Silent,
        (150, 4000),
        "{ requests = 20, per_s = 20, hint = \"none\" }",
        "{ requests = 20, per_s = 20 }",
    ),
    field(
        "counting-15rpm-200",
        Group::Counting,
        (200, 8000),
        "{ requests = 15, refused_count = true }",
        "{ requests = 15 }",
    ),
    field(
        "counting-60rpm-300",
        Group::Counting,
        (300, 8000),
        "{ requests = 60, refused_count = true }",
        "{ requests = 60 }",
    ),
    field(
        "silent-counting-15rpm-200",
        Group::Counting,
        (200, 8000),
        "{ requests = 15, refused_count = true, hint = \"none\" }",
        "{ requests = 15 }",
    ),
    field(
        "falling-60to15rpm-200",
        Group::Changing,
        (200, 8000),
        "{ requests = 60, change = [{ at_s = 90, requests = 15 }] }",
        "{ requests = 15 }",
    ),
    field(
        "rising-15to60rpm-200",
        Group::Changing,
        (200, 8000),
        "{ requests = 15, change = [{ at_s = 150, requests = 60 }] }",
        "{ requests = 15 }",
    ),
    field(
        "silent-falling-60to15rpm-200",
        Group::Changing,
        (200, 8000),
        "{ requests = 60, hint = \"none\", change = [{ at_s = 90, requests = 15 }] }",
        "{ requests = 15 }",
    ),
    field(
        "silent-rising-15to60rpm-200",
        Group::Changing,
        (200, 8000),
        "{ requests = 15, hint = \"none\", change = [{ at_s = 150, requests = 60 }] }",
        "{ requests = 15 }",
    ),
    World {
        settings: &["gemini.neighbour={ requests = 8 }"],
        ..field(
            "neighbour-16rpm-150",
            Group::Shared,
            (150, 8000),
            "{ requests = 16 }",
            "{ requests = 8 }",
        )
    },
    World {
        settings: &["gemini.error_429_ratio=0.01"],
        ..field(
            "chance-1pct-500",
            Group::Chance,
            (500, 2400),
            "{ requests = 600 }",
            "{ requests = 600 }",
        )
    },
    World {
        settings: &["gemini.error_429_ratio=0.05"],
        ..field(
            "chance-5pct-500",
            Group::Chance,
            (500, 2400),
            "{ requests = 600 }",
            "{ requests = 600 }",
        )
    },
    World {
        settings: &["gemini.error_429_ratio=0.2"],
        ..field(
            "chance-20pct-500",
            Group::Chance,
            (500, 2400),
            "{ requests = 600 }",
            "{ requests = 600 }",
        )
    },
    World {
        settings: &[
            "gemini.fault=[{ when = { from_s = 10, until_s = 40 }, reply = { status = 503 } }]",
        ],
        ..field(
            "burst-503-500",
            Group::Failing,
            (500, 2400),
            "{ requests = 150 }",
            "{ requests = 150 }",
        )
    },
];
