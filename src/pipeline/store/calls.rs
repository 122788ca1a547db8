//! The latest answered calls of each lane, a model at one place: how long they took, for the plan of the next
//! job.

use rusqlite::params;

use super::error::StoreError;
use super::sqlite::SqliteStore;

/// As many calls of a lane are kept.
const CALLS_OF_A_LANE: u64 = 256;

/// A call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRecord {
    /// The pages that it asked about.
    pub pages: u64,
    /// Input tokens, as reported.
    pub input_tokens: u64,
    /// Output tokens, as reported.
    pub output_tokens: u64,
    /// From the request to the end of the answer.
    pub latency_ms: u64,
}

impl SqliteStore {
    /// Keeps calls of a lane, the latest last, in place of the earliest ones.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    #[doc(hidden)]
    pub fn keep_calls(&self, lane: &str, calls: &[CallRecord]) -> Result<(), StoreError> {
        self.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            for call in calls {
                let CallRecord { pages, input_tokens, output_tokens, latency_ms } = *call;
                transaction
                    .prepare_cached(
                        "INSERT INTO calls (lane, pages, input_tokens, output_tokens, latency_ms)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![lane, pages, input_tokens, output_tokens, latency_ms])?;
            }
            transaction.execute(
                "DELETE FROM calls WHERE lane = ?1 AND id NOT IN (
                     SELECT id FROM calls WHERE lane = ?1 ORDER BY id DESC LIMIT ?2)",
                params![lane, CALLS_OF_A_LANE],
            )?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The latest calls of a lane, the earliest of them first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    #[doc(hidden)]
    pub fn calls(&self, lane: &str) -> Result<Vec<CallRecord>, StoreError> {
        self.with(|connection| {
            let mut calls = connection.prepare_cached(
                "SELECT pages, input_tokens, output_tokens, latency_ms FROM calls
                 WHERE lane = ?1 ORDER BY id",
            )?;
            let calls = calls.query_map([lane], |row| {
                Ok(CallRecord {
                    pages: row.get(0)?,
                    input_tokens: row.get(1)?,
                    output_tokens: row.get(2)?,
                    latency_ms: row.get(3)?,
                })
            })?;
            Ok(calls.collect::<Result<_, _>>()?)
        })
    }
}
