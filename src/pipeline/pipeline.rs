//! The pipeline: its parts, and what its runs share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::PipelineBuilder;
use super::backoff::Budget;
use super::cache::{Cache, Content, Key};
use super::config::Settings;
use super::confluence::Site;
use super::confluence::{Client, Confluence};
use super::control::Control;
use super::error::PipelineError;
use super::event::{Observer, RunEnd};
use super::job::Job;
use super::learned_quotas::LearnedQuotas;
use super::limiter::Limiter;
use super::page::{Page, Tags};
use super::provider::{Lane, Provider};
use super::taxonomy::Taxonomy;
use super::transport::Transport;
use crate::rng::Seed;

/// What a pipeline is made of.
#[derive(Clone)]
pub struct Parts {
    /// Its settings.
    pub config: Settings,
    /// The tags that it may give.
    pub taxonomy: Taxonomy,
    /// The Confluence site.
    pub site: Site,
    /// The AI providers, the primary first.
    pub providers: Vec<Provider>,
    /// What carries its requests.
    pub transport: Arc<dyn Transport>,
    /// What takes its events.
    pub observer: Arc<dyn Observer>,
    /// The seed of its jitter.
    pub seed: Seed,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}

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
/// let job = Job { task: "nightly".to_owned(), what: PageSelection::Space("DOCS".to_owned()) };
/// let end = pipeline.run(job, Control::default()).await?;
/// println!("{end:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pipeline {
    pub(super) shared: Arc<Shared>,
}

/// What the runs of a pipeline share.
pub(crate) struct Shared {
    pub(crate) config: Settings,
    pub(crate) taxonomy: Taxonomy,
    /// One for each provider, the primary's first.
    pub(crate) lanes: Vec<Lane>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) confluence: Confluence,
    pub(crate) seed: Seed,
    cache: Mutex<Cache>,
    budget: Mutex<Option<Budget>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Builds a pipeline that tags the pages of a site.
    pub fn builder(site: Site, taxonomy: Taxonomy) -> PipelineBuilder {
        PipelineBuilder::new(site, taxonomy)
    }

    /// A pipeline of these parts. It must be made inside a tokio runtime, whose time it takes.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, taxonomy, site, providers, transport, observer, seed } = parts;
        let prompt_tokens = super::tokens::count(&super::prompt::render(&taxonomy, &[]));
        let (carrier, watcher) = (Arc::clone(&transport), Arc::clone(&observer));
        let limiters = limiters(&config, providers.len(), seed);
        let lanes = providers.into_iter().zip(limiters);
        let lane = |(provider, limiter)| Lane::new(provider, limiter, &taxonomy, prompt_tokens);
        let lanes = lanes.map(lane).collect();
        let shared = Shared {
            confluence: Confluence::new(Client::new(site, carrier, watcher, &config, seed)),
            cache: Mutex::new(Cache::new(config.cache_capacity())),
            budget: Mutex::new(config.retry_budget.map(Budget::new)),
            lanes,
            config,
            taxonomy,
            transport,
            observer,
            seed,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Carries a job through. Pages that fail are events; an error means that the run as a whole
    /// could not be done. Either way every page that was listed is accounted for.
    pub async fn run(&self, job: Job, control: Control) -> Result<RunEnd, PipelineError> {
        super::run::run(Arc::clone(&self.shared), job, control).await
    }

    /// How many AI calls are in flight.
    pub fn in_flight(&self) -> u64 {
        self.shared.lanes[0].limiter.load().0
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
            seed: old.seed,
        };
        let next = Self::new(parts);
        next.recall(&self.memory());
        if next.shared.config.cache_capacity() == old.config.cache_capacity() {
            let mut kept = old.cache.lock();
            let mut cache = next.shared.cache.lock();
            std::mem::swap(&mut *kept, &mut *cache);
        }
        next
    }
}

/// A limiter that keeps a quota is one provider's; any other limits all calls together.
fn limiters(config: &Settings, providers: usize, seed: Seed) -> Vec<Arc<Limiter>> {
    let shared = Limiter::new(config.limit(seed));
    let own = |index| match index {
        0 => Arc::clone(&shared),
        _ if config.keeps_quota() => Limiter::new(config.fallback_limit()),
        _ => Arc::clone(&shared),
    };
    (0..providers).map(own).collect()
}

impl Shared {
    /// The tokens that the provider charges to its quota for `input_tokens` input tokens.
    pub(crate) fn charged_tokens(&self, provider_index: usize, input_tokens: u64) -> u64 {
        self.lanes[provider_index].provider.charge(input_tokens, self.config.max_output_tokens)
    }

    /// The tags that an earlier answer gave to this very page: the primary's if there is one.
    pub(crate) fn recall(&self, page: &Page) -> Option<Tags> {
        let mut cache = self.cache.lock();
        if cache.is_empty() {
            return None;
        }
        let content = Content::new(page, self.config.cache_key);
        self.lanes.iter().find_map(|lane| cache.get(&Key::new(content, lane.fingerprint)))
    }

    /// Keeps the answer of a model about a page.
    pub(crate) fn remember(&self, page: &Page, model: &str, tags: &Tags) {
        let mut cache = self.cache.lock();
        if let Some(lane) = self.lanes.iter().find(|lane| lane.provider.model == model)
            && cache.is_enabled()
        {
            let content = Content::new(page, self.config.cache_key);
            cache.put(Key::new(content, lane.fingerprint), tags.clone());
        }
    }

    pub(crate) fn deposit_retry(&self) {
        if let Some(budget) = &mut *self.budget.lock() {
            budget.deposit();
        }
    }

    pub(crate) fn withdraw_retry(&self) -> bool {
        let mut budget = self.budget.lock();
        budget.as_mut().is_none_or(Budget::withdraw)
    }
}
