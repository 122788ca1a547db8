//! What the model says to a call, in the form in which its interface says it.

use super::request::CompletionRequest;
use super::tools::ForcedCall;
use super::{Interface, completion, response};
use crate::fakes::Reply;
use crate::fakes::llm::{Decision, Outcome};

/// What the model says instead of an answer that it refuses.
pub(super) const REFUSAL: &str = "I'm sorry, I cannot assist with that request.";
const EVENTS: &str = "text/event-stream; charset=utf-8";
/// The characters of a piece of a stream.
const PIECE: usize = 120;

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

/// The answer, if the call has one.
pub(crate) fn answered(
    asks: &CompletionRequest,
    outcome: &Outcome,
    interface: Interface,
    created: i64,
) -> Option<Reply> {
    let (text, truncated) = match &outcome.decision {
        Decision::Answer { text, truncated } => (Some(text.as_str()), *truncated),
        Decision::Filtered => (Some(""), false),
        Decision::Blocked => (None, false),
        _ => return None,
    };
    let filtered = outcome.decision == Decision::Filtered;
    let said = Said { asks, outcome, text, truncated, filtered, created };
    Some(match interface {
        Interface::Chat if asks.stream => {
            let chunks = completion::chunks(&said).into_iter();
            let mut events: Vec<String> =
                chunks.map(|chunk| format!("data: {chunk}\n\n")).collect();
            // The end comes with the last of them.
            if let Some(last) = events.last_mut() {
                last.push_str("data: [DONE]\n\n");
            }
            Reply::events(EVENTS, events)
        }
        Interface::Chat => Reply::json(200, &completion::whole(&said)),
        Interface::Responses if asks.stream => {
            let events = response::events(&said).into_iter();
            let named = events.map(|event| {
                format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
            });
            Reply::events(EVENTS, named)
        }
        Interface::Responses => Reply::json(200, &response::whole(&said)),
    })
}
