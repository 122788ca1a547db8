//! What a run is asked to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::page::PageId;
use crate::pipeline::page_filter::PageFilter;

/// The pages of a run.
///
/// ```
/// use tagspace::PageSelection;
/// use tagspace::event::PageId;
///
/// let space = PageSelection::Space("DOCS".to_owned());
/// let two_pages = PageSelection::Pages(vec![PageId(98305), PageId(98306)]);
/// assert_ne!(space, two_pages);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageSelection {
    /// All current pages of the space with this key.
    Space(String),
    /// These pages.
    Pages(Vec<PageId>),
}

/// A job: which pages, under which task id.
///
/// ```
/// use tagspace::{Job, PageFilter, PageSelection};
///
/// let all = Job::of("nightly", PageSelection::Space("DOCS".to_owned()));
/// let job = Job { filter: PageFilter { limit: Some(10), ..PageFilter::default() }, ..all };
/// assert_eq!(job.task, "nightly");
/// ```
#[derive(Debug, Clone)]
pub struct Job {
    /// The task id that the run's events carry.
    pub task: String,
    /// The pages.
    pub what: PageSelection,
    /// Which of them.
    pub filter: PageFilter,
    /// Labels that earlier jobs gave to pages: those of the taxonomy are removed that a page is not to have
    /// any more.
    pub prunable: BTreeMap<PageId, BTreeSet<String>>,
}

impl Job {
    /// All of these pages.
    pub fn of(task: impl Into<String>, what: PageSelection) -> Self {
        let filter = PageFilter::default();
        Self { task: task.into(), what, filter, prunable: BTreeMap::new() }
    }
}
