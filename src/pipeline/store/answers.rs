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

    /// Keeps the answers that this model gave, over earlier ones.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    fn keep(&self, model: &str, answers: &[(Key, &Tags)]) -> Result<(), StoreError>;
}
