//! The figures that a run has: names, units and shapes.
//!
//! What is gated is an integer (milliseconds, tokens, counts, millionths of a dollar) or a share
//! kept as numerator and denominator.

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A share of things.
    Ratio,
    /// Milliseconds.
    Millis,
    /// Millionths of a dollar.
    UsdMicros,
}

/// The shape of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Single,
    /// Many samples, of which statistics are asked.
    Distribution,
    /// A number that changes over time.
    Level,
}

/// A figure that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name in targets.
    pub name: &'static str,
    /// Its name in files, with the unit.
    pub key: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its shape.
    pub shape: Shape,
    /// What it is.
    pub doc: &'static str,
}

/// The statistics of a distribution.
pub const DISTRIBUTION_STATS: &[&str] = &["p50", "p95", "p99", "max", "sum", "count"];
/// The statistics of a level.
pub const LEVEL_STATS: &[&str] = &["min", "max", "final"];

const fn single(name: &'static str, unit: Unit, doc: &'static str) -> Metric {
    Metric { name, key: name, unit, shape: Shape::Single, doc }
}

const fn times(name: &'static str, key: &'static str, doc: &'static str) -> Metric {
    Metric { name, key, unit: Unit::Millis, shape: Shape::Distribution, doc }
}

/// What nobody can see from outside the pipeline.
const INSIDE: &[&str] = &[
    "pages_cached",
    "pages_failed",
    "pages_failed_ai",
    "pages_failed_confluence",
    "pages_not_done",
    "pages_unlabelled",
    "tags_dropped",
    "cache_hits",
    "cache_misses",
    "cache_hit_ratio",
    "queue_wait",
    "backoff_wait",
    "concurrency",
    "limit_cuts",
    "bound_makespan",
    "bound_calls",
    "efficiency",
    "regret",
];

impl Metric {
    /// Of a latency that leaves out what never ended: what it is over, as targets say it.
    pub fn over(&self) -> Option<&'static str> {
        match self.name {
            "page_latency" => Some("tagged"),
            "ai_latency" => Some("answered"),
            _ => None,
        }
    }

    /// Whether a service can tell this figure of the client that it serves.
    pub fn is_seen_from_outside(&self) -> bool {
        !INSIDE.contains(&self.name)
    }
}

