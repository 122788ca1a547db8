//! The second interface: spaces, pages and labels, to read.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::body::{AUTHOR, CREATED, ListedPage, Listing, errors_v2, not_found_v2, wrong_type_v2};
use super::label::Labels;
use super::nulls::Nulls;
use super::service::{Visit, existing};
use super::{Confluence, tree};
use crate::fakes::Reply;
use crate::fakes::confluence::body::SPACE_ID;
use crate::fakes::content::space::{Space, SpacePage};
use crate::fakes::query::Query;

/// The most results that a list gives.
const MAX_RESULTS: usize = 250;
/// How many it gives unless told otherwise.
const USUAL: usize = 25;

impl Confluence {
    pub(super) fn v2(&mut self, visit: &mut Visit<'_>) -> Reply {
        let parts = visit.parts.clone();
        if visit.request.method() != Method::GET {
            return match parts.as_slice() {
                [_, _, "spaces" | "pages" | "labels", ..] => {
                    errors_v2(405, "METHOD_NOT_ALLOWED", "Method Not Allowed")
                }
                _ => not_found_v2(),
            };
        }
        if let Some((name, got)) = no_number(&parts[2..], visit.query) {
            return wrong_type_v2(name, &got);
        }
        match &parts[2..] {
            ["spaces"] => self.spaces(visit),
            ["spaces", id] if *id == SPACE_ID => Reply::json(200, &described(visit.space)),
            ["spaces", id, "pages"] if *id == SPACE_ID => {
                let mut ids = self.titled(visit.query, visit.space);
                if visit.query.one("depth") == Some("root") {
                    ids.retain(|id| tree::parent(*id, visit.space).is_none());
                }
                self.list(&ids, visit)
            }
            ["pages"] => {
                let ids = self.asked_for(visit.query, visit.space);
                self.list(&ids, visit)
            }
            ["pages", id] => self.page(id, visit),
            ["pages", id, "children" | "direct-children"] => match existing(id, visit.space) {
                Some(id) => self.children_v2(id, visit),
                None => not_found_v2(),
            },
            ["spaces", id, "content", "labels"] if *id == SPACE_ID => self.labels_of_space(visit),
            ["labels", id, "pages"] => self.pages_with(id, visit),
            ["pages", id, "labels"] => match existing(id, visit.space) {
                Some(id) => self.labels_v2(id, visit),
                None => not_found_v2(),
            },
            _ => not_found_v2(),
        }
    }

    fn spaces(&self, visit: &Visit<'_>) -> Reply {
        // An unknown key is no error: the keys are a filter.
        let (space, query) = (visit.space, visit.query);
        let keys: Vec<&str> = query.all("keys").collect();
        let ids: Vec<&str> = query.all("ids").collect();
        let shown = (keys.is_empty() || keys.contains(&space.key()))
            && (ids.is_empty() || ids.contains(&SPACE_ID));
        let results = if shown { json!([described(space)]) } else { json!([]) };
        Reply::json(200, &json!({"results": results, "_links": {"base": self.base}}))
    }

    fn page(&self, id: &str, visit: &mut Visit<'_>) -> Reply {
        let found = existing(id, visit.space).and_then(|id| self.edits.page(id, visit.space));
        let Some(page) = found else { return not_found_v2() };
        self.give(&page, visit);
        let with_body = visit.query.one("body-format") == Some("storage");
        let mut listed =
            serde_json::to_value(ListedPage::new(&page, visit.space, with_body, Nulls::default()))
                .unwrap_or_default();
        listed["_links"]["base"] = json!(self.base);
        if visit.query.one("include-labels") == Some("true") {
            listed["labels"] = json!({"results": self.labels_of(page.id, None)});
        }
        Reply::json(200, &listed)
    }

