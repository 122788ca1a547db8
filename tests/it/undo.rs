//! Jobs that are taken back.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::scripted::{Asked, Reply, Server, Tagged, page, piece};
use crate::store::{calls, tag};
use crate::wiki::Wiki;

fn undo(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let all = [args, &["--store", "answers.db"]].concat();
    Tagged::of(&server.command_of("undo", folder, &all).output().unwrap())
}

/// A space of three pages that refuses these requests as long as the switch is on.
fn refusing(wiki: &Wiki, status: u16, is_refused: fn(&Asked) -> bool) -> (Server, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let (wiki, is_on) = (wiki.clone(), Arc::clone(&switch));
    let server = Server::start(3, move |asked| {
        let refused = Reply::of(status, &json!({"message": "not yours"}));
        let refused = (is_on.load(Ordering::Relaxed) && is_refused(asked)).then_some(refused);
        refused.or_else(|| wiki.reply(asked, 3))
    });
    (server, switch)
}

fn is_change_of_page_2(asked: &Asked) -> bool {
    !asked.head.starts_with("GET ") && asked.target.contains("/content/2/")
}

/// The labels of pages that have any.
fn labelled(wiki: &Wiki) -> Vec<(u64, Vec<String>)> {
    let labels = wiki.labels().into_iter();
    let labels = labels.map(|(page, labels)| (page, labels.into_iter().collect::<Vec<_>>()));
    labels.filter(|(_, labels)| !labels.is_empty()).collect()
}

