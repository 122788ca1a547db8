//! The labels that pages have, where they are not read page by page: of a space in one go, each label
//! of the taxonomy with its pages, or as they come with the listing.
//!
//! They are read while the pages are listed, and may be some minutes old when a page is written. A label
//! that was added meanwhile and is added again stays as it is; one that somebody has removed meanwhile
//! is added in the next run. Before labels are removed the page is read again. Where they cannot be read, each page is read by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::pipeline::page::PageId;

/// The labels of the taxonomy that pages have; a page without any may be left out.
pub(crate) type ByPage = BTreeMap<PageId, Vec<Arc<str>>>;

/// How far the labels of the space are read.
#[derive(Debug)]
enum SpaceLabels {
    /// They are not: each page is read by itself.
    No,
    /// They are being read, or it is not known yet whether they can be.
    Begun,
    /// They are.
    Done(ByPage),
}

/// The labels that pages have, as far as they are read.
#[derive(Debug)]
pub(crate) struct KnownLabels {
    space: Mutex<SpaceLabels>,
    /// Wakes those that wait for the space.
    read: Notify,
    /// What the listing says of single pages.
    listed: Mutex<ByPage>,
}

impl KnownLabels {
    /// Nothing is read yet; `is_by_label` says whether the labels of the space will be.
    pub(crate) fn new(is_by_label: bool) -> Self {
        let reading = if is_by_label { SpaceLabels::Begun } else { SpaceLabels::No };
        Self { space: Mutex::new(reading), read: Notify::new(), listed: Mutex::default() }
    }

    /// A page was listed together with its labels.
    pub(crate) fn came(&self, page: PageId, labels: Vec<Arc<str>>) {
        self.listed.lock().insert(page, labels);
    }

    /// The labels of the space are read.
    pub(crate) fn are_read(&self, by_page: ByPage) {
        *self.space.lock() = SpaceLabels::Done(by_page);
        self.read.notify_waiters();
    }

    /// Each page is read by itself, unless its labels came with the listing.
    pub(crate) fn are_by_page(&self) {
        let mut space = self.space.lock();
        if matches!(*space, SpaceLabels::Begun) {
            *space = SpaceLabels::No;
            self.read.notify_waiters();
        }
    }

    /// The labels of a page as soon as they are known; nothing where it has to be read by itself.
    pub(crate) async fn of(&self, page: PageId) -> Option<Vec<String>> {
        let texts =
            |labels: &Vec<Arc<str>>| labels.iter().map(|label| String::from(&**label)).collect();
        let listed = self.listed.lock().get(&page).map(texts);
        if listed.is_some() {
            return listed;
        }
        loop {
            let read = self.read.notified();
            match &*self.space.lock() {
                SpaceLabels::No => return None,
                SpaceLabels::Done(by_page) => {
                    return Some(by_page.get(&page).map(texts).unwrap_or_default());
                }
                SpaceLabels::Begun => {}
            }
            read.await;
        }
    }
}
