//! The Confluence fake for clients that walk from page to page, search and edit; what its lists leave
//! out, and what its limit says.

use serde_json::{Value, json};
use tagspace::internals::fakes::{Reply, hosts};
use tagspace::internals::sim::{Options, run_scenario};
use tagspace::internals::study::experiment::determinism::diverge;

use crate::common::{PLAIN, direct, scenario};
use crate::wire_formats::{Service, body, header, status};

const NOTHING: Value = Value::Null;

fn ids(reply: &Reply) -> Vec<u64> {
    let body = body(reply);
    let results = body["results"].as_array().unwrap_or_else(|| panic!("{body}"));
    results.iter().map(|page| page["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// All pages below one, from page to page; `next` gives the children of a page.
fn walked(root: u64, children: &mut impl FnMut(u64) -> Vec<u64>) -> Vec<u64> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(page) = found.get(at) {
        let below = children(*page);
        found.extend(below);
        at += 1;
    }
    found
}

#[test]
fn the_home_page_leads_to_every_page_through_both_interfaces() {
    let mut service = Service::new(&["space.pages=130"]);
    let space = service.confluence("GET", "/api/v2/spaces/9001", &NOTHING);
    assert_eq!(body(&space)["homepageId"], "100001");
    let all: Vec<u64> = (100_001..=100_130).collect();
    let v1 = walked(100_001, &mut |page| {
        let path = format!("/rest/api/content/{page}/child/page?limit=100");
        ids(&service.confluence("GET", &path, &NOTHING))
    });
    assert_eq!(v1, all);
    let v2 = walked(100_001, &mut |page| {
        let mut found = Vec::new();
        let mut path = format!("/api/v2/pages/{page}/children?limit=10");
        loop {
            let part = service.confluence("GET", &path, &NOTHING);
            found.extend(ids(&part));
            match body(&part)["_links"]["next"].as_str() {
                Some(next) => path = next.strip_prefix("/wiki").unwrap().to_owned(),
                None => break found,
            }
        }
    });
    assert_eq!(v2, all);
    // Both sides of the tree say the same.
    let child = body(&service.confluence("GET", "/api/v2/pages/100027", &NOTHING));
    assert_eq!((&child["parentId"], &child["parentType"]), (&json!("100002"), &json!("page")));
    let root = service.confluence("GET", "/api/v2/spaces/9001/pages?depth=root", &NOTHING);
    assert_eq!(ids(&root), [100_001]);
    let above = service.confluence("GET", "/rest/api/content/100027?expand=ancestors", &NOTHING);
    assert_eq!(body(&above)["ancestors"][1]["id"], "100002");
    let part =
        service.confluence("GET", "/rest/api/content/100001/child/page?limit=9&start=18", &NOTHING);
    assert_eq!((ids(&part).len(), &body(&part)["size"]), (7, &json!(7)));
    assert_eq!(status(&service.confluence("GET", "/rest/api/content/7/child/page", &NOTHING)), 404);
    assert_eq!(status(&service.confluence("GET", "/api/v2/pages/7/children", &NOTHING)), 404);
}

#[test]
fn older_clients_find_the_space() {
    let mut service = Service::new(&[]);
    let listed = body(&service.confluence("GET", "/rest/api/space?limit=10", &NOTHING));
    assert_eq!((&listed["size"], &listed["results"][0]["key"]), (&json!(1), &json!("DOCS")));
    let one = body(&service.confluence("GET", "/rest/api/space/DOCS", &NOTHING));
    assert_eq!((&one["id"], &one["type"]), (&json!(9001), &json!("global")));
    let other = service.confluence("GET", "/rest/api/space?spaceKey=OPS", &NOTHING);
    assert_eq!(body(&other)["size"], 0);
    assert_eq!(status(&service.confluence("GET", "/rest/api/space/OPS", &NOTHING)), 404);
    assert_eq!(status(&service.confluence("POST", "/rest/api/space", &json!({}))), 405);
}

fn search(service: &mut Service, cql: &str) -> Reply {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("cql", cql).append_pair("limit", "100");
    service.confluence("GET", &format!("/rest/api/content/search?{}", query.finish()), &NOTHING)
}

#[test]
fn a_simple_query_finds_pages() {
    let mut service = Service::new(&["space.pages=30"]);
    for page in [100_003, 100_007] {
        let path = format!("/rest/api/content/{page}/label");
        service.confluence("POST", &path, &json!([{"name": "runbook"}]));
    }
    let third = body(&service.confluence("GET", "/rest/api/content/100003", &NOTHING));
    let title = third["title"].as_str().unwrap().to_owned();
    let words: Vec<&str> = title.split(' ').collect();
    for (cql, found) in [
        ("space = DOCS and type = page", (100_001..=100_030).collect::<Vec<u64>>()),
        ("space = \"OPS\"", vec![]),
        ("label = runbook", vec![100_003, 100_007]),
        ("label in (runbook, other) and id != 100003", vec![100_007]),
        (
            "type = page AND label not in ('runbook') and parent = 100002",
            (100_027..=100_030).collect(),
        ),
        ("ancestor = 100001 and id in (100001, 100002)", vec![100_002]),
        (&format!("title = \"{title}\" order by created desc"), vec![100_003]),
        (&format!("title ~ \"{} {}\"", words[3], words[0]), vec![100_003]),
        ("type = blogpost", vec![]),
        ("label = runbook or id = 100001", vec![100_001, 100_003, 100_007]),
        ("type = page and (id in (100001, 100003)) and not (label = runbook)", vec![100_001]),
        ("id = 100001 and (lastmodified >= \"2025-12-31\" or label = runbook)", vec![100_001]),
        ("id = 100001 and lastmodified >= now(\"-7d\")", vec![]),
        ("id = 100001 and lastmodified < now(\"-7d\")", vec![100_001]),
        ("title = \"say \\\"a\\\"\"", vec![]),
    ] {
        assert_eq!(ids(&search(&mut service, cql)), found, "{cql}");
    }
    let hits =
        body(&service.confluence("GET", "/rest/api/search?cql=label%3Drunbook&limit=1", &NOTHING));
    assert_eq!((&hits["totalSize"], &hits["size"]), (&json!(2), &json!(1)));
    assert_eq!(hits["results"][0]["content"]["id"], "100003");
    assert_eq!(hits["_links"]["next"], "/rest/api/search?cql=label%3Drunbook&limit=1&start=1");
    for wrong in [
        "",
        "label",
        "label runbook",
        "colour = red",
        "label = ",
        "label = (",
        "a = \"b",
        "label = a or",
        "(label = a",
        "label = a)",
        "not label = a",
        "id in ()",
    ] {
        let refused = search(&mut service, wrong);
        assert_eq!(status(&refused), 400, "{wrong}");
        assert!(body(&refused)["message"].as_str().unwrap().contains("BadRequestException"));
    }
}

#[test]
fn a_page_takes_its_next_version_and_no_other() {
    let mut service = Service::new(&[]);
    let path = "/rest/api/content/100002?expand=body.storage,version";
    let sent = |number: u64, value: &str| {
        json!({"type": "page", "title": "New", "version": {"number": number},
               "body": {"storage": {"value": value, "representation": "storage"}}})
    };
    let early = service.confluence("PUT", path, &sent(1, "<p>a</p>"));
    assert_eq!(status(&early), 409);
    assert!(body(&early)["message"].as_str().unwrap().contains("Version must be incremented"));
    let taken = service.confluence("PUT", path, &sent(2, "<p>a report</p>"));
    assert_eq!((status(&taken), &body(&taken)["version"]["number"]), (200, &json!(2)));
    assert_eq!(status(&service.confluence("PUT", path, &sent(2, "<p>b</p>"))), 409);
    let v2 = body(&service.confluence("GET", "/api/v2/pages/100002?body-format=storage", &NOTHING));
    assert_eq!((&v2["title"], &v2["version"]["number"]), (&json!("New"), &json!(2)));
    assert_eq!(v2["body"]["storage"]["value"], "<p>a report</p>");
    let mut titled = sent(3, "");
    titled["body"] = NOTHING;
    assert_eq!(status(&service.confluence("PUT", path, &titled)), 200);
    let v1 = body(&service.confluence("GET", path, &NOTHING));
    assert_eq!(v1["body"]["storage"]["value"], "<p>a report</p>");
    assert_eq!(ids(&search(&mut service, "title = New")), [100_002]);
    for wrong in [json!("x"), json!({"title": "T"}), json!({"version": {"number": 4}})] {
        assert_eq!(status(&service.confluence("PUT", path, &wrong)), 400, "{wrong}");
    }
    assert_eq!(status(&service.confluence("PUT", "/rest/api/content/7", &sent(2, ""))), 404);
    let url = format!("https://{}/wiki{path}", hosts::CONFLUENCE);
    let gone = service.send_as(0, "PUT", &url, &sent(4, ""), "Bearer t");
    assert_eq!(status(&gone), 410, "withdrawn for OAuth clients");
}

#[test]
fn lists_leave_out_what_the_scenario_says_and_pages_alone_are_whole() {
    let nulls = "confluence.nulls={ title_ratio = 0.2, body_ratio = 0.3, version_ratio = 0.1 }";
    let mut service = Service::new(&[nulls, "space.pages=240"]);
    let path = "/api/v2/spaces/9001/pages?body-format=storage&limit=250";
    let first = body(&service.confluence("GET", path, &NOTHING));
    let again = body(&service.confluence("GET", path, &NOTHING));
    assert_eq!(first["results"], again["results"], "the same pages lack the same each time");
    let pages = first["results"].as_array().unwrap();
    let count = |lacks: &dyn Fn(&Value) -> bool| pages.iter().filter(|page| lacks(page)).count();
    let untitled = [count(&|page| page["title"].is_null()), count(&|page| page["title"] == "")];
    let without = [
        count(&|page| page["body"].is_null()),
        count(&|page| page["body"].as_object().is_some_and(serde_json::Map::is_empty)),
        count(&|page| {
            page["body"]["storage"].is_object() && page["body"]["storage"]["value"].is_null()
        }),
    ];
    let versionless = [
        count(&|page| page.get("version") == Some(&NOTHING)),
        count(&|page| page.get("version").is_none()),
    ];
    // Shares of 240, and four standard deviations; every way occurs.
    for (counts, expected, most) in
        [(&untitled[..], 48, 25), (&without[..], 72, 29), (&versionless[..], 24, 19)]
    {
        let sum: usize = counts.iter().sum();
        assert!(
            sum.abs_diff(expected) <= most && counts.iter().all(|count| *count > 0),
            "{counts:?}"
        );
    }
    let lacking = pages.iter().find(|page| page["title"].is_null()).unwrap();
    let alone = format!("/api/v2/pages/{}?body-format=storage", lacking["id"].as_str().unwrap());
    let alone = body(&service.confluence("GET", &alone, &NOTHING));
    assert!(alone["title"].is_string() && alone["version"]["number"] == 1, "{alone}");
    let whole = body(&Service::new(&["space.pages=240"]).confluence("GET", path, &NOTHING));
    assert_eq!(
        whole["results"].as_array().unwrap().iter().filter(|page| page["title"].is_null()).count(),
        0
    );
}

#[test]
fn a_limit_says_when_to_come_again_or_the_time_of_its_reset_or_nothing() {
    let url = format!("https://{}/wiki/api/v2/spaces", hosts::CONFLUENCE);
    let told = |hint: &str| {
        let limit = format!("confluence.rate_limit={{ requests = 1, per_s = 60{hint} }}");
        let mut service = Service::new(&[&limit]);
        service.send(0, "GET", &url, &NOTHING);
        let refused = service.send(1_500, "GET", &url, &NOTHING);
        assert_eq!(status(&refused), 429);
        [
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "ratelimit-reason",
        ]
        .map(|name| header(&refused, name).to_owned())
    };
    let (limit, left, reset) = ("1", "0", "2026-01-05T09:01:00Z");
    let reason = "confluence-burst-based";
    assert_eq!(told(""), ["59", limit, left, reset, reason]);
    assert_eq!(
        told(", hint = \"retry-after\", retry_after_s = 9"),
        ["9", limit, left, reset, reason]
    );
    assert_eq!(told(", hint = \"reset\""), ["", limit, left, reset, reason]);
    assert_eq!(told(", hint = \"none\""), ["", "", "", "", reason]);
    // A reset within a second is stated as the next whole one, and the answer says when it was sent.
    let mut service = Service::new(&["confluence.rate_limit={ requests = 1, per_s = 60 }"]);
    service.send(2_300, "GET", &url, &NOTHING);
    let refused = service.send(4_000, "GET", &url, &NOTHING);
    assert_eq!(header(&refused, "x-ratelimit-reset"), "2026-01-05T09:01:03Z");
    assert_eq!(header(&refused, "date"), "Mon, 05 Jan 2026 09:00:04 GMT");
}

#[test]
fn every_service_states_the_date_of_the_world() {
    let mut service = Service::new(&[]);
    let asked = json!({"contents": [{"parts": [{"text": "x"}]}]});
    let answered = service.gemini(86_400_000, "generateContent", &asked);
    assert_eq!(header(&answered, "date"), "Tue, 06 Jan 2026 09:00:01 GMT");
}

#[test]
fn the_wire_and_a_call_in_memory_meet_the_same_troubles() {
    let settings = [
        "confluence.spell={ every_s = 3, min_s = 1, max_s = 2, reply = { status = 503, retry_after_s = 1 } }",
        "confluence.rate_limit={ requests = 9, per_s = 2, hint = \"reset\" }",
        "gemini.spell=[{ every_s = 3, min_s = 1, max_s = 5, reply = { status = 503 }, ratio = 0.5 }, { every_s = 2, min_s = 1, max_s = 5, reply = { latency_factor = 3 } }]",
        "gemini.quota={ requests = 4, per_s = 10, looseness = 0.5, used = { requests = 2 }, hint = \"time-only\" }",
        "gemini.fault=[{ when = { page_ratio = 0.1 }, reply = { kind = \"content-filter\" } }]",
        "openai.fault=[{ when = { pages = [4] }, reply = { kind = \"invalid-prompt\" } }]",
        "pipeline.batch_size=2",
    ];
    let one = scenario(PLAIN, &settings);
    let wire = run_scenario(&one, &Options::default());
    let memory = run_scenario(&one, &direct()).unwrap();
    assert_eq!(diverge(&wire.unwrap().logs, &memory.logs), None);
}
