//! What the README shows is what the program does.

use std::fs;
use std::path::Path;

use tagspace::internals::report::colour::Colour;
use tagspace::internals::report::run::text;
use tagspace::internals::report::run::text::Detail;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::verdict::target_syntax;

use crate::cli::tagspace;
use crate::common::judged;

/// The fenced blocks of a language in a Markdown text.
pub(crate) fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

fn blocks(language: &str) -> Vec<String> {
    blocks_of(&fs::read_to_string("README.md").unwrap(), language)
}

#[test]
fn it_has_about_a_thousand_words() {
    let words = fs::read_to_string("README.md").unwrap().split_whitespace().count();
    assert!((900..=1100).contains(&words), "{words} words");
}

#[test]
fn its_scenario_is_valid_and_meets_its_targets() {
    let [text] = blocks("toml").try_into().unwrap();
    let scenario = Scenario::parse("readme", "README.md", &text, Path::new("."))
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(target_syntax::of(&scenario).unwrap().len(), 3);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("readme.toml"), text).unwrap();
    let ran = tagspace(folder.path(), &["run", "readme.toml", "-q", "--transport", "direct"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
}

#[test]
fn its_run_is_what_the_program_prints() {
    let path = Path::new("scenarios/second-run.toml");
    let scenario = Scenario::read(path, &[]).unwrap();
    let judged = judged(&scenario);
    let printed = text::scenario(&scenario, &judged, "", Detail::Full, Colour::Off);
    let [shown] = blocks("console").try_into().unwrap();
    let lines = shown.lines().filter(|line| !line.starts_with("$ ") && line.trim() != "…");
    let mut count = 0;
    for line in lines {
        assert!(printed.lines().any(|printed| printed == line), "not printed any more: {line}");
        count += 1;
    }
    assert!(count >= 10, "{count} lines");
}

/// The commands of the README that a rehearsal needs, in their order, and their exit codes.
#[test]
fn its_commands_end_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    fs::copy("scenarios/medium.toml", folder.path().join("scenarios/medium.toml")).unwrap();
    let lines: Vec<String> = blocks("sh").concat().lines().map(str::to_owned).collect();
    let mut played = Vec::new();
    for line in &lines {
        let command = line.split(" # ").next().unwrap().trim();
        let Some(arguments) = command.strip_prefix("tagspace ") else { continue };
        // A real space takes credentials; the grid is played in the tests of `tune`.
        if arguments.starts_with("tag ") || arguments.starts_with("tune ") {
            continue;
        }
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let ran = tagspace(folder.path(), &arguments);
        assert_eq!(ran.status.code(), Some(0), "{command}: {ran:?}");
        played.push(arguments[0].to_owned());
    }
    assert_eq!(played, ["demo", "new", "guide", "run", "run"]);
    for document in ["junit.xml", "summary.md", "annotations.txt", "scenarios/first.toml"] {
        assert!(folder.path().join(document).exists(), "{document}");
    }
}
