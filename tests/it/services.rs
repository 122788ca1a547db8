//! What services really do, and what `tag` makes of it: one odd thing costs one page, what is
//! pointless ends at once, what passes is waited out.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::scripted::{Asked, KEY, Reply, Server, TOKEN, Tagged, answer, page, piece, sections};

/// The ids of the pages that a prompt asks about.
fn asked_about(asked: &Asked) -> Vec<String> {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let gemini = body["contents"][0]["parts"][0]["text"].as_str();
    sections(gemini.or(body["messages"][0]["content"].as_str()).unwrap_or_default())
}

fn is_prompt(asked: &Asked) -> bool {
    asked.target.contains("generateContent")
}

fn failure(status: u16, message: &str) -> Reply {
    Reply::of(status, &json!({"error": {"code": status, "message": message, "status": "X"}}))
}

/// `tag DOCS` with these variables besides.
fn tag_with(server: &Server, args: &[&str], variables: &[(&str, &str)]) -> Tagged {
    let folder = tempfile::tempdir().unwrap();
    let args = [&["DOCS", "--no-state"], args].concat();
    let mut command = server.command(folder.path(), &args);
    Tagged::of(&command.envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn a_page_that_always_fails_is_found_and_the_others_are_tagged() {
    for status in [500, 504] {
        let server = Server::start(100, move |asked| {
            let is_odd = is_prompt(asked) && asked_about(asked).contains(&"3".to_owned());
            is_odd.then(|| failure(status, "Internal error encountered."))
        });
        let tagged = tag_with(&server, &[], &[("TAG_SPACE_BATCH_SIZE", "5")]);
        assert_eq!(tagged.code, Some(4), "{tagged:?}");
        assert_eq!(tagged.out.matches(": guide  +guide  ").count(), 99, "{tagged:?}");
        let odd: Vec<&str> = tagged.out.lines().filter(|line| line.contains("failed")).collect();
        assert_eq!(odd.len(), 1, "{odd:?}");
        assert!(odd[0].starts_with("3: failed after"), "{odd:?}");
        assert!(odd[0].ends_with(&format!("({status}) of gemini  Page 3")), "{odd:?}");
        // Twenty for the batches; two to suspect the page's own, and some in halves.
        assert!(server.count("generateContent") <= 20 + 14, "{}", server.count("generateContent"));
    }
}

#[test]
fn pages_that_a_service_does_not_take_are_no_reason_to_stop() {
    let server = Server::start(40, |asked| {
        let odd = ["3", "4", "5", "6", "7"];
        let is_odd = asked_about(asked).iter().any(|id| odd.contains(&id.as_str()));
        (is_prompt(asked) && is_odd).then(|| failure(400, "The input cannot be processed."))
    });
    let tagged = tag_with(&server, &[], &[("TAG_SPACE_BATCH_SIZE", "4")]);
    assert_eq!(tagged.out.matches(": guide  +guide  ").count(), 35, "{tagged:?}");
    assert!(!tagged.err.contains("pointless"), "{tagged:?}");
}

#[test]
fn five_prompts_in_vain_pull_the_brake() {
    let server = Server::start(60, |asked| {
        let nonsense = json!({"candidates": [
            {"content": {"parts": [{"text": "I cannot help with that."}]}, "finishReason": "STOP"}
        ]});
        is_prompt(asked).then(|| Reply::of(200, &nonsense))
    });
    let tagged = tag_with(&server, &[], &[("TAG_SPACE_BATCH_SIZE", "5")]);
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("going on is pointless: gemini: an answer that makes no sense"));
    // Those that were on their way are let end.
    let prompts = server.count("generateContent");
    assert!((5..=12).contains(&prompts), "{prompts}: {tagged:?}");
}

#[test]
fn what_is_wrong_with_key_model_or_money_ends_it_before_anything_is_paid() {
    let told = |status: u16, body: Value, asked: &Asked| {
        let is_gemini = asked.target.starts_with("/v1beta/");
        is_gemini.then(|| Reply::of(status, &json!({"error": body})))
    };
    let leaked = json!({"code": 403, "message": "Your API key was reported as leaked."});
    let unknown = json!({"code": 404, "message": "models/m is not found", "status": "NOT_FOUND"});
    let money = json!({"code": 429, "message": "Your prepayment credits are depleted."});
    let none = json!({"code": 429, "message": "Quota exceeded for metric: x, limit: 0, model: m"});
    for (status, body, prompts) in
        [(403, leaked, 0), (404, unknown, 0), (429, money, 1), (429, none, 1)]
    {
        let said = body["message"].as_str().unwrap().to_owned();
        // Money is not known of a model, only of its use.
        let server = Server::start(12, move |asked| {
            let is_free = status == 429 && !is_prompt(asked);
            if is_free { None } else { told(status, body.clone(), asked) }
        });
        let tagged = server.tag(&[]);
        assert_eq!(tagged.code, Some(5), "{tagged:?}");
        assert!(tagged.err.contains(&said) && tagged.err.contains("pointless"), "{tagged:?}");
        assert!(tagged.err.contains("rate_limited=0 "), "{tagged:?}");
        assert_eq!(server.count("generateContent"), prompts, "{tagged:?}");
    }
}

#[test]
fn a_host_that_cannot_be_reached_is_not_waited_for() {
    let server = Server::start(3, |_| None);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{free}");
    let tagged = tag_with(&server, &[], &[("GOOGLE_GEMINI_BASE_URL", &gone)]);
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("pointless: gemini: a connection that could not be made"));
    assert!(tagged.err.to_lowercase().contains("connection refused"), "{tagged:?}");
    // The fallback makes up for it, at once.
    let openai = [
        ("GOOGLE_GEMINI_BASE_URL", gone.as_str()),
        ("OPENAI_API_KEY", "sesame-openai"),
        ("OPENAI_BASE_URL", &format!("http://127.0.0.1:{}/v1", openai_like().port)),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let openai: Vec<(&str, &str)> =
        openai.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let tagged = tag_with(&server, &[], &openai);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    assert!(tagged.err.contains("only the fallback is of use: gemini"), "{tagged:?}");
}

/// A server that answers as OpenAI does, with its parts as compatible servers send them.
fn openai_like() -> Server {
    Server::start(0, |asked| {
        let pages: Vec<Value> = asked_about(asked)
            .iter()
            .map(|id| json!({"id": id, "tags": {"doc": ["guide"]}}))
            .collect();
        let text = json!({"pages": pages}).to_string();
        let message = json!({"content": [{"type": "text", "text": text}], "refusal": ""});
        let body =
            json!({"choices": [{"message": message, "finish_reason": "eos"}], "usage": null});
        asked.target.contains("chat/completions").then(|| Reply::of(200, &body))
    })
}

#[test]
fn without_the_right_to_write_nothing_is_paid() {
    let server = Server::start(3, |asked| {
        let read_only = json!({"operations": [{"operation": "read", "targetType": "page"}]});
        asked.target.contains("/operations").then(|| Reply::of(200, &read_only))
    });
    let tagged = server.tag(&["--write"]);
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("may read the page 1 and not change it"), "{tagged:?}");
    assert_eq!(server.count("generateContent"), 0);
    // A dry run needs no such right.
    assert_eq!(server.tag(&[]).code, Some(0));
}

