//! A response as the service sends it: JSON with its headers.

use serde_json::Value;

use crate::fakes::Reply;

/// A reply with the content type that the service states.
pub(super) fn sent(status: u16, body: &Value) -> Reply {
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply::text(status, "application/json; charset=UTF-8", body)
}
