//! How large a store is, and how it stays small enough.

use rusqlite::Connection;

use super::error::StoreError;

/// The size of what a database holds.
pub(super) fn bytes(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
    Ok(pages * pragma("page_size")?)
}

/// No answer takes fewer bytes.
const ANSWER_BYTES: u64 = 48;

/// How many answers there are at most, without counting them.
pub(super) fn at_most(connection: &Connection) -> Result<u64, StoreError> {
    Ok(bytes(connection)? / ANSWER_BYTES)
}

/// How many answers there are.
fn answers(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM answers", [], |row| row.get(0))?)
}

/// Forgets what was not used for longest where there are more answers than `most`, so that a tenth of
/// them is free; `held` is how many are known. Gives how many there are then.
pub(super) fn shrink(connection: &Connection, held: u64, most: u64) -> Result<u64, StoreError> {
    // It may be fewer, and another process may have forgotten some.
    let held = if held > most { answers(connection)? } else { held };
    if held <= most {
        return Ok(held);
    }
    let gone = connection.execute(
        "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used_s, key LIMIT ?1)",
        [held - most / 10 * 9],
    )?;
    Ok(held - gone as u64)
}
