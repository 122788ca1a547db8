//! What can be wrong with a store.

use thiserror::Error;

/// What is wrong with a store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file is a database of another program.
    #[error("expected a store of answers, found another database")]
    Foreign,
    /// The file may not be written.
    #[error("expected a store that may be written, found one that may only be read")]
    ReadOnly,
    /// A later version of this program wrote it.
    #[error("expected a store of format {known} or earlier, found format {found}")]
    Newer {
        /// The format of the file.
        found: usize,
        /// The latest format that this program knows.
        known: usize,
    },
    /// What a Redis says, or that it cannot be reached.
    #[error("the shared answers: {0}")]
    Redis(#[from] redis::RedisError),
    /// What SQLite says.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
}
