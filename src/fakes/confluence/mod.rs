//! Confluence's wire format: v2 reads with bodies and cursor, v1 labels.

mod body;
mod query;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::body::{
    LabelV1, LabelsV1, ListedPage, Listing, error_v1, errors_v2, not_found_v1, not_found_v2,
};
use self::query::Query;
use crate::fakes::fault::{self, Call, Fault, FaultRule, Kind};
use crate::fakes::latency::{Latency, LatencyFile, Load};
use crate::fakes::model::Matcher;
use crate::fakes::quota::{Window, WindowKind};
use crate::fakes::record::{Record, Service};
use crate::fakes::space::{Space, SpacePage};
use crate::fakes::{Broken, Reply, hosts};
use crate::rng::Seed;
use crate::units::{Count, Whole};

/// A limit on requests, whatever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests per window.
    pub requests: Count,
    /// The length of the window in seconds.
    pub per_s: Whole<1, 86_400>,
    /// What `Retry-After` says (default: when the window has room again, in whole seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<Whole<0, 86_400>>,
}

/// The `[confluence]` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfluenceConfig {
    /// How long a call takes (default: 180 ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyFile>,
    /// How many requests it takes (default: any number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Faults, of which the first that matches strikes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<FaultRule>,
}

/// The id of the one space.
const SPACE_ID: &str = "9001";
/// The most results that a list gives.
const MOST: usize = 250;
/// The fewest that it gives unless told otherwise.
const USUAL: usize = 25;
/// Characters that no label holds.
const ILLEGAL: &[char] =
    &[':', ';', ',', '.', '?', '&', '[', ']', '(', ')', '#', '^', '*', '@', '!', ' '];

/// The state of the site.
#[derive(Debug)]
pub struct Confluence {
    config: ConfluenceConfig,
    latency: Latency,
    window: Option<Window>,
    labels: BTreeMap<u64, BTreeSet<String>>,
    seed: Seed,
    calls: u64,
    asked: BTreeMap<(String, u64), u64>,
    matcher: Option<Matcher>,
    truth_chars: usize,
}

impl Confluence {
    /// A site that nobody has called yet. Tags are true if `matcher` finds them.
    pub fn new(
        config: ConfluenceConfig,
        latency: Latency,
        matcher: Option<Matcher>,
        seed: Seed,
    ) -> Self {
        let window = config.rate_limit.as_ref().map(|limit| {
            let requests = limit.requests.get();
            Window::new(WindowKind::Sliding, requests, requests, limit.per_s.get() * 1000)
        });
        Self {
            config,
            latency,
            window,
            labels: BTreeMap::new(),
            seed,
            calls: 0,
            asked: BTreeMap::new(),
            matcher,
            truth_chars: usize::MAX,
        }
    }

    /// True tags are those found in this many characters of a page's text.
    pub fn set_truth_chars(&mut self, chars: usize) {
        self.truth_chars = chars;
    }

    /// The labels of a page.
    pub fn labels(&self, page: u64) -> impl Iterator<Item = &str> {
        self.labels.get(&page).into_iter().flatten().map(String::as_str)
    }

    /// Answers a request.
    pub fn reply(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        space: &Space,
        records: &mut Vec<Record>,
    ) -> Reply {
        let path = request.uri().path().strip_prefix("/wiki").unwrap_or_default().to_owned();
        let query = Query::new(request.uri().query().unwrap_or(""));
        let identity = identity(&path, &query);
        let operation =
            format!("{} {}", request.method(), path.split('/').next_back().unwrap_or(""));
        let count = self.asked.entry((operation, identity)).or_insert(0);
        let attempt = *count;
        *count += 1;
        let call = Call { now_ms, before: self.calls, identity, attempt };
        self.calls += 1;

        let struck = fault::strike(&self.config.fault, call, self.seed, "confluence");
        if let Some((name, fault)) = struck {
            let service = Service::Confluence;
            records.push(Record::FaultFired { service, fault: name });
            return faulty(fault).after(self.latency.refusal_ms());
        }
        if !request.headers().contains_key("authorization") {
            return Reply::text(401, "text/plain", "Basic authentication is required.");
        }
        if let Some(refusal) = self.limited(now_ms, records) {
            return refusal;
        }
        let reply = self.route(request, &path, &query, space, records);
        let stream = format!("confluence {}", request.method());
        let latency_ms = self.latency.draw(self.seed, &stream, identity, attempt, Load::default());
        reply.after(latency_ms)
    }

