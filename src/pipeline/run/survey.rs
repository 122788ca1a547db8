//! What a job would take, found out by reading alone: the pages are listed and looked up among the kept
//! answers, and put into batches that nobody sends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::context::RunContext;
use super::list;
use crate::pipeline::Shared;
use crate::pipeline::batch::{Batcher, Room};
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::estimate::Estimates;
use crate::pipeline::job::Job;
use crate::pipeline::page::{Page, Tags};
use crate::pipeline::prompt;
use crate::pipeline::survey::Survey;
use crate::pipeline::taxonomy::label;

/// Pages that may wait between the listing and the count.
const BUFFER: usize = 32;

/// Surveys the pages of a job. `keep` is given each page that is asked about, in the order of the list.
pub(crate) async fn survey(
    shared: Arc<Shared>,
    job: Job,
    control: Control,
    mut keep: impl FnMut(Page),
) -> Result<Survey, PipelineError> {
    let run = Arc::new(RunContext::new(shared, &job, control));
    let (listed, mut pages) = mpsc::channel(BUFFER);
    let read = tokio::spawn(list::read(Arc::clone(&run), job.what, listed));
    let mut surveyor = Surveyor::new(&run);
    while let Some(page) = pages.recv().await {
        if let Some(page) = surveyor.accept(page).await {
            keep(page);
        }
    }
    read.await??;
    Ok(surveyor.finish())
}

struct Surveyor<'a> {
    run: &'a RunContext,
    estimates: Estimates,
    room: Room,
    batcher: Batcher,
    came: u64,
    survey: Survey,
}

impl<'a> Surveyor<'a> {
    fn new(run: &'a RunContext) -> Self {
        let estimates = run.shared.lanes[0].estimates();
        let (batcher, survey) = (Batcher::new(), Survey::default());
        Self { run, estimates, room: run.room(), batcher, came: 0, survey }
    }

    /// Counts a page; it is given back if it is asked about.
    async fn accept(&mut self, page: Page) -> Option<Page> {
        self.came += 1;
        if let Some(tags) = self.run.shared.recall(&page) {
            self.answered(&page, &tags).await;
            return None;
        }
        let Some(page) = self.run.first_of_its_kind(page) else {
            self.survey.same_text += 1;
            return None;
        };
        let alone = prompt::tokens(std::slice::from_ref(&page));
        self.survey.most.add(&self.estimates, 1, alone);
        self.batcher.push(page.clone());
        while let Some(full) = self.batcher.filling(&self.room, &self.estimates) {
            self.batch(full);
        }
        Some(page)
    }

    /// A page is answered already: it counts which labels it lacks.
    async fn answered(&mut self, page: &Page, tags: &Tags) {
        self.survey.answered += 1;
        let Some(present) = self.run.labels.of(page.id).await else {
            self.survey.labels_unknown += 1;
            return;
        };
        let wanted: BTreeSet<String> = tags.all().map(label).collect();
        let missing = wanted.iter().filter(|label| !present.contains(label)).count() as u64;
        self.survey.labels_to_add += missing;
        self.survey.pages_to_label += u64::from(missing > 0);
    }

    fn batch(&mut self, pages: usize) {
        let counted = self.batcher.tokens(pages);
        self.survey.least.add(&self.estimates, pages as u64, counted);
        drop(self.batcher.take(pages));
    }

    fn finish(mut self) -> Survey {
        while !self.batcher.is_empty() {
            let pages = self.batcher.fitting(&self.room, &self.estimates);
            self.batch(pages);
        }
        self.survey.listed = self.run.listed.load(Ordering::Relaxed);
        self.survey.unreadable = self.survey.listed.saturating_sub(self.came);
        self.survey.pages_of_a_call = self.room.pages as u64;
        self.survey
    }
}
