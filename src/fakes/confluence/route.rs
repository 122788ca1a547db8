//! What a request to the site is for, and which page it is about.

use bytes::Bytes;
use http::Request;

use crate::fakes::observation::Operation;
use crate::fakes::query::Query;

/// The number of operations.
pub(super) const OPERATIONS: usize = 7;

/// A path on the site, or through the gateway: `/ex/confluence/{cloudId}` and the same path.
pub(super) fn within_site(path: &str) -> &str {
    let gateway = path.strip_prefix("/ex/confluence/");
    gateway.and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(path)
}

/// What a request is for.
pub(super) fn operation_of(request: &Request<Bytes>, path: &str) -> Operation {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method().as_str(), parts.as_slice()) {
        (
            "GET",
            ["api", "v2", "spaces"]
            | ["api", "v2", "spaces", _]
            | ["rest", "api", "space"]
            | ["rest", "api", "space", _],
        ) => Operation::Spaces,
        (
            "GET",
            ["api", "v2", "pages", _, "labels"]
            | ["api", "v2", "spaces", _, "content", "labels"]
            | ["api", "v2", "labels", _, "pages"]
            | ["rest", "api", "content", _, "label"],
        ) => Operation::Labels,
        (
            "GET",
            ["api", "v2", "spaces", _, "pages"]
            | ["api", "v2", "pages", ..]
            | ["rest", "api", "content", ..]
            | ["rest", "api", "search"],
        ) => Operation::Pages,
        ("POST", ["rest", "api", "content", _, "label"]) => Operation::AddLabels,
        ("DELETE", ["rest", "api", "content", _, "label", ..]) => Operation::RemoveLabel,
        ("PUT", ["rest", "api", "content", _]) => Operation::EditPage,
        _ => Operation::Other,
    }
}

/// The id of the page in a path.
pub(super) fn page_in(path: &str) -> Option<u64> {
    // The number there is a label's.
    if path.starts_with("/api/v2/labels/") {
        return None;
    }
    path.split('/').find_map(|part| part.parse::<u64>().ok().filter(|n| *n > 9001))
}

/// What a call is about: a page, or the start of a list.
pub(super) fn identity(path: &str, query: &Query<'_>) -> u64 {
    let cursor =
        query.one("cursor").and_then(|c| u64::from_str_radix(c.strip_prefix("c")?, 36).ok());
    page_in(path).or(cursor).unwrap_or(0)
}
