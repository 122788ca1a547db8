//! What batches cost in quality, measured: pages that a run has asked about together are asked about again,
//! alone and twice. How the two answers alone differ says what chance does without a batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallOutcome, Event};
use crate::pipeline::page::{PageId, Source, Tags};
use crate::rng::Seed;
use crate::sim::recorder::Log;
use crate::study::stats::wilson;
use crate::units::float;

/// How often something was seen, of the times that it could have been.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// How often it was.
    pub events: u64,
    /// How often it could have been.
    pub chances: u64,
}

impl Observed {
    fn see(&mut self, is_event: bool, chances: u64) {
        self.events += u64::from(is_event);
        self.chances += chances;
    }

    /// The share, where there was a chance.
    pub fn share(self) -> Option<f64> {
        (self.chances > 0).then(|| float(self.events) / float(self.chances))
    }

    /// Where the share lies, 19 times of 20.
    pub fn interval(self) -> (f64, f64) {
        wilson::interval(self.events, self.chances)
    }
}

/// A page that was answered together with others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BatchedPage {
    /// The pages beside it.
    others: u64,
    tags: Tags,
}

/// The pages that one provider has answered in batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batched {
    pages: BTreeMap<PageId, BatchedPage>,
    /// Pages that an answer left out, of all pairs of a page and another in a call.
    missed: Observed,
}

/// What becomes of the batches of a run, while its log is read.
#[derive(Default)]
struct Batches {
    formed: BTreeMap<BatchId, Vec<PageId>>,
    /// The pages of the call that is on its way, if it is the provider's.
    asked: BTreeMap<BatchId, u64>,
    /// The pages of calls that were answered in part: the next call of the batch says how many were missed.
    partly: BTreeMap<BatchId, u64>,
    /// Whether all of a batch was answered by its first answer.
    whole: BTreeMap<BatchId, bool>,
    missed: Observed,
}

/// Pairs of a page and another in one call.
fn pairs(pages: u64) -> u64 {
    pages.saturating_mul(pages.saturating_sub(1))
}

impl Batches {
    fn event(&mut self, event: &Event, of: &str) {
        match event {
            Event::BatchFormed { batch, pages, .. } => {
                self.formed.insert(*batch, pages.clone());
            }
            Event::AttemptStarted { batch, provider, pages, .. } => {
                if let Some(before) = self.partly.remove(batch) {
                    self.missed.events += before.min(*pages);
                    self.missed.chances += pairs(before);
                }
                if provider == of {
                    self.asked.insert(*batch, *pages);
                } else {
                    self.asked.remove(batch);
                }
            }
            Event::AttemptFinished { batch, outcome, .. } => {
                let Some(pages) = self.asked.remove(batch) else { return };
                match outcome {
                    CallOutcome::Ok => {
                        self.missed.chances += pairs(pages);
                        self.whole.entry(*batch).or_insert(true);
                    }
                    CallOutcome::Partial => {
                        self.partly.insert(*batch, pages);
                        self.whole.insert(*batch, false);
                    }
                    CallOutcome::Failed => {}
                }
            }
            _ => {}
        }
    }
}

impl Batched {
    /// What the provider of this name has answered in a run, several pages with one call.
    pub fn of(log: &Log, provider: &str) -> Self {
        let mut batches = Batches::default();
        let mut tagged = BTreeMap::new();
        for event in log.events() {
            batches.event(&event, provider);
            if let Event::PageTagged { page, source: Source::Answer, tags } = event {
                tagged.insert(page, tags);
            }
        }
        let mut pages = BTreeMap::new();
        let is_whole = |batch: &BatchId| batches.whole.get(batch) == Some(&true);
        for (_, batch) in batches.formed.iter().filter(|(batch, _)| is_whole(batch)) {
            let others = (batch.len() as u64).saturating_sub(1);
            for page in batch.iter().filter(|_| others > 0) {
                if let Some(tags) = tagged.remove(page) {
                    pages.insert(*page, BatchedPage { others, tags });
                }
            }
        }
        Self { pages, missed: batches.missed }
    }

    /// The pages of a sample of this share, in millionths.
    pub fn sample(&self, share_ppm: u64) -> Vec<PageId> {
        // Not the sample of `--sample`: of that, all pages would be in it.
        let is_in = |page: &PageId| Seed(0).draw("probe", page.0, 0).below(1_000_000) < share_ppm;
        self.pages.keys().copied().filter(is_in).collect()
    }
}

/// What came of asking again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Pages that were asked about alone, and did not get two answers.
    pub unanswered: u64,
    /// Pages with the same tags in the batch as alone.
    pub same: Observed,
    /// Pages with the same tags alone and alone again.
    pub same_again: Observed,
    /// Pages that lack a tag in the batch which they have alone, of all pages beside them.
    pub lost: Observed,
    /// Pages that lack a tag alone again.
    pub lost_again: Observed,
    /// Pages that an answer left out, of all pairs of a page and another in a call.
    pub missed: Observed,
}

impl Probe {
    /// Compares what pages of a sample were given in their batches with what they were given alone, twice.
    pub fn of(batched: &Batched, sample: &[PageId], alone: [&Log; 2]) -> Self {
        let mut probe = Self { missed: batched.missed, ..Self::default() };
        let [first, again] = alone.map(answers);
        for page in sample {
            let found = (batched.pages.get(page), first.get(page), again.get(page));
            let (Some(BatchedPage { others, tags }), Some(first), Some(again)) = found else {
                probe.unanswered += 1;
                continue;
            };
            let in_batch = named(tags);
            probe.same.see(in_batch == *first, 1);
            probe.same_again.see(again == first, 1);
            probe.lost.see(!first.is_subset(&in_batch), *others);
            probe.lost_again.see(!first.is_subset(again), 1);
        }
        probe
    }

    /// The pages beside each page of the sample, on average.
    pub fn mean_others(&self) -> f64 {
        if self.same.chances == 0 {
            return 0.0;
        }
        float(self.lost.chances) / float(self.same.chances)
    }
}

/// The tags of each page that was answered, with their categories.
fn answers(log: &Log) -> BTreeMap<PageId, BTreeSet<(String, String)>> {
    let tags = log.events().filter_map(|event| match event {
        Event::PageTagged { page, source: Source::Answer, tags } => Some((page, named(&tags))),
        _ => None,
    });
    tags.collect()
}

fn named(tags: &Tags) -> BTreeSet<(String, String)> {
    let each = tags
        .0
        .iter()
        .flat_map(|(category, tags)| tags.iter().map(|tag| (category.clone(), tag.clone())));
    each.collect()
}
