//! What is odd about a run.

use serde::Serialize;

/// Events that an anomaly names.
pub(super) const MOST_EVENTS: usize = 5;

/// A kind of oddity.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::EnumIter,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AnomalyKind {
    /// For a while most calls were answered with 429.
    RateLimitStorm,
    /// Retries made much more calls than there were prompts.
    RetryAmplification,
    /// A limit on calls in flight was cut and did not rise again, though nothing was refused any more.
    StuckLimit,
    /// The cache asked again for what it had known.
    CacheThrash,
    /// A few pages took a large part of the time, after all others were done.
    SlowTail,
    /// A batch waited while many later ones were answered.
    Starvation,
    /// Somebody else used up the quota.
    Neighbour,
    /// Calls waited though the quota had room.
    IdleGate,
    /// The fallback did the work of a primary that failed.
    HiddenPrimary,
}

impl AnomalyKind {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What to change.
    pub fn change(self) -> &'static str {
        match self {
            Self::RateLimitStorm => {
                "let the pace follow the answers: limiter = \"quota\", retry_hints = true; or lower max_concurrency"
            }
            Self::RetryAmplification => {
                "lower attempts, or wait longer between them (backoff_base_ms); limiter = \"quota\" pauses while the service fails"
            }
            Self::StuckLimit => {
                "choose a limiter that rises again (limiter = \"quota\", \"aimd\" or \"cubic\")"
            }
            Self::CacheThrash => "raise cache_size to the number of pages",
            Self::SlowTail => {
                "lower timeout_ms, so that a slow call is asked again sooner; or lower batch_size"
            }
            Self::Starvation => {
                "lower attempts or backoff_max_ms, so that a batch that keeps failing gives up sooner"
            }
            Self::Neighbour => {
                "ask with a key of a project of your own, or raise patience_s to wait the neighbour out"
            }
            Self::IdleGate => {
                "the limiter holds back more than the quota asks for: compare limiters with `tagspace tune`, \
                 or forget what was learned (`tag --no-state`)"
            }
            Self::HiddenPrimary => {
                "mend the primary (its key, quota or model), or ask the fallback's model first"
            }
        }
    }
}

/// Something odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// Its kind.
    pub kind: AnomalyKind,
    /// From when, in milliseconds of the run's clock.
    pub from_ms: u64,
    /// Until when.
    pub to_ms: u64,
    /// What was seen, in a sentence.
    pub seen: String,
    /// The events that show it, by their numbers in the run's log, from 1.
    pub events: Vec<usize>,
}