#[test]
fn a_setting_that_a_model_refuses_is_left_out() {
    let refused = Mutex::new(Vec::new());
    let server = Server::start(3, move |asked| {
        if !is_prompt(asked) {
            return None;
        }
        let has = |part: &str| asked.body.contains(part);
        let mut refused = refused.lock().unwrap();
        for (part, words) in [
            ("thinkingConfig", "Thinking is not supported for this model."),
            ("\"enum\"", "The specified schema produces a constraint that has too many states"),
        ] {
            if has(part) {
                refused.push(part);
                return Some(failure(400, words));
            }
        }
        assert_eq!(refused.len(), 2, "each is refused once");
        Some(answer(&asked_about(asked)))
    });
    let tagged = server.tag(&[]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
}

#[test]
fn a_listing_costs_no_more_than_the_pages_that_are_odd() {
    let server = Server::start(0, |asked| {
        if !asked.target.contains("/pages?") {
            return None;
        }
        let mut odd: Vec<Value> = (1..=9).map(page).collect();
        odd[0]["title"] = Value::Null;
        odd[1]["version"] = Value::Null;
        odd[2]["id"] = json!(3);
        odd[3]["body"] = Value::Null;
        odd[4]["body"] = json!({"storage": {"value": null}});
        odd[5]["body"] = json!({});
        odd[6]["body"] = json!({"storage": {"value": ""}});
        odd.push(page(1));
        Some(Reply::of(200, &json!({"results": odd, "_links": null})))
    });
    let tagged = server.tag(&[]);
    assert_eq!(tagged.code, Some(4), "{tagged:?}");
    let of = |id: u64| tagged.out.lines().find(|line| line.starts_with(&format!("{id}: ")));
    for id in [4, 5, 6] {
        let line = of(id).unwrap();
        assert!(line.contains("failed after a listing without its text"), "{line}");
    }
    // A page that is empty has a title all the same.
    for id in [1, 2, 3, 7, 8, 9] {
        assert!(of(id).unwrap().contains(": guide  +guide"), "{tagged:?}");
    }
}

#[test]
fn an_entry_that_is_no_page_is_told_after_the_others_are_done() {
    let server = Server::start(0, |asked| {
        let odd = json!([page(1), null, {"id": {}, "title": "x"}, page(2)]);
        let body = json!({"results": odd});
        asked.target.contains("/pages?").then(|| Reply::of(200, &body))
    });
    let tagged = server.tag(&[]);
    assert_eq!(tagged.code, Some(4), "{tagged:?}");
    assert!(tagged.out.contains("1: guide") && tagged.out.contains("2: guide"), "{tagged:?}");
    assert!(tagged.err.contains("error: read the list of pages: the page null: "), "{tagged:?}");
}

#[test]
fn pages_by_id_come_in_as_many_pieces_as_the_site_likes() {
    let server = Server::start(0, |asked| {
        if !asked.target.contains("/pages?") {
            return None;
        }
        let more = "/wiki/api/v2/pages?id=1,2,3,4&cursor=a";
        Some(if asked.target.contains("cursor") {
            piece(&[page(4)], "")
        } else {
            piece(&[page(1), page(2)], more)
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["--pages", "1,2,3,4", "--no-state"];
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    for id in [1, 2, 4] {
        assert!(tagged.out.contains(&format!("{id}: guide")), "{tagged:?}");
    }
    assert!(tagged.out.contains("3: failed after nothing found of confluence"), "{tagged:?}");
}

#[test]
fn a_token_without_a_user_is_sent_as_bearer() {
    let server = Server::start(1, |asked| {
        let is_bearer = asked.head.contains(&format!("authorization: Bearer {TOKEN}"));
        let is_confluence = asked.target.starts_with("/wiki/");
        (is_confluence && !is_bearer).then(|| Reply::of(401, &json!({"message": "Unauthorized"})))
    });
    let tagged = tag_with(&server, &[], &[("CONFLUENCE_USER", "")]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let tagged = tag_with(&server, &[], &[]);
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("401 Unauthorized"), "{tagged:?}");
}

#[test]
fn a_site_without_v2_is_read_with_v1() {
    let server = Server::start(0, |asked| {
        let target = asked.target.as_str();
        let missing = || Reply::of(404, &json!({"message": "null for uri"}));
        if target.contains("/api/v2/") {
            return Some(missing());
        }
        if target.contains("/rest/api/space?") {
            return Some(Reply::of(200, &json!({"results": [{"id": 9, "key": "DOCS"}]})));
        }
        if target.contains("/rest/api/content/search?") {
            return Some(piece(&[page(2)], ""));
        }
        if target.contains("/rest/api/content?") {
            let next = "/rest/api/content?spaceKey=DOCS&start=1";
            let is_first = !target.contains("start=1");
            return Some(if is_first { piece(&[page(1)], next) } else { piece(&[page(2)], "") });
        }
        None
    });
    let tagged = server.tag(&["--write"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    assert_eq!(tagged.out.matches(": guide  +guide  ").count(), 2, "{tagged:?}");
    assert_eq!(server.count("/rest/api/content/1/label"), 2, "read, and written");
    let folder = tempfile::tempdir().unwrap();
    let args = ["--pages", "2", "--no-state"];
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
}

#[test]
fn a_site_that_is_down_for_a_while_loses_nothing() {
    // As long as three refusals without a stated time, or six failures, take.
    for (status, part, times) in
        [(503, "/pages?", 6), (429, "/pages?", 3), (503, "/label", 6), (409, "/label", 3)]
    {
        let refused = AtomicU64::new(0);
        let server = Server::start(5, move |asked| {
            let is_meant = asked.target.contains(part);
            let is_down = is_meant && refused.fetch_add(1, Ordering::Relaxed) < times;
            is_down.then(|| Reply::of(status, &json!({"message": "not now"})))
        });
        let tagged = server.tag(&["--write"]);
        assert_eq!(tagged.code, Some(0), "{status} {part}: {tagged:?}");
        // One call at a time finds out, and not each page for itself.
        assert!(server.count(part) < 30, "{status} {part}: {}", server.count(part));
    }
}

#[test]
fn a_wait_of_more_than_some_seconds_is_said_with_its_end() {
    let server = Server::start(1, |asked| {
        let wait = || Reply::of(429, &json!({"message": "Rate limit exceeded"}));
        asked.target.contains("/pages?").then(|| wait().with("retry-after: 1847"))
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--no-state", "--log", "log.txt"];
    let mut command = server.command(folder.path(), &args);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("confluence is asked again in 1847 s, at "), "{said}");
    assert!(said.trim_end().ends_with(" UTC, after a rate limit (429)"), "{said}");
    let log = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
    assert!(log.contains("[THROTTLE] waiting") && log.contains("wait_ms=1847000"), "{log}");
    assert!(!log.contains(KEY));
}
