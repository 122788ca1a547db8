//! What a pipeline is made of.

use std::fmt;
use std::sync::Arc;

use super::Site;
use super::config::Settings;
use super::event::Observer;
use super::provider::Provider;
use super::store::{AnswerStore, Journal};
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
    /// What keeps its answers beyond the process, if anything does.
    pub store: Option<Arc<dyn AnswerStore>>,
    /// What writes down the labels that it changes, if anything does.
    pub journal: Option<Arc<dyn Journal>>,
    /// The seed of its jitter.
    pub seed: Seed,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}
