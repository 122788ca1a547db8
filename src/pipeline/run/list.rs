//! The first stage: lists the pages, each once, and turns them into text.
//!
//! A listing is not trusted to end. One that comes back to a place where it was, goes on without a
//! page that is new, or names more pages than any space has ends with an error; what it gave until
//! then is worked on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pipeline::config::LabelReads;
use crate::pipeline::confluence::{Cursor, FoundSpace, Listed, ListedPage, MOST_PAGES, PageForm};
use crate::pipeline::error::{Cause, ErrorClass, PipelineError};
use crate::pipeline::event::Awaited;
use crate::pipeline::job::PageSelection;
use crate::pipeline::limiter::line_time::WaitParts;
use crate::pipeline::page::{Page, PageId};
use crate::pipeline::page_note::PageNote;
use crate::pipeline::printable::shown;
use crate::pipeline::run::{RunContext, read_labels};
use crate::pipeline::text;

/// Pieces of a listing in a row that may hold no new page. A piece is empty where the account may
/// see none of its 250 pages.
const PIECES_WITHOUT_PAGES: u32 = 100;

/// What a listing has given so far.
#[derive(Default)]
struct ListedSoFar {
    pages: BTreeSet<PageId>,
    places: BTreeSet<String>,
    pieces_without_pages: u32,
    /// What is wrong with an entry that is no page.
    unreadable: Option<String>,
}

/// Lists the pages and turns each into text.
pub(crate) async fn read(
    run: Arc<RunContext>,
    what: PageSelection,
    listed: mpsc::Sender<Page>,
) -> Result<(), PipelineError> {
    let begun = begin(&run, what).await;
    if begun.as_ref().map_or(true, |begun| begun.by_label.is_empty()) {
        run.labels.are_by_page();
    }
    let stopped = |ended: Result<(), PipelineError>| match ended {
        // A run that was stopped leaves what it could not list.
        Err(PipelineError::Listing { .. }) if run.cancel.is_cancelled() => Ok(()),
        ended => ended,
    };
    let Begun { lists, by_label } = match begun {
        Ok(begun) => begun,
        Err(error) => return stopped(Err(error)),
    };
    // The labels are read beside the pages.
    let pages = async {
        let ended = list(&run, lists, &listed).await;
        run.list_ended();
        drop(listed);
        ended
    };
    let (listed, labels) = tokio::join!(pages, read_labels::read_spaces(&run, &by_label));
    labels.and(stopped(listed))
}

/// What is listed.
#[derive(Default)]
struct Begun {
    /// Where each list begins.
    lists: Vec<Cursor>,
    /// The spaces whose labels are read in one go.
    by_label: Vec<String>,
}

/// Finds what is to be listed: a space that is not there is told before anything is done with another.
async fn begin(run: &RunContext, what: PageSelection) -> Result<Begun, PipelineError> {
    let confluence = &run.shared.confluence;
    let keys = match what {
        PageSelection::Pages(ids) => {
            let lists = Cursor::of_ids(ids, PageForm::Whole).into_iter().collect();
            return Ok(Begun { lists, by_label: Vec::new() });
        }
        PageSelection::Found(query) => {
            return Ok(Begun { lists: vec![confluence.found(&query)], by_label: Vec::new() });
        }
        PageSelection::Spaces(keys) => keys,
    };
    let mut begun = Begun::default();
    for key in keys {
        let Some(found) = confluence.find_space(&key, &run.cancel).await? else { break };
        begun.lists.push(confluence.first_piece(&found));
        if let FoundSpace::V2 { id } = found
            && run.config().label_reads == LabelReads::ByLabel
        {
            begun.by_label.push(id);
        }
    }
    Ok(begun)
}

