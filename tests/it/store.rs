//! Answers that outlive the process: what is paid for once, and what is wrong with a store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proptest::test_runner::{Config, TestRunner};
use tagspace::internals::pipeline::cache::{Content, Fingerprint, Key};
use tagspace::internals::pipeline::config::CacheKey;
use tagspace::internals::pipeline::page::{Page, PageId, Tags};
use tagspace::internals::pipeline::store::{
    AnswerStore, CallRecord, JobJournal, Journal, LabelChange, SqliteStore, StoreError,
};
use tagspace::internals::pipeline::taxonomy::Taxonomy;

use crate::common::attentive;
use crate::scripted::{Server, Tagged};
use crate::wiki::Wiki;

/// What `tag DOCS` with these arguments comes to, with a store in this folder.
pub(crate) fn tag(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let all = [&["DOCS", "--state", "quotas.json", "--store", "answers.db"], args].concat();
    Tagged::of(&server.command(folder, &all).output().unwrap())
}

/// The AI calls that it takes.
pub(crate) fn calls(server: &Server, folder: &Path, args: &[&str]) -> usize {
    let before = server.count("generateContent");
    let tagged = tag(server, folder, args);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    server.count("generateContent") - before
}

#[test]
fn what_a_dry_run_paid_for_is_written_without_another_call() {
    let wiki = Wiki::default();
    let server = wiki.serve(40, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let paid = calls(&server, folder.path(), &[]);
    assert!(paid > 0 && wiki.labels().is_empty());
    assert_eq!(calls(&server, folder.path(), &["--write"]), 0);
    let labels = wiki.labels();
    assert!(labels.len() == 40 && labels.values().all(|of| of.contains("guide")), "{labels:?}");
    // An unchanged space costs nothing; of a changed one the changed pages alone are asked about.
    assert_eq!(calls(&server, folder.path(), &["--write"]), 0);
    wiki.edit([3, 30]);
    let before = server.asked().len();
    assert_eq!(calls(&server, folder.path(), &["--write", "--set", "batch_size=1"]), 2);
    let asked: Vec<String> = server.asked().split_off(before).into_iter().map(|a| a.body).collect();
    let prompts: Vec<&String> = asked.iter().filter(|body| body.contains("=== page ")).collect();
    assert!(prompts.iter().all(|prompt| prompt.contains("Another guide to ")), "{prompts:?}");
    assert_eq!(wiki.added_twice(), 0);
}

#[test]
fn another_question_is_asked_again() {
    let wiki = Wiki::default();
    let server = wiki.serve(5, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tags.toml"), "[taxonomy]\ndoc = [\"guide\", \"runbook\"]\n")
        .unwrap();
    let asked = |args: &[&str]| calls(&server, folder.path(), args) > 0;
    assert!(asked(&[]));
    assert!(!asked(&[]));
    assert!(asked(&["--model", "gemini-3.5-flash"]));
    assert!(asked(&["--taxonomy", "tags.toml"]));
    // What is known of each question stays known.
    assert!(!asked(&["--model", "gemini-3.5-flash"]));
    assert!(!asked(&["--taxonomy", "tags.toml"]));
    assert!(asked(&["--fresh"]));
    assert!(!asked(&[]));
    // Without a cache nothing is looked up.
    assert!(asked(&["--set", "cache=false"]));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn a_kill_at_any_moment_loses_the_calls_in_flight_alone() {
    const PAGES: u64 = 120;
    let wiki = Wiki::default();
    let server = wiki.serve(PAGES, Duration::from_millis(15));
    let folder = tempfile::tempdir().unwrap();
    let settings = ["batch_size=1", "concurrency=2", "max_concurrency=2", "in_flight_batches=2"];
    let args = ["DOCS", "--write", "--state", "quotas.json", "--store", "answers.db"]
        .into_iter()
        .chain(settings.iter().flat_map(|setting| ["--set", *setting]));
    let args: Vec<&str> = args.collect();
    let mut kills = 0;
    for round in 0.. {
        let mut command = server.command(folder.path(), &args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // After another number of requests each time, so that anything may be under way.
        let until = server.count("") + 6 + 7 * round % 31;
        while server.count("") < until && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 60, "the runs never came to an end");
    }
    assert!(kills > 0, "nothing was interrupted");
    let labels = wiki.labels();
    assert!(labels.len() as u64 == PAGES && labels.values().all(|of| of.contains("guide")));
    assert_eq!(wiki.added_twice(), 0);
    let asked = server.count("generateContent");
    let most = usize::try_from(PAGES).unwrap() + 2 * kills;
    assert!(asked <= most, "{asked} calls for {PAGES} pages and {kills} kills");
}

#[test]
fn a_store_that_was_asked_for_must_be_usable_before_anything_is_asked() {
    let server = Server::start(3, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("notes.md"), "# precious\n").unwrap();
    let database = |name: &str, script: &str| {
        let made = rusqlite::Connection::open(path.join(name)).unwrap();
        made.execute_batch(script).unwrap();
    };
    database("other.db", "CREATE TABLE songs (name TEXT)");
    drop(SqliteStore::open(&path.join("newer.db"), 1 << 20).unwrap());
    database("newer.db", "PRAGMA user_version = 99");
    drop(SqliteStore::open(&path.join("corrupt.db"), 1 << 20).unwrap());
    let mut bytes = fs::read(path.join("corrupt.db")).unwrap();
    bytes[100..2000].fill(0x5a);
    fs::write(path.join("corrupt.db"), bytes).unwrap();
    for (name, message) in [
        ("notes.md", "file is not a database"),
        ("other.db", "expected a store of answers, found another database"),
        ("newer.db", "expected a store of format 3 or earlier, found format 99"),
        ("corrupt.db", "database disk image is malformed"),
        (".", "expected a file, found a folder or a device"),
        ("notes.md/answers.db", "File exists"),
    ] {
        let before = fs::read(path.join(name)).ok();
        let args = ["DOCS", "--state", "quotas.json", "--store", name];
        let tagged = Tagged::of(&server.command(path, &args).output().unwrap());
        assert_eq!(tagged.code, Some(2), "{tagged:?}");
        assert!(tagged.err.contains(&format!("--store {name}: {message}")), "{tagged:?}");
        assert!(tagged.err.contains("help: nothing was changed"), "{tagged:?}");
        assert_eq!(before, fs::read(path.join(name)).ok(), "{name} was changed");
    }
    let args = ["DOCS", "--no-state", "--events", "new.db"];
    let tagged =
        Tagged::of(&server.command(path, &args).arg("--store").arg("new.db").output().unwrap());
    assert!(tagged.code == Some(2), "{tagged:?}");
    let args = ["DOCS", "--state", "quotas.json", "--events", "./new.db", "--store", "new.db"];
    let tagged = Tagged::of(&server.command(path, &args).output().unwrap());
    assert!(
        tagged.code == Some(2) && tagged.err.contains("this is also the file of --store"),
        "{tagged:?}"
    );
    assert!(!path.join("new.db").exists() && server.asked().is_empty(), "something was done");
}

#[test]
fn the_usual_store_serves_and_is_never_in_the_way() {
    let server = Server::start(3, |_| None);
    let home = tempfile::tempdir().unwrap();
    let run = || {
        let mut command = server.command(home.path(), &["DOCS"]);
        Tagged::of(&command.env("HOME", home.path()).output().unwrap())
    };
    let tagged = run();
    assert!(tagged.code == Some(0) && !tagged.err.contains("warning"), "{tagged:?}");
    let kept = home.path().join(".local/state/tagspace/answers.db");
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can read what was answered");
    let asked = server.count("generateContent");
    assert_eq!(run().code, Some(0));
    assert_eq!(server.count("generateContent"), asked, "an answer was paid for twice");
    fs::write(&kept, "this was a database").unwrap();
    let tagged = run();
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    assert!(
        tagged.err.contains("answers.db: file is not a database; answers are not kept"),
        "{tagged:?}"
    );
    assert!(server.count("generateContent") > asked);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "this was a database");
}

#[test]
fn a_store_that_fails_midway_costs_no_page_and_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let spoiled = path.clone();
    let server = Server::start(12, move |asked| {
        if asked.target.contains("generateContent") && spoiled.exists() {
            let other = rusqlite::Connection::open(&spoiled).unwrap();
            let _ = other.execute_batch("DROP TABLE answers");
        }
        None
    });
    let args = ["DOCS", "--state", "quotas.json", "--store", "answers.db", "--set", "batch_size=3"];
    let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
    assert_eq!(tagged.code, Some(1), "{tagged:?}");
    assert_eq!(tagged.out.lines().filter(|line| line.contains("guide")).count(), 12, "{tagged:?}");
    let told: Vec<&str> = tagged.err.lines().filter(|line| line.contains("answers")).collect();
    assert_eq!(told, ["error: use the store of answers: no such table: answers"], "{tagged:?}");
}

/// The key of the answer about a page.
fn key(id: u64) -> Key {
    let taxonomy = Taxonomy::new(vec![("doc".to_owned(), vec!["guide".to_owned()])]);
    let page = Page { id: PageId(id), version: 1, title: id.to_string(), text: String::new() };
    Key::new(
        Content::new(&page, CacheKey::Content),
        Fingerprint::new(&taxonomy, "a-model", "https://ai.example"),
    )
}

fn tags(of: &[&str]) -> Tags {
    Tags([("doc".to_owned(), of.iter().map(|tag| (*tag).to_owned()).collect())].into())
}

#[test]
fn the_latest_calls_of_each_model_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let store = SqliteStore::open(&path, 1 << 20).unwrap();
    let call = |latency_ms: u64| CallRecord {
        pages: 20,
        input_tokens: 9_000,
        output_tokens: 900,
        latency_ms,
    };
    assert_eq!(store.calls("a-model").unwrap(), []);
    for begin in [0, 100, 200] {
        let calls: Vec<CallRecord> = (begin..begin + 100).map(call).collect();
        store.keep_calls("a-model", &calls).unwrap();
        store.keep_calls("another", &[call(begin)]).unwrap();
    }
    let kept: Vec<u64> =
        store.calls("a-model").unwrap().iter().map(|call| call.latency_ms).collect();
    assert_eq!(kept, (44..300).collect::<Vec<_>>());
    assert_eq!(store.calls("another").unwrap(), [call(0), call(100), call(200)]);
}

