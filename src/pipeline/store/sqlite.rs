//! The store as a SQLite file on this machine, which several processes may use at once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::answers::AnswerStore;
use super::error::StoreError;
use super::{schema, size};
use crate::pipeline::cache::Key;
use crate::pipeline::page::Tags;

/// A write waits this long for another process to write: a write takes milliseconds, and `VACUUM` seconds.
const BUSY: Duration = Duration::from_secs(5);
/// The writers that the change to a write-ahead log waits for.
const WRITERS_WAITED_FOR: u32 = 10;

/// A store of answers in one file.
///
/// Its journal is a write-ahead log: what was kept survives the death of the process at any instant,
/// and readers do not wait for writers. A power cut may cost the last answers and changes, never the file.
pub struct SqliteStore {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    connection: Connection,
    /// The answers that it holds, as far as this process knows, and may hold.
    held: u64,
    most: u64,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the store in this file, or makes it. Where it would hold more than `most` answers, those go
    /// that were not used for longest.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, is not a store, or is of a later format.
    pub fn open(path: &Path, most: u64) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        schema::migrate(&mut connection)?;
        if connection.is_readonly("main")? {
            return Err(StoreError::ReadOnly);
        }
        write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        let held = size::shrink(&connection, size::at_most(&connection)?, most)?;
        let state = Mutex::new(State { connection, held, most });
        Ok(Self { path: path.to_path_buf(), state })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Works on the database.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(&self.state.lock().connection)
    }
}

/// Changes to a write-ahead log. SQLite refuses that at once while another process writes, instead of
/// waiting as for a write; so a write that changes nothing waits for it.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    for _ in 0..WRITERS_WAITED_FOR {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
            }
            changed => return Ok(changed?),
        }
    }
    Ok(connection.pragma_update(None, "journal_mode", "wal")?)
}

impl AnswerStore for SqliteStore {
    fn answer(&self, key: &Key) -> Result<Option<Tags>, StoreError> {
        let connection = &self.state.lock().connection;
        let mut find = connection.prepare_cached(
            "SELECT tags, used_s < unixepoch() - 86400 FROM answers WHERE key = ?1",
        )?;
        let found = find
            .query_row([key.bytes()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)));
        let Some((tags, is_of_earlier)) = found.optional()? else { return Ok(None) };
        if is_of_earlier {
            let mut use_today = connection
                .prepare_cached("UPDATE answers SET used_s = unixepoch() WHERE key = ?1")?;
            // The answer is there all the same where nothing can be written now.
            connection.busy_timeout(Duration::ZERO)?;
            let _ = use_today.execute([key.bytes()]);
            connection.busy_timeout(BUSY)?;
        }
        Ok(serde_json::from_str(&tags).ok())
    }

    fn keep(&self, model: &str, answers: &[(Key, &Tags)]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        // One that takes another's place counts as well, until the store is opened again.
        let held = state.held + answers.len() as u64;
        state.held = size::shrink(&state.connection, held, state.most)?;
        let transaction = state.connection.unchecked_transaction()?;
        transaction
            .prepare_cached("INSERT INTO models (name) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([model])?;
        for (key, tags) in answers {
            let tags = serde_json::to_string(tags).unwrap_or_default();
            transaction
                .prepare_cached(
                    "INSERT INTO answers (key, model, used_s, tags)
                     VALUES (?1, (SELECT id FROM models WHERE name = ?2), unixepoch(), ?3)
                     ON CONFLICT (key) DO UPDATE SET tags = excluded.tags, used_s = excluded.used_s",
                )?
                .execute(params![key.bytes(), model, tags])?;
        }
        transaction.commit()?;
        Ok(())
    }
}
