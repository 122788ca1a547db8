//! Builds a pipeline: what must be given first, everything else with a default.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::config::{Profile, Settings};
use super::event::{Event, Observer};
use super::http::{HttpTransport, SetUpError};
use super::provider::Provider;
use super::store::{AnswerStore, Journal};
use super::taxonomy::Taxonomy;
use super::transport::Transport;
use super::{Parts, Pipeline, Site};
use crate::rng::Seed;

/// Builds a [`Pipeline`].
///
/// # Defaults
///
/// - settings: those of [`Profile::Recommended`]
/// - transport: [`HttpTransport`], the network
/// - observer: none
/// - store of answers: none, so that they are lost with the process
/// - journal of label changes: none, so that they cannot be taken back
/// - seed of the jitter: 0
///
/// ```no_run
/// use tagspace::{Pipeline, Profile, Provider, Secret, Settings, Site, Taxonomy};
///
/// # async fn example() -> Result<(), tagspace::BuildError> {
/// let site = Site::new("https://acme.atlassian.net/wiki", Secret::new("token"));
/// let settings = Settings { dry_run: true, ..Profile::Recommended.settings() };
/// let pipeline = Pipeline::builder(site, Taxonomy::new(Vec::new()))
///     .provider(Provider::gemini("gemini-3.5-flash-lite", Secret::new("key")))
///     .settings(settings)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct PipelineBuilder {
    site: Site,
    taxonomy: Taxonomy,
    providers: Vec<Provider>,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    observer: Arc<dyn Observer>,
    store: Option<Arc<dyn AnswerStore>>,
    journal: Option<Arc<dyn Journal>>,
    seed: Seed,
}

/// Why no pipeline could be built.
///
/// ```
/// use tagspace::{BuildError, Pipeline, Secret, Site, Taxonomy};
///
/// let site = Site::new("https://acme.atlassian.net/wiki", Secret::new("token"));
/// let built = Pipeline::builder(site, Taxonomy::new(Vec::new())).build();
/// assert!(matches!(built, Err(BuildError::NoProvider)));
/// ```
#[derive(Debug, Error)]
pub enum BuildError {
    /// No provider was given.
    #[error("a pipeline needs at least one provider")]
    NoProvider,
    /// The default transport could not be set up.
    #[error(transparent)]
    Transport(#[from] SetUpError),
}

/// Takes events and drops them.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: Event) {}
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl PipelineBuilder {
    pub(super) fn new(site: Site, taxonomy: Taxonomy) -> Self {
        Self {
            site,
            taxonomy,
            providers: Vec::new(),
            settings: Profile::Recommended.settings(),
            transport: None,
            observer: Arc::new(Nobody),
            store: None,
            journal: None,
            seed: Seed(0),
        }
    }

    /// Adds a provider: the first is the primary, and each further one is the fallback of the one
    /// before it.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
        self
    }

    /// Replaces the settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Carries requests with this transport instead of over the network.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sends every event to this observer.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Keeps answers in this store, such as a [`SqliteStore`](crate::store::SqliteStore), and looks them up there.
    pub fn store(mut self, store: Arc<dyn AnswerStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Writes each change of labels into this journal before it is made.
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Seeds the jitter of retries.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Builds the pipeline. It must be called inside a tokio runtime, whose time the pipeline takes.
    ///
    /// # Errors
    ///
    /// Without a provider, and where the default transport cannot be set up.
    pub fn build(self) -> Result<Pipeline, BuildError> {
        if self.providers.is_empty() {
            return Err(BuildError::NoProvider);
        }
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new()?),
        };
        Ok(Pipeline::new(Parts {
            config: self.settings,
            taxonomy: self.taxonomy,
            site: self.site,
            providers: self.providers,
            transport,
            observer: self.observer,
            store: self.store,
            journal: self.journal,
            seed: self.seed,
        }))
    }
}

impl Pipeline {
    /// Builds a pipeline that tags the pages of a site.
    pub fn builder(site: Site, taxonomy: Taxonomy) -> PipelineBuilder {
        PipelineBuilder::new(site, taxonomy)
    }
}