    /// A list of pages from the cursor on. The cursor is the position, in a form that is not to be
    /// read.
    fn list(&mut self, ids: &[u64], visit: &mut Visit<'_>) -> Reply {
        let query = visit.query;
        let (start, limit) = match section(query) {
            Ok(section) => section,
            Err(wrong) => return wrong_type_v2(wrong, query.one(wrong).unwrap_or("")),
        };
        let form = query.one("body-format");
        if let Some(form) = form.filter(|form| !["storage", "atlas_doc_format"].contains(form)) {
            return wrong_type_v2("body-format", form);
        }
        // Every page is current.
        let mut statuses = query.all("status").peekable();
        let shown = statuses.peek().is_none() || statuses.any(|status| status == "current");
        let ids: Vec<u64> = match query.one("sort") {
            _ if !shown => Vec::new(),
            // All were made and changed at once, in the order of their ids.
            Some(sort) if sort.starts_with('-') => ids.iter().rev().copied().collect(),
            _ => ids.to_vec(),
        };
        let with_body = form == Some("storage");
        let listed = ids.iter().skip(start).take(limit);
        let listed = listed.filter_map(|id| self.edits.page(*id, visit.space));
        let entries: Vec<(SpacePage, Nulls)> = listed
            .map(|page| {
                let nulls = self.config.nulls.map(|nulls| nulls.of(page.id, self.seed));
                let nulls = nulls.unwrap_or_default();
                (nulls.of_page(page), nulls)
            })
            .collect();
        for (page, _) in &entries {
            self.give(page, visit);
        }
        let results = entries
            .iter()
            .map(|(page, nulls)| ListedPage::new(page, visit.space, with_body, *nulls))
            .collect();
        let next = next(visit, start, limit, ids.len());
        let (links, header) = self.links(next);
        let reply = Reply::json(200, &Listing { results, links });
        match header {
            Some(header) => reply.with_header("link", &header),
            None => reply,
        }
    }

    /// The children of a page, without their bodies.
    fn children_v2(&self, page: u64, visit: &Visit<'_>) -> Reply {
        let (start, limit) = match section(visit.query) {
            Ok(section) => section,
            Err(wrong) => return wrong_type_v2(wrong, visit.query.one(wrong).unwrap_or("")),
        };
        let ids = tree::children(page, visit.space);
        let (links, header) = self.links(next(visit, start, limit, ids.len()));
        let listed = ids.into_iter().zip(0_u64..).skip(start).take(limit);
        let child = |(id, position): (u64, u64)| {
            let page = self.edits.page(id, visit.space)?;
            Some(json!({
                "id": id.to_string(), "status": "current", "title": page.title, "type": "page",
                "spaceId": SPACE_ID, "childPosition": position
            }))
        };
        let results: Vec<Value> = listed.filter_map(child).collect();
        let reply = Reply::json(200, &json!({"results": results, "_links": links}));
        match header {
            Some(header) => reply.with_header("link", &header),
            None => reply,
        }
    }

    /// The pages that a list by ids or by space asks for.
    fn asked_for(&self, query: &Query<'_>, space: &Space) -> Vec<u64> {
        let mut spaces = query.all("space-id").peekable();
        if spaces.peek().is_some() && !spaces.any(|id| id == SPACE_ID) {
            return Vec::new();
        }
        let mut ids = query.all("id").peekable();
        if ids.peek().is_some() {
            return ids.filter_map(|id| existing(id, space)).collect();
        }
        self.titled(query, space)
    }

    /// The links of a list, and the header that says the same.
    fn links(&self, next: Option<String>) -> (Value, Option<String>) {
        let base = &self.base;
        let mut links = json!({"base": base});
        let Some(next) = next else { return (links, None) };
        let header = format!("<{next}>; rel=\"next\", <{base}>; rel=\"base\"");
        links["next"] = Value::from(next);
        (links, Some(header))
    }

    fn labels_v2(&self, page: u64, visit: &Visit<'_>) -> Reply {
        self.section_of(&self.labels_of(page, visit.query.one("prefix")), visit, Value::clone)
    }

    /// A section of a list.
    fn section_of<T>(&self, all: &[T], visit: &Visit<'_>, shown: impl Fn(&T) -> Value) -> Reply {
        let (start, limit) = match section(visit.query) {
            Ok(section) => section,
            Err(wrong) => return wrong_type_v2(wrong, visit.query.one(wrong).unwrap_or("")),
        };
        let (links, header) = self.links(next(visit, start, limit, all.len()));
        let results: Vec<Value> = all.iter().skip(start).take(limit).map(shown).collect();
        let reply = Reply::json(200, &json!({"results": results, "_links": links}));
        match header {
            Some(header) => reply.with_header("link", &header),
            None => reply,
        }
    }

