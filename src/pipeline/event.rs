//! What the pipeline tells about itself: one stream of events, and the observer that takes it.
//!
//! Every measurement is a fold over this stream; the pipeline counts nothing itself. Events hold
//! error classes, never error text, and no credentials. The observer stamps the time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pipeline::batch::BatchId;
use crate::pipeline::error::ErrorClass;
use crate::pipeline::limiter::algorithm::RunnerUp;
use crate::pipeline::page::{PageId, Source, Tags};
use crate::pipeline::page_note::PageNote;
use crate::pipeline::provider::stated_quota::{Dimension, WindowKind};
use crate::pipeline::store::StoreError;

/// A service that is not asked for a while, by anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its name.
    pub service: String,
    /// The failure that made it so.
    pub class: ErrorClass,
    /// For how long.
    pub wait: Duration,
}

/// A pause of more than this is told.
pub(crate) const TOLD_PAUSE: Duration = Duration::from_secs(5);

/// Takes events as they happen, in order. It is called inside the pipeline's task and must not
/// block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use tagspace::{Event, Observer};
///
/// #[derive(Default)]
/// struct Tagged(AtomicU64);
///
/// impl Observer for Tagged {
///     fn observe(&self, event: Event) {
///         if let Event::PageTagged { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn observe(&self, event: Event);

    /// Is told of a pause of more than a few seconds, which is no event of the run: it may be cut
    /// short.
    fn pauses(&self, _: &Pause) {}

    /// Is told what is no event of a page, such as its title.
    fn noted(&self, _: &PageNote<'_>) {}

    /// Is told that the store of answers has failed. The run goes on without what it would have held.
    fn store_failed(&self, _: &StoreError) {}
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The number of an AI call within a run, counted from 1 in the order in which calls start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Every page that was asked about has an answer.
    Ok,
    /// Some pages have an answer.
    Partial,
    /// No page has an answer.
    Failed,
}

/// Why a limit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitReason {
    /// A 429 cut it.
    RateLimited,
    /// It rose again after a time without one.
    Recovered,
    /// Failures of the service cut it.
    Overloaded,
}

/// Why a batch left its provider for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// All attempts were used.
    Attempts,
    /// The error is of a class that another attempt cannot cure.
    Permanent,
    /// The provider asked for a longer wait than the patience.
    Patience,
    /// The retry budget was used up.
    Budget,
    /// A single page is more than the provider's quota takes at once.
    TooLarge,
    /// For a reason of its own; all that is seen from outside.
    Unknown,
}

/// What a stage, a batch or a page waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The list: until its pages were taken.
    Gatherer,
    /// A batch, or the next one: at a gate that it then turned away from.
    Gate,
    /// A batch, or the next one: for one of the places for batches.
    Slot,
    /// A batch that keeps its place: for the configured pause.
    Pause,
    /// What was answered: until the writer took it.
    Writer,
    /// A page with its tags: for one of the places for writing.
    WriterSlot,
    /// A page that could not be written: until all others were.
    Others,
    /// A page with its tags: until the labels of the space were read.
    Labels,
}

/// What a Confluence call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfluenceOp {
    /// Looking up the space.
    Space,
    /// Listing pages with their bodies.
    Pages,
    /// Reading the labels of a page.
    Labels,
    /// Adding labels to a page.
    AddLabels,
    /// Removing a label from a page.
    RemoveLabel,
    /// Something that the pipeline never asks for.
    Other,
}

/// How a run ended.
///
/// ```
/// use tagspace::{Event, RunEnd};
///
/// let event = Event::RunFinished { end: RunEnd::Completed };
/// assert_eq!(serde_json::to_string(&event)?, r#"{"event":"run_finished","end":"completed"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// All pages were dealt with.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// It could not be carried through.
    Failed,
}

