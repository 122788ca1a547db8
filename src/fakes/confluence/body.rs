//! The bodies of the site's answers: lists, labels and errors.

use serde::Serialize;
use serde_json::{Value, json};

use super::SPACE_ID;
use crate::fakes::Reply;
use crate::fakes::space::SpacePage;

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
    pub(super) title: &'a str,
    pub(super) space_id: &'a str,
    pub(super) parent_id: Option<&'a str>,
    pub(super) version: Value,
    pub(super) body: ListedBody<'a>,
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
    pub(super) value: &'a str,
}

impl<'a> ListedPage<'a> {
    pub(super) fn new(page: &'a SpacePage, with_body: bool) -> Self {
        let storage = ListedStorage { representation: "storage", value: &page.storage };
        Self {
            id: page.id.to_string(),
            status: "current",
            title: &page.title,
            space_id: SPACE_ID,
            parent_id: None,
            version: json!({"number": page.version, "message": "", "minorEdit": false}),
            body: ListedBody { storage: with_body.then_some(storage) },
            links: json!({"webui": format!("/spaces/pages/{}", page.id)}),
        }
    }
}

/// The labels of a page, as v1 lists them.
#[derive(Serialize)]
pub(super) struct LabelsV1<'a> {
    pub(super) results: Vec<LabelV1<'a>>,
    pub(super) start: u64,
    pub(super) limit: u64,
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
