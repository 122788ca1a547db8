//! The tree of pages: the first page of the space is its home page, and every other page has a
//! parent, so that clients that go from page to page find them all.

use crate::fakes::content::space::Space;

/// How many children a page has; the last parents have fewer, or none.
const CHILDREN: u64 = 25;

/// The home page of the space, if it has pages.
pub(super) fn home(space: &Space) -> Option<u64> {
    space.ids().next()
}

/// The parent of a page; the home page has none.
pub(super) fn parent(page: u64, space: &Space) -> Option<u64> {
    let first = space.ids().start;
    let before = page.checked_sub(first + 1)?;
    Some(first + before / CHILDREN)
}

/// The children of a page, in order.
pub(super) fn children(page: u64, space: &Space) -> Vec<u64> {
    let ids = space.ids();
    let Some(place) = page.checked_sub(ids.start) else { return Vec::new() };
    let from = ids.start + place * CHILDREN + 1;
    (from..ids.end.min(from + CHILDREN)).collect()
}

/// The ancestors of a page, the home page first.
pub(super) fn ancestors(page: u64, space: &Space) -> Vec<u64> {
    let mut above: Vec<u64> =
        std::iter::successors(parent(page, space), |page| parent(*page, space)).collect();
    above.reverse();
    above
}
