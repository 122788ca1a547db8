//! `report` and `explain`: pages made anew from saved events.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cli::{folder_with, stderr, stdout, tagspace};
use super::common::PLAIN;
use super::scripted::Server;

const RUNS: &str = "[targets.run]\nmakespan = \"<= 1s\"\n";

fn page(folder: &Path, of: &str) -> String {
    fs::read_to_string(folder.join(of).join("report.html")).unwrap()
}

/// Plays what the folder holds, and makes the page of it anew.
fn again(folder: &Path, args: &[&str], of: &str) -> (String, String) {
    let ran = tagspace(folder, &[&["run", "--quiet"], args].concat());
    assert!(matches!(ran.status.code(), Some(0 | 99 | 3)), "{}", stderr(&ran));
    let first = page(folder, of);
    fs::remove_file(folder.join(of).join("report.html")).unwrap();
    let made = tagspace(folder, &["report", of]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert_eq!(stdout(&made), format!("report in {of}/report.html\n"));
    (first, page(folder, of))
}

#[test]
fn a_page_that_is_made_anew_is_the_same_to_the_byte() {
    let folder = folder_with(&format!("{PLAIN}{RUNS}"));
    let of = "reports/out/one";
    let (first, anew) = again(folder.path(), &["scenarios/one.toml"], of);
    assert!(first.contains("✗ MISSED") && first == anew);
    let set = ["scenarios/one.toml", "--set", "pipeline.batch_size=3", "--seed", "9"];
    let (first, anew) = again(folder.path(), &set, of);
    assert!(first.contains("pipeline.batch_size=3") && first.contains("seed 9"));
    assert!(first == anew);
    // So is what replays have shown.
    let calls = ["--set", "pipeline.batch_size=1", "--set", "targets.run.ai_calls=\"<= 5\""];
    let (first, anew) = again(folder.path(), &[&["scenarios/one.toml"], &calls[..]].concat(), of);
    assert!(first.contains("With <code>batch_size = 4</code> it is met"), "{first}");
    assert!(first == anew);
    let (first, anew) = again(folder.path(), &["scenarios/one.toml", "--seeds", "1..=5"], of);
    assert!(first.contains("5 seeds from 1 to 5") && first == anew);
    // Of a seed of a series.
    let seed = "reports/out/one/seeds/3";
    let made = tagspace(folder.path(), &["report", seed]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(page(folder.path(), seed).contains("seed 3"));
    // What a comparison came to is told again, where all targets are met.
    let met =
        ["scenarios/one.toml", "--seeds", "1..=5", "--set", "targets.run.makespan=\"<= 60s\""];
    let saved =
        tagspace(folder.path(), &[&["run", "-q", "--save-baseline", "main"], &met[..]].concat());
    assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
    let slower = ["--baseline", "main", "--set", "pipeline.batch_size=1"];
    let (first, anew) = again(folder.path(), &[&met[..], &slower[..]].concat(), of);
    assert!(first.contains("✗ REGRESSED") && first.contains("Against "), "{first}");
    assert!(first == anew);
}

#[test]
fn several_runs_stand_beside_each_other() {
    let folder = folder_with(PLAIN);
    for (out, size) in [("one", "pipeline.batch_size=1"), ("ten", "pipeline.batch_size=10")] {
        let args = ["run", "scenarios/one.toml", "--quiet", "--out", out, "--set", size];
        assert_eq!(tagspace(folder.path(), &args).status.code(), Some(0));
        let named = folder.path().join(format!("size-{out}"));
        fs::rename(folder.path().join(out).join("one"), named).unwrap();
    }
    let made = tagspace(folder.path(), &["report", "size-one", "size-ten", "--out", "both.html"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let page = fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(page.contains("2 runs beside each other"), "{page}");
    let row = page.split("<th scope=\"row\">ai_calls</th>").nth(1).unwrap();
    assert!(row.starts_with("<td>20</td><td>2</td>"), "{}", &row[..60]);
    let row = page.split("<th scope=\"row\">batch_size</th>").nth(1).unwrap();
    assert!(row.starts_with("<td>1</td><td>10</td>"), "{}", &row[..60]);
    // One of them may be a file of events.
    let made = tagspace(folder.path(), &["report", "size-one/events.jsonl", "size-ten"]);
    assert_eq!(stdout(&made), "report in reports/out/report.html\n", "{}", stderr(&made));
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    let folder = folder_with(PLAIN);
    let refused = |args: &[&str], said: &str| {
        let ran = tagspace(folder.path(), args);
        assert_eq!(ran.status.code(), Some(2), "{args:?}: {}", stderr(&ran));
        assert!(stderr(&ran).contains(said), "{args:?}: {}", stderr(&ran));
    };
    refused(&["report", "nowhere"], "nowhere: expected a report, found none");
    refused(&["report", "scenarios/one.toml"], "line 1: expected an event");
    assert_eq!(
        tagspace(folder.path(), &["run", "scenarios/one.toml", "--quiet"]).status.code(),
        Some(0)
    );
    refused(&["explain", "reports/out/one", "latency"], "expected a metric, found `latency`");
    refused(
        &["explain", "reports/out/one", "makespan", "--run", "second"],
        "expected a run, one of: run, found `second`",
    );
    let events = folder.path().join("reports/out/one/events.jsonl");
    let whole = fs::read_to_string(&events).unwrap();
    let (first, rest) = whole.split_once('\n').unwrap();
    fs::write(&events, format!("{first}\n{{}}\n{rest}")).unwrap();
    refused(&["report", "reports/out/one"], "events.jsonl: line 2: expected an event");
    fs::write(&events, "").unwrap();
    refused(&["report", "reports/out/one"], "expected the runs run, found none");
    // A log that was cut within a line is read as far as it goes.
    fs::write(&events, &whole[..whole.len() - 9]).unwrap();
    refused(&["report", "reports/out/one"], "does not add up");
    assert_eq!(
        tagspace(folder.path(), &["report", "reports/out/one/events.jsonl"]).status.code(),
        Some(0)
    );
}

#[test]
fn a_page_is_written_over_nothing_but_a_page() {
    let folder = folder_with(PLAIN);
    assert_eq!(
        tagspace(folder.path(), &["run", "scenarios/one.toml", "-q"]).status.code(),
        Some(0)
    );
    let of = "reports/out/one";
    for out in ["reports/out/one/events.jsonl", "scenarios/one.toml", "scenarios"] {
        let before = fs::read(folder.path().join(out)).ok();
        let made = tagspace(folder.path(), &["report", of, "--out", out]);
        assert_eq!(made.status.code(), Some(2), "{out}: {}", stderr(&made));
        assert!(stderr(&made).contains("expected a page, found"), "{}", stderr(&made));
        assert_eq!(fs::read(folder.path().join(out)).ok(), before, "{out}");
    }
    // A report of a version that kept no scenario is told, and its page stays.
    let path = folder.path().join(of).join("report.json");
    let mut report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    report.as_object_mut().unwrap().remove("scenario");
    fs::write(&path, report.to_string()).unwrap();
    let first = page(folder.path(), of);
    let made = tagspace(folder.path(), &["report", of]);
    assert_eq!(made.status.code(), Some(2), "{}", stderr(&made));
    assert!(stderr(&made).contains("of another"), "{}", stderr(&made));
    assert!(first == page(folder.path(), of));
}

#[test]
fn folders_of_one_name_are_told_apart_and_a_seed_that_is_gone_is_missed() {
    let folder = folder_with(PLAIN);
    for out in ["a", "b"] {
        let args = ["run", "scenarios/one.toml", "-q", "--out", out];
        assert_eq!(tagspace(folder.path(), &args).status.code(), Some(0));
    }
    let made = tagspace(folder.path(), &["report", "a/one", "b/one", "--out", "both.html"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let both = fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(both.contains("<h1>a/one, b/one</h1>"));
    let args = ["run", "scenarios/one.toml", "-q", "--seeds", "3..=5"];
    assert_eq!(tagspace(folder.path(), &args).status.code(), Some(0));
    let told = tagspace(folder.path(), &["report", "reports/out/one", "a/one"]);
    assert!(stderr(&told).contains("such as reports/out/one/seeds/3"), "{}", stderr(&told));
    fs::remove_dir_all(folder.path().join("reports/out/one/seeds/4")).unwrap();
    let told = tagspace(folder.path(), &["report", "reports/out/one"]);
    assert_eq!(told.status.code(), Some(2));
    assert!(stderr(&told).contains("expected 3 seeds, found 2"), "{}", stderr(&told));
}

#[test]
fn a_metric_that_is_0_has_no_chain() {
    let folder = folder_with(PLAIN);
    assert_eq!(
        tagspace(folder.path(), &["run", "scenarios/one.toml", "-q"]).status.code(),
        Some(0)
    );
    let explained =
        |metric: &str| stdout(&tagspace(folder.path(), &["explain", "reports/out/one", metric]));
    for metric in ["pages_failed", "pages_failed_ai", "rate_limited", "fallback_ratio", "retries"] {
        assert_eq!(explained(metric), format!("{metric}, run `run`: 0\n"));
    }
    for metric in ["ai_calls", "prompts", "concurrency", "labels_written", "output_tokens"] {
        assert!(explained(metric).lines().count() > 3, "{metric}: {}", explained(metric));
    }
    assert!(explained("pages_unlabelled").ends_with(": 0\n"));
}

#[test]
fn files_that_a_scenario_names_are_found() {
    let folder = folder_with(PLAIN);
    fs::write(folder.path().join("scenarios/took.csv"), "ms\n10\n20\n").unwrap();
    let csv = "gemini.latency={ dist = \"empirical\", csv = \"took.csv\", column = \"ms\", unit = \"ms\" }";
    let ran = tagspace(folder.path(), &["run", "scenarios/one.toml", "--quiet", "--set", csv]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let made = tagspace(folder.path(), &["report", "reports/out/one"]);
    assert_eq!(made.status.code(), Some(2));
    assert!(stderr(&made).contains("--files names the folder"), "{}", stderr(&made));
    let made = tagspace(folder.path(), &["report", "reports/out/one", "--files", "scenarios"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
}

#[test]
fn a_tagged_space_has_a_report_that_can_be_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(3, |_| None);
    let mut command = server.command(folder.path(), &["DOCS", "--set", "batch_size=1"]);
    let ran = command.env("XDG_STATE_HOME", folder.path().join("state")).output().unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    let of = "state/tagspace/reports/DOCS";
    assert!(stderr(&ran).contains(&format!("{of}/report.html")), "{}", stderr(&ran));
    let first = page(folder.path(), of);
    assert!(first.contains("<h1>DOCS</h1>") && first.contains("3 of 3 pages tagged"), "{first}");
    assert!(first.contains("2 settings other than recommended"));
    assert!(first.contains("gemini gemini-3.5-flash-lite"), "the cost is told");
    let made = tagspace(folder.path(), &["report", of]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(first == page(folder.path(), of));
    let told = tagspace(folder.path(), &["explain", of, "page_latency"]);
    assert!(stdout(&told).contains("from its listing to its tags"), "{}", stdout(&told));
    // The report holds no credentials and no text of a page.
    for name in ["report.html", "report.json", "events.jsonl"] {
        let text = fs::read_to_string(folder.path().join(of).join(name)).unwrap();
        assert!(!text.contains("secret") && !text.contains("Bearer"), "{name}");
    }
    // Elsewhere on demand, and nowhere without state.
    let run = |args: &[&str]| server.command(folder.path(), args).output().unwrap();
    assert!(run(&["DOCS", "--no-state", "--out", "own"]).status.success());
    assert!(folder.path().join("own/DOCS/report.html").exists());
    fs::write(folder.path().join("own/DOCS/mine.txt"), "mine").unwrap();
    let refused = run(&["DOCS", "--no-state", "--out", "own"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("mine.txt"), "{}", stderr(&refused));
    assert!(!stderr(&run(&["DOCS", "--no-state"])).contains("report in"));
}

#[test]
fn what_is_odd_stands_in_the_report() {
    let storm = "[[run]]\nname = \"run\"\n";
    let folder = folder_with(&format!("{PLAIN}{storm}"));
    let set = [
        "pipeline.profile=before",
        "pipeline.fallback=false",
        "gemini.quota={ requests = 5, per_s = 60 }",
        "space.pages=40",
    ];
    let set: Vec<&str> = set.iter().flat_map(|one| ["--set", one]).collect();
    let ran = tagspace(folder.path(), &[&["run", "scenarios/one.toml"], &set[..]].concat());
    let text = stdout(&ran);
    assert!(text.contains("  ODD\n    ! ") && text.contains("were answered with 429"), "{text}");
    let report = fs::read(folder.path().join("reports/out/one/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["runs"][0]["anomalies"][0]["kind"], "rate_limit_storm");
    assert!(page(folder.path(), "reports/out/one").contains("<section id=\"odd\""));
    let told = tagspace(folder.path(), &["explain", "reports/out/one"]);
    assert!(stdout(&told).contains("were answered with 429"), "{}", stdout(&told));
    let seeds = [&["run", "scenarios/one.toml", "--seeds", "1..=3"], &set[..]].concat();
    let text = stdout(&tagspace(folder.path(), &seeds));
    assert!(text.contains("in 3 of 3 seeds; in seed 1 "), "{text}");
}
