//! Pages with the same text as one that is being asked about: they wait for its answer.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::pipeline::cache::Content;
use crate::pipeline::page::Page;

/// The pages that wait, by what they say.
#[derive(Debug, Default)]
pub(crate) struct Coalescer(Mutex<BTreeMap<Content, Vec<Page>>>);

impl Coalescer {
    /// Gives the page back if nobody asks about its text yet; else it waits.
    pub(crate) fn join(&self, content: Content, page: Page) -> Option<Page> {
        let mut asked = self.0.lock();
        if let Some(waiting) = asked.get_mut(&content) {
            waiting.push(page);
            return None;
        }
        asked.insert(content, Vec::new());
        Some(page)
    }

    /// The pages that have waited for the answer about this text, which is over now.
    pub(crate) fn leave(&self, content: Content) -> Vec<Page> {
        self.0.lock().remove(&content).unwrap_or_default()
    }
}
