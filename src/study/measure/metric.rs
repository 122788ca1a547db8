//! The metrics: one table of all numbers that a run has.
//!
//! What is gated is an integer (milliseconds, tokens, counts, millionths of a dollar) or a share
//! kept as numerator and denominator.

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::stat::Stat;

/// What a metric counts.
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

/// The shape of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Single,
    /// Many samples, of which statistics are asked.
    Distribution,
    /// A number that changes over time.
    Level,
}

/// In which direction a metric becomes better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Smaller,
    /// More is better.
    Bigger,
}

/// What a latency covers: things that never ended have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// What is measured to its end, as in `over = "tagged"`.
    pub ended: &'static str,
    /// All of them.
    pub things: &'static str,
}

/// How far a measurement in real time may be from what was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// One, or 2 %, whichever is more.
    OneOrTwoPercent,
    /// 2 %.
    TwoPercent,
    /// As it likes: it is shown, not judged.
    Any,
}

/// A row of the table.
#[derive(Clone, Copy)]
struct Row {
    doc: &'static str,
    unit: Unit,
    shape: Shape,
    /// In files, where it is not the name.
    key: Option<&'static str>,
    better: Option<Better>,
    covers: Option<Coverage>,
    is_internal: bool,
    is_simulated: bool,
    is_guarded: bool,
    meaning: Meaning,
    tolerance: Tolerance,
}

/// What more of it means, beside a direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Plain,
    /// If there was none before in the same world, one is a regression.
    Failure,
    /// Work that is done: more of it is no worse.
    Work,
}

const fn row(unit: Unit, shape: Shape) -> Row {
    Row {
        doc: "",
        unit,
        shape,
        key: None,
        better: None,
        covers: None,
        is_internal: false,
        is_simulated: false,
        is_guarded: false,
        meaning: Meaning::Plain,
        tolerance: Tolerance::Any,
    }
}

const fn count() -> Row {
    row(Unit::Count, Shape::Single)
}

const fn ratio() -> Row {
    row(Unit::Ratio, Shape::Single)
}

const fn millis(key: &'static str) -> Row {
    row(Unit::Millis, Shape::Single).key(key)
}

const fn usd_micros(key: &'static str) -> Row {
    row(Unit::UsdMicros, Shape::Single).key(key)
}

const fn times(key: &'static str) -> Row {
    row(Unit::Millis, Shape::Distribution).key(key)
}

const fn level() -> Row {
    row(Unit::Count, Shape::Level)
}

impl Row {
    const fn key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    const fn smaller(self) -> Self {
        Self { better: Some(Better::Smaller), ..self }
    }

    const fn bigger(self) -> Self {
        Self { better: Some(Better::Bigger), ..self }
    }

    /// Things without an end have no sample.
    const fn covers(self, ended: &'static str, things: &'static str) -> Self {
        Self { covers: Some(Coverage { ended, things }), ..self }
    }

    /// No service can tell it of the client that it serves.
    const fn internal(self) -> Self {
        Self { is_internal: true, ..self }
    }

    /// Only fakes can tell it.
    const fn simulated(self) -> Self {
        Self { is_simulated: true, ..self }
    }

    /// The targets that `tune` writes limit it.
    const fn guarded(self) -> Self {
        Self { is_guarded: true, ..self }
    }

    /// How far a measurement in real time may be from it.
    const fn within(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    const fn failure(self) -> Self {
        Self { meaning: Meaning::Failure, better: Some(Better::Smaller), ..self }
    }

    const fn work(self) -> Self {
        Self { meaning: Meaning::Work, ..self }
    }
}

macro_rules! metrics {
    ($(#[doc = $doc:literal] $name:ident: $row:expr,)*) => {
        /// A number that every run has.
        ///
        /// ```
        /// use tagspace::Metric;
        ///
        /// assert_eq!(Metric::AiCalls.name(), "ai_calls");
        /// assert_eq!(Metric::Makespan.key(), "makespan_ms");
        /// assert_eq!(Metric::find("makespan_ms"), Some(Metric::Makespan));
        /// ```
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, VariantArray, IntoStaticStr, EnumString,
            strum::Display,
        )]
        #[strum(serialize_all = "snake_case")]
        pub enum Metric {
            $(#[doc = $doc] $name,)*
        }

        impl Metric {
            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row { doc: $doc, ..$row },)*
                }
            }
        }
    };
}