/// All figures, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    single("pages", Unit::Count, "pages that were listed"),
    single(
        "pages_tagged",
        Unit::Count,
        "pages labelled with the tags that an answer of this run gave",
    ),
    single("pages_cached", Unit::Count, "pages labelled with tags from the cache"),
    single("pages_failed", Unit::Count, "pages that were given up"),
    single("pages_failed_ai", Unit::Count, "pages that were given up because no provider answered"),
    single(
        "pages_failed_confluence",
        Unit::Count,
        "pages that were given up because Confluence did not give or take what it should",
    ),
    single("pages_not_done", Unit::Count, "pages that a cancelled run left alone"),
    single(
        "pages_unlabelled",
        Unit::Count,
        "pages with tags whose labels were neither written nor found right, as in a dry run",
    ),
    single(
        "pages_mistagged",
        Unit::Count,
        "pages whose tags are not those that the model gives for the page alone",
    ),
    single("ai_calls", Unit::Count, "requests to any AI provider, retries included"),
    single("prompts", Unit::Count, "batches that were answered, at least in part"),
    single("retries", Unit::Count, "attempts after the first at the same provider"),
    single("rate_limited", Unit::Count, "429s of the primary"),
    single("rate_limited_ratio", Unit::Ratio, "429s of the primary, of all requests to it"),
    single("fallbacks", Unit::Count, "batches that went on with the next provider"),
    single("fallback_ratio", Unit::Ratio, "prompts that a fallback answered, of all prompts"),
    single(
        "cache_hits",
        Unit::Count,
        "pages that the cache answered, or that waited for the answer of an identical text",
    ),
    single("cache_misses", Unit::Count, "pages that the cache did not answer"),
    single("cache_hit_ratio", Unit::Ratio, "cache hits, of all look-ups"),
    Metric {
        name: "makespan",
        key: "makespan_ms",
        unit: Unit::Millis,
        shape: Shape::Single,
        doc: "from the start of the run to its end",
    },
    Metric {
        name: "bound_makespan",
        key: "bound_makespan_ms",
        unit: Unit::Millis,
        shape: Shape::Single,
        doc: "the makespan that no scheduler could beat with the primary alone: true quota and latencies known beforehand, nothing asked twice",
    },
    single("bound_calls", Unit::Count, "the AI calls that no scheduler could do without"),
    single(
        "efficiency",
        Unit::Ratio,
        "bound_makespan of makespan; none where a fallback helped or pages were given up",
    ),
    Metric {
        name: "regret",
        key: "regret_ms",
        unit: Unit::Millis,
        shape: Shape::Single,
        doc: "makespan less bound_makespan; none where efficiency is none",
    },
    single("pages_per_minute", Unit::Count, "pages tagged or cached per minute of the run"),
    times("page_latency", "page_latency_ms", "from listed to tagged"),
    times("ai_latency", "ai_latency_ms", "from the first attempt of a batch to its last answer"),
    times("queue_wait", "queue_wait_ms", "waits for a permit of the limiter"),
    times("backoff_wait", "backoff_wait_ms", "waits before another attempt"),
    Metric {
        name: "concurrency",
        key: "concurrency",
        unit: Unit::Count,
        shape: Shape::Level,
        doc: "the limit on AI calls in flight",
    },
    Metric {
        name: "in_flight",
        key: "in_flight",
        unit: Unit::Count,
        shape: Shape::Level,
        doc: "AI calls in flight",
    },
    single("limit_cuts", Unit::Count, "times that a 429 cut the limit"),
    single("input_tokens", Unit::Count, "input tokens that providers reported"),
    single("output_tokens", Unit::Count, "output tokens that providers reported"),
    Metric {
        name: "cost",
        key: "cost_usd_micros",
        unit: Unit::UsdMicros,
        shape: Shape::Single,
        doc: "the price of these tokens, at the prices of the program or of the scenario",
    },
    single("labels_written", Unit::Count, "pages whose labels were changed"),
    single("confluence_calls", Unit::Count, "requests to Confluence, retries included"),
    single("confluence_rate_limited", Unit::Count, "429s of Confluence"),
    single("faults_fired", Unit::Count, "faults that the scenario injected"),
    single("quota_refusals", Unit::Count, "calls that an AI provider's quota refused"),
    single("wasted_calls", Unit::Count, "AI calls that brought no usable answer"),
    single(
        "tags_dropped",
        Unit::Count,
        "tags and pages in answers that the question did not have, or that were there twice",
    ),
    single(
        "early_calls",
        Unit::Count,
        "calls sent before the retry time that their service had stated; those of Confluence only with `serve`",
    ),
];

/// In which direction a figure becomes better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Smaller,
    /// More is better.
    Bigger,
}

/// The figures that have a direction: what is followed over time, and compared. Of a distribution it
/// is a statistic.
pub const TRACKED: &[(&str, Better)] = &[
    ("makespan", Better::Smaller),
    ("page_latency p95", Better::Smaller),
    ("ai_calls", Better::Smaller),
    ("rate_limited", Better::Smaller),
    ("rate_limited_ratio", Better::Smaller),
    ("fallback_ratio", Better::Smaller),
    ("pages", Better::Bigger),
    ("pages_failed", Better::Smaller),
    ("pages_failed_ai", Better::Smaller),
    ("pages_failed_confluence", Better::Smaller),
    ("pages_not_done", Better::Smaller),
    ("pages_unlabelled", Better::Smaller),
    ("pages_mistagged", Better::Smaller),
    ("wasted_calls", Better::Smaller),
    ("cost", Better::Smaller),
    ("pages_per_minute", Better::Bigger),
    ("cache_hit_ratio", Better::Bigger),
    ("efficiency", Better::Bigger),
];

/// The direction of a figure, named with its statistic, if it has one.
pub fn better(figure: &str) -> Option<Better> {
    TRACKED.iter().find(|(name, _)| *name == figure).map(|(_, better)| *better)
}

/// The figure of this name, in targets or in files.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name || metric.key == name)
}
