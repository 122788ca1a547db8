//! What the README shows is what the program does.

use std::fs;
use std::path::Path;

use tagspace::report::run::text::{Colour, Detail};
use tagspace::report::run::{realtime_check as table, text};
use tagspace::sim::scenario::Scenario;
use tagspace::study::experiment::realtime_check::RealTimeCheck;

use crate::common::judged;

/// The fenced blocks of this language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string("README.md").unwrap();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

#[test]
fn its_scenario_is_valid_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("measured.csv"), "ms\n700\n900\n1500\n").unwrap();
    let [text, asked] = blocks("toml").try_into().unwrap();
    // What it says of `[tune]` may stand in any scenario.
    let text = format!("{text}\n{asked}");
    let scenario = Scenario::parse("readme", "README.md", &text, folder.path())
        .unwrap_or_else(|problem| panic!("{problem}"));
    let table = tagspace::study::tune::scenario_table::read(&scenario).unwrap();
    assert_eq!(table.axes.iter().map(|axis| axis.values.len()).collect::<Vec<_>>(), [4, 16]);
    let judged = judged(&scenario);
    assert_eq!(judged.runs[0].figures.number("pages"), 150);
}

#[test]
fn its_run_is_what_the_program_prints() {
    let path = Path::new("scenarios/second-run.toml");
    let scenario = Scenario::read(path, &[]).unwrap();
    let judged = judged(&scenario);
    let printed = text::scenario(&scenario, &judged, "", Detail::Full, Colour::Off);
    let [shown, _] = blocks("console").try_into().unwrap();
    let rest = ["$ ", "  …", "second-run: simulated", "1 of 1 scenarios"];
    let lines = shown.lines().filter(|line| !rest.iter().any(|start| line.starts_with(start)));
    for line in lines {
        assert!(printed.lines().any(|printed| printed == line), "not printed any more: {line}");
    }
}

#[test]
fn what_it_says_was_foretold_still_is() {
    let scenario = Scenario::read(Path::new("scenarios/hinted-quota.toml"), &[]).unwrap();
    let judged = judged(&scenario);
    let foretold = RealTimeCheck::of(0, &judged, std::slice::from_ref(&judged));
    let foretold = table::text("run", &foretold);
    let foretold = foretold.lines().filter(|line| !line.contains("woke late"));
    let [_, shown] = blocks("console").try_into().unwrap();
    let words = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|w| !w.is_empty())
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let shown: Vec<Vec<String>> = shown.lines().map(words).collect();
    for line in foretold.skip(1) {
        assert!(shown.contains(&words(line)), "not foretold any more: {line}");
    }
}

#[test]
fn its_verdicts_are_those_of_the_ledger() {
    let readme = fs::read_to_string("README.md").unwrap();
    let ledger = fs::read_to_string("reports/claims/claims.json").unwrap();
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    let claims = ledger["claims"].as_array().unwrap().iter().chain([&ledger["ablation"]]);
    for claim in claims {
        let (id, words) = (claim["id"].as_str().unwrap(), claim["words"].as_str().unwrap());
        let row = readme.lines().find(|line| line.starts_with(&format!("| {id} |"))).unwrap();
        assert!(row.ends_with(&format!("| {words} |")), "README says {row}, the ledger {words}");
    }
}
