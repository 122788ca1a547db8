//! What the model says to a call.

use crate::fakes::llm::Outcome;
use crate::fakes::openai::request::CompletionRequest;
use crate::fakes::openai::tools::ForcedCall;

/// What the model says instead of an answer that it refuses.
pub(super) const REFUSAL: &str = "I'm sorry, I cannot assist with that request.";

/// An answer, or a refusal of the content.
pub(super) struct Said<'a> {
    pub(super) asks: &'a CompletionRequest,
    pub(super) outcome: &'a Outcome,
    /// Nothing if the model refuses.
    pub(super) text: Option<&'a str>,
    pub(super) truncated: bool,
    /// Whether the text is held back for its content.
    pub(super) filtered: bool,
    /// When, in seconds.
    pub(super) created: i64,
}

impl Said<'_> {
    /// The function that is called with the text as its arguments, if it is no answer in words.
    pub(super) fn call(&self) -> Option<&ForcedCall> {
        self.asks.call.as_ref().filter(|_| self.text.is_some())
    }

    /// The text in pieces, as a stream has them.
    pub(super) fn pieces(&self) -> Vec<String> {
        let letters: Vec<char> = self.text.unwrap_or_default().chars().collect();
        letters.chunks(PIECE).map(|piece| piece.iter().collect()).collect()
    }
}

/// The characters of a piece of a stream.
pub(super) const PIECE: usize = 120;
