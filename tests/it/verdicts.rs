//! Verdicts and exit codes that stay true: without targets, with half of the pages, without a reader.

use std::fs;
use std::process::{Command, Stdio};
use tagspace::Metric;
use tagspace::verdict::Figure;

use serde_json::Value;
use tagspace::internals::cli::ExitStatus;
use tagspace::internals::study::measure::figures::Figures;
use tagspace::internals::study::verdict::judge::Verdict;
use tagspace::internals::study::verdict::{target, target_syntax};

use crate::cli::{folder_with, stderr, stdout, tagspace};
use crate::common::{PLAIN, judged, plain, scenario};

/// From second 1 on nothing is answered.
const BREAKS: &str = "gemini.fault=[{ when = { from_s = 1 }, reply = { status = 503 } }]";

/// A run in which nobody helps then.
const BROKEN: [&str; 5] = ["run", "--set", BREAKS, "--set", "pipeline.fallback=false"];

fn with_targets(targets: &str) -> String {
    format!("{PLAIN}[targets.run]\n{targets}\n")
}

#[test]
fn a_reader_that_leaves_changes_no_verdict_and_no_document() {
    for (limit, code) in [("<= 3", 99), ("<= 4", 0)] {
        let folder = folder_with(&with_targets(&format!("ai_calls = \"{limit}\"")));
        for name in ["two", "three"] {
            let copy = folder.path().join(format!("scenarios/{name}.toml"));
            fs::copy(folder.path().join("scenarios/one.toml"), copy).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_tagspace"))
            .args(["run", "-o", "junit=j.xml"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let junit = fs::read_to_string(folder.path().join("j.xml")).unwrap();
        assert_eq!(junit.matches("<testsuite ").count(), 3, "{junit}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_success() {
    for (limit, code) in [("<= 4", 1), ("<= 3", 99)] {
        let folder = folder_with(&with_targets(&format!("ai_calls = \"{limit}\"")));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tagspace"))
            .args(["run", "-o", "json=r.json"])
            .current_dir(folder.path())
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(folder.path().join("r.json").exists());
    }
}

#[test]
fn without_targets_nothing_is_judged_in_any_document() {
    let folder = folder_with(PLAIN);
    let documents = ["junit=j", "markdown=m", "github=g", "json=r", "text=t"];
    let args: Vec<&str> = documents.iter().flat_map(|document| ["-o", document]).collect();
    for seeds in [&[][..], &["--seeds", "1..=2"]] {
        let output = tagspace(folder.path(), &[&["run"], &args[..], seeds].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let said = stdout(&output);
        assert!(said.starts_with("NOT JUDGED  one"), "{said}");
        assert!(said.contains("0 of 1 scenarios met their targets; NOT JUDGED"), "{said}");
        assert!(read("t").starts_with("NOT JUDGED  one"));
        let junit = read("j");
        assert!(junit.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{junit}");
        assert!(junit.contains("<skipped message=\"NOT JUDGED: "), "{junit}");
        assert!(read("m").contains("| ⚪ NOT JUDGED | `one` |") && !read("m").contains('✅'));
        assert!(
            read("g").starts_with("::warning file=scenarios/one.toml,line=1,"),
            "{}",
            read("g")
        );
        let json: Value = serde_json::from_str(&read("r")).unwrap();
        assert_eq!((&json[0]["verdict"], &json[0]["exit_code"]), (&"not_judged".into(), &0.into()));
    }
    let output = tagspace(folder.path(), &["run", "--require-targets"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_latency_over_some_of_the_pages_is_marked_and_missed() {
    let limits = "page_latency = [\"p95 <= 1h\", \"count <= 20\"]\nai_latency = \"max <= 1h\"";
    let folder = folder_with(&with_targets(limits));
    let out = ["-o", "json=r", "-o", "csv=c", "-o", "bmf=b", "-o", "github=g"];
    let output = tagspace(folder.path(), &[&BROKEN[..], &out].concat());
    assert_eq!(output.status.code(), Some(99), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("covers 15 of 20 pages"), "{said}");
    assert!(said.contains("covers 3 of 4 batches"), "{said}");
    assert!(said.contains("(over 15 of 20)"), "{said}");
    // A count is no latency.
    assert!(said.contains("✓ page_latency count <= 20"), "{said}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("r")).unwrap();
    let run = &json[0]["runs"][0];
    assert_eq!(run["metrics"]["page_latency_ms"]["over"]["den"], 20);
    assert_eq!(run["targets"][0]["reason"], "covers 15 of 20 pages");
    let csv = read("c");
    let (header, row) = csv.split_once('\n').unwrap();
    let at = header.split(',').position(|name| name == "page_latency_ms_over").unwrap();
    assert_eq!(row.split(',').nth(at), Some("20"));
    assert!(!read("b").contains("page_latency"), "a part of the pages is comparable with nothing");
    assert!(read("g").contains("covers 15 of 20 pages"), "{}", read("g"));
    // So does the picture.
    let report = folder.path().join("reports/out/one");
    let picture = fs::read_to_string(report.join("latency.svg")).unwrap();
    assert!(picture.contains("page_latency over 15 of 20"), "{picture}");
    assert!(picture.contains("ai_latency over 3 of 4"), "{picture}");
    // Whoever means the tagged pages says so, also in a list.
    let over = "page_latency = [{ limit = \"p95 <= 1h\", over = \"tagged\" }, \"count == 15\"]";
    let folder = folder_with(&with_targets(over));
    let output = tagspace(folder.path(), &BROKEN);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("over 15 of 20"), "{}", stdout(&output));
    assert!(stdout(&output).contains("page_latency p95 <= 1h over tagged"), "{}", stdout(&output));
    for (bad, told) in [
        ("page_latency = { limit = \"p95 <= 1h\", over = \"all\" }", "expected over = \"tagged\""),
        ("makespan = { limit = \"<= 1h\", over = \"tagged\" }", "and makespan is none"),
    ] {
        let folder = folder_with(&with_targets(bad));
        let output = tagspace(folder.path(), &["validate"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn counts_and_sums_of_nothing_are_nothing_and_what_is_unknown_has_no_value() {
    let run = plain(&[]);
    for (figure, value) in [
        ("backoff_wait count", Some(0)),
        ("backoff_wait sum", Some(0)),
        ("backoff_wait p95", None),
        ("fallbacks", Some(0)),
    ] {
        assert_eq!(run.figures.integer(Figure::find(figure).unwrap()), value, "{figure}");
    }
    // Nobody knows the price of this model.
    let figures = Figures::of(&run.log, &std::collections::BTreeMap::new());
    assert_eq!(figures.integer(Metric::Cost), None);
    let cost = target_syntax::in_one_piece("run", "cost <= $9").unwrap();
    let judged = target::judge(&cost, &figures, None);
    assert_eq!((judged.met, judged.value), (false, None));
    assert_eq!(judged.reason.as_deref(), Some("the price of a model is not known"));
}

#[test]
fn an_efficiency_without_a_value_says_why() {
    let why = |settings: &[&str]| plain(settings).figures.why_absent(Metric::Efficiency);
    assert_eq!(why(&[]), None);
    assert_eq!(why(&[BREAKS]), Some("a fallback helped"));
    assert_eq!(why(&[BREAKS, "pipeline.fallback=false"]), Some("pages failed"));
}

const PAIR: &str = "[[run]]\nname = \"before\"\n[run.pipeline]\nbatch_size = 1\ncache = false\n\
                    [[run]]\nname = \"after\"\nfresh = true\n";

#[test]
fn a_limit_may_be_a_part_of_what_an_earlier_run_has() {
    // 20 calls become 4; 7.02 s of waiting become less.
    let text = |limits: &str| format!("{PLAIN}{PAIR}[targets.after]\n{limits}\n");
    let met = |limits: &str| {
        let judged = judged(&scenario(&text(limits), &[]));
        let target = judged.runs[1].targets[0].clone();
        (judged.verdict() == Verdict::Met, target.limit, target.reason)
    };
    assert_eq!(met("ai_calls = \"<= 20% of before\""), (true, Some(4), None));
    assert_eq!(met("ai_calls = \"<= 1/5 of before\""), (true, Some(4), None));
    assert!(!met("ai_calls = \"< 1/5 of before\"").0);
    assert_eq!(met("ai_calls = \"<= 19.9% of before\""), (false, Some(3), None));
    assert_eq!(met("pages_tagged = \">= 100% of before\""), (true, Some(20), None));
    assert!(met("page_latency = \"p95 <= 150% of before\"").0);
    // Nothing is a part of nothing.
    let (is_met, limit, reason) = met("retries = \"<= 50% of before\"");
    assert_eq!((is_met, limit), (false, None));
    assert!(reason.unwrap().contains("`before` has 0"));
    let (is_met, _, reason) = met("backoff_wait = \"p95 <= 50% of before\"");
    assert!(!is_met && reason.unwrap() == "no samples");
    for (limit, told) in [
        ("ai_calls = \"<= 10% of befor\"", "did you mean `before`?"),
        ("ai_calls = \"<= 10% of after\"", "expected a run that stands earlier"),
        ("ai_calls = \"<= x of before\"", "found `x`"),
        ("ai_calls = \"<= 1/0 of before\"", "found `1/0`"),
    ] {
        let folder = folder_with(&text(limit));
        let output = tagspace(folder.path(), &["validate"]);
        assert_eq!(output.status.code(), Some(2), "{limit}");
        let told_now = stderr(&output);
        assert!(told_now.contains(told), "{limit}: {told_now}");
        let line = text(limit).lines().position(|line| line == limit).unwrap() + 1;
        assert!(told_now.contains(&format!("one.toml:{line}:")), "{told_now}");
    }
}

#[test]
fn a_relative_limit_is_judged_seed_by_seed_and_factors_are_shown() {
    let limits = "ai_calls = \"<= 1/4 of before\"\nmakespan = \"<= 90% of before\"";
    let folder = folder_with(&format!("{PLAIN}{PAIR}[targets.after]\n{limits}\n"));
    let output = tagspace(folder.path(), &["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let said = stdout(&output);
    let row = said.lines().find(|line| line.trim().starts_with("ai_calls...")).unwrap();
    assert!(row.trim_end().ends_with("÷ 5.00"), "{row}");
    assert!(said.contains("limit 5, margin +1"), "{said}");
    let output = tagspace(folder.path(), &["run", "--seeds", "1..=3", "-o", "json=r"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let said = stdout(&output);
    let (_, after) = said.split_once("FIGURES of after: median, factor to before").unwrap();
    let row = after.lines().find(|line| line.trim().starts_with("ai_calls...")).unwrap();
    assert!(row.contains("  ÷ 5.00"), "{row}");
    let json = fs::read(folder.path().join("r")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let target = &json[0]["runs"][1]["targets"][0];
    assert_eq!((&target["limit_value"], &target["met_in_seeds"]["num"]), (&5.into(), &3.into()));
}

#[test]
fn a_row_has_one_unit() {
    use tagspace::internals::report::format::{factor, in_one_unit};
    use tagspace::internals::study::measure::metric::Unit;
    let shown = |values: &[u64]| -> Vec<String> {
        let values: Vec<Option<u64>> = values.iter().copied().map(Some).collect();
        in_one_unit(&values, Unit::Millis).into_iter().flatten().collect()
    };
    assert_eq!(shown(&[12, 900]), ["12 ms", "900 ms"]);
    assert_eq!(shown(&[900, 12_574]), ["0.90 s", "12.57 s"]);
    assert_eq!(shown(&[0, 605_000]), ["0 ms", "10 min 05 s"]);
    assert_eq!(shown(&[37_660, 750_000]), ["37.66 s", "750.00 s"]);
    assert_eq!(factor(Some(240), Some(20)), "÷ 12.0");
    assert_eq!(factor(Some(191), Some(330)), "× 1.73");
    assert_eq!(factor(Some(0), Some(3)), "-");
}

#[test]
fn the_table_of_exit_codes_is_the_one_in_the_code() {
    let readme = fs::read_to_string("README.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let help = stdout(&tagspace(folder.path(), &["--help"]));
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for status in ExitStatus::ALL {
        let row = format!("| {} | {} |", status.code(), status.meaning());
        assert!(readme.contains(&row), "README lacks: {row}");
        assert!(help.contains(status.meaning()), "--help lacks: {}", status.meaning());
    }
}