#[test]
fn a_label_belongs_to_a_job_until_one_of_whatever_age_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let store = Arc::new(SqliteStore::open(&path, 1 << 20).unwrap());
    let journal = |anew| {
        let job = store.begin_job("https://acme", "DOCS", "DOCS", anew).unwrap();
        JobJournal::of(Arc::clone(&store), &job)
    };
    let (older, younger) = (journal(false), journal(true));
    let guide = || vec!["guide".to_owned()];
    let change = |added, removed| LabelChange { page: PageId(7), added, removed };
    younger.planned(&change(guide(), Vec::new())).unwrap();
    assert!(store.written("https://acme").unwrap().is_empty());
    younger.made(&change(guide(), Vec::new())).unwrap();
    assert_eq!(store.written("https://acme").unwrap()[&PageId(7)], guide().into_iter().collect());
    assert!(store.written("https://other").unwrap().is_empty());
    // The older job goes on later.
    older.made(&change(Vec::new(), guide())).unwrap();
    assert!(store.written("https://acme").unwrap().is_empty());
}

#[test]
fn a_store_of_an_earlier_format_keeps_its_answers() {
    const NO_PAGES: &str = "DROP TABLE pages;";
    const NO_CALLS: &str = "DROP TABLE calls; ALTER TABLE labels DROP COLUMN made_ms;";
    for (format, without) in [(1, [NO_PAGES, NO_CALLS].concat()), (2, NO_PAGES.to_owned())] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.db");
        let store = SqliteStore::open(&path, 1 << 20).unwrap();
        store.keep("a-model", &[(key(7), &tags(&["guide"]))]).unwrap();
        drop(store);
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(&format!("{without} PRAGMA user_version = {format}")).unwrap();
        drop(old);
        let store = SqliteStore::open(&path, 1 << 20).unwrap();
        assert_eq!(store.answer(&key(7)).unwrap(), Some(tags(&["guide"])));
        assert_eq!(store.calls("a-model").unwrap(), []);
        let job = store.begin_job("https://acme", "DOCS", "DOCS", false).unwrap();
        assert!(store.failed(&job).unwrap().is_empty());
    }
}

