//! What a request was about, as far as its service understood it: for whoever watches from the
//! server's side. It is never sent, and no answer depends on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::world_event::Service;

/// What a request was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A model was asked something.
    Prompt(Prompt),
    /// Confluence was asked something.
    Site(Site),
}

/// A call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Whose model.
    pub service: Service,
    /// The model, as it was named.
    pub model: String,
    /// The lowest page id of the prompt, or its digest.
    pub identity: u64,
    /// The pages in it.
    pub pages: u64,
    /// What the caller can do with the answer.
    pub use_of: Use,
    /// Input tokens that were billed.
    pub input_tokens: u64,
    /// Output tokens that were billed.
    pub output_tokens: u64,
    /// When to come again, if the answer says so, in milliseconds of the world.
    pub hint_ms: Option<u64>,
}

impl Prompt {
    /// A call that got no answer, and no bill.
    pub(super) fn refused(service: Service, model: &str, identity: u64, pages: u64) -> Self {
        Self {
            service,
            model: model.to_owned(),
            identity,
            pages,
            use_of: Use::Nothing,
            input_tokens: 0,
            output_tokens: 0,
            hint_ms: None,
        }
    }
}

/// What the caller can do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Everything: it is whole.
    Whole,
    /// Something: it is cut off, or pages are missing.
    Part,
    /// Nothing: it is not what was asked for.
    Malformed,
    /// Nothing: the content is refused.
    Blocked,
    /// Nothing: the quota of the day, or the money, is used up.
    Exhausted,
    /// Nothing: the status says why.
    Nothing,
}

/// A request to Confluence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What for.
    pub operation: Operation,
    /// The pages that were given out.
    pub given: Vec<Given>,
    /// The page whose labels changed.
    pub labelled: Option<Labelled>,
    /// When to come again, if the answer says so, in milliseconds of the world.
    pub hint_ms: Option<u64>,
}

/// What a request to Confluence was for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Spaces.
    Spaces,
    /// Pages, one or a list.
    Pages,
    /// The labels of a page.
    Labels,
    /// New labels of a page.
    AddLabels,
    /// One label less.
    RemoveLabel,
    /// A new version of a page.
    EditPage,
    /// Nothing that the site has.
    #[serde(skip)]
    Other,
}

/// A page that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Its id.
    pub page: u64,
    /// Its version.
    pub version: u64,
    /// The characters of its text.
    pub chars: u64,
}

/// A page whose labels changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The page.
    pub page: u64,
    /// Labels that it had not before.
    pub added: u64,
    /// Labels that it has no longer.
    pub removed: u64,
    /// All its labels.
    pub labels: Vec<String>,
}
