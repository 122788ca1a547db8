//! The program as a user meets it: exit codes, outputs, hints.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::PLAIN;

pub(crate) fn tagspace(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    fs::write(folder.path().join("scenarios/one.toml"), text).unwrap();
    folder
}

#[test]
fn a_met_target_exits_0_and_a_missed_one_99_and_the_json_agrees() {
    for (limit, code, verdict) in [("<= 4", 0, "met"), ("<= 3", 99, "missed")] {
        let text =
            format!("{PLAIN}[targets.run]\nai_calls = \"{limit}\"\npages_failed = \"== 0\"\n");
        let folder = folder_with(&text);
        let output = tagspace(folder.path(), &["run"]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let report = fs::read_to_string(folder.path().join("reports/out/one/report.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["verdict"], verdict);
        assert_eq!(report["exit_code"], code);
        let target = &report["runs"][0]["targets"][0];
        assert_eq!((&target["value"], &target["met"]), (&Value::from(4), &Value::from(code == 0)));
        assert_eq!(target["line"], 19);
        assert_eq!(
            stdout(&output).contains("replay: tagspace run scenarios/one.toml --seed 7"),
            code != 0
        );
    }
}

#[test]
fn a_run_that_does_not_end_in_time_shows_its_last_events() {
    let folder = folder_with(PLAIN);
    let output = tagspace(folder.path(), &["run", "--set", "deadline_s=1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("run `run` did not end within 1 virtual seconds"), "{told}");
    assert!(told.contains("batch_formed"), "{told}");
    assert!(!folder.path().join("reports/out/one").exists());
}

#[test]
fn a_target_without_samples_is_missed() {
    let folder = folder_with(&format!("{PLAIN}[targets.run]\nbackoff_wait = \"max <= 10s\"\n"));
    let output = tagspace(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(99));
    assert!(
        stdout(&output).contains("✗ backoff_wait max <= 10s  -  no samples"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_wrong_scenario_exits_2_with_its_place() {
    let folder = folder_with(&PLAIN.replace("pages = 20", "pagess = 20"));
    let output = tagspace(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.starts_with("scenarios/one.toml:5:1: unknown key `pagess`"), "{text}");
    assert!(text.contains("did you mean `pages`?"), "{text}");
    assert!(text.contains("5 | pagess = 20"), "{text}");
}

#[test]
fn all_wrong_scenarios_are_told_at_once() {
    let folder = folder_with("");
    fs::write(folder.path().join("scenarios/two.toml"), "# Q?\nschema = 9").unwrap();
    let output = tagspace(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("one.toml:1:1") && text.contains("two.toml:2:10"), "{text}");
}

#[test]
fn wrong_usage_exits_2_with_a_hint() {
    let folder = folder_with(PLAIN);
    for (args, hint) in [
        (vec!["run", "--seeed", "1"], "--seed"),
        (vec!["validat"], "validate"),
        (vec!["run", "nowhere.toml"], "tagspace new"),
        (vec!["run", "-o", "yaml=x"], "text, json, csv, jsonl"),
        (vec!["run", "--set", "pipeline.batch_size=0"], "1 to 1000"),
        (vec!["run", "--seed", "18446744073709551615"], "0..=9007199254740991"),
    ] {
        let output = tagspace(folder.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(hint), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_run_that_does_not_end_says_what_waits() {
    let folder = folder_with(PLAIN);
    let output = tagspace(folder.path(), &["run", "--set", "deadline_s=1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    let told = "did not end within 1 virtual seconds, with 20 pages listed and not done and 3 AI \
                calls in flight; the last events were:";
    assert!(text.contains(told) && text.contains("\"attempt_started\""), "{text}");
}

#[test]
fn two_scenarios_of_one_name_are_refused() {
    let folder = folder_with(PLAIN);
    fs::create_dir(folder.path().join("scenarios/deeper")).unwrap();
    fs::write(folder.path().join("scenarios/deeper/one.toml"), PLAIN).unwrap();
    let output = tagspace(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("two scenarios are named `one`"), "{}", stderr(&output));
}

#[test]
fn a_folder_that_is_no_report_is_not_replaced() {
    let folder = folder_with(PLAIN);
    let precious = folder.path().join("out/one");
    fs::create_dir_all(&precious).unwrap();
    fs::write(precious.join("thesis.txt"), "years of work").unwrap();
    let output = tagspace(folder.path(), &["run", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(precious.join("thesis.txt").exists());
}

#[test]
fn new_writes_a_scenario_that_runs_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(tagspace(folder.path(), &["new", "first"]).status.code(), Some(0));
    let output = tagspace(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(tagspace(folder.path(), &["new", "first"]).status.code(), Some(2));
    assert_eq!(tagspace(folder.path(), &["new", "elsewhere/second"]).status.code(), Some(0));
    assert!(folder.path().join("elsewhere/second.toml").exists());
}

#[test]
fn list_shows_questions_and_schema_is_a_schema() {
    let folder = folder_with(PLAIN);
    assert_eq!(stdout(&tagspace(folder.path(), &["list"])), "one  Plain?\n");
    let schema: Value =
        serde_json::from_slice(&tagspace(folder.path(), &["schema"]).stdout).unwrap();
    assert_eq!(schema["properties"]["schema"]["maximum"], 1);
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["$defs"]["AiConfig"]["properties"]["error_429_ratio"].is_object(), "{schema:#}");
}

#[test]
fn formats_go_to_standard_output_and_to_files() {
    let folder = folder_with(PLAIN);
    let args = [
        "run",
        "--format",
        "json",
        "-o",
        "csv=runs.csv",
        "-o",
        "jsonl=events.jsonl",
        "-o",
        "text=report.txt",
    ];
    let output = tagspace(folder.path(), &args);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports[0]["name"], "one");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("runs.csv").lines().count(), 2);
    assert_eq!(read("events.jsonl"), read("reports/out/one/events.jsonl"));
    assert!(read("report.txt").starts_with("NOT JUDGED  one  Plain?"));
}

#[test]
fn quiet_prints_nothing_and_check_determinism_passes() {
    let folder = folder_with(PLAIN);
    let output = tagspace(folder.path(), &["run", "--quiet", "--check-determinism"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
}

#[test]
fn the_log_carries_the_markers_of_the_plan() {
    let quota = "quota = { requests = 2, per_s = 60 }\n[openai]";
    let folder = folder_with(&PLAIN.replace("[openai]", quota));
    let output = tagspace(folder.path(), &["run", "--log", "run.log"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let log = fs::read_to_string(folder.path().join("run.log")).unwrap();
    for marker in ["[THROTTLE]", "[RETRY]", "[FALLBACK]", "[CACHE]", "[METRICS_SUMMARY]"] {
        assert!(log.contains(marker), "{marker} is missing");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = folder_with(PLAIN);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["schema"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn live_use_refuses_what_is_no_address() {
    let folder = tempfile::tempdir().unwrap();
    for (address, told) in [
        ("acme", "CONFLUENCE_URL is no address"),
        ("https://me:sesame@acme.example/wiki", "CONFLUENCE_URL holds credentials"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tagspace"))
            .args(["tag", "DOCS"])
            .env_clear()
            .env("CONFLUENCE_URL", address)
            .env("CONFLUENCE_USER", "me@example.com")
            .env("CONFLUENCE_API_TOKEN", "t")
            .env("GEMINI_API_KEY", "k")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains(told) && !said.contains("sesame"), "{said}");
    }
}

#[test]
fn live_use_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["tag", "DOCS"])
        .env_clear()
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("GEMINI_API_KEY"), "{}", stderr(&output));
}
