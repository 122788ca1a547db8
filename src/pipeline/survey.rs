//! What a job would take, as far as reading tells.

use super::estimate::Estimates;

/// Calls to a provider, with the tokens that are expected of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// How many.
    pub calls: u64,
    /// Their input tokens.
    pub input_tokens: u64,
    /// Their output tokens.
    pub output_tokens: u64,
}

/// What a job would take.
///
/// ```
/// use tagspace::survey::{Calls, Survey};
///
/// let least = Calls { calls: 12, input_tokens: 40_000, output_tokens: 9_000 };
/// let survey = Survey { listed: 240, least, ..Survey::default() };
/// assert_eq!(survey.to_ask(), 240);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Pages that were listed.
    pub listed: u64,
    /// Of them, pages whose text cannot be read.
    pub unreadable: u64,
    /// Pages with an answer that is kept: no call is made for them.
    pub answered: u64,
    /// Pages that say the same as one that is asked about.
    pub same_text: u64,
    /// The calls if every prompt is as full as it may be.
    pub least: Calls,
    /// The calls if each page is asked about alone.
    pub most: Calls,
    /// The most pages of a call.
    pub pages_of_a_call: u64,
    /// Labels that the answered pages lack, and how many of these pages lack any.
    pub labels_to_add: u64,
    /// The answered pages that lack a label.
    pub pages_to_label: u64,
    /// Answered pages whose labels are read only when they are written.
    pub labels_unknown: u64,
}

impl Survey {
    /// Pages that are asked about.
    pub fn to_ask(&self) -> u64 {
        self.listed - self.unreadable - self.answered - self.same_text
    }
}

impl Calls {
    /// One more call, about `pages` pages that add `counted` tokens to the prompt.
    pub(crate) fn add(&mut self, estimates: &Estimates, pages: u64, counted: u64) {
        self.calls += 1;
        self.input_tokens += estimates.input_tokens(counted);
        self.output_tokens += estimates.output_tokens(pages);
    }
}