/// One thing that happened. Durations are whole milliseconds.
///
/// ```
/// use tagspace::Event;
/// use tagspace::event::PageId;
///
/// let event = Event::LabelsWritten { page: PageId(7), added: 3, removed: 0 };
/// let written = r#"{"event":"labels_written","page":7,"added":3,"removed":0}"#;
/// assert_eq!(serde_json::to_string(&event)?, written);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began, with this limit on AI calls in flight. Whoever watches from outside cannot
    /// know it.
    RunStarted {
        task: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        limit: Option<u64>,
    },
    /// A page was read.
    PageListed { page: PageId, version: u64, chars: u64 },
    /// The cache had an answer for the page.
    CacheHit { page: PageId },
    /// The cache had none.
    CacheMiss { page: PageId },
    /// A batch was closed. Where it was made at the gate, the line stood still for so long before:
    /// for want of a place, because of a quota, because the service failed.
    BatchFormed {
        batch: BatchId,
        pages: Vec<PageId>,
        #[serde(skip_serializing_if = "is_zero", default)]
        place_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        quota_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        backoff_ms: u64,
    },
    /// An attempt of a batch got its permit after this wait. Of a wait in line, these parts were
    /// because of a quota and because the service failed; the rest was for want of a place.
    PermitGranted {
        batch: BatchId,
        waited_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        quota_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        backoff_ms: u64,
    },
    /// The list, a batch or a page went on after a wait for another stage. The parts are as in
    /// `permit_granted`: why that stage stood still.
    Waited {
        on: Awaited,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        batch: Option<BatchId>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        page: Option<PageId>,
        waited_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        quota_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        backoff_ms: u64,
    },
    /// A request was sent to an AI provider, the `attempt`-th of this batch to it; `in_flight`
    /// calls, this one included, under `limit`. The model is named where a client may ask several.
    AttemptStarted {
        call: CallId,
        batch: BatchId,
        provider: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        model: Option<String>,
        attempt: u32,
        pages: u64,
        in_flight: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        limit: Option<u64>,
    },
    /// It ended: with a status if there was one, the usage that the provider reported, the wait that
    /// it asked for, and the tags and pages in its answer that were dropped.
    AttemptFinished {
        call: CallId,
        batch: BatchId,
        provider: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        model: Option<String>,
        outcome: CallOutcome,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        class: Option<ErrorClass>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<u16>,
        input_tokens: u64,
        output_tokens: u64,
        latency_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hint_ms: Option<u64>,
        #[serde(skip_serializing_if = "is_zero", default)]
        dropped: u64,
    },
    /// A batch waits before its next attempt; `hinted` if the provider said how long.
    Backoff { batch: BatchId, provider: String, class: ErrorClass, delay_ms: u64, hinted: bool },
    /// Something was learned about a quota of a provider: an amount in a window, from the provider's
    /// words or inferred. The weights, in parts per million, say how likely this explanation of its answers
    /// and refusals is, and which is the next.
    QuotaLearned {
        provider: String,
        dimension: Dimension,
        limit: u64,
        window_ms: u64,
        kind: WindowKind,
        inferred: bool,
        refused_count: bool,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        weight_ppm: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        runner_up: Option<RunnerUp>,
    },
    /// What was known of a quota of a provider is given up: chance explains its refusals better.
    QuotaForgotten { provider: String, dimension: Dimension },
    /// The limit on calls in flight changed.
    LimitChanged { old: u64, new: u64, why: LimitReason },
    /// A batch goes on with the next provider.
    Fallback { batch: BatchId, from: String, to: String, class: ErrorClass, why: FallbackReason },
    /// A Confluence call ended; a status of none means that the connection broke or timed out.
    /// The page is named where it is about one, and the wait that it asked for where it is seen from
    /// outside. Before it was sent it waited: for a place, because of a quota, after failures.
    ConfluenceCall {
        op: ConfluenceOp,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        page: Option<PageId>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<u16>,
        latency_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hint_ms: Option<u64>,
        #[serde(skip_serializing_if = "is_zero", default)]
        place_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        quota_ms: u64,
        #[serde(skip_serializing_if = "is_zero", default)]
        backoff_ms: u64,
    },
    /// Labels of a page were changed.
    LabelsWritten { page: PageId, added: u64, removed: u64 },
    /// The labels of a page were already right.
    LabelsUnchanged { page: PageId },
    /// A page is done, with these tags.
    PageTagged { page: PageId, source: Source, tags: Tags },
    /// A page was given up, because of this failure of this service.
    PageFailed {
        page: PageId,
        class: ErrorClass,
        service: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<u16>,
    },
    /// A page was left alone because the run was cancelled.
    PageNotDone { page: PageId },
    /// The run was asked to stop.
    CancelRequested,
    /// The run ended.
    RunFinished { end: RunEnd },
}
