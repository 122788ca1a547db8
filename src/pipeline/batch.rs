//! Batches: pages that share one prompt.
//!
//! Batches are filled in listing order and closed when they are full; [`Batcher::flush`] gives out
//! the last, smaller one. Every page is in exactly one batch.

use serde::{Deserialize, Serialize};

use crate::pipeline::page::Page;

/// The number of a batch within a run, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub u64);

/// Pages that are asked about together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// Its pages, in listing order; never empty.
    pub pages: Vec<Page>,
}

/// Collects pages into batches of a fixed size.
#[derive(Debug)]
pub struct Batcher {
    size: usize,
    open: Vec<Page>,
    formed: u64,
}

impl Batcher {
    /// Batches of `size` pages; a size of zero counts as one.
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), open: Vec::new(), formed: 0 }
    }

    /// Adds a page, and gives out the batch that it fills.
    pub fn push(&mut self, page: Page) -> Option<Batch> {
        self.open.push(page);
        if self.open.len() >= self.size { self.flush() } else { None }
    }

    /// Gives out what is left.
    pub fn flush(&mut self) -> Option<Batch> {
        if self.open.is_empty() {
            return None;
        }
        self.formed += 1;
        Some(Batch { id: BatchId(self.formed), pages: std::mem::take(&mut self.open) })
    }

    /// Takes the pages that no batch was formed of.
    pub fn take_open(&mut self) -> Vec<Page> {
        std::mem::take(&mut self.open)
    }
}
