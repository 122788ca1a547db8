//! A row: a page, and what is or would be done to its labels.

use crate::pipeline::page::PageId;

/// What is known of a page at its end. Labels are in order, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its id.
    pub page: PageId,
    /// Its title on one line, without characters that cannot be seen; empty where it was not found.
    pub title: String,
    /// Where people see it.
    pub url: String,
    /// Labels that it lacks, and gets where labels are written.
    pub added: Vec<String>,
    /// Labels that it loses.
    pub removed: Vec<String>,
    /// Labels that it is to have, and has.
    pub already_there: Vec<String>,
    /// Labels that the model named and the taxonomy lacks.
    pub dropped: Vec<String>,
    /// Where its labels come from: the name of a model, `kept`, `copy` or `file`; nothing where it has none.
    pub source: Option<String>,
    /// What it cost to ask about it, in millionths of a dollar, where that is known.
    pub cost_usd_micros: Option<u64>,
    /// Why nothing is done to it, if so.
    pub error: Option<String>,
}

impl ChangeRow {
    /// A page of which nothing is known, and that has cost nothing.
    pub fn of(page: PageId) -> Self {
        Self {
            page,
            title: String::new(),
            url: String::new(),
            added: Vec::new(),
            removed: Vec::new(),
            already_there: Vec::new(),
            dropped: Vec::new(),
            source: None,
            cost_usd_micros: Some(0),
            error: None,
        }
    }
}

/// The columns of the CSV, and the keys of the JSON.
pub const COLUMNS: [&str; 10] = [
    "page",
    "title",
    "url",
    "added",
    "removed",
    "already_there",
    "dropped",
    "source",
    "cost_usd",
    "error",
];
