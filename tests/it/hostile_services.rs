//! Services that lead elsewhere, never end, or say what nobody should be shown.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::scripted::{Asked, Reply, Server, TOKEN, page, piece};

/// The first piece of a listing leads to `next`; whatever is asked for after it is honest.
fn leading_to(next: &str) -> impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static {
    let next = next.to_owned();
    move |asked| {
        let is_first =
            asked.target.contains("/pages?body-format") && !asked.target.contains("cursor");
        is_first.then(|| piece(&[page(1)], &next))
    }
}

#[test]
fn a_link_never_takes_the_credentials_to_another_origin() {
    let other = Server::start(0, |_| None);
    let at = other.port;
    for link in [
        format!("@127.0.0.1:{at}/steal"),
        format!("/wiki@127.0.0.1:{at}/steal"),
        format!("http://127.0.0.1:{at}/steal"),
        format!("//127.0.0.1:{at}/steal"),
        format!("\\\\127.0.0.1:{at}/steal"),
        format!("/wiki/../../@127.0.0.1:{at}/x"),
        format!("http://me@127.0.0.1:{at}/x"),
    ] {
        for base in ["", "/wiki"] {
            let server = Server::start(1, leading_to(&link));
            let folder = tempfile::tempdir().unwrap();
            let mut command = server.command(folder.path(), &["DOCS", "--no-state"]);
            command.env("CONFLUENCE_URL", format!("http://127.0.0.1:{}{base}", server.port));
            let code = command.output().unwrap().status.code();
            assert!(matches!(code, Some(4 | 5)), "{link}: {code:?}");
            assert_eq!(other.asked().len(), 0, "{link}");
        }
    }
    let link = format!("@127.0.0.1:{at}/steal");
    let labels =
        Server::start(1, move |asked| asked.target.contains("/labels").then(|| piece(&[], &link)));
    assert_eq!(labels.tag(&[]).code, Some(5));
    assert!(other.asked().is_empty() && labels.count("/labels") < 10);
}

