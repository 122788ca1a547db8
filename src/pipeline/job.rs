//! What a run is asked to do.

use crate::pipeline::page::PageId;

/// The pages of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageSelection {
    /// All current pages of the space with this key.
    Space(String),
    /// These pages.
    Pages(Vec<PageId>),
}

/// A job: which pages, under which task id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The task id that the run's events carry.
    pub task: String,
    /// The pages.
    pub what: PageSelection,
}
