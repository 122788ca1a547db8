//! A place for answers.

use super::error::StoreError;
use crate::pipeline::cache::Key;
use crate::pipeline::page::Tags;

/// Keeps answers for other runs, and for other processes.
pub trait AnswerStore: Send + Sync {
    /// The answer under this key.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn answer(&self, key: &Key) -> Result<Option<Tags>, StoreError>;

    /// Keeps the answer that this model gave, over an earlier one.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    fn keep(&self, key: &Key, model: &str, tags: &Tags) -> Result<(), StoreError>;
}