// In the order in which they are shown; their names are these in snake_case.
metrics! {
    /// pages that were listed
    Pages: count().bigger().guarded(),
    /// pages labelled with the tags that an answer of this run gave
    PagesTagged: count().work(),
    /// pages labelled with tags from the cache
    PagesCached: count().work().internal(),
    /// pages that were given up
    PagesFailed: count().failure().internal().guarded(),
    /// pages that were given up because no provider answered
    PagesFailedAi: count().smaller().internal(),
    /// pages that were given up because Confluence did not give or take what it should
    PagesFailedConfluence: count().smaller().internal(),
    /// pages that a cancelled run left alone
    PagesNotDone: count().failure().internal().guarded(),
    /// pages with tags whose labels were neither written nor found right, as in a dry run
    PagesUnlabelled: count().failure().internal().guarded(),
    /// pages whose tags are not those that the model gives for the page alone
    PagesMistagged: count().failure().simulated().guarded(),
    /// requests to any AI provider, retries included
    AiCalls: count().smaller().guarded().within(Tolerance::OneOrTwoPercent),
    /// batches that were answered, at least in part
    Prompts: count(),
    /// attempts after the first at the same provider
    Retries: count(),
    /// 429s of the primary
    RateLimited: count().smaller().within(Tolerance::OneOrTwoPercent),
    /// 429s of the primary, of all requests to it
    RateLimitedRatio: ratio().smaller().guarded(),
    /// batches that went on with the next provider
    Fallbacks: count().smaller().guarded().within(Tolerance::OneOrTwoPercent),
    /// prompts that a fallback answered, of all prompts
    FallbackRatio: ratio().smaller(),
    /// pages that the cache answered, or that waited for the answer of an identical text
    CacheHits: count().work().internal(),
    /// pages that the cache did not answer
    CacheMisses: count().internal(),
    /// cache hits, of all look-ups
    CacheHitRatio: ratio().bigger().internal(),
    /// from the start of the run to its end
    Makespan: millis("makespan_ms").smaller().guarded().within(Tolerance::TwoPercent),
    /// the makespan that no setting of the pipeline could beat with the primary alone: true quotas and latencies known beforehand, nothing asked twice
    BoundMakespan: millis("bound_makespan_ms").internal().simulated(),
    /// the makespan that no scheduler could beat where the fallback may answer any page as well
    BoundAny: millis("bound_any_ms").internal().simulated(),
    /// the AI calls that no scheduler could do without
    BoundCalls: count().internal().simulated(),
    /// bound_makespan of makespan; none where a fallback helped or pages were given up
    Efficiency: ratio().bigger().internal().simulated(),
    /// makespan less bound_makespan; none where efficiency is none
    Regret: millis("regret_ms").internal().simulated(),
    /// of the makespan: held up by the list of pages, or the labels of the space
    TimeListing: millis("time_listing_ms").internal(),
    /// of the makespan: held up by a quota of Confluence
    TimeConfluenceQuota: millis("time_confluence_quota_ms").internal(),
    /// of the makespan: held up for want of a place for one more call to Confluence
    TimeConfluencePlace: millis("time_confluence_place_ms").internal(),
    /// of the makespan: held up by a quota of the AI
    TimeAiQuota: millis("time_ai_quota_ms").internal(),
    /// of the makespan: held up for want of a place for one more call or batch
    TimeAiPlace: millis("time_ai_place_ms").internal(),
    /// of the makespan: held up by the primary's calls, but for reading and writing where these are known
    TimeModelQueue: millis("time_model_queue_ms").internal(),
    /// of the makespan: held up while the primary read prompts
    TimeModelInput: millis("time_model_input_ms").internal().simulated(),
    /// of the makespan: held up while the primary wrote answers
    TimeModelOutput: millis("time_model_output_ms").internal().simulated(),
    /// of the makespan: held up by failed calls and the waits after them
    TimeBackoff: millis("time_backoff_ms").internal(),
    /// of the makespan: held up by batches that went on with a fallback
    TimeFallback: millis("time_fallback_ms").internal(),
    /// of the makespan: held up by reading and writing the labels of pages
    TimeWriting: millis("time_writing_ms").internal(),
    /// of the makespan: nothing known to do
    TimeIdle: millis("time_idle_ms").internal(),
    /// pages tagged or cached per minute of the run
    PagesPerMinute: count().bigger(),
    /// from listed to tagged
    PageLatency: times("page_latency_ms").smaller().covers("tagged", "pages"),
    /// from the first attempt of a batch to its last answer
    AiLatency: times("ai_latency_ms").covers("answered", "batches"),
    /// waits for a permit of the limiter
    QueueWait: times("queue_wait_ms").internal(),
    /// waits before another attempt
    BackoffWait: times("backoff_wait_ms").internal(),
    /// the limit on AI calls in flight
    Concurrency: level().internal(),
    /// AI calls in flight
    InFlight: level(),
    /// times that a 429 cut the limit
    LimitCuts: count().internal(),
    /// input tokens that providers reported
    InputTokens: count(),
    /// output tokens that providers reported
    OutputTokens: count(),
    /// the price of these tokens, at the prices of the program or of the scenario
    Cost: usd_micros("cost_usd_micros").smaller().guarded(),
    /// pages whose labels were changed
    LabelsWritten: count().work(),
    /// requests to Confluence, retries included
    ConfluenceCalls: count(),
    /// 429s of Confluence
    ConfluenceRateLimited: count(),
    /// faults that the scenario injected
    FaultsFired: count().simulated(),
    /// calls that an AI provider's quota refused
    QuotaRefusals: count().simulated(),
    /// AI calls that brought no usable answer
    WastedCalls: count().smaller(),
    /// tags and pages in answers that the question did not have, or that were there twice
    TagsDropped: count().internal(),
    /// calls sent before the retry time that their service had stated; those of Confluence only with `serve`
    EarlyCalls: count(),
}

