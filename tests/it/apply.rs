//! A dry run's CSV that a person has worked on, written as it is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::common::attentive;
use crate::scripted::{Asked, Reply, Server, Tagged, page, piece};
use crate::store::tag;
use crate::wiki::Wiki;

const HEAD: &str = "page,added\n";

/// What `tag --apply changes.csv` comes to for a user without any model's key.
fn apply(server: &Server, folder: &Path, changes: impl AsRef<[u8]>, args: &[&str]) -> Tagged {
    fs::write(folder.join("changes.csv"), changes).unwrap();
    let all = [&["--apply", "changes.csv", "--store", "answers.db"], args].concat();
    Tagged::of(&server.command(folder, &all).env_remove("GEMINI_API_KEY").output().unwrap())
}

fn undo(server: &Server, folder: &Path, job: &str) -> Tagged {
    let args = [job, "--store", "answers.db"];
    Tagged::of(&server.command_of("undo", folder, &args).output().unwrap())
}

/// The requests that change something.
fn changes(server: &Server) -> Vec<Asked> {
    let asked = server.asked().into_iter();
    let is_change = |asked: &Asked| {
        !asked.head.starts_with("GET ") && !asked.target.contains("generateContent")
    };
    asked.filter(is_change).collect()
}

fn labels(wiki: &Wiki, page: u64) -> Vec<String> {
    wiki.labels().remove(&page).unwrap_or_default().into_iter().collect()
}