#[test]
fn a_job_is_taken_back_and_what_people_did_stays() {
    let wiki = Wiki::default();
    let server = wiki.serve(12, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    // Page 2 is right already, page 3 has a stale label of the taxonomy, page 4 one of a person.
    for (page, label) in [(2, "guide"), (3, "runbook"), (4, "mine")] {
        wiki.label(page, label);
    }
    let before = labelled(&wiki);
    for args in [&[][..], &["DOCS-1"]] {
        let said = undo(&server, folder.path(), args);
        assert!(said.code == Some(2) && said.err.contains("there is no such file"), "{said:?}");
    }
    calls(&server, folder.path(), &[]);
    let said = undo(&server, folder.path(), &[]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "no job has changed a label\n"),
        "{said:?}"
    );
    let args = ["DOCS", "--write", "--state", "quotas.json", "--store", "answers.db"];
    let args = [&args[..], &["--set", "remove_stale_labels=true"]].concat();
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let line = "job DOCS-1: labels added 11, removed 1, on 11 pages; `tagspace undo DOCS-1 --store answers.db` takes them back";
    assert!(tagged.err.lines().any(|said| said == line), "{tagged:?}");
    assert_eq!(labelled(&wiki).len(), 12);
    // What a person does afterwards stays as well.
    wiki.label(5, "later");
    let said = undo(&server, folder.path(), &[]);
    assert!(
        said.out.starts_with("DOCS-1  20")
            && said.out.contains("added 11, removed 1, on 11 pages of http"),
        "{said:?}"
    );
    assert!(!said.out.contains("not ended"), "{said:?}");
    let said = undo(&server, folder.path(), &["DOCS-11"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("expected a job that wrote labels, found `DOCS-11`"), "{said:?}");
    assert!(said.err.contains("DOCS-1"), "{said:?}");
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "11 pages as before, 0 left\n"),
        "{said:?}"
    );
    let mut expected = before;
    expected.push((5, vec!["later".to_owned()]));
    assert_eq!(labelled(&wiki), expected);
    // What is taken back is taken back once.
    let changes = |server: &Server| {
        let is_change = |head: &str| head.starts_with("DELETE ") || head.contains("/label HTTP");
        server.asked().iter().filter(|asked| is_change(&asked.head)).count()
    };
    let until_now = changes(&server);
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "0 pages as before, 0 left\n"),
        "{said:?}"
    );
    assert_eq!(changes(&server), until_now);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn a_job_that_was_killed_goes_on_under_its_name_and_is_taken_back_as_a_whole() {
    let wiki = Wiki::default();
    let server = wiki.serve(30, Duration::from_millis(10));
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--write", "--state", "quotas.json", "--store", "answers.db"];
    let args = [&args[..], &["--set", "batch_size=1"]].concat();
    let mut command = server.command(folder.path(), &args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while labelled(&wiki).len() < 4 {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let written = labelled(&wiki).len();
    assert!(written < 30, "the job was done before it was killed");
    let said = undo(&server, folder.path(), &[]);
    assert!(said.out.starts_with("DOCS-1  ") && said.out.ends_with(", not ended\n"), "{said:?}");
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(
        tagged.code == Some(0) && tagged.err.contains("job DOCS-1: labels added 30"),
        "{tagged:?}"
    );
    // A job that changes nothing has no name, and the next one that does another name.
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert!(tagged.code == Some(0) && !tagged.err.contains("job "), "{tagged:?}");
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(said.out, "30 pages as before, 0 left\n", "{said:?}");
    assert!(labelled(&wiki).is_empty());
}

#[test]
fn what_cannot_be_taken_back_is_named_and_stays_to_be_taken_back() {
    let wiki = Wiki::default();
    let (server, is_closed) = refusing(&wiki, 403, is_change_of_page_2);
    is_closed.store(false, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    calls(&server, folder.path(), &["--write"]);
    is_closed.store(true, Ordering::Relaxed);
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(4), "2 pages as before, 1 left\n"),
        "{said:?}"
    );
    assert!(
        said.err.contains("error: page 2: confluence: a refusal of the credentials"),
        "{said:?}"
    );
    is_closed.store(false, Ordering::Relaxed);
    let other = undo(&Server::start(3, |_| None), folder.path(), &["DOCS-1"]);
    assert!(
        other.code == Some(2) && other.err.contains("expected the site of DOCS-1, http"),
        "{other:?}"
    );
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1 page as before, 0 left\n"), "{said:?}");
    assert!(labelled(&wiki).is_empty());
}

#[test]
fn a_label_that_a_later_job_set_again_is_the_later_jobs() {
    let wiki = Wiki::default();
    let server = wiki.serve(5, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    calls(&server, folder.path(), &["--write"]);
    wiki.unlabel(2, "guide");
    let tagged = tag(&server, folder.path(), &["--write"]);
    assert!(
        tagged.err.contains("job DOCS-2: labels added 1, removed 0, on 1 page; "),
        "{tagged:?}"
    );
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(said.out, "4 pages as before, 0 left\n", "{said:?}");
    assert_eq!(labelled(&wiki), [(2, vec!["guide".to_owned()])]);
    undo(&server, folder.path(), &["DOCS-2"]);
    assert!(labelled(&wiki).is_empty());
}

#[test]
fn a_label_that_the_site_refused_and_a_person_set_stays() {
    let wiki = Wiki::default();
    let (server, is_closed) = refusing(&wiki, 403, is_change_of_page_2);
    let folder = tempfile::tempdir().unwrap();
    let tagged = tag(&server, folder.path(), &["--write"]);
    assert_eq!(tagged.code, Some(4), "{tagged:?}");
    wiki.label(2, "guide");
    is_closed.store(false, Ordering::Relaxed);
    let tagged = tag(&server, folder.path(), &["--write"]);
    // The job that was left open goes on, and is done now.
    assert!(
        tagged.code == Some(0) && tagged.err.contains("job DOCS-1: labels added 2, "),
        "{tagged:?}"
    );
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(said.out, "2 pages as before, 0 left\n", "{said:?}");
    assert_eq!(labelled(&wiki), [(2, vec!["guide".to_owned()])]);
}

#[test]
fn pages_that_cannot_be_seen_are_not_taken_for_done() {
    let wiki = Wiki::default();
    let is_of_labels = |asked: &Asked| asked.target.contains("/rest/api/content/");
    let (server, is_hidden) = refusing(&wiki, 404, is_of_labels);
    is_hidden.store(false, Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    calls(&server, folder.path(), &["--write"]);
    is_hidden.store(true, Ordering::Relaxed);
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(5), "0 pages as before, 3 left\n"),
        "{said:?}"
    );
    is_hidden.store(false, Ordering::Relaxed);
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(said.out, "3 pages as before, 0 left\n", "{said:?}");
    assert!(labelled(&wiki).is_empty());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn two_processes_at_once_have_a_job_each_and_a_job_at_work_is_not_taken_back() {
    let wiki = Wiki::default();
    let server = wiki.serve(30, Duration::from_millis(20));
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--write", "--state", "quotas.json", "--store", "answers.db"];
    let args = [&args[..], &["--set", "batch_size=1"]].concat();
    let mut command = server.command(folder.path(), &args);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while labelled(&wiki).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let said = undo(&server, folder.path(), &["DOCS-1"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("expected a job that is at rest, found DOCS-1 at work"), "{said:?}");
    let second = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(!second.err.contains("job DOCS-1"), "{second:?}");
    assert!(first.wait().unwrap().success());
    assert_eq!(labelled(&wiki).len(), 30);
    for job in ["DOCS-1", "DOCS-2"] {
        let said = undo(&server, folder.path(), &[job]);
        assert!(said.out.ends_with(" as before, 0 left\n"), "{said:?}");
    }
    assert!(labelled(&wiki).is_empty());
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn other_pages_are_another_job_and_so_is_a_fresh_one() {
    let wiki = Wiki::default();
    let served = wiki.clone();
    let server = Server::start(3, move |asked| {
        let is_closed = asked.head.starts_with("POST ") && asked.target.contains("/content/2/");
        if let Some((_, ids)) = asked.target.split_once("/api/v2/pages?id=") {
            let ids = ids.split('&').next().unwrap().split(',');
            return Some(piece(&ids.map(|id| page(id.parse().unwrap())).collect::<Vec<_>>(), ""));
        }
        let refused = Reply::of(403, &json!({"message": "not yours"}));
        is_closed.then_some(refused).or_else(|| served.reply(asked, 3))
    });
    let folder = tempfile::tempdir().unwrap();
    let tag = |what: &[&str]| {
        let kept = ["--write", "--state", "quotas.json", "--store", "answers.db"];
        let args = [what, &kept].concat();
        Tagged::of(&server.command(folder.path(), &args).output().unwrap())
    };
    assert!(tag(&["--pages", "2,1"]).err.contains("job pages-1: labels added 1, "));
    assert!(tag(&["--pages", "3"]).err.contains("job pages-2: labels added 1, "));
    // The first was left open, and still is the job of its pages.
    wiki.unlabel(1, "guide");
    assert!(tag(&["--pages", "1,2"]).err.contains("job pages-1: labels added 1, "));
    assert!(tag(&["DOCS"]).code == Some(4));
    assert!(tag(&["DOCS", "--fresh"]).code == Some(4));
    wiki.unlabel(3, "guide");
    assert!(tag(&["DOCS"]).err.contains("job DOCS-4: labels added 1, "), "{:?}", tag(&["DOCS"]));
}
