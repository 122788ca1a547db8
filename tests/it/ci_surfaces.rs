//! What continuous integration reads of a run: JUnit, step summary, annotations, tracked figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use serde_json::Value;

/// A scenario with one target that is met and two that are missed.
const MISSES: &str = r#"# Is a "missed" target <seen> & told, 100 % of the time?
schema = 1
seed = 42
[space]
pages = 10
[confluence]
[gemini]
model = "gemini-3.5-flash-lite"
[targets.run]
pages_tagged = "== 10"
ai_calls = "<= 1"
page_latency = "p95 <= 1ms"
"#;

struct Ran {
    code: Option<i32>,
    folder: tempfile::TempDir,
}

impl Ran {
    /// Runs the scenario, and another that meets its targets, with every document.
    fn new(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("misses.toml"), MISSES).unwrap();
        let meets = MISSES.replace("<= 1\"", "<= 10\"").replace("<= 1ms", "<= 1h");
        fs::write(folder.path().join("meets.toml"), meets).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.current_dir(folder.path()).args(["run", "misses.toml", "meets.toml", "--quiet"]);
        for kind in ["junit", "markdown", "github", "bmf", "smaller", "bigger"] {
            command.args(["-o", &format!("{kind}={kind}.out")]);
        }
        let code = command.args(more).status().unwrap().code();
        Self { code, folder }
    }

    fn read(&self, kind: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{kind}.out"))).unwrap()
    }

    fn json(&self, kind: &str) -> Value {
        serde_json::from_str(&self.read(kind)).unwrap()
    }
}

#[test]
fn every_document_is_written_and_the_verdict_stays() {
    let ran = Ran::new(&[]);
    assert_eq!(ran.code, Some(99));
    // The same again is the same to the byte: nothing in it is of the machine or the hour.
    let again = Ran::new(&["--transport", "direct", "--jobs", "1"]);
    for kind in ["junit", "markdown", "github", "bmf", "smaller", "bigger"] {
        assert_eq!(ran.read(kind), again.read(kind), "{kind}");
    }
}

/// The elements of a document with their attributes, in order.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = quick_xml::escape::unescape(&attribute.value).unwrap().into_owned();
                    (attribute.key.0.to_owned(), value)
                });
                found.push((tag.name().0.to_owned(), attributes.collect()));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn attribute(attributes: &[(String, String)], name: &str) -> String {
    let found = attributes.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {attributes:?}")).1.clone()
}

#[test]
fn junit_has_a_suite_for_each_scenario_and_a_case_for_each_target() {
    let ran = Ran::new(&[]);
    let text = ran.read("junit");
    let all = elements(&text);
    let of =
        |name: &str| all.iter().filter(|(tag, _)| tag == name).map(|(_, a)| a).collect::<Vec<_>>();
    let suites = of("testsuites");
    assert_eq!(
        (attribute(suites[0], "tests"), attribute(suites[0], "failures")),
        ("6".into(), "2".into())
    );
    let suite = of("testsuite");
    assert_eq!(suite.len(), 2);
    // In the order in which they were named.
    assert_eq!(attribute(suite[0], "name"), "misses");
    assert_eq!(
        (attribute(suite[0], "tests"), attribute(suite[0], "failures")),
        ("3".into(), "2".into())
    );
    assert_eq!(
        (attribute(suite[0], "errors"), attribute(suite[0], "skipped")),
        ("0".into(), "0".into())
    );
    let cases = of("testcase");
    assert_eq!(cases.len(), 6);
    assert_eq!(attribute(cases[1], "name"), "run: ai_calls <= 1");
    assert_eq!(attribute(cases[1], "classname"), "misses");
    // All cases share the time of their run, so that only the suite has one.
    let time: f64 = attribute(suite[0], "time").parse().unwrap();
    assert!(time > 0.0 && time < 600.0, "virtual seconds: {time}");
    assert!(cases.iter().all(|case| case.iter().all(|(name, _)| name != "time")), "{text}");
    let failures = of("failure");
    assert_eq!(failures.len(), 2);
    assert_eq!(attribute(failures[0], "message"), "run: ai_calls <= 1, found 2 (margin -1)");
    let question = of("property").into_iter().find(|a| attribute(a, "name") == "question").unwrap();
    assert_eq!(
        attribute(question, "value"),
        "Is a \"missed\" target <seen> & told, 100 % of the time?"
    );
    assert!(text.contains("replay: tagspace run misses.toml --seed 42"), "{text}");
}

#[test]
fn an_annotation_points_at_the_line_of_its_target() {
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("::").nth(1).unwrap().to_owned()).collect()
    };
    let line_of = |words: &str| 1 + MISSES.lines().position(|line| line.contains(words)).unwrap();
    let wanted: Vec<String> = ["ai_calls =", "page_latency ="]
        .iter()
        .map(|words| {
            format!("error file=misses.toml,line={},title=misses misses a target", line_of(words))
        })
        .collect();
    let plain = Ran::new(&[]).read("github");
    assert_eq!(lines(&plain), wanted, "{plain}");
    assert!(plain.contains("::run: ai_calls <= 1, found 2 (margin -1)\n"), "{plain}");
    // Settings that add lines above do not move it.
    let moved = Ran::new(&["--set", "seed=7", "--set", "space.duplicate_ratio=0.1"]).read("github");
    assert_eq!(lines(&moved), wanted, "{moved}");
}