#[test]
fn what_a_person_left_in_the_csv_is_written_without_a_call_and_can_be_taken_back() {
    let wiki = Wiki::default();
    let server = wiki.serve(12, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    for (page, label) in [(2, "guide"), (4, "mine"), (9, "runbook")] {
        wiki.label(page, label);
    }
    let before = wiki.labels();
    let dry = tag(&server, folder.path(), &["--format", "csv"]);
    assert!(dry.code == Some(0) && wiki.labels() == before, "{dry:?}");
    let paid = server.count("generateContent");
    assert!(paid > 0);
    // The pages 3 and 5 are left out, the page 6 gets nothing, the page 7 something else, and what the
    // page 9 has is named though it need not be.
    let rows = dry.out.lines().filter(|row| !row.starts_with("3,") && !row.starts_with("5,"));
    let rows = rows.map(|row| match row.split(',').next().unwrap() {
        "6" => row.replace(",guide,", ",,"),
        "7" => row.replace(",guide,", ",runbook faq,"),
        "9" => row.replace(",guide,", ",guide runbook,"),
        _ => row.to_owned(),
    });
    let left = rows.collect::<Vec<_>>().join("\n");
    let shown = apply(&server, folder.path(), &left, &["DOCS"]);
    assert!(shown.code == Some(0) && wiki.labels() == before, "{shown:?}");
    assert!(
        shown.out.lines().any(|line| line == "7: faq, runbook  +faq +runbook  Page 7"),
        "{shown:?}"
    );
    assert!(
        shown.out.lines().any(|line| line == "9: guide, runbook  +guide (has runbook)  Page 9"),
        "{shown:?}"
    );
    assert!(!folder.path().join("quotas.json.lock").exists());
    let said = "changes.csv: labels to be added 9, to be removed 0, on 8 pages; 0 pages already right; \
                no AI call (dry run, no label written)";
    assert!(shown.err.lines().any(|line| line == said), "{shown:?}");
    let applied = apply(&server, folder.path(), &left, &["DOCS", "--write"]);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!((server.count("generateContent"), wiki.added_twice()), (paid, 0));
    for (page, expected) in [
        (2, &["guide"][..]),
        (3, &[]),
        (4, &["guide", "mine"]),
        (5, &[]),
        (6, &[]),
        (7, &["faq", "runbook"]),
        (9, &["guide", "runbook"]),
        (12, &["guide"]),
    ] {
        assert_eq!(labels(&wiki, page), expected, "page {page}");
    }
    let job = "job DOCS-1: labels added 9, removed 0, on 8 pages; ";
    assert!(applied.err.lines().any(|line| line.starts_with(job)), "{applied:?}");
    // Written once, it is right: nothing changes any more, and there is no job.
    let until_now = changes(&server).len();
    let again = apply(&server, folder.path(), &left, &["DOCS", "--write"]);
    assert!(again.code == Some(0) && !again.err.contains("job "), "{again:?}");
    assert!(again.err.contains("on 0 pages; 8 pages already right"), "{again:?}");
    assert_eq!(changes(&server).len(), until_now);
    let undone = undo(&server, folder.path(), "DOCS-1");
    assert_eq!(undone.out, "8 pages as before, 0 left\n", "{undone:?}");
    let set: Vec<_> = wiki.labels().into_iter().filter(|(_, labels)| !labels.is_empty()).collect();
    assert_eq!(set, before.into_iter().collect::<Vec<_>>());
}

#[test]
fn what_spreadsheets_make_of_a_file_is_read() {
    let quoted = "Page;title;ADDED;Removed;note\r\n1;\"a;\r\nb\";\" Guide  runbook guide\";;x\r\n";
    let with_blanks = format!("\u{feff}{quoted}\r\n;;;;\r\n2;;;mine;y\r\n3;;;;\r\n");
    for text in
        [with_blanks.clone(), with_blanks.replace(';', "\t"), with_blanks.replace("\r\n", "\n")]
    {
        let wiki = Wiki::default();
        let server = wiki.serve(3, Duration::ZERO);
        let folder = tempfile::tempdir().unwrap();
        wiki.label(2, "mine");
        wiki.label(2, "yours");
        wiki.label(3, "mine");
        let applied = apply(&server, folder.path(), &text, &["DOCS", "--write"]);
        assert_eq!(applied.code, Some(0), "{applied:?}");
        assert_eq!(labels(&wiki, 1), ["guide", "runbook"]);
        assert_eq!(
            (labels(&wiki, 2), labels(&wiki, 3)),
            (vec!["yours".to_owned()], vec!["mine".to_owned()])
        );
        assert!(!applied.out.contains("3: "), "{applied:?}");
        undo(&server, folder.path(), "DOCS-1");
        assert_eq!(labels(&wiki, 2), ["mine", "yours"]);
        assert_eq!(labels(&wiki, 1), [""; 0]);
    }
}

#[test]
fn an_empty_file_of_changes_does_nothing() {
    let server = Wiki::default().serve(3, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let said = apply(&server, folder.path(), HEAD, &["--write", "--format", "csv"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.out.lines().count(), 1, "{said:?}");
    let said = apply(&server, folder.path(), HEAD, &["--format", "json"]);
    assert_eq!(said.out, "[]\n", "{said:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_file_that_says_not_what_is_to_be_done_is_refused_before_anything_is_asked() {
    let server = Wiki::default().serve(9, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let utf_16: Vec<u8> = HEAD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "x".repeat(256);
    for (file, at, message) in [
        (&b""[..], "1:1", "expected a column `page`, found nothing"),
        (b"id,added\n1,guide\n", "1:1", "expected a column `page`, found id, added"),
        (b"page,labels\n1,guide\n", "1:1", "expected a column `added`, found page, labels"),
        (b"page,added,added\n1,guide,faq\n", "1:1", "expected one column `added`, found two"),
        (b"page,added\n1,guide\nx7,faq\n", "3:1", "expected the id of a page, found `x7`"),
        (b"page,added\n1.2E+17,faq\n", "2:1", "expected the id of a page, found `1.2E+17`"),
        (b"page,added\n0,faq\n", "2:1", "expected the id of a page, found `0`"),
        (b"page,added\n,faq\n", "2:1", "expected the id of a page, found ``"),
        (
            b"page,added\n1,faq\n\n2,faq\n1,guide\n",
            "5:1",
            "the page 1 has a row already, in line 2",
        ),
        (b"page,added\r\n1,faq\r\n2\r\n", "3:1", "expected 2 cells, as the header has, found 1"),
        (b"page,added\n1,faq,guide\n", "2:1", "expected 2 cells, as the header has, found 3"),
        (b"page,added\n1,\"faq\n2,guide\n", "2:1", "expected the end of a quote, found none"),
        (b"page,added\n1,\"faq,guide\"\n", "2:4", "`faq,guide` holds `,`"),
        (b"page,added\n1,faq my:guide\n", "2:7", "`my:guide` holds `:`"),
        ("page,added\n1,faq gu\u{200b}ide\n".as_bytes(), "2:7", "a character that cannot be seen"),
        (format!("page,added\n1,{long}\n").as_bytes(), "2:3", "has 256 characters"),
        (b"page,added,removed\n1,faq,faq\n", "2:1", "the label `faq` is to be added and to be"),
        (b"page,added\n1,faq\n2,giude\n", "3:3", "found `giude`"),
        (b"page,title,added\n1,\xe9t\xe9,faq\n", "2:3", "expected UTF-8, found the byte 0xE9"),
        (&utf_16, "1:1", "saved as UTF-16, expected UTF-8"),
    ] {
        let said = apply(&server, folder.path(), file, &["DOCS", "--write"]);
        assert_eq!(said.code, Some(2), "{message}: {said:?}");
        let line = said.err.lines().next().unwrap_or_default();
        assert!(line.starts_with(&format!("changes.csv:{at}: ")), "{message}: {said:?}");
        assert!(line.contains(message), "{message}: {said:?}");
        assert!(said.err.contains("help: "), "{message}: {said:?}");
        assert_eq!(said.out, "", "{message}: {said:?}");
    }
    // All of them are told at once.
    let said = apply(&server, folder.path(), "page,added\nx,faq\ny,faq\n", &["DOCS"]);
    assert!(said.err.contains("changes.csv:2:1: ") && said.err.contains("changes.csv:3:1: "));
    let args = ["DOCS", "--apply", "none.csv"];
    let said = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(said.code == Some(2) && said.err.contains("none.csv"), "{said:?}");
    assert!(server.asked().is_empty(), "something was asked");
}

#[test]
fn a_label_that_may_be_a_typing_error_takes_a_word_more() {
    let wiki = Wiki::default();
    let server = wiki.serve(3, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tags.toml"), "[taxonomy]\nown = [\"Our Own\"]\n").unwrap();
    let said = apply(&server, folder.path(), "page,added\n1,giude\n", &["DOCS", "--write"]);
    assert!(said.code == Some(2) && said.err.contains("did you mean `guide`?"), "{said:?}");
    let own = "page,added\n1,our-own\n";
    let said = apply(&server, folder.path(), own, &["DOCS", "--write"]);
    assert!(said.code == Some(2) && said.err.contains("--taxonomy"), "{said:?}");
    let with = ["DOCS", "--write", "--taxonomy", "tags.toml"];
    assert_eq!(apply(&server, folder.path(), own, &with).code, Some(0));
    // What the model named and what the page has is no typing error.
    let seen = "page,added,dropped,already_there\n2,flink zeppelin,flink,\n3,,,zeppelin\n";
    let said = apply(&server, folder.path(), seen, &["DOCS", "--write"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let new = ["DOCS", "--write", "--new-labels"];
    let said = apply(&server, folder.path(), "page,added\n3,zweig\n", &new);
    assert_eq!(said.code, Some(0), "{said:?}");
    let all: Vec<Vec<String>> = (1..=3).map(|page| labels(&wiki, page)).collect();
    assert_eq!(all, [vec!["our-own"], vec!["flink", "zeppelin"], vec!["zweig"]]);
}

#[test]
fn a_page_that_is_astray_is_named_before_anything_is_written() {
    let wiki = Wiki::default();
    let served = wiki.clone();
    let server = Server::start(0, move |asked| {
        if let Some((_, ids)) = asked.target.split_once("/api/v2/pages?id=") {
            assert!(!asked.target.contains("body-format"), "texts are read for nothing");
            let ids = ids.split('&').next().unwrap().split(',').map(|id| id.parse().unwrap());
            let found = ids.filter(|id| *id < 70).map(|id: u64| {
                let mut page = page(id);
                page["spaceId"] = json!(if id < 7 { "9" } else { "10" });
                page
            });
            return Some(piece(&found.collect::<Vec<_>>(), ""));
        }
        served.reply(asked, 0)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = "page,added\n1,faq\n77,faq\n8,faq\n";
    let said = apply(&server, folder.path(), file, &["DOCS", "--write", "--format", "csv"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    for told in [
        "changes.csv:3:1: expected a page of the site, found no page 77",
        "changes.csv:4:1: expected a page of the space DOCS, found 8, which is of another",
        "nothing was written",
    ] {
        assert!(said.err.contains(told), "{told}: {said:?}");
    }
    assert!(changes(&server).is_empty());
    let said = apply(&server, folder.path(), file, &["NOPE", "--write"]);
    assert!(said.code == Some(5) && said.err.contains("`NOPE`"), "{said:?}");
    assert!(changes(&server).is_empty());
    // Without a space its pages may be anywhere.
    let said = apply(&server, folder.path(), "page,added\n1,faq\n8,faq\n", &["--write"]);
    assert!(said.code == Some(0) && said.err.contains("job pages-"), "{said:?}");
    assert_eq!(labels(&wiki, 8), ["faq"]);
}

#[test]
fn a_site_with_the_first_interface_alone_is_looked_up_as_well() {
    let wiki = Wiki::default();
    let served = wiki.clone();
    let server = Server::start(0, move |asked| {
        let target = asked.target.as_str();
        if target.contains("/api/v2/") {
            return Some(Reply::of(404, &json!({})));
        }
        if target.contains("/rest/api/space?") {
            return Some(Reply::of(200, &json!({"results": [{"id": 9, "key": "DOCS"}]})));
        }
        if target.contains("/rest/api/content/search?") {
            assert!(target.contains("&expand=space&"), "{target}");
            let found = [(1, "DOCS"), (2, "DOCS"), (3, "OTHER")].map(|(id, key)| {
                let mut page = page(id);
                page["space"] = json!({ "key": key });
                page
            });
            return Some(piece(&found, ""));
        }
        served.reply(asked, 0)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = "page,added\n1,faq\n3,faq\n";
    let said = apply(&server, folder.path(), file, &["DOCS", "--write"]);
    assert!(said.code == Some(2) && said.err.contains("changes.csv:3:1: "), "{said:?}");
    assert!(changes(&server).is_empty());
    let said = apply(&server, folder.path(), "page,added\n1,faq\n2,guide\n", &["DOCS", "--write"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        (labels(&wiki, 1), labels(&wiki, 2)),
        (vec!["faq".to_owned()], vec!["guide".to_owned()])
    );
}

#[test]
fn a_page_that_goes_meanwhile_costs_one_page_and_what_passes_is_waited_out() {
    let wiki = Wiki::default();
    let (served, troubles) = (wiki.clone(), Arc::new(AtomicUsize::new(0)));
    let server = Server::start(5, move |asked| {
        let is_write = asked.head.starts_with("POST ");
        let message = json!({"message": "not now"});
        if is_write && asked.target.contains("/content/2/") {
            return Some(Reply::of(404, &message));
        }
        // The first time each way of failing is met.
        if is_write && asked.target.contains("/content/4/") {
            match troubles.fetch_add(1, Ordering::Relaxed) {
                0 => return Some(Reply::of(409, &message)),
                1 => return Some(Reply::of(503, &message)),
                2 => return Some(Reply::of(429, &message).with("retry-after: 1")),
                _ => {}
            }
        }
        served.reply(asked, 5)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = "page,added\n1,faq\n2,faq\n3,faq\n4,faq\n5,faq\n";
    let said = apply(&server, folder.path(), file, &["DOCS", "--write"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    let failed = "2: failed after nothing found (404) of confluence  Page 2";
    assert!(said.out.lines().any(|line| line == failed), "{said:?}");
    assert!(said.err.contains("error: 1 of 5 pages failed"), "{said:?}");
    assert_eq!(labels(&wiki, 4), ["faq"]);
    // What was refused is not taken back from whoever does it later.
    wiki.label(2, "faq");
    assert_eq!(undo(&server, folder.path(), "DOCS-1").out, "4 pages as before, 0 left\n");
    assert_eq!(labels(&wiki, 2), ["faq"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn a_signal_ends_it_in_good_order_and_the_same_file_goes_on_as_the_same_job() {
    const PAGES: u64 = 60;
    let wiki = Wiki::default();
    let served = wiki.clone();
    let server = Server::start(PAGES, move |asked| {
        if asked.head.starts_with("POST ") {
            thread::sleep(Duration::from_millis(30));
        }
        served.reply(asked, PAGES)
    });
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (1..=PAGES).map(|page| format!("{page},faq\n")).collect();
    let file = HEAD.to_owned() + &rows.concat();
    fs::write(folder.path().join("changes.csv"), &file).unwrap();
    let set = "confluence_concurrency=2";
    let args = ["DOCS", "--apply", "changes.csv", "--write", "--store", "answers.db", "--set", set];
    let args = [&args[..], &["--events", "events", "--format", "csv"]].concat();
    let tag = server.command(folder.path(), &args);
    let mut command = attentive("/usr/bin/env");
    command.arg(tag.get_program()).args(tag.get_args()).current_dir(folder.path()).env_clear();
    command.envs(tag.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while wiki.labels().len() < 3 {
        thread::sleep(Duration::from_millis(1));
    }
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let rows = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let rows: Vec<String> = rows.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Each page has its row, in the file of events as well.
    assert_eq!(rows.len() as u64, PAGES + 1);
    let left = rows.iter().filter(|row| row.contains("not done")).count();
    assert!(left > 0 && left + wiki.labels().len() == rows.len() - 1, "{rows:?}");
    let events = fs::read_to_string(folder.path().join("events")).unwrap();
    assert_eq!(events.matches("\"page_not_done\"").count(), left);
    assert!(events.contains(r#""event":"run_finished","end":"cancelled""#), "{events}");
    let said = apply(&server, folder.path(), &file, &["DOCS", "--write"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("job DOCS-1: labels added 60, "), "{said:?}");
    assert_eq!(wiki.added_twice(), 0);
    assert_eq!(undo(&server, folder.path(), "DOCS-1").out, "60 pages as before, 0 left\n");
}

#[test]
fn what_asks_a_model_or_chooses_pages_goes_with_no_file() {
    let server = Wiki::default().serve(3, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    for other in [
        &["--model", "gemini-3.8-flash"][..],
        &["--fallback-model", "gpt-4o-mini"],
        &["--fresh"],
        &["--max-calls", "3"],
        &["--max-cost", "3"],
        &["--sample", "3%"],
        &["--limit", "3"],
        &["--include", "x"],
        &["--exclude", "x"],
        &["--pages", "3"],
        &["--out", "reports"],
    ] {
        let said = apply(&server, folder.path(), HEAD, other);
        assert_eq!(said.code, Some(2), "{other:?} {said:?}");
        let both = ["'--apply <CSV>'", "cannot be used with", other[0]];
        assert!(both.iter().all(|part| said.err.contains(part)), "{other:?} {said:?}");
    }
    let args = ["DOCS", "--new-labels"];
    let said = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(said.code == Some(2) && said.err.contains("--apply"), "{said:?}");
    let args = ["DOCS", "--apply", "changes.csv"];
    let said = Tagged::of(&server.command_of("plan", folder.path(), &args).output().unwrap());
    assert!(said.code == Some(2) && said.err.contains("without --write"), "{said:?}");
    let args = ["DOCS", "--apply", "changes.csv", "--events", "changes.csv"];
    let said = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(said.code == Some(2) && said.err.contains("changes.csv"), "{said:?}");
    assert_eq!(fs::read_to_string(folder.path().join("changes.csv")).unwrap(), HEAD);
    assert!(server.asked().is_empty());
}
