//! A lane: a provider, and everything that is known of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Provider;
use crate::pipeline::cache::Fingerprint;
use crate::pipeline::estimate::Estimates;
use crate::pipeline::limiter::Limiter;
use crate::pipeline::taxonomy::Taxonomy;

/// A provider with its limiter, its estimates and the key of its answers.
pub(crate) struct Lane {
    /// The provider.
    pub(crate) provider: Provider,
    /// Limits the calls to it; another lane may share it.
    pub(crate) limiter: Arc<Limiter>,
    /// Tells its answers from those of other models, prompts and taxonomies.
    pub(crate) fingerprint: Fingerprint,
    estimates: Mutex<Estimates>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("provider", &self.provider.name).finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane of which nothing was learned yet; `prompt_tokens` is the length of a prompt without
    /// pages.
    pub(crate) fn new(
        provider: Provider,
        limiter: Arc<Limiter>,
        taxonomy: &Taxonomy,
        prompt_tokens: u64,
    ) -> Self {
        let fingerprint = Fingerprint::new(taxonomy, &provider.model, &provider.origin);
        let estimates = Mutex::new(Estimates::new(prompt_tokens));
        Self { provider, limiter, fingerprint, estimates }
    }

    /// What is expected of calls to the provider.
    pub(crate) fn estimates(&self) -> Estimates {
        *self.estimates.lock()
    }

    /// Corrects what is expected of calls to the provider.
    pub(crate) fn learn(&self, correct: impl FnOnce(&mut Estimates)) {
        correct(&mut self.estimates.lock());
    }
}
