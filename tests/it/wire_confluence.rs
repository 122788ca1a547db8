//! The wire format of Confluence beyond what our own pipeline asks for.

use serde_json::{Value, json};
use tagspace::internals::fakes::observation::Observation;
use tagspace::internals::fakes::{Reply, hosts};

use crate::wire_formats::{Service, body, header, status};

#[test]
fn older_clients_of_confluence_read_content() {
    let mut service = Service::new(&[]);
    let list = service.confluence(
        "GET",
        "/rest/api/content?spaceKey=DOCS&limit=8&start=16&expand=body.storage,version",
        &Value::Null,
    );
    let body_of = body(&list);
    assert_eq!((&body_of["size"], &body_of["limit"]), (&json!(4), &json!(8)));
    assert!(body_of["_links"].get("next").is_none());
    assert!(body_of["results"][0]["body"]["storage"]["value"].as_str().unwrap().starts_with('<'));
    assert_eq!(header(&list, "deprecation"), "Wed, 1 Mar 2023 00:00:00 GMT");
    let first = service.confluence("GET", "/rest/api/content?spaceKey=DOCS&limit=8", &Value::Null);
    assert_eq!(body(&first)["_links"]["next"], "/rest/api/content?spaceKey=DOCS&limit=8&start=8");
    let Some(Observation::Site(site)) = first.about.as_deref() else { panic!("{first:?}") };
    assert_eq!(site.given.len(), 8);
    let gateway =
        format!("https://{}/ex/confluence/1a-2b/wiki/api/v2/pages/100001", hosts::CONFLUENCE);
    assert_eq!(status(&service.send_as(0, "GET", &gateway, &Value::Null, "Bearer t")), 200);
    // Withdrawn for OAuth clients already.
    let url = format!("https://{}/wiki/rest/api/content/100001", hosts::CONFLUENCE);
    assert_eq!(status(&service.send_as(0, "GET", &url, &Value::Null, "Bearer t")), 410);
    assert_eq!(status(&service.send(0, "GET", &url, &Value::Null)), 200);
    let nobody = service.confluence("GET", "/rest/api/content/99", &Value::Null);
    assert_eq!(body(&nobody)["statusCode"], 404);
}

#[test]
fn labels_are_split_lowered_and_refused_as_the_site_does() {
    let mut service = Service::new(&[]);
    let path = "/rest/api/content/100001/label";
    let names = |reply: &Reply| -> Vec<String> {
        let body = body(reply);
        let results = body["results"].as_array().unwrap().clone();
        results.iter().map(|label| label["name"].as_str().unwrap().to_owned()).collect()
    };
    let added = service.confluence("POST", path, &json!({"name": "New abc, Whatever"}));
    assert_eq!(names(&added), ["abc", "new", "whatever"]);
    let again = service.confluence("POST", path, &json!([{"prefix": "global", "name": "abc"}]));
    assert_eq!(names(&again).len(), 3);
    let mine = service.confluence("POST", path, &json!({"name": "My:Own"}));
    let own =
        body(&mine)["results"].as_array().unwrap().iter().find(|one| one["name"] == "own").cloned();
    assert_eq!(own.unwrap()["prefix"], "my");
    let long = "x".repeat(256);
    for (wrong, why) in [
        (json!([{"prefix": "global"}]), "Could not parse Labels"),
        (json!([{"prefix": "odd", "name": "a"}]), "Could not parse Labels"),
        (json!([{"name": "a!b"}]), "invalid characters or too many characters"),
        (json!([{"name": long}]), "invalid characters or too many characters"),
    ] {
        let refused = service.confluence("POST", path, &wrong);
        assert_eq!(status(&refused), 400, "{wrong}");
        assert!(body(&refused)["message"].as_str().unwrap().ends_with(why), "{wrong}");
    }
    assert_eq!(status(&service.confluence("DELETE", &format!("{path}/a%2Fb"), &Value::Null)), 400);
    assert_eq!(
        status(&service.confluence("DELETE", &format!("{path}?name=abc"), &Value::Null)),
        204
    );
    assert_eq!(status(&service.confluence("POST", "/api/v2/pages/100001/labels", &json!({}))), 405);
    let mut strict = Service::new(&["confluence.forbidden_labels=true"]);
    assert_eq!(status(&strict.confluence("POST", path, &json!({"name": "a"}))), 403);
}

#[test]
fn confluence_knows_who_may_ask_and_how_often() {
    let settings =
        ["confluence.tokens=[\"t\"]", "confluence.rate_limit={ requests = 2, per_s = 60 }"];
    let mut service = Service::new(&settings);
    let url = format!("https://{}/wiki/api/v2/spaces?keys=DOCS", hosts::CONFLUENCE);
    let wrong = service.send_as(0, "GET", &url, &Value::Null, "Basic bWU6eA==");
    assert_eq!(
        (status(&wrong), header(&wrong, "x-seraph-loginreason")),
        (401, "AUTHENTICATED_FAILED")
    );
    let wrong = service.send_as(0, "GET", &url, &Value::Null, "Bearer x");
    assert_eq!(body(&wrong)["message"], "Unauthorized; scope does not match");
    let right = service.send(0, "GET", &url, &Value::Null);
    assert_eq!((status(&right), header(&right, "x-ratelimit-remaining")), (200, "1"));
    service.send(0, "GET", &url, &Value::Null);
    let limited = service.send(1_000, "GET", &url, &Value::Null);
    assert_eq!((status(&limited), header(&limited, "retry-after")), (429, "59"));
    assert_eq!(header(&limited, "x-ratelimit-reset"), "2026-01-05T09:01:00Z");
    assert_eq!(header(&limited, "x-ratelimit-nearlimit"), "true");
}

#[test]
fn a_label_keeps_its_id() {
    let mut service = Service::new(&[]);
    let path = "/rest/api/content/100001/label";
    let add = |service: &mut Service, name: &str| {
        let listed = body(&service.confluence("POST", path, &json!([{"name": name}])));
        let of = |label: &Value| (label["name"].clone(), label["id"].clone());
        listed["results"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let before = add(&mut service, "middle");
    let after = add(&mut service, "alpha");
    assert!(after.contains(&before[0]), "{before:?} {after:?}");
}
