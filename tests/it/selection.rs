//! Which pages a job is about: of several spaces, found by a query, changed since, failed before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::scripted::{Asked, Reply, Server, Tagged, page, piece};
use crate::store::tag;
use crate::wiki::Wiki;

/// A site of the spaces DOCS, with the pages 1 and 2, and OPS, with the pages 2 and 3.
fn two_spaces(wiki: &Wiki) -> Server {
    let wiki = wiki.clone();
    Server::start(2, move |asked| {
        let target = asked.target.as_str();
        if target.contains("/spaces?keys=OPS") {
            return Some(Reply::of(200, &json!({"results": [{"id": "8", "key": "OPS"}]})));
        }
        if target.contains("/spaces/8/pages?") {
            return Some(piece(&[page(2), page(3)], ""));
        }
        wiki.reply(asked, 2)
    })
}

fn tag_all(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let all = [args, &["--state", "quotas.json", "--store", "answers.db", "--out", "report"]];
    Tagged::of(&server.command(folder, &all.concat()).output().unwrap())
}

/// The paths that were asked for and hold this part.
fn paths(server: &Server, part: &str) -> Vec<String> {
    let asked = server.asked().into_iter().map(|asked| asked.target);
    asked.filter(|target| target.contains(part)).collect()
}

#[test]
fn several_spaces_are_one_job() {
    let wiki = Wiki::default();
    let server = two_spaces(&wiki);
    let folder = tempfile::tempdir().unwrap();
    let tagged = tag_all(&server, folder.path(), &["DOCS", "OPS", "DOCS", "--write"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    // A page that both list is tagged once.
    assert_eq!((wiki.labelled("guide"), wiki.added_twice()), (vec![1, 2, 3], 0));
    // The labels of each space are read once, and no page's own.
    assert_eq!(server.count("/content/labels?"), 2);
    assert_eq!(server.count("/pages/1/labels"), 0);
    assert!(tagged.err.contains("job DOCS_OPS-1: labels added 3"), "{tagged:?}");
    assert!(folder.path().join("report/DOCS_OPS/report.html").exists());
    // The names of many spaces would be too long for a file.
    let many: Vec<String> = (0..40).map(|n| format!("ASPACEWITHALONGKEY{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many = tag_all(&server, folder.path(), &[&many[..], &["--write"]].concat());
    assert!(many.code == Some(5) && !many.err.contains("warning"), "{many:?}");
    // A limit counts over all of them.
    let limited = tag_all(&server, folder.path(), &["DOCS", "OPS", "--limit", "2"]);
    assert_eq!(limited.out.lines().count(), 2, "{limited:?}");
    // The undoing of one knows nothing of spaces.
    let args = ["DOCS_OPS-1", "--store", "answers.db"];
    let undone = Tagged::of(&server.command_of("undo", folder.path(), &args).output().unwrap());
    assert_eq!((undone.code, wiki.labelled("guide").len()), (Some(0), 0), "{undone:?}");
}

#[test]
fn a_space_that_is_not_there_is_told_before_anything_is_asked() {
    let server = two_spaces(&Wiki::default());
    let folder = tempfile::tempdir().unwrap();
    let refused = tag_all(&server, folder.path(), &["DOCS", "NOPE"]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("NOPE"), "{refused:?}");
    assert_eq!((server.count("/spaces/9/pages?"), server.count("generateContent")), (0, 0));
}

/// A site whose search finds the page 2, and refuses what mentions `nonsense`.
fn searched(asked: &Asked) -> Option<Reply> {
    if !asked.target.contains("/rest/api/content/search?") {
        return None;
    }
    if asked.target.contains("nonsense") {
        let message = "com.atlassian.confluence.api.service.exceptions.BadRequestException: Could not \
                       parse cql : nonsense";
        return Some(Reply::of(400, &json!({"statusCode": 400, "message": message})));
    }
    let mut found = page(2);
    found["metadata"] = json!({"labels": {
        "results": [{"prefix": "global", "name": "faq"}], "limit": 200
    }});
    Some(piece(&[found], ""))
}

#[test]
fn a_query_finds_the_pages() {
    let server = Server::start(9, searched);
    let folder = tempfile::tempdir().unwrap();
    for (args, cql) in [
        (
            &["DOCS", "--cql", "label = a or label = b"][..],
            "type = page and space in (\"DOCS\") and ((label = a or label = b))",
        ),
        (&["--cql", "title = \"a) \\\" (\""], "type = page and ((title = \"a) \\\" (\"))"),
        (
            &["--cql", "id = 2", "--changed-since", "4w"],
            "type = page and ((id = 2) and lastmodified >= now(\"-4w\"))",
        ),
        (
            &["DOCS", "OPS", "--changed-since", "7d"],
            "type = page and space in (\"DOCS\", \"OPS\") and (lastmodified >= now(\"-7d\"))",
        ),
        (
            &["DOCS", "--cql", "id = 2", "--changed-since", "2026-11-01"],
            "type = page and space in (\"DOCS\") and ((id = 2) and lastmodified >= \"2026-11-01\")",
        ),
    ] {
        let before = server.asked().len();
        let tagged = tag_all(&server, folder.path(), args);
        assert_eq!(tagged.code, Some(0), "{tagged:?}");
        assert_eq!(tagged.out, "2: guide  +guide  Page 2\n", "{tagged:?}");
        let asked = server.asked().split_off(before);
        let searched: Vec<String> = asked.iter().filter_map(|asked| query(&asked.target)).collect();
        assert_eq!(searched, [cql]);
    }
    assert!(paths(&server, "/api/v2/pages").is_empty(), "labels came with the pages");
    assert!(paths(&server, "/api/v2/spaces").is_empty());
    let plan = server
        .command_of("plan", folder.path(), &["DOCS", "--cql", "id = 2", "--no-state"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&plan.stdout).contains("1 page"), "{plan:?}");
}

/// The query of a search.
fn query(target: &str) -> Option<String> {
    let (_, query) = target.split_once("/rest/api/content/search?")?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "cql").map(|(_, value)| value.into_owned())
}

#[test]
fn a_query_that_the_site_does_not_take_is_told_with_its_words() {
    let server = Server::start(9, searched);
    let folder = tempfile::tempdir().unwrap();
    let refused = tag_all(&server, folder.path(), &["DOCS", "--cql", "nonsense"]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("Could not parse cql"), "{refused:?}");
    for since in [
        "yesterday",
        "0d",
        "7",
        "-7d",
        "+7d",
        "6m",
        "20261101",
        "2026-13-01",
        "2026-11-01T10:00:00",
    ] {
        let refused =
            tag_all(&server, folder.path(), &["DOCS", &format!("--changed-since={since}")]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(&format!("found `{since}`")), "{refused:?}");
    }
    for cql in ["", " ", "id = 1) or (id = 2", "(id = 1", "title = \"a", "title = \")\" )"] {
        let refused = tag_all(&server, folder.path(), &["DOCS", "--cql", cql]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    for args in [
        &["--changed-since", "7d"][..],
        &["--changed-since", "7d", "--pages", "1"],
        &["--changed-since", "7d", "--failed", "DOCS-1"],
        &["--cql", "id = 1", "--pages", "1"],
        &["DOCS", "--failed", "DOCS-1"],
    ] {
        assert_eq!(tag_all(&server, folder.path(), args).code, Some(2));
    }
}

/// A space of four pages, of which the page 3 takes no label until the switch is off.
fn locked(wiki: &Wiki) -> (Server, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let (wiki, is_locked) = (wiki.clone(), Arc::clone(&switch));
    let server = Server::start(4, move |asked| {
        if asked.target.contains("/api/v2/pages?id=3&") {
            return Some(piece(&[page(3)], ""));
        }
        let is_write = asked.head.starts_with("POST ") && asked.target.contains("/content/3/label");
        if is_write && is_locked.load(Ordering::Relaxed) {
            return Some(Reply::of(403, &json!({"message": "not permitted"})));
        }
        wiki.reply(asked, 4)
    });
    (server, switch)
}

#[test]
fn the_failed_pages_of_a_job_are_tried_again_as_a_part_of_it() {
    let wiki = Wiki::default();
    let (server, is_locked) = locked(&wiki);
    let folder = tempfile::tempdir().unwrap();
    let first = tag(&server, folder.path(), &["--write"]);
    assert_eq!(first.code, Some(4), "{first:?}");
    assert!(first.err.contains("`tagspace tag --failed DOCS-1"), "{first:?}");
    assert_eq!(wiki.labelled("guide"), [1, 2, 4]);
    let listed = server.command_of("undo", folder.path(), &["--store", "answers.db"]);
    let listed = Tagged::of(&{ listed }.output().unwrap());
    assert!(listed.out.contains(", not ended, 1 page failed\n"), "{listed:?}");

    let (listings, paid) = (server.count("/spaces/9/pages?"), server.count("generateContent"));
    let again = tag_all(&server, folder.path(), &["--failed", "DOCS-1", "--write"]);
    assert_eq!(again.code, Some(5), "{again:?}");
    assert_eq!(server.count("/spaces/9/pages?"), listings, "the space is not listed again");
    is_locked.store(false, Ordering::Relaxed);
    let at_last = tag_all(&server, folder.path(), &["--failed", "DOCS-1", "--write"]);
    assert_eq!((at_last.code, at_last.out.lines().count()), (Some(0), 1), "{at_last:?}");
    assert_eq!((wiki.labelled("guide").len(), server.count("generateContent")), (4, paid));
    // Nothing is left to do, which is said; and all of it is one job.
    let nothing = tag_all(&server, folder.path(), &["--failed", "DOCS-1", "--write"]);
    assert_eq!(nothing.code, Some(0), "{nothing:?}");
    assert!(nothing.err.contains("no page of DOCS-1 has failed"), "{nothing:?}");
    // Pages may be left that were never begun: only a run over all of it ends the job.
    let list = || {
        let mut list = server.command_of("undo", folder.path(), &["--store", "answers.db"]);
        Tagged::of(&list.output().unwrap()).out
    };
    assert!(list().contains(", not ended\n"), "{}", list());
    assert_eq!(tag(&server, folder.path(), &["--write"]).code, Some(0));
    assert!(!list().contains("not ended") && list().lines().count() == 1, "{}", list());
    let args = ["DOCS-1", "--store", "answers.db"];
    let undone = Tagged::of(&server.command_of("undo", folder.path(), &args).output().unwrap());
    assert_eq!((undone.code, wiki.labelled("guide").len()), (Some(0), 0), "{undone:?}");
}

#[test]
fn a_job_that_is_not_there_is_told() {
    let wiki = Wiki::default();
    let (server, _) = locked(&wiki);
    let folder = tempfile::tempdir().unwrap();
    tag(&server, folder.path(), &["--write"]);
    let unknown = tag_all(&server, folder.path(), &["--failed", "DOCS-2"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("found `DOCS-2`"), "{unknown:?}");
    let rows = "page,added\n1,runbook\n";
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    let args = ["--apply", "rows.csv", "--write", "--store", "answers.db"];
    let applied = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(applied.err.contains("job pages-2"), "{applied:?}");
    let of_file = tag_all(&server, folder.path(), &["--failed", "pages-2", "--write"]);
    assert_eq!(of_file.code, Some(2), "{of_file:?}");
    assert!(of_file.err.contains("found pages-2, of --apply"), "{of_file:?}");
    let bare = Tagged::of(
        &server.command(folder.path(), &["--failed", "DOCS-1", "--no-state"]).output().unwrap(),
    );
    assert_eq!(bare.code, Some(2), "{bare:?}");
    assert!(bare.err.contains("--failed: there is no store"), "{bare:?}");
}
