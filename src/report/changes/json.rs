//! Rows as one JSON document: a list with an object a page, each on a line of its own.

use serde_json::{Value, json};

use super::row::ChangeRow;
use crate::units::float;

/// The object of a page. What is not known is `null`.
pub fn row(row: &ChangeRow) -> Value {
    json!({
        "page": row.page,
        "title": row.title,
        "url": row.url,
        "added": row.added,
        "removed": row.removed,
        "already_there": row.already_there,
        "dropped": row.dropped,
        "source": row.source,
        "cost_usd": row.cost_usd_micros.map(|micros| float(micros) / 1_000_000.0),
        "error": row.error,
    })
}