    fn limited(&mut self, now_ms: u64, records: &mut Vec<Record>) -> Option<Reply> {
        let (window, limit) = (self.window.as_mut()?, self.config.rate_limit.as_ref()?);
        let Some(retry_ms) = window.wait(now_ms, 1) else {
            window.take(now_ms, 1);
            return None;
        };
        records.push(Record::QuotaRefused {
            service: Service::Confluence,
            quota: "requests".to_owned(),
            used: limit.requests.get(),
            limit: limit.requests.get(),
            retry_ms,
        });
        let retry_after_s = limit.retry_after_s.map_or(retry_ms.div_ceil(1000), Whole::get);
        let reply = Reply::json(429, &json!({"message": "Rate limit exceeded", "statusCode": 429}))
            .with_header("retry-after", &retry_after_s.to_string())
            .with_header("x-ratelimit-limit", &limit.requests.get().to_string())
            .with_header("x-ratelimit-remaining", "0");
        Some(reply.after(self.latency.refusal_ms()))
    }

    fn route(
        &mut self,
        request: &Request<Bytes>,
        path: &str,
        query: &Query,
        space: &Space,
        records: &mut Vec<Record>,
    ) -> Reply {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["api", "v2", "spaces"]) => spaces(space, query),
            (&Method::GET, ["api", "v2", "spaces", id, "pages"]) if *id == SPACE_ID => {
                let ids: Vec<u64> = space.ids().collect();
                self.list(path, query, &ids, space, records)
            }
            (&Method::GET, ["api", "v2", "pages"]) => {
                let ids: Vec<u64> = query.all("id").filter_map(|id| id.parse().ok()).collect();
                self.list(path, query, &ids, space, records)
            }
            (&Method::GET, ["api", "v2", "pages", id, "labels"]) => match existing(id, space) {
                Some(id) => self.labels_v2(id),
                None => not_found_v2(),
            },
            (method, ["rest", "api", "content", id, "label", rest @ ..]) => {
                match existing(id, space) {
                    Some(id) => self.labels_v1(method, id, rest, query, request.body(), records),
                    None => not_found_v1(id),
                }
            }
            _ => not_found_v2(),
        }
    }

    /// A list of pages from the cursor on. The cursor is the position, in a form that is not to be
    /// read.
    fn list(
        &mut self,
        path: &str,
        query: &Query,
        ids: &[u64],
        space: &Space,
        records: &mut Vec<Record>,
    ) -> Reply {
        let limit = query.one("limit").and_then(|limit| limit.parse().ok()).unwrap_or(USUAL);
        let limit = limit.clamp(1, MOST);
        let start = query
            .one("cursor")
            .map_or(Some(0), |cursor| usize::from_str_radix(cursor.strip_prefix("c")?, 36).ok());
        let Some(start) = start else {
            return errors_v2(400, "INVALID_REQUEST_PARAMETER", "Invalid cursor");
        };
        let with_body = query.one("body-format") == Some("storage");
        let listed = ids.iter().skip(start).take(limit);
        let pages: Vec<SpacePage> = listed.filter_map(|id| space.page(*id)).collect();
        records.extend(pages.iter().map(|page| self.truth(page)));
        let results = pages.iter().map(|page| ListedPage::new(page, with_body)).collect();
        let end = start.saturating_add(limit);
        let next = (end < ids.len()).then(|| {
            let mut next = form_urlencoded::Serializer::new(String::new());
            next.append_pair("limit", &limit.to_string());
            next.append_pair("cursor", &format!("c{}", base36(end)));
            next.extend_pairs(
                ["body-format", "status", "id"]
                    .into_iter()
                    .filter_map(|name| Some((name, query.one(name)?))),
            );
            format!("/wiki{path}?{}", next.finish())
        });
        let base = format!("https://{}/wiki", hosts::CONFLUENCE);
        let mut links = json!({"base": base});
        let Some(next) = next else { return Reply::json(200, &Listing { results, links }) };
        let link = format!("<{next}>; rel=\"next\", <{base}>; rel=\"base\"");
        links["next"] = Value::from(next);
        Reply::json(200, &Listing { results, links }).with_header("link", &link)
    }

    fn truth(&self, page: &SpacePage) -> Record {
        let cut =
            page.text.char_indices().nth(self.truth_chars).map_or(page.text.len(), |(at, _)| at);
        let seen = format!("{}\n{}\n", page.title, &page.text[..cut]);
        let tags = self.matcher.as_ref().map(|matcher| matcher.tags(&seen)).unwrap_or_default();
        Record::PageTruth { page: page.id, tags }
    }

    fn labels_v2(&self, page: u64) -> Reply {
        let labels = self.labels(page).enumerate();
        let results: Vec<Value> = labels
            .map(|(index, name)| json!({"id": label_id(page, index), "name": name, "prefix": "global"}))
            .collect();
        let base = format!("https://{}/wiki", hosts::CONFLUENCE);
        Reply::json(200, &json!({"results": results, "_links": {"base": base}}))
    }

    fn labels_v1(
        &mut self,
        method: &Method,
        page: u64,
        rest: &[&str],
        query: &Query,
        body: &Bytes,
        records: &mut Vec<Record>,
    ) -> Reply {
        match (method, rest) {
            (&Method::GET, []) => self.label_list_v1(page),
            (&Method::POST, []) => {
                let Some(names) = label_names(body) else {
                    return error_v1(400, "BadRequestException: Could not parse Labels");
                };
                let labels = self.labels.entry(page).or_default();
                labels.extend(names);
                let count = labels.len() as u64;
                records.push(Record::LabelsChanged { page, labels: count });
                self.label_list_v1(page)
            }
            (&Method::DELETE, rest) => {
                let in_path = rest.first().map(|name| percent_decode_str(name).decode_utf8_lossy());
                let Some(name) = in_path.or_else(|| query.one("name").map(Cow::from)) else {
                    return error_v1(400, "BadRequestException: No label name given");
                };
                let labels = self.labels.entry(page).or_default();
                if !labels.remove(name.as_ref()) {
                    return error_v1(404, "NotFoundException: No such label on this content");
                }
                let count = labels.len() as u64;
                records.push(Record::LabelsChanged { page, labels: count });
                Reply::text(204, "application/json", Bytes::new())
            }
            _ => error_v1(405, "MethodNotAllowedException"),
        }
    }

    fn label_list_v1(&self, page: u64) -> Reply {
        let labels = self.labels(page).enumerate();
        let results: Vec<LabelV1> = labels
            .map(|(index, name)| LabelV1 {
                prefix: "global",
                name,
                id: label_id(page, index),
                label: name,
            })
            .collect();
        let base = format!("https://{}/wiki", hosts::CONFLUENCE);
        let links = json!({
            "base": base, "context": "/wiki", "self": format!("{base}/rest/api/content/{page}/label")
        });
        Reply::json(200, &LabelsV1 { start: 0, limit: 200, size: results.len(), results, links })
    }
}

