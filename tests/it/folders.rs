//! Folders and files of reports: whole or not there, whatever else happens.

#![expect(clippy::disallowed_methods, reason = "processes are looked at while they run")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{folder_with, stderr, stdout, tagspace};
use crate::common::{PLAIN, attentive};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn start(folder: &Path, args: &[&str]) -> Child {
    attentive(env!("CARGO_BIN_EXE_tagspace"))
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whether a seed of some series in a folder was played.
fn is_played(out: &Path, seed: u64) -> bool {
    let report = format!("seeds/{seed}/report.json");
    let folders = fs::read_dir(out).into_iter().flatten().flatten();
    folders.into_iter().any(|folder| folder.path().join(&report).exists())
}

/// Waits for something that a command does before it ends.
fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) {
    while !is_there() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended too early");
        sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn a_single_run_leaves_a_series_alone() {
    let folder = folder_with(PLAIN);
    let run = |args: &[&str]| tagspace(folder.path(), &[&["run", "--out", "o"], args].concat());
    assert_eq!(run(&["--seeds", "1..=3"]).status.code(), Some(0));
    let before = fs::read(folder.path().join("o/one/report.json")).unwrap();
    let output = run(&["--seed", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("o/one holds a series of seeds, which stays"));
    assert_eq!(fs::read(folder.path().join("o/one/report.json")).unwrap(), before);
    assert_eq!(names(&folder.path().join("o")), ["one", "one.seed-2"].map(str::to_owned).into());
    assert_eq!(json(&folder.path().join("o/one.seed-2/report.json"))["seed"], 2);
    // A comparison looks at the series alone, and another series replaces it.
    let output = tagspace(folder.path(), &["compare", "o", "o"]);
    assert!(!stdout(&output).contains("seed-2"), "{}", stdout(&output));
    assert_eq!(run(&["--seeds", "4..=5"]).status.code(), Some(0));
    assert_eq!(names(&folder.path().join("o/one/seeds")), ["4", "5"].map(str::to_owned).into());
}

#[test]
fn a_foreign_folder_is_refused_before_anything_is_played() {
    let folder = folder_with(PLAIN);
    fs::copy(folder.path().join("scenarios/one.toml"), folder.path().join("scenarios/zwei.toml"))
        .unwrap();
    let foreign = folder.path().join("o/zwei");
    fs::create_dir_all(&foreign).unwrap();
    for (report, found) in [(false, "thesis.txt"), (true, "thesis.txt")] {
        fs::write(foreign.join("thesis.txt"), "years of work").unwrap();
        if report {
            fs::write(foreign.join("report.json"), "{}").unwrap();
        }
        let output = tagspace(folder.path(), &["run", "--out", "o", "-o", "junit=j.xml"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(found), "{}", stderr(&output));
        assert_eq!(names(&folder.path().join("o")), ["zwei".to_owned()].into());
        assert!(foreign.join("thesis.txt").exists());
    }
}

#[test]
fn scenarios_do_not_share_a_folder() {
    let folder = folder_with(PLAIN);
    let scenarios = folder.path().join("scenarios");
    fs::copy(scenarios.join("one.toml"), folder.path().join("one.seed-7.toml")).unwrap();
    let run = |args: &[&str]| {
        let output = tagspace(folder.path(), &[&["run", "--out", "o"], args].concat());
        (output.status.code(), stderr(&output))
    };
    assert_eq!(run(&["scenarios", "--seeds", "1..=2"]).0, Some(0));
    // A single run beside the series of `one` would be where `one.seed-7` is.
    let (code, said) = run(&["scenarios", "one.seed-7.toml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("`one` and `one.seed-7` would both be written to o/one.seed-7"),
        "{said}"
    );
    assert_eq!(run(&["one.seed-7.toml", "--seeds", "1..=2"]).0, Some(0));
    let (code, said) = run(&["scenarios"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is the report of another scenario, `one.seed-7`"), "{said}");
    assert!(folder.path().join("o/one.seed-7/seeds/2").exists());
}

#[test]
fn an_answer_of_tune_writes_over_nothing_else() {
    let folder = folder_with(PLAIN);
    fs::copy(folder.path().join("scenarios/one.toml"), folder.path().join("tune.toml")).unwrap();
    let tune = |out: &str| {
        let args = ["tune", "tune.toml", "--set", "pipeline.batch_size=4,5", "--seeds", "1..=2"];
        let output = tagspace(folder.path(), &[&args[..], &["-q", "--out", out]].concat());
        (output.status.code(), stderr(&output))
    };
    let (code, said) = tune(".");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("./tune.toml: this scenario would be written over"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("tune.toml")).unwrap(), PLAIN);
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/targets.toml"), "precious").unwrap();
    let (code, said) = tune("mine");
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("mine/targets.toml")).unwrap(), "precious");
    assert_eq!(tagspace(folder.path(), &["run", "--out", "o"]).status.code(), Some(0));
    assert_eq!(tune("o/one").0, Some(2));
    assert_eq!((tune("answer").0, tune("answer").0), (Some(0), Some(0)));
}

#[test]
fn a_comparison_that_is_stopped_stops_its_programs() {
    let folder = folder_with(PLAIN);
    let program = env!("CARGO_BIN_EXE_tagspace");
    let args = ["compare", "--bin", program, program, "scenarios", "--seeds", "1..=9999"];
    let mut child = start(folder.path(), &[&args[..], &["--out", "o"]].concat());
    wait_until(&mut child, || is_played(&folder.path().join("o/base"), 2));
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    // The program has put what it played in its place, and writes no more.
    assert_eq!(json(&folder.path().join("o/base/one/report.json"))["verdict"], "interrupted");
}

#[test]
fn what_cannot_be_written_is_told_before_anything_is_played() {
    let folder = folder_with(PLAIN);
    fs::write(folder.path().join("file"), "").unwrap();
    for args in [
        &["-o", "junit=file/j.xml"][..],
        &["-o", "junit=/proc/none/j.xml"],
        &["--log", "scenarios/one.toml"],
    ] {
        let output = tagspace(folder.path(), &[&["run", "--out", "o"], args].concat());
        assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}: {}", stderr(&output));
        assert!(!folder.path().join("o").exists(), "{args:?}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("scenarios/one.toml")).unwrap(), PLAIN);
    // Nor does a log replace something else.
    fs::write(folder.path().join("notes.txt"), "precious").unwrap();
    let output = tagspace(folder.path(), &["run", "--log", "notes.txt"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(folder.path().join("notes.txt")).unwrap(), "precious");
}

#[test]
fn a_leftover_of_ours_goes_and_one_of_others_stays() {
    let folder = folder_with(PLAIN);
    let out = folder.path().join("o");
    for (left, name) in [
        (".one.part", "report.json"),
        (".one.4000000-7.part", "timeline.svg"),
        (".one.4000000-8.old", "report.json"),
        (".one.4000000-9.part", "thesis.txt"),
        (".two.4000000-9.part", "report.json"),
        (".one.notes.part", "report.json"),
    ] {
        fs::create_dir_all(out.join(left)).unwrap();
        fs::write(out.join(left).join(name), "").unwrap();
    }
    // A folder of which only a picture is left, as after a kill.
    fs::create_dir_all(out.join("one")).unwrap();
    fs::write(out.join("one/latency.svg"), "").unwrap();
    let output = tagspace(folder.path(), &["run", "--out", "o"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let left = [".one.4000000-9.part", ".one.notes.part", ".two.4000000-9.part", "one"];
    assert_eq!(names(&out), left.map(str::to_owned).into());
    assert!(out.join("one/report.json").exists());
    // Two renames that were cut in between: the earlier report comes back, then the new one.
    fs::rename(out.join("one"), out.join(".one.4000000-1.old")).unwrap();
    let output = tagspace(folder.path(), &["run", "--out", "o", "--set", "deadline_s=1"]);
    assert_eq!(output.status.code(), Some(1));
    let output = tagspace(folder.path(), &["run", "--out", "o"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(names(&out), left.map(str::to_owned).into());
}

#[test]
fn two_runs_into_one_folder_never_mix() {
    let folder = folder_with(PLAIN);
    for _ in 0..6 {
        let args = |batch: &'static str| {
            ["run", "--seeds", "1..=6", "--transport", "direct", "--out", "o", "-q", "--set", batch]
        };
        let mut both = ["pipeline.batch_size=5", "pipeline.batch_size=20"]
            .map(|batch| start(folder.path(), &args(batch)));
        let codes = both.each_mut().map(|child| child.wait().unwrap().code());
        assert_eq!(codes, [Some(0), Some(0)]);
        let report = json(&folder.path().join("o/one/report.json"));
        for seed in 1..=6 {
            let own = json(&folder.path().join(format!("o/one/seeds/{seed}/report.json")));
            assert_eq!(own["config_digest"], report["config_digest"]);
        }
        assert_eq!(names(&folder.path().join("o")), ["one".to_owned()].into());
    }
}

#[test]
fn a_kill_at_any_instant_leaves_a_whole_report_and_the_next_run_works() {
    let folder = folder_with(PLAIN);
    let run = ["run", "--transport", "direct", "--out", "o", "-q"];
    assert_eq!(tagspace(folder.path(), &run).status.code(), Some(0));
    for at in 0..12 {
        let mut child = start(folder.path(), &run);
        sleep(Duration::from_millis(at * 9));
        child.kill().unwrap();
        child.wait().unwrap();
        let report = json(&folder.path().join("o/one/report.json"));
        assert_eq!(report["verdict"], "not_judged");
        assert!(folder.path().join("o/one/progress.png").exists());
        assert_eq!(tagspace(folder.path(), &run).status.code(), Some(0));
        assert_eq!(names(&folder.path().join("o")), ["one".to_owned()].into());
    }
}

#[test]
fn only_a_new_folder_under_reports_out_is_ignored_by_git() {
    let folder = folder_with(PLAIN);
    let run = |out: &str| {
        assert_eq!(tagspace(folder.path(), &["run", "--out", out]).status.code(), Some(0));
        folder.path().join(out).join(".gitignore").exists()
    };
    fs::create_dir_all(folder.path().join("reports/out/mine")).unwrap();
    assert!(!run("reports/out/mine"), "it was there");
    assert!(run("reports/out/new"));
    assert!(!run("reports/kept") && !run("elsewhere"));
}

#[test]
fn an_interrupted_series_keeps_what_it_played() {
    let seeds = ["--seeds", "1..=9999", "--transport", "direct", "--out", "o"];
    for name in ["-TERM", "-HUP"] {
        let folder = folder_with(&format!("{PLAIN}[targets.run]\nai_calls = \"== 4\"\n"));
        let args = [&["run", "-o", "junit=j", "-o", "json=r", "-o", "markdown=m"], &seeds[..]];
        let mut child = start(folder.path(), &args.concat());
        wait_until(&mut child, || is_played(&folder.path().join("o"), 3));
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        let report = json(&folder.path().join("o/one/report.json"));
        assert_eq!(
            (&report["verdict"], &report["exit_code"]),
            (&"interrupted".into(), &130.into())
        );
        let played = report["seeds"].as_array().unwrap().len();
        let left = report["seeds_not_played"].as_u64().unwrap();
        let played = played as u64;
        // Others may have been played before the first.
        assert!(played >= 1 && played + left == 9_999, "{played} {left}");
        assert_eq!(json(&folder.path().join("r"))[0]["verdict"], "interrupted");
        let junit = fs::read_to_string(folder.path().join("j")).unwrap();
        assert!(junit.contains("of 9999 seeds were played"), "{junit}");
        assert!(fs::read_to_string(folder.path().join("m")).unwrap().contains("INTERRUPTED"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = folder_with(PLAIN);
    let program = env!("CARGO_BIN_EXE_tagspace");
    let script = format!("trap '' HUP; exec {program} run --seeds 1..=9999 --transport direct");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(&mut child, || is_played(&folder.path().join("reports/out"), 1));
    signal(&child, "-HUP");
    sleep(Duration::from_millis(300));
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("stopping").count(), 1, "{}", stderr(&output));
}

#[test]
fn what_fail_fast_leaves_is_there_as_skipped() {
    let text = format!("{PLAIN}[targets.run]\nai_calls = \"<= 3\"\n");
    let folder = folder_with(&text);
    for name in ["two", "three"] {
        fs::write(folder.path().join(format!("scenarios/{name}.toml")), &text).unwrap();
    }
    let documents = ["-o", "junit=j", "-o", "json=r", "-o", "markdown=m", "-o", "github=g"];
    let args = [&["run", "--fail-fast", "--jobs", "1"], &documents[..]].concat();
    let output = tagspace(folder.path(), &args);
    assert_eq!(output.status.code(), Some(99), "{}", stderr(&output));
    let reports = json(&folder.path().join("r"));
    let verdicts: Vec<&str> =
        reports.as_array().unwrap().iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts[0], "missed");
    assert_eq!(verdicts[1..], ["skipped", "skipped"], "one at a time, so that one was played");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("j").contains("<skipped message=\"SKIPPED: "), "{}", read("j"));
    assert!(read("m").contains("| ⚪ SKIPPED | `two` |"), "{}", read("m"));
    assert!(read("g").contains("::warning file=scenarios/two.toml"), "{}", read("g"));
    assert!(stdout(&output).contains("not played: "), "{}", stdout(&output));
}

#[test]
fn a_scenario_that_cannot_be_played_is_an_error_in_every_document() {
    let folder = folder_with(PLAIN);
    fs::write(
        folder.path().join("scenarios/two.toml"),
        format!("{PLAIN}[targets.run]\nai_calls = \"== 4\"\n"),
    )
    .unwrap();
    let stuck = PLAIN.replace("seed = 7", "seed = 7\ndeadline_s = 1");
    fs::write(folder.path().join("scenarios/one.toml"), stuck).unwrap();
    let args = ["run", "-o", "junit=j", "-o", "json=r", "-o", "markdown=m", "-o", "github=g"];
    let output = tagspace(folder.path(), &args);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let reports = json(&folder.path().join("r"));
    assert_eq!((&reports[0]["verdict"], &reports[0]["exit_code"]), (&"error".into(), &1.into()));
    assert_eq!(reports[1]["verdict"], "met", "the others are played");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("j").contains("type=\"error\""), "{}", read("j"));
    assert!(read("m").contains("| ❌ ERROR | `one` |"), "{}", read("m"));
    assert!(read("g").starts_with("::error file=scenarios/one.toml"), "{}", read("g"));
}
