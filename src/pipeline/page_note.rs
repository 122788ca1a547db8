//! What is told of a page beside the events: its title, which no event log holds, and what became of each
//! label.

use super::page::PageId;

/// Something about a page that is no event: an event log holds no text of pages, and no event depends on
/// it.
///
/// ```
/// use tagspace::event::{PageId, PageNote};
///
/// let added = ["runbook".to_owned()];
/// let note = PageNote::Compared { page: PageId(7), added: &added, removed: &[], present: &[] };
/// assert_eq!(note.page(), PageId(7));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageNote<'a> {
    /// It was looked for at the site that people see at this address. The title is empty where the page was
    /// not found.
    Found {
        /// The page.
        page: PageId,
        /// Its title.
        title: &'a str,
        /// The address of the site, without a slash at its end.
        site: &'a str,
    },
    /// A call that asked about it has ended.
    Asked {
        /// The page.
        page: PageId,
        /// The model that was asked.
        model: &'a str,
        /// Its share of what the call cost, by the length of its text, in millionths of a dollar; nothing
        /// where the price or the bill is not known.
        usd_micros: Option<u64>,
    },
    /// The answer about it named labels that the taxonomy lacks.
    Dropped {
        /// The page.
        page: PageId,
        /// These labels.
        labels: &'a [String],
    },
    /// It has the answer of another page that says the same.
    Copied {
        /// The page.
        page: PageId,
    },
    /// Its labels were compared with those that it is to have, before any is written.
    Compared {
        /// The page.
        page: PageId,
        /// Labels that it lacks.
        added: &'a [String],
        /// Labels that it has and is to lose.
        removed: &'a [String],
        /// Labels that it is to have and has.
        present: &'a [String],
    },
}

impl PageNote<'_> {
    /// The page that it is about.
    pub fn page(&self) -> PageId {
        match self {
            Self::Found { page, .. }
            | Self::Asked { page, .. }
            | Self::Dropped { page, .. }
            | Self::Copied { page }
            | Self::Compared { page, .. } => *page,
        }
    }
}