#[test]
fn each_limit_of_a_list_has_its_own_line_and_none_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let list = "ai_calls = [\n  # few\n  \"<= 10\",\n  '<= 1', \"<= 1 in >= 50% of seeds\",\n\n  \"<= 0\",\n]";
    let text = MISSES.replace("ai_calls = \"<= 1\"", list);
    fs::write(folder.path().join("list.toml"), &text).unwrap();
    let none = MISSES.split("[targets").next().unwrap();
    fs::write(folder.path().join("none.toml"), none).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let args = ["run", "list.toml", "none.toml", "-o", "github=github.out", "-o", "markdown=m.out"];
    let output = command.current_dir(folder.path()).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(99));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let github = read("github.out");
    let first = 1 + text.lines().position(|line| line.contains("ai_calls")).unwrap();
    for (line, limit) in [(first + 3, "<= 1,"), (first + 3, "<= 1 in"), (first + 5, "<= 0,")] {
        let said = github.lines().find(|said| said.contains(&format!("ai_calls {limit}")));
        assert!(said.is_some_and(|said| said.contains(&format!(",line={line},"))), "{github}");
    }
    // A scenario without targets meets nothing.
    assert!(read("m.out").contains("| ⚪ NOT JUDGED | `none` |"), "{}", read("m.out"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("missed: list; NOT JUDGED, because they have no targets: none; reports in"),
        "{text}"
    );
}

#[test]
fn what_github_takes_for_its_own_is_escaped_and_ten_are_shown() {
    use tagspace::internals::report::ci::annotations;
    let many: Vec<String> = (0..12).map(|n| format!("::error::{n}\n")).collect();
    let shown = annotations::document(&many);
    assert_eq!(shown.lines().count(), 10);
    assert!(shown.ends_with("::error title=tagspace::and 3 more\n"), "{shown}");
    assert_eq!(annotations::document(&many[..10]).lines().count(), 10);
    assert_eq!(annotations::document(&[]), "");
    // A file's name may hold what separates properties, a limit a percent sign.
    let folder = tempfile::tempdir().unwrap();
    let text = MISSES.replace("ai_calls = \"<= 1\"", "rate_limited_ratio = \">= 3%\"");
    fs::write(folder.path().join("a,b.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let args = ["run", "a,b.toml", "--format", "github"];
    let output = command.current_dir(folder.path()).args(args).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("::error file=a%2Cb.toml,line=11,title=a%2Cb misses"), "{said}");
    assert!(said.contains("rate_limited_ratio >= 3%25, found 0.00 %25 (0 of 2)"), "{said}");
}

#[test]
fn the_summary_has_a_row_for_each_and_opens_what_is_missed() {
    let text = Ran::new(&[]).read("markdown");
    assert!(text.starts_with("### tagspace: 1 of 2 scenarios met their targets\n\n| |"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("| `m")).collect();
    assert!(rows[0].starts_with("| ❌ | `misses` |") && rows[0].contains("| 1 of 3 |"), "{rows:?}");
    assert!(rows[1].starts_with("| ✅ | `meets` |") && rows[1].contains("| 3 of 3 |"), "{rows:?}");
    let columns = |line: &str| line.matches('|').count();
    assert!(rows.iter().all(|row| columns(row) == 8), "{rows:?}");
    assert_eq!(text.matches("<details open>").count(), text.matches("</details>").count());
    assert!(text.contains("| run: ai_calls &lt;= 1 | 2 | margin -1 |"), "{text}");
}

/// What Bencher reads, as <https://bencher.dev/bmf.json> has it; what it does not know is an error.
type Bmf = BTreeMap<String, BTreeMap<String, Measure>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    value: f64,
    lower_value: Option<f64>,
    upper_value: Option<f64>,
}

/// What github-action-benchmark reads with the tools `customSmallerIsBetter` and
/// `customBiggerIsBetter`, as its README has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    range: Option<String>,
    extra: Option<String>,
}

#[test]
fn the_services_read_what_is_written_for_them() {
    for seeds in [&[][..], &["--seeds", "2..=4"]] {
        let ran = Ran::new(seeds);
        let bmf: Bmf = serde_json::from_str(&ran.read("bmf")).unwrap();
        assert_eq!(bmf.keys().collect::<Vec<_>>(), ["meets/run", "misses/run"]);
        for measure in bmf.values().flat_map(BTreeMap::values) {
            let Measure { value, lower_value, upper_value } = measure;
            assert_eq!(lower_value.is_some(), !seeds.is_empty());
            assert!(lower_value.unwrap_or(*value) <= *value, "{measure:?}");
            assert!(upper_value.unwrap_or(*value) >= *value, "{measure:?}");
        }
        for kind in ["smaller", "bigger"] {
            let entries: Vec<Entry> = serde_json::from_str(&ran.read(kind)).unwrap();
            let names: BTreeSet<&String> = entries.iter().map(|entry| &entry.name).collect();
            assert_eq!(names.len(), entries.len(), "a name is the identity over time");
            for entry in &entries {
                assert!(entry.value.is_finite() && !entry.unit.is_empty(), "{entry:?}");
                assert_eq!(entry.range.is_some(), !seeds.is_empty(), "{entry:?}");
                assert!(entry.extra.as_ref().is_some_and(|extra| extra.contains("seed")));
            }
        }
    }
}