impl Metric {
    /// All metrics, in the order in which they are shown.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The metric of this name, in targets or in files.
    pub fn find(name: &str) -> Option<Self> {
        let of_key = || Self::ALL.iter().find(|metric| metric.key() == name).copied();
        name.parse().ok().or_else(of_key)
    }

    /// Those that are one number.
    pub fn singles() -> impl Iterator<Item = Self> + Clone {
        Self::ALL.iter().copied().filter(|metric| metric.shape() == Shape::Single)
    }

    /// Its name in targets.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its name in files, with the unit.
    pub fn key(self) -> &'static str {
        self.row().key.unwrap_or(self.name())
    }

    /// Its unit.
    pub const fn unit(self) -> Unit {
        self.row().unit
    }

    /// Its shape.
    pub const fn shape(self) -> Shape {
        self.row().shape
    }

    /// What it is.
    pub fn doc(self) -> &'static str {
        self.row().doc.trim_start()
    }

    /// In which direction it becomes better, if it has one.
    pub const fn better(self) -> Option<Better> {
        self.row().better
    }

    /// Of a latency that leaves out what never ended: what it covers.
    pub const fn covers(self) -> Option<Coverage> {
        self.row().covers
    }

    /// Whether a service can tell it of the client that it serves.
    pub const fn is_seen_from_outside(self) -> bool {
        !self.row().is_internal
    }

    /// Whether only fakes can tell it.
    pub const fn is_simulated(self) -> bool {
        self.row().is_simulated
    }

    /// Whether it is made of the bound.
    pub const fn is_of_bound(self) -> bool {
        use Metric::{BoundAny, BoundCalls, BoundMakespan, Efficiency, Regret};
        matches!(self, BoundAny | BoundCalls | BoundMakespan | Efficiency | Regret)
    }

    /// Whether one is a regression where there was none before in the same world.
    pub const fn is_failure(self) -> bool {
        matches!(self.row().meaning, Meaning::Failure)
    }

    /// Whether it counts work that is done: more of it is no worse.
    pub const fn is_work(self) -> bool {
        matches!(self.row().meaning, Meaning::Work)
    }

    /// Whether the targets that `tune` writes limit it.
    pub const fn is_guarded(self) -> bool {
        self.row().is_guarded
    }

    /// How far a measurement in real time may be from what was predicted.
    pub const fn tolerance(self) -> Tolerance {
        self.row().tolerance
    }

    /// Its statistics; none of one number.
    pub const fn stats(self) -> &'static [Stat] {
        match self.shape() {
            Shape::Single => &[],
            Shape::Distribution => Stat::OF_DISTRIBUTIONS,
            Shape::Level => Stat::OF_LEVELS,
        }
    }
}
