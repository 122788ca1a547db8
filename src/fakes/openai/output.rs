//! What the model says to a call, in the form in which its interface says it.

use super::request::CompletionRequest;
use super::{Interface, completion, response};
use crate::fakes::Reply;
use crate::fakes::llm::{Decision, Outcome};
use crate::fakes::openai::said::Said;

const EVENTS: &str = "text/event-stream; charset=utf-8";
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
