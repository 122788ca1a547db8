//! What a run is asked to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::pipeline::page::PageId;
use crate::pipeline::page_filter::PageFilter;

/// The pages of a run.
///
/// ```
/// use tagspace::PageSelection;
/// use tagspace::event::PageId;
///
/// let space = PageSelection::space("DOCS");
/// let two_pages = PageSelection::Pages(vec![PageId(98305), PageId(98306)]);
/// assert_ne!(space, two_pages);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageSelection {
    /// All current pages of the spaces with these keys, one space after the other.
    Spaces(Vec<String>),
    /// The current pages that a query in CQL finds.
    Found(PageQuery),
    /// These pages.
    Pages(Vec<PageId>),
}

/// A query for pages in Confluence's query language
/// (<https://developer.atlassian.com/cloud/confluence/advanced-searching-using-cql/>). The site answers it
/// from its search index, which a change reaches after a while.
///
/// ```
/// use tagspace::PageQuery;
///
/// let cql = "label = runbook and lastmodified >= now(\"-7d\")".to_owned();
/// let query = PageQuery { spaces: vec!["DOCS".to_owned()], cql };
/// assert!(query.to_string().starts_with("type = page and space in (\"DOCS\") and ("));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// The keys of the spaces that are searched; without one, the whole site.
    pub spaces: Vec<String>,
    /// What is asked of a page.
    pub cql: String,
}

impl fmt::Display for PageQuery {
    /// The whole query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("type = page and ")?;
        if !self.spaces.is_empty() {
            let keys: Vec<String> = self.spaces.iter().map(|key| quoted(key)).collect();
            write!(f, "space in ({}) and ", keys.join(", "))?;
        }
        write!(f, "({})", self.cql)
    }
}

/// A text of CQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl PageSelection {
    /// All current pages of one space.
    pub fn space(key: impl Into<String>) -> Self {
        Self::Spaces(vec![key.into()])
    }
}

/// A job: which pages, under which task id.
///
/// ```
/// use tagspace::{Job, PageFilter, PageSelection};
///
/// let all = Job::of("nightly", PageSelection::space("DOCS"));
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
