//! The latest answered calls of each model: how long they took, for the plan of the next job.

use rusqlite::params;

use super::error::StoreError;
use super::sqlite::SqliteStore;

/// As many calls of a model are kept.
const CALLS_OF_A_MODEL: u64 = 256;

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
    /// Keeps calls of a model, the latest last, in place of the earliest ones.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn keep_calls(&self, model: &str, calls: &[CallRecord]) -> Result<(), StoreError> {
        self.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            transaction
                .prepare_cached("INSERT INTO models (name) VALUES (?1) ON CONFLICT DO NOTHING")?
                .execute([model])?;
            for call in calls {
                let CallRecord { pages, input_tokens, output_tokens, latency_ms } = *call;
                transaction
                    .prepare_cached(
                        "INSERT INTO calls (model, pages, input_tokens, output_tokens, latency_ms)
                         VALUES ((SELECT id FROM models WHERE name = ?1), ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![model, pages, input_tokens, output_tokens, latency_ms])?;
            }
            transaction.execute(
                "DELETE FROM calls WHERE model = (SELECT id FROM models WHERE name = ?1)
                 AND id NOT IN (
                     SELECT id FROM calls WHERE model = (SELECT id FROM models WHERE name = ?1)
                     ORDER BY id DESC LIMIT ?2)",
                params![model, CALLS_OF_A_MODEL],
            )?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The latest calls of a model, the earliest of them first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn calls(&self, model: &str) -> Result<Vec<CallRecord>, StoreError> {
        self.with(|connection| {
            let mut calls = connection.prepare_cached(
                "SELECT pages, input_tokens, output_tokens, latency_ms FROM calls
                 WHERE model = (SELECT id FROM models WHERE name = ?1) ORDER BY id",
            )?;
            let calls = calls.query_map([model], |row| {
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
