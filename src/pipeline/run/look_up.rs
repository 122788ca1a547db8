//! Pages that are known by their ids: whether they are there, and in the space where they should be.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::pipeline::Shared;
use crate::pipeline::confluence::{Cursor, PageForm};
use crate::pipeline::error::PipelineError;
use crate::pipeline::page::PageId;
use crate::pipeline::page_note::PageNote;

/// Why a page cannot be changed as a page of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// These credentials see no such page.
    Unseen,
    /// It is a page of no space that was named.
    Elsewhere,
}

/// Looks these pages up, and gives those that are astray.
pub(crate) async fn look_up(
    shared: &Shared,
    pages: Vec<PageId>,
    spaces: &[String],
    stop: &CancellationToken,
) -> Result<BTreeMap<PageId, Stray>, PipelineError> {
    let confluence = &shared.confluence;
    let mut strays = BTreeMap::new();
    let mut found_spaces = Vec::new();
    for key in spaces {
        let Some(space) = confluence.find_space(key, stop).await? else { return Ok(strays) };
        found_spaces.push(space);
    }
    // Each piece but the last brings one of the pages, or the site leads nowhere.
    let most_pieces = pages.len();
    let mut cursor = Cursor::of_ids(pages, PageForm::Title);
    for _ in 0..=most_pieces {
        let Some(at) = cursor.take() else { return Ok(strays) };
        let Some(piece) = confluence.list(at, stop).await? else { return Ok(strays) };
        if let Some(reason) = piece.unreadable {
            return Err(PipelineError::BadListing { reason });
        }
        strays.extend(piece.missing.into_iter().map(|page| (page, Stray::Unseen)));
        let site = piece.site.as_deref().unwrap_or(confluence.base());
        for found in &piece.pages {
            // Only ids that were asked for are listed.
            let Ok(page) = found.id.parse().map(PageId) else { continue };
            if !found_spaces.is_empty() && !found_spaces.iter().any(|space| space.has(found)) {
                strays.insert(page, Stray::Elsewhere);
            }
            shared.observer.noted(&PageNote::Found { page, title: &found.title, site });
        }
        cursor = piece.next;
    }
    let reason = "it goes on and on without a new page".to_owned();
    Err(PipelineError::BadListing { reason })
}
