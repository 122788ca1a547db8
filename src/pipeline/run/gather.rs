//! The stage between reading and asking: answers pages from the cache, and makes batches of the
//! others.
//!
//! Where the size is a number, a batch is made as soon as it is full, and then waits for its turn.
//! Where it is `auto`, it is made as late as can be: pages are gathered while the gate is closed,
//! and when it lets a call start, [`plan`] says how many of them go. So batches grow while the
//! quota is used up, and are small where nothing binds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::pipeline::batch::plan::Work;
use crate::pipeline::batch::{Batch, BatchId, Batcher, Room, plan};
use crate::pipeline::config::BatchSize;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Awaited, Event};
use crate::pipeline::limiter::Permit;
use crate::pipeline::limiter::line_time::WaitParts;
use crate::pipeline::page::{Page, Source};
use crate::pipeline::run::ask::{ask, place};
use crate::pipeline::run::tasks::BoundedTasks;
use crate::pipeline::run::{BegunWait, RunContext, Tagged};

/// Pages on their way into batches.
struct Gatherer {
    run: Arc<RunContext>,
    batcher: Batcher,
    /// Pages that have come, and those of them that have to be asked about.
    came: u64,
    missed: u64,
    tagged: mpsc::Sender<Tagged>,
}

/// Answers pages from the cache, and asks about the others batch by batch.
pub(crate) async fn gather(
    run: Arc<RunContext>,
    mut pages: mpsc::Receiver<Page>,
    tagged: mpsc::Sender<Tagged>,
) -> Result<(), PipelineError> {
    let mut slots = BoundedTasks::new(run.config().in_flight_batches);
    let size = run.config().batch_size;
    let mut gatherer = Gatherer { run, batcher: Batcher::new(), came: 0, missed: 0, tagged };
    match size {
        BatchSize::Pages(_) => gatherer.by_number(&mut pages, &mut slots).await?,
        BatchSize::Auto => gatherer.at_the_gate(&mut pages, &mut slots).await?,
    }
    let Gatherer { run, mut batcher, tagged, .. } = gatherer;
    run.leave_pages(&batcher.take_waiting());
    // The writer ends when nobody can send to it any more.
    drop(tagged);
    slots.finish().await
}

impl Gatherer {
    /// Batches of a fixed size.
    async fn by_number(
        &mut self,
        pages: &mut mpsc::Receiver<Page>,
        slots: &mut BoundedTasks,
    ) -> Result<(), PipelineError> {
        while let Some(page) = pages.recv().await {
            if self.run.cancel.is_cancelled() {
                self.run.leave([page.id]);
                continue;
            }
            self.accept(page).await;
            let estimates = self.run.shared.lanes[self.run.first_provider()].estimates();
            let room = self.run.room();
            while let Some(full) = self.batcher.filling(&room, &estimates) {
                self.form_and_send(full, slots).await?;
            }
        }
        while !self.run.cancel.is_cancelled() && !self.batcher.is_empty() {
            let estimates = self.run.shared.lanes[self.run.first_provider()].estimates();
            let rest = self.batcher.fitting(&self.run.room(), &estimates);
            self.form_and_send(rest, slots).await?;
        }
        Ok(())
    }

    /// Batches of the size that suits the moment when a call may start.
    async fn at_the_gate(
        &mut self,
        pages: &mut mpsc::Receiver<Page>,
        slots: &mut BoundedTasks,
    ) -> Result<(), PipelineError> {
        let run = Arc::clone(&self.run);
        let most = usize::try_from(run.config().max_batch_size).unwrap_or(usize::MAX);
        let mut more = true;
        let (mut asked, mut ready) = (None, None);
        while more || !self.batcher.is_empty() {
            if run.is_spent() {
                run.leave_pages(&self.batcher.take_waiting());
            }
            self.slot(None, slots).await?;
            // As long as more is to come, a batch waits until it has what the plan wants.
            let is_ready = !self.batcher.is_empty()
                && (!more || self.batcher.len() >= self.wanted(&run.room()));
            let since = *asked.get_or_insert_with(Instant::now);
            let order = place(&run, self.batcher.next().0);
            let provider = run.first_provider();
            let limiter = &run.shared.lanes[provider].limiter;
            let begun = ready.take().unwrap_or_else(|| BegunWait::beside(limiter.line_time()));
            ready = is_ready.then_some(begun);
            tokio::select! {
                biased;
                () = run.cancel.cancelled() => {
                    if is_ready {
                        run.waited(Awaited::Gate, None, None, begun.parts(limiter.line_time()));
                    }
                    while let Some(page) = pages.recv().await {
                        run.leave([page.id]);
                    }
                    return Ok(());
                }
                page = pages.recv(), if more && self.batcher.len() < most => match page {
                    Some(page) => self.accept(page).await,
                    None => more = false,
                },
                turn = limiter.acquire_with(order, || self.choice()), if is_ready => {
                    let (permit, chosen) = match turn {
                        Ok((permit, chosen)) => (Some((provider, permit)), chosen),
                        // Closed for too long; whoever asks meets the same and goes elsewhere.
                        Err(_) => (None, self.choice().1),
                    };
                    let parts = begun.parts(limiter.line_time());
                    if let Some(batch) = self.form(chosen, parts) {
                        if permit.is_some() {
                            let waited_ms = u64::try_from(since.elapsed().as_millis());
                            let waited_ms = waited_ms.unwrap_or(u64::MAX);
                            let batch = batch.id;
                            let WaitParts { quota_ms, backoff_ms, .. } = parts;
                            run.observe(Event::PermitGranted {
                                batch,
                                waited_ms,
                                quota_ms,
                                backoff_ms,
                            });
                        }
                        self.send(batch, permit, slots);
                    }
                    (asked, ready) = (None, None);
                }
            }
        }
        Ok(())
    }

