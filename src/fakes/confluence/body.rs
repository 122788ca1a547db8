//! The bodies of the site's answers: lists, labels and errors.

use serde::Serialize;
use serde_json::{Value, json};

use super::nulls::{NoBody, NoTitle, NoVersion, Nulls};
use super::tree;
use crate::fakes::Reply;
use crate::fakes::content::space::{Space, SpacePage};

/// The author of all pages.
pub(super) const AUTHOR: &str = "557058:rehearsal";
/// When.
pub(super) const CREATED: &str = "2026-01-01T00:00:00.000Z";

/// A list of pages, as it stands in an answer.
#[derive(Serialize)]
pub(super) struct Listing<'a> {
    pub(super) results: Vec<ListedPage<'a>>,
    #[serde(rename = "_links")]
    pub(super) links: Value,
}

/// A page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedPage<'a> {
    pub(super) id: String,
    pub(super) status: &'a str,
    pub(super) title: Option<&'a str>,
    pub(super) space_id: &'a str,
    pub(super) parent_id: Option<String>,
    pub(super) author_id: &'a str,
    pub(super) owner_id: &'a str,
    pub(super) last_owner_id: Option<&'a str>,
    pub(super) parent_type: Option<&'a str>,
    pub(super) position: u64,
    pub(super) created_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<Value>,
    pub(super) body: Option<ListedBody<'a>>,
    #[serde(rename = "_links")]
    pub(super) links: Value,
}

/// Its body, where it was asked for.
#[derive(Serialize)]
pub(super) struct ListedBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage: Option<ListedStorage<'a>>,
}

/// A body in storage format.
#[derive(Serialize)]
pub(super) struct ListedStorage<'a> {
    pub(super) representation: &'a str,
    pub(super) value: Option<&'a str>,
}

impl<'a> ListedPage<'a> {
    pub(super) fn new(page: &'a SpacePage, space: &Space, with_body: bool, nulls: Nulls) -> Self {
        let value = (nulls.body != Some(NoBody::NoValue)).then_some(page.storage.as_str());
        let storage = ListedStorage { representation: "storage", value };
        let with_storage = with_body && nulls.body != Some(NoBody::NoStorage);
        let body = ListedBody { storage: with_storage.then_some(storage) };
        let parent = tree::parent(page.id, space);
        let version = json!({
            "number": page.version, "message": "", "minorEdit": false,
            "authorId": AUTHOR, "createdAt": CREATED
        });
        Self {
            id: page.id.to_string(),
            status: "current",
            title: (nulls.title != Some(NoTitle::Null)).then_some(page.title.as_str()),
            space_id: SPACE_ID,
            parent_id: parent.map(|id| id.to_string()),
            author_id: AUTHOR,
            owner_id: AUTHOR,
            last_owner_id: None,
            parent_type: parent.map(|_| "page"),
            position: page.id,
            created_at: CREATED,
            version: match nulls.version {
                None => Some(version),
                Some(NoVersion::Null) => Some(Value::Null),
                Some(NoVersion::Missing) => None,
            },
            body: (!with_body || nulls.body != Some(NoBody::Null)).then_some(body),
            links: json!({
                "webui": format!("/spaces/pages/{}", page.id),
                "editui": format!("/pages/resumedraft.action?draftId={}", page.id)
            }),
        }
    }
}

/// The labels of a page, as v1 lists them.
#[derive(Serialize)]
pub(super) struct LabelsV1<'a> {
    pub(super) results: Vec<LabelV1<'a>>,
    pub(super) start: usize,
    pub(super) limit: usize,
    pub(super) size: usize,
    #[serde(rename = "_links")]
    pub(super) links: Value,
}

/// A label, as v1 shows it.
#[derive(Serialize)]
pub(super) struct LabelV1<'a> {
    pub(super) prefix: &'a str,
    pub(super) name: &'a str,
    pub(super) id: String,
    pub(super) label: &'a str,
}

/// The id of a label: its own wherever it stands.
pub(super) fn label_id(name: &str) -> String {
    (10_000_000 + crate::fakes::llm::digest(name.as_bytes()) % 90_000_000).to_string()
}

/// A page as v1 shows it, with the parts that are asked for.
pub(super) fn content_v1(page: &SpacePage, space: &Space, base: &str, expand: &[&str]) -> Value {
    let wants = |part: &str| expand.contains(&part);
    let id = page.id;
    let mut content = json!({
        "id": id.to_string(),
        "type": "page",
        "status": "current",
        "title": page.title,
        "_expandable": {
            "space": format!("/rest/api/space/{}", space.key()),
            "history": format!("/rest/api/content/{id}/history")
        },
        "_links": {"self": format!("{base}/rest/api/content/{id}"), "webui": format!("/spaces/{}/pages/{id}", space.key())}
    });
    if wants("version") {
        content["version"] = json!({"number": page.version, "when": CREATED, "minorEdit": false});
    } else {
        content["_expandable"]["version"] = json!("");
    }
    if wants("space") {
        content["space"] = json!({"id": SPACE_ID.parse::<u64>().unwrap_or(0), "key": space.key(), "type": "global"});
    }
    if wants("ancestors") {
        let above = tree::ancestors(id, space).into_iter();
        let above: Vec<Value> =
            above.map(|id| json!({"id": id.to_string(), "type": "page"})).collect();
        content["ancestors"] = json!(above);
    }
    if wants("body.storage") {
        content["body"] = json!({"storage": {
            "value": page.storage, "representation": "storage", "embeddedContent": [],
            "_expandable": {"content": format!("/rest/api/content/{id}")}
        }});
    } else {
        content["_expandable"]["body"] = json!("");
    }
    content
}

/// The one space, as v1 shows it.
pub(super) fn space_v1(space: &Space, base: &str) -> Value {
    let key = space.key();
    json!({
        "id": SPACE_ID.parse::<u64>().unwrap_or(0), "key": key, "name": "Rehearsal",
        "type": "global", "status": "current",
        "_expandable": {
            "homepage": tree::home(space).map(|id| format!("/rest/api/content/{id}"))
        },
        "_links": {"webui": format!("/spaces/{key}"), "self": format!("{base}/rest/api/space/{key}")}
    })
}

/// What v2 says to a parameter that it cannot read.
pub(super) fn wrong_type_v2(name: &str, got: &str) -> Reply {
    let title = format!("Provided value {{{got}}} for '{name}' is not the correct type.");
    errors_v2(400, "INVALID_REQUEST_PARAMETER", &title)
}

/// What v2 says to an unknown id.
pub(super) fn not_found_v2() -> Reply {
    errors_v2(404, "NOT_FOUND", "Not Found")
}

/// An error of v2.
pub(super) fn errors_v2(status: u16, code: &str, title: &str) -> Reply {
    let error = json!({"status": status, "code": code, "title": title, "detail": null});
    Reply::json(status, &json!({"errors": [error]}))
}

/// What v1 says to an unknown id.
pub(super) fn not_found_v1(id: &str) -> Reply {
    error_v1(404, &format!("NotFoundException: No content found with id : ContentId{{id={id}}}"))
}

/// An error of v1.
pub(super) fn error_v1(status: u16, what: &str) -> Reply {
    let data =
        json!({"authorized": status != 404, "valid": true, "errors": [], "successful": false});
    let message = format!("com.atlassian.confluence.api.service.exceptions.{what}");
    Reply::json(status, &json!({"statusCode": status, "data": data, "message": message}))
}

/// The id of the one space.
pub(super) const SPACE_ID: &str = "9001";