/// Names as Confluence stores them: lower case, split where a label cannot go on.
fn label_names(body: &Bytes) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let entries = match &body {
        Value::Array(entries) => entries.as_slice(),
        Value::Object(_) => std::slice::from_ref(&body),
        _ => return None,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry["name"].as_str()?;
        let pieces = name.split([' ', ',']).filter(|piece| !piece.is_empty());
        for piece in pieces {
            if piece.contains(ILLEGAL) || piece.chars().count() > 255 {
                return None;
            }
            names.push(piece.to_lowercase());
        }
    }
    (!names.is_empty()).then_some(names)
}

fn spaces(space: &Space, query: &Query) -> Reply {
    // An unknown key is no error: the keys are a filter.
    let asked: Vec<&str> = query.all("keys").collect();
    let results = if asked.is_empty() || asked.contains(&space.key()) {
        json!([{"id": SPACE_ID, "key": space.key(), "name": "Rehearsal", "type": "global",
                "status": "current", "homepageId": null}])
    } else {
        json!([])
    };
    let base = format!("https://{}/wiki", hosts::CONFLUENCE);
    Reply::json(200, &json!({"results": results, "_links": {"base": base}}))
}

fn faulty(fault: Fault) -> Reply {
    match fault {
        Fault::Kind(Kind::Reset) => Reply::broken(Broken::Reset),
        Fault::Kind(Kind::Timeout) => Reply::broken(Broken::Hang),
        Fault::Kind(_) => Reply::text(200, "application/json", "{\"results\": [{"),
        Fault::Status(status, retry_after_s) => {
            let body = json!({"message": "The service cannot answer", "statusCode": status});
            Reply::json(status, &body).with_retry_after(retry_after_s)
        }
    }
}

fn existing(id: &str, space: &Space) -> Option<u64> {
    id.parse().ok().filter(|id| space.ids().contains(id))
}

/// What a call is about: a page, or the start of a list.
fn identity(path: &str, query: &Query) -> u64 {
    let number = path.split('/').find_map(|part| part.parse::<u64>().ok().filter(|n| *n > 9001));
    let cursor =
        query.one("cursor").and_then(|c| u64::from_str_radix(c.strip_prefix("c")?, 36).ok());
    number.or(cursor).unwrap_or(0)
}

fn label_id(page: u64, index: usize) -> String {
    (page * 1000 + index as u64).to_string()
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
