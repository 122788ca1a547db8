//! What a log tells of the work that was to be done. Times are since the run's start.

use std::collections::{BTreeMap, BTreeSet};

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{ConfluenceOp, Event, RunEnd};
use crate::pipeline::page::{PageId, Source};
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;

/// Tags by category.
pub(super) type Tags = BTreeMap<String, Vec<String>>;

/// The work of a run.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) started_ms: u64,
    /// When the list had come so far, and how many pages it had brought.
    pub(super) listed: Vec<(u64, u64)>,
    /// Calls that read the list.
    pub(super) list_calls: u64,
    /// The pages, in the order of the list.
    pub(super) pages: Vec<Listed>,
    pub(super) failed: BTreeSet<PageId>,
    /// Pages that an answer of this run tagged.
    pub(super) answered: BTreeSet<PageId>,
    /// Pages to which labels were added.
    pub(super) labelled: BTreeSet<PageId>,
    /// Calls that did not add labels, though they should.
    pub(super) failed_labels: u64,
    /// The number of attempts with a page in them.
    pub(super) attempts: BTreeMap<PageId, u64>,
    /// The weights of the entries of the pages in answers, by model.
    pub(super) entries: BTreeMap<u64, [u64; 2]>,
    pub(super) completed: bool,
}

/// A page as it was listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) page: PageId,
    pub(super) version: u64,
    /// When the piece of the list that brings it can have come.
    pub(super) at_ms: u64,
}

impl Work {
    /// Of a log; `entry` weighs what the models write about a page with these tags.
    pub(super) fn of(log: &Log, entry: impl Fn(u64, Tags) -> [u64; 2]) -> Self {
        let mut work = Self::default();
        let mut at = 0;
        let mut batches: BTreeMap<BatchId, Vec<PageId>> = BTreeMap::new();
        for logged in &log.entries {
            let event = match logged.what {
                What::Event(event) => event,
                What::World(WorldEvent::PageTruth { page, tags }) => {
                    work.entries.insert(page, entry(page, tags));
                    continue;
                }
                What::World(_) => continue,
            };
            match event {
                Event::RunStarted { .. } => work.started_ms = logged.t_ms,
                Event::ConfluenceCall { op, status, latency_ms, .. } => {
                    work.called(op, status, latency_ms, &mut at);
                }
                Event::PageListed { page, version, .. } => work.list(page, version, at),
                Event::BatchFormed { batch, pages, .. } => {
                    batches.insert(batch, pages);
                }
                Event::AttemptStarted { batch, .. } => {
                    for page in batches.get(&batch).into_iter().flatten() {
                        *work.attempts.entry(*page).or_default() += 1;
                    }
                }
                Event::LabelsWritten { page, added: 1.., .. } => {
                    work.labelled.insert(page);
                }
                Event::PageTagged { page, source: Source::Answer, .. } => {
                    work.answered.insert(page);
                }
                Event::PageFailed { page, .. } => {
                    work.failed.insert(page);
                }
                Event::RunFinished { end } => work.completed = end == RunEnd::Completed,
                _ => {}
            }
        }
        work
    }

    fn called(&mut self, op: ConfluenceOp, status: Option<u16>, latency_ms: u64, at: &mut u64) {
        let is_answer = matches!(status, Some(200..=299));
        match op {
            // One piece of the list after the other.
            ConfluenceOp::Space | ConfluenceOp::Pages if is_answer => {
                *at = latency_ms.saturating_add(*at);
                self.list_calls += 1;
            }
            ConfluenceOp::AddLabels if !is_answer => self.failed_labels += 1,
            _ => {}
        }
    }

    fn list(&mut self, page: PageId, version: u64, at_ms: u64) {
        let count = self.pages.len() as u64 + 1;
        match self.listed.last_mut() {
            Some((known, pages)) if *known == at_ms => *pages = count,
            _ => self.listed.push((at_ms, count)),
        }
        self.pages.push(Listed { page, version, at_ms });
    }

    /// When the last piece of the list can have come.
    pub(super) fn list_ends_ms(&self) -> u64 {
        self.listed.last().map_or(0, |(at, _)| *at)
    }
}