    /// Answers a page from the cache, or has it wait for a batch.
    async fn accept(&mut self, page: Page) {
        self.came += 1;
        let run = &self.run;
        if let Some(tags) = run.shared.recall(&page) {
            run.observe(Event::CacheHit { page: page.id });
            run.hand_over(&self.tagged, (page.id, Source::Cache), tags, None).await;
            return;
        }
        let Some(page) = run.first_of_its_kind(page) else { return };
        if run.is_spent() {
            run.leave_pages(&[page]);
            return;
        }
        run.observe(Event::CacheMiss { page: page.id });
        self.missed += 1;
        self.batcher.push(page);
    }

    /// How many pages the plan would put into the next batch.
    fn wanted(&self, room: &Room) -> usize {
        let provider = self.run.first_provider();
        let estimates = self.run.shared.lanes[provider].estimates();
        let waiting = self.batcher.len();
        // Of those on their way as many will be found in the cache as of those that came.
        let coming = self.run.coming(self.came) * self.missed / self.came.max(1);
        let fitting = self.batcher.fitting(room, &estimates);
        let work = Work {
            pages: waiting as u64 + coming,
            page_tokens: self.batcher.tokens(waiting) / (waiting as u64).max(1),
            most: if fitting < waiting { fitting } else { room.pages } as u64,
        };
        let outlook = self.run.shared.lanes[provider].limiter.outlook();
        usize::try_from(plan::pages(&work, &estimates, &outlook)).unwrap_or(usize::MAX)
    }

    /// The tokens and the number of pages of a batch that would start now.
    fn choice(&self) -> (u64, usize) {
        let provider = self.run.first_provider();
        let estimates = self.run.shared.lanes[provider].estimates();
        let room = self.run.room();
        let mut chosen = self.wanted(&room).min(self.batcher.fitting(&room, &estimates));
        // Rather than wait for a window that has room for all of them, most of them go now.
        if let Some(left) = self.run.shared.lanes[provider].limiter.outlook().tokens {
            let now = Room { pages: chosen, input_tokens: Some(left.free), output_tokens: None };
            let free = self.batcher.fitting(&now, &estimates);
            chosen = if free * 2 >= chosen { free } else { chosen };
        }
        let tokens = estimates.input_tokens(self.batcher.tokens(chosen));
        (self.run.shared.charged_tokens(provider, tokens), chosen)
    }

    fn form(&mut self, pages: usize, parts: WaitParts) -> Option<Batch> {
        let batch = self.batcher.take(pages)?;
        self.run.formed.store(batch.id.0, Ordering::Relaxed);
        let pages = batch.pages.iter().map(|page| page.id).collect();
        let (batch_id, place_ms) = (batch.id, parts.place_ms());
        let WaitParts { quota_ms, backoff_ms, .. } = parts;
        self.run.observe(Event::BatchFormed {
            batch: batch_id,
            pages,
            place_ms,
            quota_ms,
            backoff_ms,
        });
        Some(batch)
    }

    /// Makes a batch, and starts it as soon as one of the places for batches is free.
    async fn form_and_send(
        &mut self,
        pages: usize,
        slots: &mut BoundedTasks,
    ) -> Result<(), PipelineError> {
        if let Some(batch) = self.form(pages, WaitParts::default()) {
            self.slot(Some(batch.id), slots).await?;
            self.send(batch, None, slots);
        }
        Ok(())
    }

    /// Waits for a place for a batch. Those that have one may all stand in the line.
    async fn slot(
        &self,
        batch: Option<BatchId>,
        slots: &mut BoundedTasks,
    ) -> Result<(), PipelineError> {
        let limiter = &self.run.shared.lanes[self.run.first_provider()].limiter;
        let begun = BegunWait::beside(limiter.line_time());
        slots.room().await?;
        self.run.waited(Awaited::Slot, batch, None, begun.parts(limiter.line_time()));
        Ok(())
    }

    fn send(&self, batch: Batch, permit: Option<(usize, Permit)>, slots: &mut BoundedTasks) {
        let (run, tagged, id) = (Arc::clone(&self.run), self.tagged.clone(), batch.id);
        slots.spawn(async move {
            ask(&run, batch, permit, &tagged).await;
            let (pause, since) = (run.config().pause_ms, Instant::now());
            if pause > 0 {
                tokio::select! {
                    biased;
                    () = run.cancel.cancelled() => {}
                    () = sleep(Duration::from_millis(pause)) => {}
                }
                run.waited(Awaited::Pause, Some(id), None, WaitParts::of(since.elapsed()));
            }
        });
    }
}
