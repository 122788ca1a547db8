//! What standard output says of pages: a row each, as soon as a page is at its end.

use std::collections::BTreeMap;

use crate::cli::args::PagesFormat;
use crate::pipeline::error::Cause;
use crate::pipeline::event::Event;
use crate::pipeline::page::{PageId, Source};
use crate::pipeline::page_note::PageNote;
use crate::pipeline::printable::shown;
use crate::report::changes::row::ChangeRow;
use crate::report::changes::{csv, json, text};

/// The rows of a run.
#[derive(Debug)]
pub(crate) struct PageRows {
    format: PagesFormat,
    /// The pages that are not at their end.
    open: BTreeMap<PageId, OpenRow>,
    totals: RowTotals,
    /// Whether no row is printed yet.
    is_empty: bool,
}

/// A row that is not printed yet.
#[derive(Debug)]
struct OpenRow {
    row: ChangeRow,
    /// The model that was asked last.
    model: Option<String>,
    is_copy: bool,
}

/// What became of the pages whose rows were printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RowTotals {
    /// Pages whose labels change.
    pub(crate) changed: u64,
    /// Pages whose labels are right already.
    pub(crate) right: u64,
    /// Labels that they get, all together.
    pub(crate) added: u64,
    /// Labels that they lose.
    pub(crate) removed: u64,
}

impl PageRows {
    /// Rows in this form.
    pub(crate) fn new(format: PagesFormat) -> Self {
        Self { format, open: BTreeMap::new(), totals: RowTotals::default(), is_empty: true }
    }

    /// What became of the pages.
    pub(crate) fn totals(&self) -> RowTotals {
        self.totals
    }

    /// Takes what is told of a page.
    pub(crate) fn noted(&mut self, note: &PageNote<'_>) {
        let open = self.open(note.page());
        match *note {
            PageNote::Found { page, title, site } => {
                open.row.title = shown(title, usize::MAX);
                open.row.url = format!("{site}/pages/viewpage.action?pageId={page}");
            }
            PageNote::Asked { model, usd_micros, .. } => {
                let before = open.row.cost_usd_micros;
                open.row.cost_usd_micros = before.zip(usd_micros).map(|(sum, more)| sum + more);
                open.model = Some(model.to_owned());
            }
            PageNote::Dropped { labels, .. } => open.row.dropped = labels.to_vec(),
            PageNote::Copied { .. } => open.is_copy = true,
            PageNote::Compared { added, removed, present, .. } => {
                open.row.added = added.to_vec();
                open.row.removed = removed.to_vec();
                open.row.already_there = present.to_vec();
            }
        }
    }

    /// What an event prints, if it is the end of a page.
    pub(crate) fn observed(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::PageTagged { page, source, .. } => {
                let OpenRow { mut row, model, is_copy } = self.close(*page);
                row.source = Some(match source {
                    Source::Answer => model.unwrap_or_default(),
                    Source::Cache if is_copy => "copy".to_owned(),
                    Source::Cache => "kept".to_owned(),
                    Source::File => "file".to_owned(),
                });
                let (added, removed) = (row.added.len() as u64, row.removed.len() as u64);
                self.totals.changed += u64::from(added + removed > 0);
                self.totals.right += u64::from(added + removed == 0);
                self.totals.added += added;
                self.totals.removed += removed;
                Some(self.printed(&row))
            }
            Event::PageFailed { page, class, service, status } => {
                let (service, class, status) = (service.clone(), *class, *status);
                let cause = Cause { service, class, status };
                let error = format!("failed after {} of {}", cause.kind(), cause.service);
                Some(self.failed(*page, error))
            }
            // People see how far it came by what is there; of a table no page may be missing.
            Event::PageNotDone { page } if self.format != PagesFormat::Text => {
                Some(self.failed(*page, "not done: the run ended before".to_owned()))
            }
            _ => None,
        }
    }

    /// What is printed at the end.
    pub(crate) fn end(&self) -> String {
        match self.format {
            PagesFormat::Csv if self.is_empty => csv::head(),
            PagesFormat::Text | PagesFormat::Csv => String::new(),
            PagesFormat::Json if self.is_empty => "[]\n".to_owned(),
            PagesFormat::Json => "\n]\n".to_owned(),
        }
    }

    /// The row of a page to which nothing is done.
    fn failed(&mut self, page: PageId, error: String) -> String {
        let OpenRow { row, .. } = self.close(page);
        // Labels that could not be written are not added.
        let (added, removed) = (Vec::new(), Vec::new());
        self.printed(&ChangeRow { added, removed, error: Some(error), ..row })
    }

    fn printed(&mut self, row: &ChangeRow) -> String {
        let is_first = std::mem::take(&mut self.is_empty);
        match self.format {
            PagesFormat::Text => text::row(row),
            PagesFormat::Csv if is_first => csv::head() + &csv::row(row),
            PagesFormat::Csv => csv::row(row),
            PagesFormat::Json => {
                format!("{}{}", if is_first { "[\n" } else { ",\n" }, json::row(row))
            }
        }
    }

    fn open(&mut self, page: PageId) -> &mut OpenRow {
        self.open.entry(page).or_insert_with(|| OpenRow::of(page))
    }

    fn close(&mut self, page: PageId) -> OpenRow {
        self.open.remove(&page).unwrap_or_else(|| OpenRow::of(page))
    }
}

impl OpenRow {
    fn of(page: PageId) -> Self {
        Self { row: ChangeRow::of(page), model: None, is_copy: false }
    }
}