#[test]
fn a_store_gives_what_was_kept_last_and_nothing_else() {
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let kept = proptest::collection::vec((0_u64..30, 0_usize..4), 0..80);
    let result = runner.run(&kept, |kept| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.db");
        let all = ["guide", "runbook", "adr"];
        let mut last = std::collections::BTreeMap::new();
        for (index, (page, count)) in kept.iter().enumerate() {
            // Another process each time, or two at once.
            let store = SqliteStore::open(&path, 1 << 30).unwrap();
            let beside = SqliteStore::open(&path, 1 << 30).unwrap();
            let writer = if index % 2 == 0 { &store } else { &beside };
            writer.keep("a-model", &[(key(*page), &tags(&all[..*count]))]).unwrap();
            last.insert(*page, tags(&all[..*count]));
            assert_eq!(store.answer(&key(*page)).unwrap(), last.get(page).cloned());
        }
        let store = SqliteStore::open(&path, 1 << 30).unwrap();
        for page in 0..30 {
            assert_eq!(store.answer(&key(page)).unwrap(), last.get(&page).cloned());
        }
        let counted: u64 = store.stats().unwrap().answers.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, last.len() as u64);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn an_answer_takes_few_bytes_and_the_oldest_go_where_room_ends() {
    const ANSWERS: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let of_a_page = Tags(
        [
            ("doc".to_owned(), vec!["guide".to_owned(), "runbook".to_owned()]),
            ("tool".to_owned(), vec!["kubernetes".to_owned(), "postgresql".to_owned()]),
        ]
        .into(),
    );
    let store = SqliteStore::open(&path, 1 << 30).unwrap();
    for id in 0..ANSWERS {
        store.keep("gemini-3.5-flash-lite", &[(key(id), &of_a_page)]).unwrap();
    }
    let bytes = store.stats().unwrap().bytes;
    assert!(bytes <= 300 * ANSWERS, "{} bytes an answer", bytes / ANSWERS);
    drop(store);
    // Half of them were used long ago.
    let other = rusqlite::Connection::open(&path).unwrap();
    let long_ago = "UPDATE answers SET used_s = 3 WHERE random() % 2 = 0";
    other.execute(long_ago, []).unwrap();
    let count = |of: &str| {
        let count = format!("SELECT count(*) FROM answers WHERE {of}");
        other.query_row(&count, [], |row| row.get::<_, u64>(0)).unwrap()
    };
    let of_today = count("used_s > 3");
    let most = ANSWERS - ANSWERS / 4;
    let store = SqliteStore::open(&path, most).unwrap();
    assert_eq!(count("true"), most / 10 * 9);
    assert_eq!(count("used_s > 3"), of_today, "an answer of today went before an old one");
    for id in ANSWERS..2 * ANSWERS {
        store.keep("gemini-3.5-flash-lite", &[(key(id), &of_a_page)]).unwrap();
        // The answer that was kept last is never the one that goes.
        assert!(id % 997 > 0 || store.answer(&key(id)).unwrap().is_some());
    }
    assert!((most / 10 * 9..=most).contains(&count("true")));
    assert_eq!(count("used_s = 3"), 0);
    let large = store.stats().unwrap().bytes;
    assert!(large <= 300 * most, "{large} bytes where {most} answers are allowed");
}

#[test]
fn several_writers_that_begin_at_once_keep_what_all_paid_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let writers: Vec<_> = (0..4_u64)
        .map(|writer| {
            let path = path.clone();
            thread::spawn(move || -> Result<(), StoreError> {
                // Each makes the tables if it is the first.
                let store = SqliteStore::open(&path, 1 << 30)?;
                (0..250).try_for_each(|id| {
                    store.keep("m", &[(key(writer * 250 + id), &tags(&["guide"]))])
                })
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
    let store = SqliteStore::open(&path, 1 << 30).unwrap();
    assert_eq!(store.stats().unwrap().answers, [("m".to_owned(), 1000)]);
}

fn cache(folder: &Path, args: &[&str]) -> Tagged {
    let mut command = attentive(env!("CARGO_BIN_EXE_tagspace"));
    let command = command.arg("cache").args(args).current_dir(folder).env("HOME", folder);
    Tagged::of(&command.env_remove("XDG_STATE_HOME").output().unwrap())
}

#[test]
fn kept_answers_can_be_counted_exported_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let said = cache(path, &["stats"]);
    assert!(said.code == Some(0) && said.out.starts_with("nothing is kept in "), "{said:?}");
    let said = cache(path, &["stats", "--store", "answers.db"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("--store answers.db: there is no such file"), "{said:?}");
    let store = SqliteStore::open(&path.join("answers.db"), 1 << 30).unwrap();
    for id in 0..1200 {
        store.keep("one-model", &[(key(id), &tags(&["guide"]))]).unwrap();
    }
    store.keep("another, model", &[(key(5000), &tags(&[]))]).unwrap();
    let said = cache(path, &["stats", "--store", "answers.db"]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("answers.db: ") && lines[0].ends_with(" kB"), "{said:?}");
    assert_eq!(
        lines[1..],
        [
            "  another, model: 1 answer",
            "  one-model: 1,200 answers",
            "  all of them were used today"
        ]
    );
    let said = cache(path, &["export", "--store", "answers.db"]);
    let mut rows = csv::Reader::from_reader(said.out.as_bytes());
    assert_eq!(rows.headers().unwrap(), vec!["key", "model", "unused_days", "tags"]);
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1201);
    assert!(rows.windows(2).all(|two| two[0][0] < two[1][0]), "keys are ordered, each once");
    let of_other: Vec<&csv::StringRecord> =
        rows.iter().filter(|row| &row[1] == "another, model").collect();
    assert!(of_other.len() == 1 && &of_other[0][3] == r#"{"doc":[]}"#, "{of_other:?}");
    let forget =
        |args: &[&str]| cache(path, &[&["clear", "--store", "answers.db"], args].concat()).out;
    assert!(forget(&["--unused-for", "1"]).starts_with("0 answers forgotten"));
    assert!(forget(&["--model", "another, model"]).starts_with("1 answer forgotten"));
    assert!(forget(&[]).starts_with("1,200 answers forgotten"));
    let said = cache(path, &["stats", "--store", "answers.db"]);
    assert!(said.out.ends_with("  no answer is kept\n"), "{said:?}");
}