/// Lists the pages, one list after the other.
async fn list(
    run: &RunContext,
    lists: Vec<Cursor>,
    listed: &mpsc::Sender<Page>,
) -> Result<(), PipelineError> {
    let confluence = &run.shared.confluence;
    let mut progress = ListedSoFar::default();
    let mut lists = lists.into_iter();
    let mut cursor = lists.next();
    while let Some(at) = cursor.take().filter(|_| !run.cancel.is_cancelled()) {
        progress.goes_to(&at)?;
        let Some(piece) = confluence.list(at, &run.cancel).await? else { return Ok(()) };
        let Listed { pages, missing, unreadable, site, next } = piece;
        let site = site.as_deref().unwrap_or(confluence.base());
        progress.unreadable = progress.unreadable.take().or(unreadable);
        let here = (pages.len() + missing.len()) as u64;
        // Where the list goes on, as many are expected of its next piece.
        let next_piece = if next.is_some() { here } else { 0 };
        let known = run.listed.load(Ordering::Relaxed) + here + next_piece;
        run.known.store(known, Ordering::Relaxed);
        let listed_before = progress.pages.len();
        for page in missing {
            if progress.pages.insert(page) && run.takes(page, None) {
                run.noted(&PageNote::Found { page, title: "", site });
                run.page_listed(page, 0, 0);
                run.page_failed(page, &Cause::of_confluence(ErrorClass::NotFound, None));
            }
        }
        for page in pages {
            accept(run, &mut progress, FoundPage { page, site }, listed).await;
        }
        progress.counts(listed_before)?;
        cursor = next.or_else(|| lists.next()).filter(|_| !run.has_all());
    }
    // The others are dealt with first.
    match progress.unreadable {
        Some(reason) => Err(PipelineError::BadListing { reason }),
        None => Ok(()),
    }
}

/// A page, and the address at which people see its site.
struct FoundPage<'a> {
    page: ListedPage,
    site: &'a str,
}

/// Passes a page on if it is a new one and has come with its text.
async fn accept(
    run: &RunContext,
    progress: &mut ListedSoFar,
    FoundPage { page, site }: FoundPage<'_>,
    listed: &mpsc::Sender<Page>,
) {
    let Ok(id) = page.id.parse().map(PageId) else {
        let reason = format!(
            "expected a number as the id of a page, found `{}`; that page is left out",
            shown(&page.id, 40)
        );
        progress.unreadable.get_or_insert(reason);
        return;
    };
    if !progress.pages.insert(id) || !run.takes(id, Some(&page.title)) {
        return;
    }
    run.noted(&PageNote::Found { page: id, title: &page.title, site });
    let Some(storage) = page.storage() else {
        run.page_listed(id, page.version(), 0);
        run.page_failed(id, &Cause::of_confluence(ErrorClass::NoText, None));
        return;
    };
    if let Some(labels) = page.labels() {
        run.labels.came(id, labels);
    }
    let limit = usize::try_from(run.config().text_limit_chars).unwrap_or(usize::MAX);
    let text = text::extract(storage, limit);
    let page = Page { id, version: page.version(), title: page.title, text };
    run.page_listed(page.id, page.version, page.text.chars().count() as u64);
    let since = Instant::now();
    if let Err(unsent) = listed.send(page).await {
        run.leave([unsent.0.id]);
    }
    run.waited(Awaited::Gatherer, None, None, WaitParts::of(since.elapsed()));
}

impl ListedSoFar {
    /// Notes the place of the next piece, which must be a new one.
    fn goes_to(&mut self, cursor: &Cursor) -> Result<(), PipelineError> {
        if cursor.path().is_some_and(|path| !self.places.insert(path.to_owned())) {
            return Err(endless(
                "it comes back to a place where it was, so some pages may be missing",
            ));
        }
        Ok(())
    }

    /// Notes what a piece has brought, after `listed_before` pages.
    fn counts(&mut self, listed_before: usize) -> Result<(), PipelineError> {
        let is_new = self.pages.len() > listed_before;
        self.pieces_without_pages = if is_new { 0 } else { self.pieces_without_pages + 1 };
        if self.pieces_without_pages >= PIECES_WITHOUT_PAGES {
            return Err(endless("it goes on and on without a new page"));
        }
        if self.pages.len() > MOST_PAGES {
            let reason = format!("it names more than {MOST_PAGES} pages, and no space has as many");
            return Err(endless(&reason));
        }
        Ok(())
    }
}

fn endless(reason: &str) -> PipelineError {
    PipelineError::BadListing { reason: reason.to_owned() }
}
