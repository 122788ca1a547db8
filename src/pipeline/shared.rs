//! What the runs of a pipeline share: cache, limits, estimates and retry budget.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::backoff::Budget;
use super::cache::{Cache, Content, Key};
use super::config::Settings;
use super::confluence::{Client, Confluence};
use super::event::Observer;
use super::limiter::Limiter;
use super::page::{Page, Tags};
use super::parts::Parts;
use super::provider::Lane;
use super::store::{AnswerStore, Journal, StoreError};
use super::taxonomy::Taxonomy;
use super::transport::Transport;
use crate::rng::Seed;

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
    pub(super) store: Option<Arc<dyn AnswerStore>>,
    pub(super) journal: Option<Arc<dyn Journal>>,
    budget: Mutex<Option<Budget>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
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
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { config, taxonomy, site, providers, transport, observer, store, journal, seed } =
            parts;
        let prompt_tokens = super::tokens::count(&super::prompt::render(&taxonomy, &[]));
        let (carrier, watcher) = (Arc::clone(&transport), Arc::clone(&observer));
        let limiters = limiters(&config, providers.len(), seed);
        let lanes = providers.into_iter().zip(limiters);
        let client = Client::new(site, carrier, watcher, &config, seed);
        let lane = |(provider, limiter)| Lane::new(provider, limiter, &taxonomy, prompt_tokens);
        let lanes = lanes.map(lane).collect();
        Self {
            confluence: Confluence::new(client, config.label_reads),
            cache: Mutex::new(Cache::new(config.cache_capacity())),
            // Without a cache nothing is looked up, so that nothing need be kept.
            store: store.filter(|_| config.cache_capacity().is_some()),
            journal,
            budget: Mutex::new(config.retry_budget.map(Budget::new)),
            lanes,
            config,
            taxonomy,
            transport,
            observer,
            seed,
        }
    }

    /// The tokens that the provider charges to its quota for `input_tokens` input tokens.
    pub(crate) fn charged_tokens(&self, provider_index: usize, input_tokens: u64) -> u64 {
        self.lanes[provider_index].provider.charge(input_tokens, self.config.max_output_tokens)
    }

    /// The tags that an earlier answer gave to this very page: the primary's if there is one.
    pub(crate) fn recall(&self, page: &Page) -> Option<Tags> {
        let mut cache = self.cache.lock();
        if cache.is_empty() && self.store.is_none() {
            return None;
        }
        let content = Content::new(page, self.config.cache_key);
        let mut keys = self.lanes.iter().map(|lane| Key::new(content, lane.fingerprint));
        if let Some(tags) = keys.clone().find_map(|key| cache.get(&key)) {
            return Some(tags);
        }
        let store = self.store.as_ref()?;
        let (key, tags) = keys.find_map(|key| Some((key, self.heard(store.answer(&key))??)))?;
        // The file may have been changed by hand: only tags that the taxonomy has are given.
        let tags = self.taxonomy.validate(&tags.0);
        cache.put(key, tags.clone());
        Some(tags)
    }

    /// The result, unless the store has failed, which is told.
    fn heard<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        result.inspect_err(|error| self.observer.store_failed(error)).ok()
    }

    /// Takes the answers of another pipeline over.
    pub(super) fn take_cache(&self, other: &Self) {
        std::mem::swap(&mut *other.cache.lock(), &mut *self.cache.lock());
    }

    /// Keeps the answer of a model about a page for this process.
    pub(crate) fn remember(&self, page: &Page, model: &str, tags: &Tags) {
        let mut cache = self.cache.lock();
        if let Some(key) = self.key(page, model).filter(|_| cache.is_enabled()) {
            cache.put(key, tags.clone());
        }
    }

    /// Keeps the answers of a model about pages for other processes.
    pub(crate) fn store_answers(&self, model: &str, answers: &[(Page, Tags)]) {
        let Some(store) = &self.store else { return };
        let keyed = answers.iter().filter_map(|(page, tags)| Some((self.key(page, model)?, tags)));
        self.heard(store.keep(model, &keyed.collect::<Vec<_>>()));
    }

    /// The key of what this model answers about a page.
    fn key(&self, page: &Page, model: &str) -> Option<Key> {
        let lane = self.lanes.iter().find(|lane| lane.provider.model == model)?;
        Some(Key::new(Content::new(page, self.config.cache_key), lane.fingerprint))
    }

    /// Writes something down, where there is a journal.
    pub(crate) fn note(&self, write: impl FnOnce(&dyn Journal) -> Result<(), StoreError>) {
        if let Some(journal) = &self.journal {
            self.heard(write(&**journal));
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
