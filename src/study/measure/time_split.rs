//! The makespan of a run, split by what held it up.

use strum::{EnumCount, VariantArray};

use super::metric::Metric;

/// What a run was held up by at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, EnumCount)]
pub enum TimePart {
    /// The list of pages, or the labels of the space.
    Listing,
    /// A quota of Confluence.
    ConfluenceQuota,
    /// A place for Confluence: as many of its calls as may be were in flight.
    ConfluencePlace,
    /// A quota of the AI.
    AiQuota,
    /// A place for the AI: as many calls or batches as may be were at work.
    AiPlace,
    /// A model, apart from the next two.
    ModelQueue,
    /// A model that reads.
    ModelInput,
    /// A model that writes.
    ModelOutput,
    /// A failed call, or a wait after one.
    Backoff,
    /// A batch that went on with the fallback.
    Fallback,
    /// Labels of a page that were read or written.
    Writing,
    /// Nothing that is known.
    Idle,
}

impl TimePart {
    /// All of them, in the order in which they are shown.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Whether it is a model at work.
    pub const fn is_of_model(self) -> bool {
        matches!(self, Self::ModelQueue | Self::ModelInput | Self::ModelOutput)
    }

    /// The metric that has its time.
    pub const fn metric(self) -> Metric {
        match self {
            Self::Listing => Metric::TimeListing,
            Self::ConfluenceQuota => Metric::TimeConfluenceQuota,
            Self::ConfluencePlace => Metric::TimeConfluencePlace,
            Self::AiQuota => Metric::TimeAiQuota,
            Self::AiPlace => Metric::TimeAiPlace,
            Self::ModelQueue => Metric::TimeModelQueue,
            Self::ModelInput => Metric::TimeModelInput,
            Self::ModelOutput => Metric::TimeModelOutput,
            Self::Backoff => Metric::TimeBackoff,
            Self::Fallback => Metric::TimeFallback,
            Self::Writing => Metric::TimeWriting,
            Self::Idle => Metric::TimeIdle,
        }
    }
}

/// Milliseconds by what they went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeSplit([u64; TimePart::COUNT]);

impl TimeSplit {
    /// The time that went to this.
    pub const fn of(&self, part: TimePart) -> u64 {
        self.0[part as usize]
    }

    /// Adds time to it.
    pub const fn add(&mut self, part: TimePart, ms: u64) {
        let so_far = &mut self.0[part as usize];
        *so_far = so_far.saturating_add(ms);
    }
}