    /// The labels that the pages of the space have.
    fn labels_of_space(&self, visit: &Visit<'_>) -> Reply {
        let wanted = visit.query.one("prefix");
        let of_pages = self.labels.iter().filter(|(page, _)| visit.space.ids().contains(page));
        let all: BTreeSet<(&str, &str)> = of_pages.flat_map(|(_, labels)| labels.all()).collect();
        let all = all.into_iter().filter(|(_, prefix)| wanted.is_none_or(|one| one == *prefix));
        let all: Vec<(&str, &str)> = all.collect();
        self.section_of(&all, visit, |(name, prefix)| {
            json!({"id": super::body::label_id(name), "name": name, "prefix": prefix})
        })
    }

    /// The pages that have a label, without their bodies.
    fn pages_with(&mut self, label: &str, visit: &Visit<'_>) -> Reply {
        let mut spaces = visit.query.all("space-id").peekable();
        let is_elsewhere = spaces.peek().is_some() && !spaces.any(|id| id == SPACE_ID);
        let mut pages = self.labelled.remove(label).unwrap_or_else(|| {
            let has_it =
                |labels: &Labels| labels.names().any(|name| super::body::label_id(name) == label);
            let pages = self.labels.iter().filter(|(_, labels)| has_it(labels));
            pages.map(|(page, _)| *page).filter(|page| visit.space.ids().contains(page)).collect()
        });
        if is_elsewhere {
            pages.clear();
        }
        // Titles are left out: each would be written with its whole page.
        let reply = self.section_of(
            &pages,
            visit,
            |page| json!({"id": page.to_string(), "status": "current", "spaceId": SPACE_ID}),
        );
        if !is_elsewhere && !pages.is_empty() {
            self.labelled.insert(label.to_owned(), pages);
        }
        reply
    }

    fn labels_of(&self, page: u64, prefix: Option<&str>) -> Vec<Value> {
        let labels = self.labels.get(&page).into_iter().flat_map(Labels::all);
        labels
            .filter(|(_, own)| prefix.is_none_or(|prefix| prefix == *own))
            .map(|(name, prefix)| {
                json!({"id": super::body::label_id(name), "name": name, "prefix": prefix})
            })
            .collect()
    }
}

/// The first id of a request that is no number, with its name.
fn no_number(parts: &[&str], query: &Query<'_>) -> Option<(&'static str, String)> {
    let of_path = match parts {
        [_, id, ..] => Some(("id", *id)),
        _ => None,
    };
    let of_query = ["id", "ids", "space-id"]
        .into_iter()
        .flat_map(|name| query.all(name).map(move |value| (name, value)));
    let mut ids = of_path.into_iter().chain(of_query);
    let (name, got) = ids.find(|(_, id)| id.parse::<u64>().is_err())?;
    Some((name, got.to_owned()))
}

/// The one space, as it is listed.
fn described(space: &Space) -> Value {
    json!({
        "id": SPACE_ID, "key": space.key(), "name": "Rehearsal", "type": "global",
        "status": "current", "authorId": AUTHOR, "createdAt": CREATED,
        "homepageId": tree::home(space).map(|id| id.to_string()),
        "description": null, "icon": null, "_links": {"webui": format!("/spaces/{}", space.key())}
    })
}

/// Where a list starts, and how many it may give; or the parameter that cannot be read.
fn section(query: &Query<'_>) -> Result<(usize, usize), &'static str> {
    let limit = query.one("limit").map_or(Ok(USUAL), |limit| limit.parse().map_err(|_| "limit"))?;
    let position = |cursor: &str| usize::from_str_radix(cursor.strip_prefix("c")?, 36).ok();
    let start = query.one("cursor").map_or(Ok(0), |cursor| position(cursor).ok_or("cursor"))?;
    Ok((start, limit.clamp(1, MAX_RESULTS)))
}

/// The path of the next section, if there is one.
fn next(visit: &Visit<'_>, start: usize, limit: usize, all: usize) -> Option<String> {
    let end = start.saturating_add(limit);
    (end < all).then(|| {
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.append_pair("limit", &limit.to_string());
        next.append_pair("cursor", &format!("c{}", base36(end)));
        next.extend_pairs(
            ["body-format", "status", "space-id", "id", "title", "prefix", "sort", "depth"]
                .into_iter()
                .flat_map(|name| visit.query.every(name).map(move |value| (name, value))),
        );
        format!("/wiki{}?{}", visit.path, next.finish())
    })
}

fn base36(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = char::from_digit(u32::try_from(number % 36).unwrap_or(0), 36);
        digits.push(digit.unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
