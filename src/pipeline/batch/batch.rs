//! A batch: pages that share one prompt, and how it is cut.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::pipeline::estimate::Estimates;
use crate::pipeline::page::Page;
use crate::pipeline::prompt;

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

/// What one prompt may hold, if it holds more than one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Pages, at least one.
    pub pages: usize,
    /// Input tokens.
    pub input_tokens: Option<u64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
}

impl Room {
    /// Room for `pages` pages, however long they are.
    pub fn of_pages(pages: usize) -> Self {
        Self { pages, input_tokens: None, output_tokens: None }
    }
}

/// The pages that wait to be asked about.
#[derive(Debug, Default)]
pub struct Batcher {
    /// With the characters that each adds to a prompt.
    waiting: VecDeque<(Page, u64)>,
    formed: u64,
}

impl Batcher {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a page at the end of the line.
    pub fn push(&mut self, page: Page) {
        let tokens = prompt::tokens(std::slice::from_ref(&page));
        self.waiting.push_back((page, tokens));
    }

    /// How many pages wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The tokens that the first `pages` pages add to a prompt.
    pub fn tokens(&self, pages: usize) -> u64 {
        self.waiting.iter().take(pages).map(|(_, tokens)| tokens).sum()
    }

    /// How many of the first pages fit into this room; one, if none does.
    pub fn fitting(&self, room: &Room, estimates: &Estimates) -> usize {
        let within = |tokens: u64, limit: Option<u64>| limit.is_none_or(|limit| tokens <= limit);
        let (mut fitting, mut tokens) = (0, 0);
        for (_, more) in self.waiting.iter().take(room.pages) {
            tokens = more.saturating_add(tokens);
            let fits = within(estimates.input_tokens(tokens), room.input_tokens)
                && within(estimates.output_tokens(fitting as u64 + 1), room.output_tokens);
            if !fits {
                break;
            }
            fitting += 1;
        }
        fitting.max(1).min(self.waiting.len())
    }

    /// How many of the first pages fill this room; nothing as long as it has room for more.
    pub fn filling(&self, room: &Room, estimates: &Estimates) -> Option<usize> {
        let fitting = self.fitting(room, estimates);
        let is_full = fitting > 0 && (fitting < self.waiting.len() || fitting >= room.pages);
        is_full.then_some(fitting)
    }

    /// Makes a batch of the first `pages` pages; nothing if there are none.
    pub fn take(&mut self, pages: usize) -> Option<Batch> {
        let pages: Vec<Page> =
            self.waiting.drain(..pages.min(self.waiting.len())).map(|(page, _)| page).collect();
        if pages.is_empty() {
            return None;
        }
        self.formed += 1;
        Some(Batch { id: BatchId(self.formed), pages })
    }

    /// The number that the next batch will have.
    pub fn next(&self) -> BatchId {
        BatchId(self.formed + 1)
    }

    /// Takes the pages that no batch was made of.
    pub fn take_waiting(&mut self) -> Vec<Page> {
        self.waiting.drain(..).map(|(page, _)| page).collect()
    }
}
