//! What the README shows is what the program does.

use std::fs;
use std::path::Path;

use tagspace::report::text::{self, Colour, Detail};
use tagspace::sim::scenario::Scenario;

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
    let [text] = blocks("toml").try_into().unwrap();
    let scenario = Scenario::parse("readme", "README.md", &text, folder.path())
        .unwrap_or_else(|problem| panic!("{problem}"));
    let judged = judged(&scenario);
    assert_eq!(judged.runs[0].figures.number("pages"), 150);
}

#[test]
fn its_run_is_what_the_program_prints() {
    let path = Path::new("scenarios/second-run.toml");
    let scenario = Scenario::read(path, &[]).unwrap();
    let judged = judged(&scenario);
    let printed = text::scenario(&scenario, &judged, "", Detail::Full, Colour::Off);
    let [shown] = blocks("console").try_into().unwrap();
    let rest = ["$ ", "  …", "second-run: simulated", "1 of 1 scenarios"];
    let lines = shown.lines().filter(|line| !rest.iter().any(|start| line.starts_with(start)));
    for line in lines {
        assert!(printed.lines().any(|printed| printed == line), "not printed any more: {line}");
    }
}
