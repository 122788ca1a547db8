//! Content as the first interface lists, shows and takes it, for older clients.

use serde_json::{Value, json};

use super::body::{LabelV1, content_v1, error_v1, not_found_v1, space_v1};
use super::edit::NotEdited;
use super::label::Labels;
use super::service::{Visit, existing};
use super::v1::{USUAL_LABELS, label_v1};
use super::{Confluence, tree};
use crate::fakes::Reply;
use crate::fakes::content::space::SpacePage;
use crate::fakes::query::Query;

/// How many pages a list gives unless told otherwise.
const USUAL_PAGES: usize = 25;
/// How many it gives at most, and how many a search gives with bodies.
const MOST_PAGES: usize = 100;
const MOST_FOUND_WITH_BODY: usize = 50;

/// A part of a list of pages.
struct Section {
    pages: Vec<SpacePage>,
    start: usize,
    limit: usize,
    /// Where the list goes on: a path that begins after the context, unlike in v2.
    next: Option<String>,
}

impl Confluence {
    /// The pages of the space.
    pub(super) fn contents(&self, visit: &mut Visit<'_>) -> Reply {
        let query = visit.query;
        if let Some(key) = query.one("spaceKey").filter(|key| *key != visit.space.key()) {
            return error_v1(404, &format!("NotFoundException: No space with key : {key}"));
        }
        let of_pages = query.one("type").is_none_or(|kind| kind == "page");
        let ids = if of_pages { self.titled(query, visit.space) } else { Vec::new() };
        self.content_list(&ids, "/rest/api/content", MOST_PAGES, visit)
    }

    /// The children of a page.
    pub(super) fn children_v1(&self, page: &str, visit: &mut Visit<'_>) -> Reply {
        let Some(id) = existing(page, visit.space) else { return not_found_v1(page) };
        let ids = tree::children(id, visit.space);
        let path = format!("/rest/api/content/{id}/child/page");
        self.content_list(&ids, &path, MOST_PAGES, visit)
    }

    /// The pages that a query finds, as content or as hits.
    pub(super) fn found(&self, as_hits: bool, visit: &mut Visit<'_>) -> Reply {
        let Some(cql) = visit.query.one("cql").filter(|cql| !cql.trim().is_empty()) else {
            return error_v1(400, "BadRequestException: CQL query is required");
        };
        let ids = match self.search(cql, visit.space) {
            Ok(ids) => ids,
            Err(problem) => {
                let message =
                    format!("BadRequestException: Could not parse cql : {cql} : {problem}");
                return error_v1(400, &message);
            }
        };
        let with_body = expanded(visit.query).contains(&"body.storage");
        let most = if with_body { MOST_FOUND_WITH_BODY } else { MOST_PAGES };
        if !as_hits {
            return self.content_list(&ids, "/rest/api/content/search", most, visit);
        }
        let section = self.section(&ids, "/rest/api/search", most, visit);
        let hit = |page: &SpacePage| {
            let content = content_v1(page, visit.space, &self.base, &[]);
            json!({
                "content": content, "title": page.title, "excerpt": "", "entityType": "content",
                "url": format!("/spaces/{}/pages/{}", visit.space.key(), page.id)
            })
        };
        let results: Vec<Value> = section.pages.iter().map(hit).collect();
        let mut body = self.listed("/rest/api/search", &section, &results);
        body["totalSize"] = json!(ids.len());
        body["cqlQuery"] = json!(cql);
        body["searchDuration"] = json!(1);
        Reply::json(200, &body)
    }

    /// One page.
    pub(super) fn content(&self, page: &str, visit: &mut Visit<'_>) -> Reply {
        let found = existing(page, visit.space).and_then(|id| self.edits.page(id, visit.space));
        let Some(page) = found else { return not_found_v1(page) };
        self.give(&page, visit);
        Reply::json(200, &self.whole(&page, visit))
    }

    /// A new version of a page.
    pub(super) fn put(&mut self, page: &str, visit: &mut Visit<'_>) -> Reply {
        let found = existing(page, visit.space).and_then(|id| self.edits.page(id, visit.space));
        let Some(before) = found else { return not_found_v1(page) };
        match self.edits.put(&before, visit.request.body(), visit.space) {
            Ok(()) => {}
            Err(NotEdited::Unread(problem)) => {
                return error_v1(400, &format!("BadRequestException: {problem}"));
            }
            Err(NotEdited::Conflict(current, sent)) => {
                let message = format!(
                    "ConflictException: Version must be incremented when updating a page. Current \
                     version is: {current}. Provided version: {sent}"
                );
                return error_v1(409, &message);
            }
        }
        let after = self.edits.page(before.id, visit.space).unwrap_or(before);
        Reply::json(200, &self.whole(&after, visit))
    }

