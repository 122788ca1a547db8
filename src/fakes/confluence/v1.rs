//! The first interface: labels, which only it can write, and the content that older clients read.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::body::{LabelV1, LabelsV1, error_v1, label_id, not_found_v1};
use super::label::{Labels, Unlabelled};
use super::service::{Scheme, Visit, existing};
use super::{Confluence, label};
use crate::fakes::Reply;
use crate::fakes::query::Query;

/// How many labels a list gives unless told otherwise.
pub(super) const USUAL_LABELS: usize = 200;

impl Confluence {
    pub(super) fn v1(&mut self, visit: &mut Visit<'_>) -> Reply {
        let parts = visit.parts.clone();
        let is_read = visit.request.method() == Method::GET;
        match &parts[2..] {
            ["content", "search"] if is_read => self.found(false, visit),
            ["search"] if is_read => self.found(true, visit),
            ["space"] if is_read => self.spaces_v1(None, visit),
            ["space", key] if is_read => self.spaces_v1(Some(key), visit),
            // Withdrawn in stages: OAuth clients have lost it already.
            ["content"] | ["content", _] if visit.scheme == Scheme::Bearer => {
                error_v1(410, "GoneException: This deprecated endpoint has been removed.")
            }
            ["content"] if is_read => withdrawn(self.contents(visit)),
            ["content", id] if is_read => withdrawn(self.content(id, visit)),
            ["content", id] if visit.request.method() == Method::PUT => {
                withdrawn(self.put(id, visit))
            }
            ["content", id, "child", "page"] if is_read => withdrawn(self.children_v1(id, visit)),
            ["content", id, "label", rest @ ..] => match existing(id, visit.space) {
                Some(id) => self.labels_v1(id, rest, visit),
                None => not_found_v1(id),
            },
            ["content" | "space" | "search"]
            | ["content" | "space", _]
            | ["content", _, "child", "page"] => error_v1(405, "MethodNotAllowedException"),
            _ => error_v1(404, "NotFoundException: No such resource"),
        }
    }

    fn labels_v1(&mut self, page: u64, rest: &[&str], visit: &mut Visit<'_>) -> Reply {
        let method = visit.request.method();
        if method == Method::GET && rest.is_empty() {
            return self.label_list_v1(page, visit.query);
        }
        if method != Method::POST && method != Method::DELETE {
            return error_v1(405, "MethodNotAllowedException");
        }
        if self.config.forbidden_labels {
            return error_v1(403, "PermissionException: Could not edit the labels of this content");
        }
        if method == Method::POST {
            return match label::wanted(visit.request.body()) {
                Ok(wanted) => {
                    let added = self.labels.entry(page).or_default().add(wanted, &mut self.names);
                    self.relabelled(page, added, 0, visit);
                    self.label_list_v1(page, visit.query)
                }
                Err(Unlabelled::Unread) => {
                    error_v1(400, "BadRequestException: Could not parse Labels")
                }
                Err(Unlabelled::Illegal) => error_v1(
                    400,
                    "BadRequestException: The label contains invalid characters or too many characters",
                ),
            };
        }
        let in_path =
            rest.first().map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
        // Only the form with a query can name a label with a slash.
        if rest.len() > 1 || in_path.as_ref().is_some_and(|name| name.contains('/')) {
            return error_v1(400, "BadRequestException: A label with a slash goes into the query");
        }
        let Some(name) = in_path.or_else(|| visit.query.one("name").map(str::to_owned)) else {
            return error_v1(400, "BadRequestException: No label name given");
        };
        if !self.labels.entry(page).or_default().remove(&name) {
            return error_v1(404, "NotFoundException: No such label on this content");
        }
        self.relabelled(page, 0, 1, visit);
        Reply::text(204, "application/json", bytes::Bytes::new())
    }

    fn label_list_v1(&self, page: u64, query: &Query<'_>) -> Reply {
        let number = |name: &str| query.one(name).and_then(|number| number.parse::<usize>().ok());
        let start = number("start").unwrap_or(0);
        let limit = number("limit").unwrap_or(USUAL_LABELS);
        let prefix = query.one("prefix");
        let labels = self.labels.get(&page).into_iter().flat_map(Labels::all);
        let results: Vec<LabelV1> = labels
            .filter(|(_, own)| prefix.is_none_or(|prefix| prefix == *own))
            .skip(start)
            .take(limit)
            .map(label_v1)
            .collect();
        let base = &self.base;
        let links = json!({
            "base": base, "context": "/wiki", "self": format!("{base}/rest/api/content/{page}/label")
        });
        Reply::json(200, &LabelsV1 { start, limit, size: results.len(), results, links })
    }
}

/// A label with its prefix, as this interface shows it.
pub(super) fn label_v1<'a>((name, prefix): (&'a str, &'static str)) -> LabelV1<'a> {
    LabelV1 { prefix, name, id: label_id(name), label: name }
}

/// Says that the interface is withdrawn.
fn withdrawn(reply: Reply) -> Reply {
    reply.with_header("deprecation", "Wed, 1 Mar 2023 00:00:00 GMT").with_header(
        "warning",
        "299 - \"Deprecated API, will be removed on Mon, 31 Mar 2025 00:00:00 GMT\"",
    )
}
