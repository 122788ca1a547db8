//! Lists in pieces: `pageSize`, `pageToken` and `nextPageToken`.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value};

use super::{error, sent};
use crate::fakes::Reply;
use crate::fakes::query::Query;

/// Entries of a piece where the caller does not say, and at most (API reference, `models.list`).
const USUAL_SIZE: usize = 50;
const MOST_SIZE: usize = 1_000;
/// A token is this and the place at which the next piece begins.
const TOKEN: &str = "from-";

/// The piece of a list that a request asks for.
pub(super) fn piece(request: &Request<Bytes>, name: &str, entries: Vec<Value>) -> Reply {
    let query = Query::new(request.uri().query().unwrap_or(""));
    let one = |camel, snake| query.one(camel).or_else(|| query.one(snake));
    let size = match one("pageSize", "page_size").map(str::parse::<i32>) {
        None | Some(Ok(0)) => USUAL_SIZE,
        Some(Ok(size)) if size > 0 => usize::try_from(size).unwrap_or(MOST_SIZE).min(MOST_SIZE),
        Some(Ok(_)) => return error::invalid("page_size must not be negative."),
        Some(Err(_)) => return error::invalid("Invalid value at 'page_size' (TYPE_INT32)"),
    };
    let start = match one("pageToken", "page_token") {
        None | Some("") => Some(0),
        Some(token) => token.strip_prefix(TOKEN).and_then(|place| place.parse().ok()),
    };
    let Some(start) = start.filter(|start| *start <= entries.len()) else {
        return error::invalid("Invalid page token.");
    };
    let (end, all) = (start.saturating_add(size), entries.len());
    let mut shown = Map::new();
    let entries: Vec<Value> = entries.into_iter().skip(start).take(size).collect();
    shown.insert(name.to_owned(), entries.into());
    if end < all {
        shown.insert("nextPageToken".to_owned(), format!("{TOKEN}{end}").into());
    }
    sent::sent(200, &Value::Object(shown))
}