    fn whole(&self, page: &SpacePage, visit: &Visit<'_>) -> Value {
        let mut content = self.shown(page, &expanded(visit.query), visit);
        content["_links"]["base"] = json!(self.base);
        content["_links"]["context"] = json!("/wiki");
        content
    }

    /// A page with the parts that are asked for, its labels among them.
    fn shown(&self, page: &SpacePage, expand: &[&str], visit: &Visit<'_>) -> Value {
        let mut content = content_v1(page, visit.space, &self.base, expand);
        if expand.contains(&"metadata.labels") {
            let labels = self.labels.get(&page.id).into_iter().flat_map(Labels::all);
            let labels: Vec<LabelV1> = labels.take(USUAL_LABELS).map(label_v1).collect();
            content["metadata"] = json!({"labels": {
                "start": 0, "limit": USUAL_LABELS, "size": labels.len(), "results": labels
            }});
        }
        content
    }

    /// The one space, alone or in a list.
    pub(super) fn spaces_v1(&self, key: Option<&str>, visit: &Visit<'_>) -> Reply {
        let space = visit.space;
        let shown = space_v1(space, &self.base);
        if let Some(key) = key {
            if key == space.key() {
                return Reply::json(200, &shown);
            }
            return error_v1(404, &format!("NotFoundException: No space with key : {key}"));
        }
        let mut keys = visit.query.all("spaceKey").peekable();
        let is_asked_for = keys.peek().is_none() || keys.any(|key| key == space.key());
        let is_of_type = visit.query.one("type").is_none_or(|kind| kind == "global");
        let start = number(visit.query, "start").unwrap_or(0);
        let limit = number(visit.query, "limit").unwrap_or(USUAL_PAGES).min(MOST_PAGES);
        let is_shown = is_asked_for && is_of_type && start == 0 && limit > 0;
        let results = if is_shown { vec![shown] } else { Vec::new() };
        let section = Section { pages: Vec::new(), start, limit, next: None };
        Reply::json(200, &self.listed("/rest/api/space", &section, &results))
    }

    fn content_list(&self, ids: &[u64], path: &str, most: usize, visit: &mut Visit<'_>) -> Reply {
        let section = self.section(ids, path, most, visit);
        for page in &section.pages {
            self.give(page, visit);
        }
        let expand = expanded(visit.query);
        let shown = |page| self.shown(page, &expand, visit);
        let results: Vec<Value> = section.pages.iter().map(shown).collect();
        Reply::json(200, &self.listed(path, &section, &results))
    }

    /// The part of a list that is asked for.
    fn section(&self, ids: &[u64], path: &str, most: usize, visit: &Visit<'_>) -> Section {
        let query = visit.query;
        let start = number(query, "start").unwrap_or(0);
        let limit = number(query, "limit").unwrap_or(USUAL_PAGES).min(most);
        let listed = ids.iter().skip(start).take(limit);
        let pages = listed.filter_map(|id| self.edits.page(*id, visit.space)).collect();
        let end = start.saturating_add(limit);
        let next = (end < ids.len()).then(|| {
            let mut next = form_urlencoded::Serializer::new(String::new());
            for name in ["spaceKey", "type", "title", "cql", "expand"] {
                next.extend_pairs(query.one(name).map(|value| (name, value)));
            }
            next.append_pair("limit", &limit.to_string()).append_pair("start", &end.to_string());
            format!("{path}?{}", next.finish())
        });
        Section { pages, start, limit, next }
    }

    /// A list as it stands in an answer.
    fn listed(&self, path: &str, section: &Section, results: &[Value]) -> Value {
        let base = &self.base;
        let mut links = json!({"base": base, "context": "/wiki", "self": format!("{base}{path}")});
        if let Some(next) = &section.next {
            links["next"] = json!(next);
        }
        json!({
            "start": section.start, "limit": section.limit, "size": results.len(),
            "results": results, "_links": links
        })
    }
}

fn number(query: &Query<'_>, name: &str) -> Option<usize> {
    query.one(name).and_then(|number| number.parse().ok())
}

/// What a client wants to see of each page.
fn expanded<'a>(query: &'a Query<'_>) -> Vec<&'a str> {
    query.all("expand").collect()
}
