//! A call of a model, and what comes of it.

use serde_json::Value;

use crate::fakes::calendar::Calendar;
use crate::fakes::content::handed::{Found, Handed};
use crate::fakes::content::space::Space;
use crate::fakes::llm::model::Question;
use crate::fakes::observation::Prompt;
use crate::fakes::quota::Refusal;
use crate::fakes::world_event::WorldEvent;

/// What a call asks, as far as the service looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The model.
    pub model: &'a str,
    /// The text of the prompt.
    pub prompt: &'a str,
    /// The output tokens that the caller allows.
    pub max_output_tokens: Option<u64>,
    /// The tokens that the model may think before it answers; unless told, as many as it likes.
    pub thinking_budget: Option<u64>,
    /// The form that the answer must have.
    pub schema: Option<&'a Value>,
    /// Whether it must be JSON; the prompt may say of which form.
    pub is_json: bool,
    /// Whether an answer that is one text stands without its quotes.
    pub is_bare: bool,
    /// How many answers there are to be; the model gives the same one each time.
    pub copies: u64,
}

/// What of the world an AI service sees besides its calls.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What day it is.
    pub calendar: &'a Calendar,
    /// The pages.
    pub space: &'a Space,
    /// Those that were given out.
    pub handed: &'a mut Handed,
    /// What is written down.
    pub records: &'a mut Vec<WorldEvent>,
}

impl Scene<'_> {
    /// The pages that were given out and stand in a prompt that has no sections of ours.
    pub(super) fn pages_in(&mut self, prompt: &str, question: &Question<'_>) -> Vec<Found> {
        match question.pages.as_slice() {
            [(None, _)] => self.handed.find(prompt, self.space),
            _ => Vec::new(),
        }
    }
}

/// What comes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// An answer.
    Answer {
        /// Its text.
        text: String,
        /// Whether it was cut off.
        truncated: bool,
    },
    /// The prompt is refused for its content.
    Blocked,
    /// The answer is held back for its content.
    Filtered,
    /// The prompt is refused for its content as a request that is not valid.
    InvalidPrompt,
    /// A refusal for one quota or several, the longest wait first, and the wait that is told in
    /// milliseconds.
    Refused(Vec<Refusal>, u64),
    /// Refused because the money is used up.
    Unpaid,
    /// Refused because the account is not paid for.
    Inactive,
    /// A 429 that no quota explains.
    Random429,
    /// An error with this status, perhaps with a `Retry-After`.
    Status(u16, Option<u64>),
    /// The connection is reset.
    Reset,
    /// No answer comes.
    Hang,
}

/// A decision with what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What comes of the call.
    pub decision: Decision,
    /// How long it takes.
    pub latency_ms: u64,
    /// Input tokens, billed with an answer or a block.
    pub input_tokens: u64,
    /// Output tokens, billed with an answer; those that the model thought are among them.
    pub output_tokens: u64,
    /// Output tokens that the model thought.
    pub thought_tokens: u64,
    /// A number that names the call, for ids in bodies.
    pub serial: u64,
    /// What it was about.
    pub about: Prompt,
}
