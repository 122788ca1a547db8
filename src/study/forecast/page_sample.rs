//! The pages that a job is played with: all of them, or evenly spread ones of many.

use std::sync::Arc;

use crate::fakes::content::documents::{PlainText, Source};
use crate::pipeline::page::Page;
use crate::units::float;

/// No more pages are kept.
const MOST_PAGES: usize = 10_000;

/// Every page, every second one, every fourth, and so on, in the order of the list.
#[derive(Debug, Clone)]
pub struct PageSample {
    pages: Vec<Arc<PlainText>>,
    every: u64,
    seen: u64,
    most: usize,
}

impl Default for PageSample {
    fn default() -> Self {
        Self::of_at_most(MOST_PAGES)
    }
}

impl PageSample {
    /// A sample that keeps no more pages than this.
    pub fn of_at_most(most: usize) -> Self {
        Self { pages: Vec::new(), every: 1, seen: 0, most: most.max(1) }
    }

    /// Takes the next page of the list.
    pub fn push(&mut self, page: Page) {
        if self.seen.is_multiple_of(self.every) {
            self.pages.push(Arc::new(PlainText { title: page.title, text: page.text }));
        }
        self.seen += 1;
        if self.pages.len() > self.most {
            let mut at = 0_usize;
            self.pages.retain(|_| {
                at += 1;
                !at.is_multiple_of(2)
            });
            self.every *= 2;
        }
    }

    /// The pages that are kept.
    pub fn len(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Whether there was no page.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The pages that came for each that is kept.
    pub(super) fn times(&self) -> f64 {
        float(self.seen) / float(self.len().max(1))
    }

    /// The pages of a world.
    pub(super) fn documents(&self) -> Vec<Source> {
        self.pages.iter().map(|page| Source::Text(Arc::clone(page))).collect()
    }
}
