//! What a newcomer tries first: the demo, the help, the metrics, a scenario of one's own.

use std::fs;

use tagspace::Metric;
use tagspace::internals::sim::scenario::Scenario;

use crate::cli::{stderr, stdout, tagspace};

#[test]
fn the_demo_needs_no_other_file_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let played = tagspace(folder.path(), &["demo"]);
    assert_eq!(played.status.code(), Some(0), "{played:?}");
    assert!(stdout(&played).contains("3 of 3 scenarios met their targets"), "{played:?}");
    let report = folder.path().join("tagspace-demo/reports/before-after/report.json");
    assert!(report.exists());
    // Again, with the same files.
    assert_eq!(tagspace(folder.path(), &["demo"]).status.code(), Some(0));
    // With other ones it refuses, and another folder helps.
    let own = folder.path().join("tagspace-demo/second-run.toml");
    fs::write(&own, "# Mine?\n").unwrap();
    let refused = tagspace(folder.path(), &["demo"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(stderr(&refused).contains("second-run.toml: expected the scenario of the demo"));
    assert_eq!(fs::read_to_string(&own).unwrap(), "# Mine?\n");
    assert_eq!(tagspace(folder.path(), &["demo", "other one"]).status.code(), Some(0));
    // A folder with scenarios of one's own is no place for it, nor is a file.
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/mine.toml"), "# Mine?\n").unwrap();
    for place in ["own", "own/mine.toml"] {
        let refused = tagspace(folder.path(), &["demo", place]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(stderr(&refused).contains("`tagspace demo DIR`"), "{refused:?}");
    }
    let odd = tagspace(folder.path(), &["demo", "--", "-odd"]);
    assert_eq!(odd.status.code(), Some(0), "{odd:?}");
}

#[test]
fn without_scenarios_the_demo_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ran = tagspace(folder.path(), &["run"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(stderr(&ran).contains("`tagspace demo`"), "{ran:?}");
}

#[test]
fn every_metric_is_listed_and_shown_with_a_target_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let table = stdout(&tagspace(folder.path(), &["metrics"]));
    for metric in Metric::ALL {
        assert!(table.contains(metric.doc()), "{}", metric.name());
        let one = stdout(&tagspace(folder.path(), &["metrics", metric.name()]));
        let example = one.lines().find_map(|line| line.strip_prefix("a target: ")).unwrap();
        let text = format!("{}\n[targets.run]\n{example}\n", crate::common::PLAIN);
        let scenario = Scenario::parse("one", "one.toml", &text, folder.path()).unwrap();
        let targets = tagspace::targets_of(&scenario);
        assert_eq!(targets.unwrap_or_else(|problem| panic!("{problem}")).len(), 1, "{example}");
    }
    let unknown = tagspace(folder.path(), &["metrics", "page_latancy"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("did you mean `page_latency`?"), "{unknown:?}");
}

#[test]
fn the_default_taxonomy_can_be_printed_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let printed = stdout(&tagspace(folder.path(), &["new", "--from", "taxonomy"]));
    let text = format!("{}\n{printed}", crate::common::PLAIN);
    let with = Scenario::parse("one", "one.toml", &text, folder.path()).unwrap();
    let without = Scenario::parse("one", "one.toml", crate::common::PLAIN, folder.path()).unwrap();
    assert_eq!(with.world.taxonomy, without.world.taxonomy);
    assert!(!folder.path().join("scenarios").exists());
}

#[test]
fn a_new_scenario_has_a_schema_line_and_a_comment_at_every_table() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(tagspace(folder.path(), &["new", "first"]).status.code(), Some(0));
    let text = fs::read_to_string(folder.path().join("scenarios/first.toml")).unwrap();
    assert!(text.lines().nth(1).unwrap().starts_with("#:schema "), "{text}");
    let tables = text.split("\n\n").skip(1);
    for table in tables {
        assert!(table.contains(" # "), "no comment in:\n{table}");
    }
    let again = tagspace(folder.path(), &["new", "first"]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
}

#[test]
fn the_help_of_every_command_ends_with_examples_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let help = stdout(&tagspace(folder.path(), &["--help"]));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_whitespace().next()?;
        (!line.starts_with("   ") && name != "help").then_some(name)
    });
    let mut count = 0;
    for name in names {
        let help = stdout(&tagspace(folder.path(), &[name, "--help"]));
        let examples = help.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("{name}"));
        let begin = format!("  tagspace {name}");
        assert!(examples.lines().all(|line| line.starts_with(&begin)), "{name}: {examples}");
        count += 1;
    }
    assert_eq!(count, 21);
}
