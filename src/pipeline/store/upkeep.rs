//! What a store holds, for people who look after it.

use rusqlite::params;
use serde::Serialize;

use super::error::StoreError;
use super::size;
use super::sqlite::SqliteStore;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreStats {
    /// The size of the file, in bytes, without what is free in it.
    pub bytes: u64,
    /// How many answers each model gave.
    pub answers: Vec<(String, u64)>,
    /// The days since the answer was used that was not used for longest.
    pub oldest_days: Option<u64>,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptAnswer {
    /// The digest of page, taxonomy, prompt and model, in hexadecimal digits.
    pub key: String,
    /// The model that gave it.
    pub model: String,
    /// Days since it was used.
    pub unused_days: u64,
    /// The tags by category, as JSON.
    pub tags: String,
}

impl SqliteStore {
    /// What it holds.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        self.with(|connection| {
            let mut models = connection.prepare(
                "SELECT name, count(*) FROM answers JOIN models ON model = id
                 GROUP BY name ORDER BY name",
            )?;
            let answers = models.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let oldest = "SELECT max(0, unixepoch() - min(used_s)) / 86400 FROM answers";
            Ok(StoreStats {
                bytes: size::bytes(connection)?,
                answers: answers.collect::<Result<_, _>>()?,
                oldest_days: connection.query_row(oldest, [], |row| row.get(0))?,
            })
        })
    }

    /// Hands over every answer, ordered by key.
    ///
    /// # Errors
    ///
    /// If it cannot be read, and with what `take` gives.
    pub fn each<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(KeptAnswer) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after: Option<String> = None;
        // Page by page, so that other processes can write meanwhile.
        loop {
            let page = self.page(after.as_deref())?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for answer in page {
                take(answer)?;
            }
        }
    }

    fn page(&self, after: Option<&str>) -> Result<Vec<KeptAnswer>, StoreError> {
        self.with(|connection| {
            let mut page = connection.prepare_cached(
                "SELECT lower(hex(key)), name, max(0, unixepoch() - used_s) / 86400, tags
                 FROM answers JOIN models ON model = id
                 WHERE key > coalesce(unhex(?1), x'') ORDER BY key LIMIT 1000",
            )?;
            let answers = page.query_map([after], |row| {
                Ok(KeptAnswer {
                    key: row.get(0)?,
                    model: row.get(1)?,
                    unused_days: row.get(2)?,
                    tags: row.get(3)?,
                })
            })?;
            Ok(answers.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets the answers of this model, or of all, that were not used for `unused_days` days, and gives
    /// their number.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn clear(&self, model: Option<&str>, unused_days: u64) -> Result<u64, StoreError> {
        self.with(|connection| {
            let gone = connection.execute(
                "DELETE FROM answers WHERE (?1 = 0 OR used_s <= unixepoch() - 86400 * ?1)
                 AND (?2 IS NULL OR model = (SELECT id FROM models WHERE name = ?2))",
                params![unused_days, model],
            )?;
            Ok(gone as u64)
        })
    }

    /// Gives room in the file back to the disk, for which the disk needs as much room once more.
    ///
    /// # Errors
    ///
    /// If another process uses the file, or the disk is full.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.with(|connection| Ok(connection.execute_batch("VACUUM")?))
    }
}
