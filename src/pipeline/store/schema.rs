//! The tables of the store, and how a file of an earlier format gets them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::StoreError;

/// The number in a file's header by which SQLite's tools tell whose database it is: "tags".
const APPLICATION_ID: i64 = 0x7461_6773;

/// What makes each format out of the one before it. A format that was released never changes.
///
/// Of a job, `topic` is its space, the list of its pages or the digest of its file, and `ended_s` is missing until every page is
/// done. `is_made` tells a change of a label that was made from one whose end is not known, and `made_ms` when
/// that was, in milliseconds since 1970.
/// The `lane` of a call is its model and where that was asked.
/// A page of a job is there once it has come to its end; its `failure` is missing if it is done.
/// `used_s` is when an answer was last used, in seconds since 1970 and to the day, so that a hit seldom
/// writes.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE models (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE answers (
        key BLOB NOT NULL PRIMARY KEY,
        model INTEGER NOT NULL REFERENCES models (id),
        used_s INTEGER NOT NULL,
        tags TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        site TEXT NOT NULL,
        topic TEXT NOT NULL,
        begun_s INTEGER NOT NULL,
        ended_s INTEGER
    );
    CREATE TABLE labels (
        job INTEGER NOT NULL REFERENCES jobs (id),
        page INTEGER NOT NULL,
        label TEXT NOT NULL,
        was_added INTEGER NOT NULL,
        is_made INTEGER NOT NULL,
        PRIMARY KEY (job, page, label, was_added)
    ) WITHOUT ROWID;
    CREATE INDEX labels_by_page ON labels (page, label);
",
    "
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        lane TEXT NOT NULL,
        pages INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        latency_ms INTEGER NOT NULL
    );
    ALTER TABLE labels ADD COLUMN made_ms INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE pages (
        job INTEGER NOT NULL REFERENCES jobs (id),
        page INTEGER NOT NULL,
        failure TEXT,
        PRIMARY KEY (job, page)
    ) WITHOUT ROWID;
",
];

/// The latest format.
const FORMAT: usize = MIGRATIONS.len();

/// Makes the tables that are missing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // As of one moment: another process may be making them.
    let found = format(&connection.transaction()?)?;
    if found == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = format(&transaction)?;
    if found == FORMAT {
        return Ok(());
    }
    for step in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

/// The format of a file: 0 for one that is empty. It is read in several steps, within a transaction.
fn format(connection: &Transaction<'_>) -> Result<usize, StoreError> {
    let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match owner {
        APPLICATION_ID if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }),
        APPLICATION_ID => Ok(found),
        0 if found == 0 && tables == 0 => Ok(0),
        _ => Err(StoreError::Foreign),
    }
}