#[test]
fn tracked_figures_have_a_unit_and_a_direction() {
    let ran = Ran::new(&[]);
    let bmf = ran.json("bmf");
    let measures = bmf["misses/run"].as_object().unwrap();
    assert_eq!(measures["ai_calls"]["value"], 2.0);
    assert!(measures.keys().all(|name| name.len() <= 64));
    // A value is in the unit that its name says.
    let cost = measures["cost_usd"]["value"].as_f64().unwrap();
    assert!(cost > 0.0 && cost < 0.1, "{cost}");
    assert!(measures["page_latency_p95_ms"]["value"].as_f64().unwrap() > 100.0);
    assert!(bmf.as_object().unwrap().keys().all(|name| name.len() <= 1024));
    for (kind, has, has_not) in
        [("smaller", "makespan", "cache_hit_ratio"), ("bigger", "pages_per_minute", "cost")]
    {
        let entries = ran.json(kind);
        let names: Vec<&str> = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&format!("meets/run {has}").as_str()), "{names:?}");
        assert!(!names.iter().any(|name| name.ends_with(has_not)), "{names:?}");
    }
}

#[test]
fn a_summary_over_seeds_has_their_medians() {
    let ran = Ran::new(&["--seeds", "2..=4"]);
    let text = ran.read("markdown");
    let row = text.lines().find(|line| line.contains("`meets`")).unwrap();
    assert!(row.contains("(medians of 3 seeds)"), "{row}");
    let median = ran.json("bmf")["meets/run"]["makespan_ms"]["value"].as_f64().unwrap();
    let seeds: Vec<f64> = (2..=4)
        .map(|seed| {
            let path = format!("reports/out/meets/seeds/{seed}/report.json");
            let text = fs::read_to_string(ran.folder.path().join(path)).unwrap();
            let report: Value = serde_json::from_str(&text).unwrap();
            report["runs"][0]["metrics"]["makespan_ms"].as_f64().unwrap()
        })
        .collect();
    assert!((seeds[0] - median).abs() >= 1.0, "the first must not be the median: {seeds:?}");
    let shown = format!("{:.2} s", median / 1000.0);
    assert!(row.contains(&shown), "{row}: {shown} of {seeds:?}");
    // JUnit's time as well.
    let junit = ran.read("junit");
    let suites = elements(&junit).into_iter().filter(|(tag, _)| tag == "testsuite");
    let times: Vec<String> = suites.map(|(_, of)| attribute(&of, "time")).collect();
    assert_eq!(times[1], format!("{:.3}", median / 1000.0), "{junit}");
}

#[test]
fn the_workflow_to_copy_asks_for_documents_that_exist() {
    let text = fs::read_to_string(".github/workflows/rehearse.yml").unwrap();
    let asked: Vec<&str> = text
        .lines()
        .take_while(|line| !line.contains("Compare with the base"))
        .filter_map(|line| line.trim().strip_prefix("-o ")?.split('=').next())
        .collect();
    assert!(asked.len() >= 3, "{asked:?}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("misses.toml"), MISSES).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    command.current_dir(folder.path()).args(["run", "misses.toml", "--quiet"]);
    for kind in &asked {
        command.args(["-o", &format!("{kind}={kind}.out")]);
    }
    assert_eq!(command.status().unwrap().code(), Some(99));
    for kind in asked {
        assert!(
            fs::metadata(folder.path().join(format!("{kind}.out"))).unwrap().len() > 0,
            "{kind}"
        );
    }
}

#[test]
fn the_workflow_to_copy_compares_two_programs() {
    let text = fs::read_to_string(".github/workflows/rehearse.yml").unwrap();
    let step = text.split("target/release/tagspace compare").nth(1).unwrap();
    let step = step.split("- name").next().unwrap().replace("\\\n", " ");
    let words: Vec<&str> = step.split_whitespace().collect();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let written = path("compare.md");
    let words = words.iter().map(|word| match *word {
        "base/target/release/tagspace" | "target/release/tagspace" => {
            env!("CARGO_BIN_EXE_tagspace").to_owned()
        }
        document if document.contains("=rehearsal/") => document.replace("rehearsal/", &path("")),
        // Fewer seeds, so that it takes a moment.
        "1..=32" => "1..=16".to_owned(),
        word => word.to_owned(),
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let command = command.arg("compare").args(words).args(["--quiet", "--out", &path("out")]);
    assert_eq!(command.status().unwrap().code(), Some(0));
    let told = fs::read_to_string(written).unwrap();
    assert!(told.starts_with("NO CHANGE: 2 no change"), "{told}");
}
