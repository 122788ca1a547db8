//! What a request may go without: settings that some models and compatible servers refuse.
//!
//! Each makes answers better, cheaper or easier to read, and none is needed. A provider begins with
//! those that its model is known to take; one that is refused is left out from then on.

/// A part of a request that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extra {
    /// The temperature of 0.
    Temperature,
    /// As little thinking as the model can do with.
    Thinking,
    /// The tags as an enum of the answer's schema.
    TagEnum,
    /// The limit on output under its new name, `max_completion_tokens`; `max_tokens` without it.
    CompletionTokens,
}

/// The extras that a provider is known to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedExtras(u8);

impl RefusedExtras {
    /// Whether this one is refused.
    pub fn has(self, extra: Extra) -> bool {
        self.0 & Self::bit(extra) != 0
    }

    /// The same with another one.
    #[must_use]
    pub fn with(self, extra: Extra) -> Self {
        Self(self.0 | Self::bit(extra))
    }

    fn bit(extra: Extra) -> u8 {
        1 << extra as u8
    }
}
