//! Two stores as one: an own one, and behind it one that others use as well.

use std::sync::Arc;

use super::answers::AnswerStore;
use super::error::StoreError;
use super::redis::RedisStore;
use crate::pipeline::cache::Key;
use crate::pipeline::page::Tags;

/// Looks an answer up in the own store and then in the shared one, and keeps it in both.
pub struct LayeredStore {
    own: Arc<dyn AnswerStore>,
    shared: Arc<RedisStore>,
}

impl std::fmt::Debug for LayeredStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayeredStore").finish_non_exhaustive()
    }
}

impl LayeredStore {
    /// A store of its own, before one that is shared.
    pub fn new(own: Arc<dyn AnswerStore>, shared: Arc<RedisStore>) -> Self {
        Self { own, shared }
    }
}

impl AnswerStore for LayeredStore {
    fn answer(&self, key: &Key) -> Result<Option<Tags>, StoreError> {
        let own = self.own.answer(key)?;
        if own.is_some() {
            return Ok(own);
        }
        let Some((model, tags)) = self.shared.found(key)? else { return Ok(None) };
        self.own.keep(&model, &[(*key, &tags)])?;
        Ok(Some(tags))
    }

    fn keep(&self, model: &str, answers: &[(Key, &Tags)]) -> Result<(), StoreError> {
        // One that fails is no reason to lose the answers for the other.
        let own = self.own.keep(model, answers);
        self.shared.keep(model, answers).and(own)
    }
}
