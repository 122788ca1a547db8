//! A regression against what was accepted: in every document, the cause first.

use std::fs;
use std::process::Command;

use serde_json::Value;

use tagspace::internals::study::compare;
use tagspace::internals::study::compare::recorded::SeedValue;
use tagspace::internals::study::compare::{Comparison, ComparisonVerdict, Mode, Rules};

use crate::cli::{stderr, stdout, tagspace};
use crate::common::PLAIN;
use crate::compare::{drawn, paired};

const DOCUMENTS: [&str; 12] = [
    "-o",
    "junit=j",
    "-o",
    "json=r",
    "-o",
    "markdown=m",
    "-o",
    "github=g",
    "-o",
    "text=t",
    "-o",
    "csv=c",
];

/// A repository whose scenario has accepted figures of 13 seeds.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = PLAIN.replace(
        "profile = \"documented\"",
        "profile = \"documented\"\nbatch_size = 5 # pages in a prompt",
    );
    fs::write(folder.path().join("s.toml"), format!("{text}[targets.run]\nai_calls = \"<= 99\"\n"))
        .unwrap();
    let save = ["run", "s.toml", "--transport", "direct", "-q", "--save-baseline", "main"];
    let output = tagspace(folder.path(), &[&save[..], &["--seeds", "1..=13"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder
}

fn edit(folder: &tempfile::TempDir, from: &str, to: &str) {
    let path = folder.path().join("s.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replace(from, to)).unwrap();
}

#[test]
fn every_document_is_red_and_names_the_key_and_the_worst_figure() {
    let folder = repository();
    edit(&folder, "batch_size = 5 ", "batch_size = 1 ");
    let run = ["run", "s.toml", "--transport", "direct", "-q", "--baseline", "main"];
    let output = tagspace(folder.path(), &[&run[..], &DOCUMENTS].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let cause = "batch_size: 5 -> 1: ai_calls 4.0 -> 20.0 (+400.0 %)";
    let said = stderr(&output);
    assert!(
        said.starts_with("s: regressed against reports/baselines/main.toml: batch_size: 5 -> 1")
    );
    assert!(said.contains(cause), "{said}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let first = |name: &str| read(name).lines().next().unwrap().to_owned();
    assert!(first("m").contains(cause) && first("m").contains('❌'), "{}", first("m"));
    assert!(read("m").contains("| ❌ REGRESSED | `s` |"), "{}", read("m"));
    assert!(first("g").contains(&cause.replace('%', "%25")), "{}", first("g"));
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("batch_size")).unwrap();
    assert!(first("g").starts_with(&format!("::error file=s.toml,line={line},")), "{}", first("g"));
    let junit = read("j");
    let failing = junit.lines().find(|line| line.contains("<failure")).unwrap();
    assert!(failing.contains(&cause.replace('>', "&gt;")), "{failing}");
    assert!(junit.lines().nth(1).unwrap().contains("failures=\""), "{junit}");
    assert!(!junit.lines().nth(1).unwrap().contains("failures=\"0\""), "{junit}");
    assert!(read("t").contains("REGRESSED  s against"), "{}", read("t"));
    // The report in the folder says the same, and the seeds are the baseline's.
    for path in ["r", "reports/out/s/report.json"] {
        let json: Value = serde_json::from_str(&read(path)).unwrap();
        let report = json.get(0).unwrap_or(&json);
        assert_eq!((&report["verdict"], &report["exit_code"]), (&"regressed".into(), &3.into()));
        assert_eq!(report["seeds"].as_array().unwrap().len(), 13);
        assert_eq!(report["comparison"]["changed_settings"][0]["key"], "batch_size");
    }
    // What is blessed is red nowhere.
    let bless = [&run[..], &["--bless"], &DOCUMENTS].concat();
    fs::copy(folder.path().join("reports/baselines/main.toml"), folder.path().join("main.toml"))
        .unwrap();
    assert_eq!(tagspace(folder.path(), &bless).status.code(), Some(0));
    assert!(!read("m").contains('❌') && read("g").is_empty() && !read("j").contains("<failure"));
    fs::copy(folder.path().join("main.toml"), folder.path().join("reports/baselines/main.toml"))
        .unwrap();
    // A missed target wins, and the regression is still there.
    edit(&folder, "<= 99", "<= 3");
    let output = tagspace(folder.path(), &[&run[..], &DOCUMENTS].concat());
    assert_eq!(output.status.code(), Some(99));
    assert!(first("m").contains(cause) && first("g").contains("batch_size"), "{}", first("g"));
    let json: Value = serde_json::from_str(&read("r")).unwrap();
    assert_eq!(json[0]["verdict"], "missed");
    assert_eq!(json[0]["comparison"]["verdict"], "regressed");
}

#[test]
fn the_cause_is_a_setting_or_the_world_or_the_program() {
    let folder = repository();
    let run = |args: &[&str]| {
        let run = ["run", "s.toml", "--transport", "direct", "--baseline", "main", "--out", "o"];
        let output = tagspace(folder.path(), &[&run[..], args].concat());
        (output.status.code(), stdout(&output))
    };
    let (code, said) = run(&["--set", "gemini.quota={requests=3}"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("INCOMPARABLE"), "{said}");
    assert!(
        said.contains("What differs: the world: gemini.quota.hint: none -> retry-info"),
        "{said}"
    );
    assert!(said.contains("gemini.quota.requests: none -> 3"), "{said}");
    // What the program does otherwise stands in no setting: it was accepted with half of the calls.
    let path = folder.path().join("reports/baselines/main.toml");
    let text = fs::read_to_string(&path).unwrap();
    let calls = |each: &str| format!("\nai_calls = [{}]\n", [each; 13].join(", "));
    assert!(text.contains(&calls("4")), "{text}");
    fs::write(&path, text.replace(&calls("4"), &calls("2"))).unwrap();
    let (code, said) = run(&[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("settings and world are the same, so it is the program"), "{said}");
}

#[test]
fn without_targets_a_regression_is_no_met_target() {
    let folder = repository();
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    fs::write(folder.path().join("s.toml"), text.split("[targets").next().unwrap()).unwrap();
    let run = |args: &[&str]| {
        let run = [
            "run",
            "s.toml",
            "--transport",
            "direct",
            "--baseline",
            "main",
            "-o",
            "markdown=m",
            "-o",
            "json=r",
        ];
        let output = tagspace(folder.path(), &[&run[..], args].concat());
        let json = fs::read(folder.path().join("r")).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        let markdown = fs::read_to_string(folder.path().join("m")).unwrap();
        (output.status.code(), stdout(&output), markdown, json[0]["verdict"].clone())
    };
    let (code, said, markdown, verdict) = run(&["--set", "pipeline.batch_size=1"]);
    assert_eq!((code, verdict), (Some(3), "regressed".into()), "{said}");
    assert!(
        said.contains("0 of 1 scenarios met their targets; regressed: s; NOT JUDGED"),
        "{said}"
    );
    assert!(markdown.contains("0 of 1 scenarios met their targets, 1 not judged"), "{markdown}");
    // What cannot be compared is called so.
    let (code, said, markdown, verdict) = run(&["--set", "space.pages=21"]);
    assert_eq!((code, verdict), (Some(3), "incomparable".into()), "{said}");
    assert!(markdown.contains("| ❌ INCOMPARABLE | `s` |"), "{markdown}");
}

#[test]
fn a_latency_over_some_of_the_pages_is_compared_with_nothing() {
    let folder = repository();
    let lose = ["--set", "gemini.fault=[{ when = { from_s = 1 }, reply = { status = 503 } }]"];
    let play = |out: &str, args: &[&str]| {
        let run =
            ["run", "s.toml", "--transport", "direct", "-q", "--seeds", "1..=13", "--out", out];
        tagspace(folder.path(), &[&run[..], &lose, args].concat())
    };
    play("a", &[]);
    play("b", &["--set", "pipeline.fallback=false"]);
    let output = tagspace(folder.path(), &["compare", "a", "b"]);
    let said = stdout(&output);
    assert!(said.contains("`page_latency p95` has a value in 13 seeds of the base and in 0 of this side, so it is not compared"), "{said}");
    assert!(!said.contains("| page_latency"), "{said}");
}

#[test]
fn a_failure_that_never_was_is_a_regression_in_the_same_world() {
    let folder = repository();
    let lose = "pipeline.timeout_ms=900";
    let output = tagspace(
        folder.path(),
        &[
            "run",
            "s.toml",
            "--transport",
            "direct",
            "--baseline",
            "main",
            "-q",
            "--set",
            lose,
            "--set",
            "pipeline.fallback=false",
        ],
    );
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("pages_failed 0.0 -> 20.0 (from nothing)"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn compare_has_the_documents_that_ci_reads() {
    let folder = repository();
    let play = |out: &str, batch: &str| {
        let args = [
            "run",
            "s.toml",
            "--transport",
            "direct",
            "-q",
            "--seeds",
            "1..=13",
            "--out",
            out,
            "--set",
            batch,
        ];
        assert_eq!(tagspace(folder.path(), &args).status.code(), Some(0));
    };
    play("a", "pipeline.batch_size=5");
    play("b", "pipeline.batch_size=1");
    let output =
        tagspace(folder.path(), &["compare", "a", "b", "-q", "-o", "junit=j", "-o", "github=g"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("s: regressed against a: batch_size: 5 -> 1"),
        "{}",
        stderr(&output)
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("j").contains("<testsuite name=\"s compared with a\""), "{}", read("j"));
    assert!(read("j").contains("type=\"regression\""), "{}", read("j"));
    assert!(
        read("g").starts_with("::error title=s regressed against a::batch_size"),
        "{}",
        read("g")
    );
    let output =
        tagspace(folder.path(), &["compare", "a", "a", "-q", "-o", "junit=j", "-o", "github=g"]);
    assert_eq!((output.status.code(), read("g").as_str()), (Some(0), ""));
    assert!(read("j").contains("failures=\"0\""), "{}", read("j"));
}

#[test]
fn commands_that_save_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d"];
    for name in names {
        fs::write(folder.path().join(format!("{name}.toml")), PLAIN).unwrap();
    }
    for _ in 0..3 {
        let _ = fs::remove_dir_all(folder.path().join("reports"));
        let start = |name: &str| {
            Command::new(env!("CARGO_BIN_EXE_tagspace"))
                .args([
                    "run",
                    &format!("{name}.toml"),
                    "--transport",
                    "direct",
                    "-q",
                    "--save-baseline",
                    "main",
                ])
                .args(["--out", name])
                .current_dir(folder.path())
                .spawn()
                .unwrap()
        };
        let mut all = names.map(start);
        assert!(all.iter_mut().all(|child| child.wait().unwrap().success()));
        let text = fs::read_to_string(folder.path().join("reports/baselines/main.toml")).unwrap();
        assert!(names.iter().all(|name| text.contains(&format!("[scenario.{name}]\n"))), "{text}");
        let entries = fs::read_dir(folder.path().join("reports/baselines")).unwrap();
        assert_eq!(entries.count(), 1, "nothing else is left there");
    }
}

#[test]
fn failures_that_never_happened_are_no_chance_and_signs_must_agree_with_the_mean() {
    let base = drawn(32, |_, _| 0);
    let with = |name: &str, of: fn(u64) -> u64| {
        let mut new = base.clone();
        let run = new.get_mut("free").unwrap().run.get_mut("run").unwrap();
        *run.figures.get_mut(name).unwrap() =
            (1..=32).map(|seed| SeedValue(Some(of(seed)))).collect();
        new
    };
    // Fifty pages are lost in every sixth seed: no sign test sees that.
    let failing = with("pages_failed", |seed| if seed % 6 == 0 { 50 } else { 0 });
    assert_eq!(paired(&base, &failing).verdict(), ComparisonVerdict::Regressed);
    // In one and the same world a single page is enough; where it happened before, it is chance.
    let once = |seed: u64| u64::from(seed == 1);
    let failing_once = with("pages_failed", once);
    assert_eq!(paired(&base, &failing_once).verdict(), ComparisonVerdict::Regressed);
    let elsewhere = with("pages_failed", |seed| u64::from(seed == 2));
    assert_eq!(paired(&elsewhere, &failing_once).verdict(), ComparisonVerdict::NoChange);
    let mut other_luck = failing_once.clone();
    other_luck.get_mut("free").unwrap().weather = Some(7);
    assert_eq!(paired(&base, &other_luck).verdict(), ComparisonVerdict::NoChange);
    let exact = compare::compare(&base, &failing_once, Mode::Exact, Rules::default());
    assert_eq!(exact.verdict(), ComparisonVerdict::Regressed);
    // What one side lacks in some seeds is told, and the others are compared.
    let mut without = base.clone();
    let run = without.get_mut("free").unwrap().run.get_mut("run").unwrap();
    run.figures.get_mut("makespan").unwrap()[..2].fill(SeedValue(None));
    let lacking = |found: &Comparison| {
        let run = &found.scenarios[0].runs[0];
        run.lacking
            .iter()
            .map(|one| (one.figure.to_string(), one.base, one.new, one.both))
            .collect::<Vec<_>>()
    };
    let told = paired(&base, &without);
    assert_eq!(lacking(&told), [("makespan".to_owned(), 32, 30, 30)]);
    // A seed that both lack is no difference; a figure that one side lacks altogether is.
    assert_eq!(lacking(&paired(&without, &without)), []);
    without.get_mut("free").unwrap().run.get_mut("run").unwrap().figures.remove("makespan");
    assert_eq!(lacking(&paired(&base, &without)), [("makespan".to_owned(), 32, 0, 0)]);
    // Worse in 27 seeds, and better by far in five.
    let before = with("makespan", |_| 10_000);
    let mixed = with("makespan", |seed| if seed % 6 == 0 { 1_000 } else { 10_200 });
    assert_eq!(paired(&before, &mixed).verdict(), ComparisonVerdict::NoChange);
}

#[test]
fn what_is_not_compared_is_said_in_every_document() {
    let folder = repository();
    fs::copy(folder.path().join("s.toml"), folder.path().join("new.toml")).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let run = |scenario: &str, baseline: &str| {
        let run = ["run", scenario, "--transport", "direct", "-q", "--baseline", baseline];
        let output = tagspace(folder.path(), &[&run[..], &DOCUMENTS].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (read("j"), read("m"), read("g"))
    };
    // There is no such baseline.
    let (junit, markdown, annotations) = run("s.toml", "nope");
    let why = "reports/baselines/nope.toml is not there";
    assert!(junit.contains(&format!("<skipped message=\"NOT COMPARED: {why}\"/>")), "{junit}");
    assert!(markdown.contains(&format!("⚪ NOT COMPARED `s`: {why}")), "{markdown}");
    assert!(annotations.starts_with("::warning file=s.toml"), "{annotations}");
    let json: Value = serde_json::from_str(&read("r")).unwrap();
    assert_eq!(json[0]["not_compared"], why);
    assert!(read("t").contains(&format!("NOT COMPARED  s: {why}")), "{}", read("t"));
    // It does not have the scenario.
    let (junit, markdown, annotations) = run("new.toml", "main");
    assert!(junit.contains("<skipped message=\"NOT COMPARED: the base does not"), "{junit}");
    assert!(markdown.contains("⚪ `new` against reports/baselines/main.toml: new"), "{markdown}");
    assert!(annotations.starts_with("::warning file=new.toml"), "{annotations}");
    // Nothing has changed.
    let (junit, markdown, annotations) = run("s.toml", "main");
    assert!(!junit.contains("<skipped"), "{junit}");
    let same = "✅ `s` against reports/baselines/main.toml: no change";
    assert!(markdown.contains(same), "{markdown}");
    assert_eq!(annotations, "");
}