#[test]
fn a_link_is_followed_in_each_form_that_sites_and_gateways_give() {
    let gateway = "/ex/confluence/1111-2222/wiki";
    for (base, link) in [
        ("/wiki", "/wiki/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        ("/wiki", "/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        ("/wiki", "?cursor=a%3D%3D"),
        ("", "/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        ("", "/wiki/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        ("/docs", "/docs/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        (gateway, "/wiki/api/v2/spaces/9/pages?cursor=a%3D%3D"),
        (gateway, "/ex/confluence/1111-2222/wiki/api/v2/spaces/9/pages?cursor=a%3D%3D"),
    ] {
        let server = Server::start(2, leading_to(link));
        let folder = tempfile::tempdir().unwrap();
        let mut command = server.command(folder.path(), &["DOCS", "--no-state"]);
        command.env("CONFLUENCE_URL", format!("http://127.0.0.1:{}{base}", server.port));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{base} {link}: {output:?}");
        let expected = format!("{base}/api/v2/spaces/9/pages?cursor=a%3D%3D");
        let asked = server.asked();
        assert!(asked.iter().any(|asked| asked.target == expected), "{base} {link}: {asked:?}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_named_as_the_cause() {
    let other = Server::start(0, |_| None);
    let target = format!("location: http://127.0.0.1:{}/wiki/login", other.port);
    let server = Server::start(1, move |asked| {
        let is_site = asked.target.starts_with("/wiki");
        is_site.then(|| Reply::of(302, &json!({})).with(&target))
    });
    let tagged = server.tag(&[]);
    assert_eq!((tagged.code, other.asked().len()), (Some(5), 0));
    assert!(tagged.err.contains("302 a redirect to 127.0.0.1"), "{tagged:?}");
    assert!(tagged.err.contains("CONFLUENCE_URL"), "{tagged:?}");
}

#[test]
fn a_listing_that_does_not_end_is_ended() {
    let same = "/wiki/api/v2/spaces/9/pages?cursor=again";
    let again = Server::start(1, move |asked| {
        asked.target.contains("/pages?").then(|| piece(&[page(1), page(2)], same))
    });
    let tagged = again.tag(&[]);
    assert_eq!(tagged.code, Some(4), "{tagged:?}");
    assert!(tagged.err.contains("comes back to a place where it was"), "{tagged:?}");
    assert!(tagged.err.contains("pages=2 pages_tagged=2 "), "{tagged:?}");
    assert_eq!(again.count("/pages?"), 2);

    // Cursors that are new each time, without a page that is.
    let on = Server::start(1, |asked| {
        let is_listing = asked.target.contains("/pages?");
        let next = format!("/wiki/api/v2/spaces/9/pages?cursor={}", asked.target.len());
        let next = format!("{next}{}", "x".repeat(asked.target.len() % 4000));
        is_listing.then(|| piece(&[page(1)], &next))
    });
    let tagged = on.tag(&[]);
    assert!(tagged.err.contains("without a new page"), "{tagged:?}");
    assert!(on.count("/pages?") <= 101, "{}", on.count("/pages?"));
}

#[test]
fn a_page_that_is_listed_twice_is_counted_once_and_one_not_asked_for_never() {
    let server = Server::start(1, |asked| {
        let is_listing = asked.target.contains("/pages?");
        is_listing.then(|| piece(&[page(1), page(2), page(1)], ""))
    });
    let tagged = server.tag(&[]);
    assert!(tagged.code == Some(0) && tagged.err.contains("pages=2 pages_tagged=2 "), "{tagged:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut command = server.command(folder.path(), &["--pages", "2,2", "--no-state", "--write"]);
    assert!(command.output().unwrap().status.success());
    assert_eq!(server.count("/content/2/label"), 1);
    assert_eq!(server.count("/content/1/label"), 0);
}

#[test]
fn labels_that_do_not_end_fail_their_page() {
    let server = Server::start(1, |asked| {
        let next = "/wiki/api/v2/pages/1/labels?cursor=again";
        asked.target.contains("/labels").then(|| piece(&[json!({"name": "mine"})], next))
    });
    let tagged = server.tag(&["--write"]);
    // Those of the space first, and where these are no use, those of the page.
    assert_eq!(server.count("/content/labels"), 1);
    assert_eq!((tagged.code, server.count("/label")), (Some(5), 4), "{tagged:?}");
}

#[test]
fn a_body_is_read_up_to_its_limit() {
    // Stated, and sent without being stated, to a listing and to an AI call.
    let stated = Server::start(1, |asked| {
        let huge = vec![b' '; 65 * 1024 * 1024];
        let is_listing = asked.target.contains("/pages?");
        is_listing.then_some(Reply { status: 200, headers: String::new(), body: huge })
    });
    let tagged = stated.tag(&[]);
    assert!(tagged.code == Some(5) && tagged.err.contains("too large to be read"), "{tagged:?}");
    let answered = Server::start(1, |asked| {
        let huge = vec![b' '; 17 * 1024 * 1024];
        let is_call = asked.target.contains("generateContent");
        is_call.then_some(Reply { status: 200, headers: String::new(), body: huge })
    });
    let tagged = answered.tag(&[]);
    assert!(tagged.code == Some(5) && tagged.out.contains("too large to be read"), "{tagged:?}");
    // Nobody pays for the same again.
    assert_eq!(answered.count("generateContent"), 1);
}

#[test]
fn a_wait_of_ten_days_is_not_waited_for() {
    for place in ["/pages?", "/labels", "generateContent"] {
        let started = Instant::now();
        let server = Server::start(3, move |asked| {
            let reply = Reply::of(429, &json!({"error": {"message": "Please retry in 864000s."}}));
            asked.target.contains(place).then(|| reply.with("retry-after: 864000"))
        });
        let tagged = server.tag(&[]);
        assert_eq!(tagged.code, Some(5), "{place}: {tagged:?}");
        assert!(tagged.err.contains("a rate limit (429)"), "{place}: {tagged:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{place}");
    }
}

#[test]
fn what_a_service_says_is_cut_and_shown_without_control_characters_and_credentials() {
    let said = format!("no \u{1b}[31mred\u{202e} {TOKEN} {}", "long ".repeat(100));
    let server = Server::start(1, move |asked| {
        asked.target.contains("/spaces").then(|| Reply::of(403, &json!({"message": said})))
    });
    let tagged = server.tag(&[]);
    assert_eq!(tagged.code, Some(5));
    assert!(tagged.err.contains("403 no [31mred …"), "{tagged:?}");
    assert!(tagged.err.contains("CONFLUENCE_USER and CONFLUENCE_API_TOKEN"), "{tagged:?}");
    assert!(!tagged.err.contains(['\u{1b}', '\u{202e}']), "{tagged:?}");
    assert!(tagged.err.lines().all(|line| !line.starts_with("error") || line.len() < 500));
    let odd = Server::start(1, |asked| {
        let bad = json!({"id": "\u{1b}]0;x\u{7}", "version": {"number": 1}});
        asked.target.contains("/pages?").then(|| piece(&[bad], ""))
    });
    let tagged = odd.tag(&[]);
    assert!(tagged.err.contains("found `]0;x`"), "{tagged:?}");
    let login = Server::start(1, |asked| {
        let body = b"<!DOCTYPE html><html><head><title>Sign in\n here</title>".to_vec();
        let is_site = asked.target.starts_with("/wiki");
        is_site.then_some(Reply { status: 200, headers: String::new(), body })
    });
    let tagged = login.tag(&[]);
    assert!(tagged.err.contains("found an HTML page, `Sign in here`"), "{tagged:?}");
}

#[test]
fn no_number_of_tokens_overflows_a_sum() {
    let server = Server::start(12, |asked| {
        if !asked.target.contains("generateContent") {
            return None;
        }
        let prompt = asked.body.replace("\\n", "\n");
        let ids = crate::scripted::sections(&prompt);
        let mut reply = crate::scripted::answer(&ids);
        let text = String::from_utf8(reply.body).unwrap();
        let huge = format!("\"thoughtsTokenCount\":{},\"promptTokenCount\":{0}", u64::MAX);
        let text = text.replace("\"promptTokenCount\":100", &huge);
        reply.body = text.replace("Count\":10}", &format!("Count\":{}}}", u64::MAX)).into_bytes();
        Some(reply)
    });
    let tagged = server.tag(&[]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    assert!(tagged.err.contains("pages_tagged=12 "), "{tagged:?}");
}
