//! The pipeline: its runs, and what one run leaves to the next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Site;
use super::config::Settings;
use super::control::Control;
use super::error::PipelineError;
use super::event::RunEnd;
use super::job::Job;
use super::learned_quotas::LearnedQuotas;
use super::limiter::Outlook;
use super::page::{Page, PageId};
use super::parts::Parts;
use super::provider::Lane;
use super::run::{Stray, Undone};
use super::shared::Shared;
use super::store::LabelChange;
use super::survey::Survey;

/// The pipeline. Runs follow one another; what was learned in one serves the next.
///
/// ```no_run
/// use tagspace::{Control, Job, PageSelection, Pipeline, Provider, Secret, Site, Taxonomy};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let site = Site::new("https://acme.atlassian.net/wiki", Secret::new("token")).user("me@acme.com");
/// let tags = vec!["guide".to_owned(), "runbook".to_owned()];
/// let pipeline = Pipeline::builder(site, Taxonomy::new(vec![("doc".to_owned(), tags)]))
///     .provider(Provider::gemini("gemini-3.5-flash-lite", Secret::new("key")))
///     .provider(Provider::openai("gpt-6-luna", Secret::new("key")))
///     .build()?;
/// let job = Job::of("nightly", PageSelection::space("DOCS"));
/// let end = pipeline.run(job, Control::default()).await?;
/// println!("{end:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pipeline {
    pub(super) shared: Arc<Shared>,
}

impl Pipeline {
    /// A pipeline of these parts. It must be made inside a tokio runtime, whose time it takes.
    #[doc(hidden)] // outside, `Pipeline::builder` makes one
    pub fn new(parts: Parts) -> Self {
        Self { shared: Arc::new(Shared::new(parts)) }
    }

    /// Carries a job through. Pages that fail are events; an error means that the run as a whole
    /// could not be done. Either way every page that was listed is accounted for.
    pub async fn run(&self, job: Job, control: Control) -> Result<RunEnd, PipelineError> {
        super::run::run(Arc::clone(&self.shared), job, control).await
    }

    /// Says what a job would take, without an AI call and without a change.
    ///
    /// # Errors
    ///
    /// If the pages cannot be listed.
    pub async fn survey(&self, job: Job, control: Control) -> Result<Survey, PipelineError> {
        self.survey_each(job, control, drop).await
    }

    /// The same, and gives each page that is asked about, in the order of the list.
    #[doc(hidden)]
    pub async fn survey_each(
        &self,
        job: Job,
        control: Control,
        keep: impl FnMut(Page),
    ) -> Result<Survey, PipelineError> {
        super::run::survey(Arc::clone(&self.shared), job, control, keep).await
    }

    /// Which of these pages cannot be changed as pages of these spaces, or of any where none is named. The
    /// observer is told the titles of the others. Nothing is said of what was not looked up before `stop`.
    ///
    /// # Errors
    ///
    /// If one of the spaces is not there, or the pages cannot be listed.
    pub async fn look_up(
        &self,
        pages: Vec<PageId>,
        spaces: &[String],
        stop: &CancellationToken,
    ) -> Result<BTreeMap<PageId, Stray>, PipelineError> {
        super::run::look_up(&self.shared, pages, spaces, stop).await
    }

    /// Changes the labels of pages as a person has decided, without asking a model: what a page has is not
    /// added again, and what it lacks is not removed. It is a run like any other in its events, its retries
    /// and its journal, and its `dry_run` changes nothing.
    ///
    /// # Errors
    ///
    /// If a task panicked.
    pub async fn apply(
        &self,
        task: String,
        changes: Vec<LabelChange>,
        control: Control,
    ) -> Result<RunEnd, PipelineError> {
        super::run::apply(Arc::clone(&self.shared), task, changes, control).await
    }

    /// Makes the labels of pages what they were before these changes. What is taken back leaves the
    /// journal.
    ///
    /// # Errors
    ///
    /// If a task panicked.
    pub async fn undo(
        &self,
        changes: Vec<LabelChange>,
        control: Control,
    ) -> Result<Undone, PipelineError> {
        super::run::undo(Arc::clone(&self.shared), changes, control).await
    }

    /// How many AI calls are in flight.
    pub fn in_flight(&self) -> u64 {
        self.shared.lanes[0].limiter.load().0
    }

    /// What the gate of each provider has to give.
    #[doc(hidden)]
    pub fn outlooks(&self) -> BTreeMap<String, Outlook> {
        let lanes = self.shared.lanes.iter();
        lanes.map(|lane| (lane.provider.name.clone(), lane.limiter.outlook())).collect()
    }

    /// What was learned of the providers' quotas, for another pipeline.
    pub fn memory(&self) -> LearnedQuotas {
        let mut memory = LearnedQuotas::default();
        for Lane { provider, limiter, .. } in &self.shared.lanes {
            let name = provider.account();
            let (known, closed) = (limiter.remember(), limiter.closed_for());
            if !known.is_empty() {
                memory.providers.insert(name.clone(), known);
            }
            if !closed.is_zero() {
                let closed_ms = u64::try_from(closed.as_millis()).unwrap_or(u64::MAX);
                memory.closed_ms.insert(name, closed_ms);
            }
        }
        memory
    }

    /// Starts from what another pipeline has learned; to be called before the first run.
    pub fn recall(&self, memory: &LearnedQuotas) {
        for Lane { provider, limiter, .. } in &self.shared.lanes {
            let name = provider.account();
            if let Some(known) = memory.providers.get(&name) {
                limiter.recall(known);
            }
            if let Some(closed_ms) = memory.closed_ms.get(&name) {
                limiter.keep_closed(Duration::from_millis(*closed_ms));
            }
        }
    }

    /// The same pipeline under other settings: its cache stays and what a limiter has learned of the
    /// quotas; limit and budget start anew.
    #[must_use]
    pub fn reconfigured(self, config: Settings, site: Site) -> Self {
        let old = &self.shared;
        let parts = Parts {
            config,
            taxonomy: old.taxonomy.clone(),
            site,
            providers: old.lanes.iter().map(|lane| lane.provider.clone()).collect(),
            transport: Arc::clone(&old.transport),
            observer: Arc::clone(&old.observer),
            store: old.store.clone(),
            journal: old.journal.clone(),
            seed: old.seed,
        };
        let next = Self::new(parts);
        next.recall(&self.memory());
        if next.shared.config.cache_capacity() == old.config.cache_capacity() {
            next.shared.take_cache(old);
        }
        next
    }
}
