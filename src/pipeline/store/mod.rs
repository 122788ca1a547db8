//! What outlives the process: answers that were paid for, and the labels that each job changed.
//!
//! The pipeline looks an answer up in its memory ([`cache`](super::cache)) and then in an
//! [`AnswerStore`], and keeps each answer in both before any label is written. So a dry run pays for
//! the run that writes, and a process that is killed has lost only the answers of calls in flight. The
//! keys are those of the cache: a page that changed, another taxonomy, prompt, model or server is another
//! key. No text of a page is kept. A job that writes labels writes each change down before it is made
//! ([`Journal`]), so that it can be taken back. The latest calls of each lane stay as well, because the plan of
//! the next job expects their latencies (`calls.rs`). Answers may be shared with other machines as well, in a
//! Redis (`redis.rs`) behind the own store (`layered.rs`).

mod answers;
mod calls;
mod error;
mod jobs;
mod journal;
mod layered;
mod redis;
mod schema;
mod size;
mod sqlite;
mod upkeep;

pub use self::answers::AnswerStore;
pub use self::calls::CallRecord;
pub use self::error::StoreError;
pub use self::jobs::{JobJournal, JobRecord};
pub use self::journal::{Journal, LabelChange};
pub use self::layered::LayeredStore;
pub use self::redis::RedisStore;
pub use self::sqlite::SqliteStore;
pub use self::upkeep::{KeptAnswer, StoreStats};
