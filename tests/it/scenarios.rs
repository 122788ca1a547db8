//! The shipped scenarios: met, tight, sound, and the same as ever.

use std::fs;
use std::path::{Path, PathBuf};

use tagspace::sim::scenario::Scenario;
use tagspace::study::judge::{self, Verdict};
use tagspace::study::mutate::Mutant;
use tagspace::study::target;

use crate::common::{direct, judged};

fn shipped() -> Vec<Scenario> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir("scenarios").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Scenario::read(path, &[]).unwrap()).collect()
}

#[test]
fn every_target_is_met_and_none_is_slack() {
    for scenario in shipped() {
        let judged = judged(&scenario);
        assert!(!scenario.targets.is_empty(), "{} has no targets", scenario.name);
        for run in &judged.runs {
            for target in &run.targets {
                let said = format!("{} {} {}", scenario.name, run.name, target.target.text);
                assert!(target.met, "{said}: got {:?}", target.value);
                assert!(!target::is_slack(target), "{said} is slack: got {:?}", target.value);
            }
        }
    }
}

#[test]
fn a_scenario_with_faults_targets_that_they_fired() {
    for scenario in shipped() {
        let has_faults =
            scenario.text.contains(".fault]]") || scenario.text.contains("error_429_ratio");
        let targets_them = scenario.targets.iter().any(|target| target.metric == "faults_fired");
        assert!(!has_faults || targets_them, "{}", scenario.name);
    }
}

/// The digests of the logs. Run with `UPDATE_GOLDEN=1` to write them anew, and say in the commit why.
#[test]
fn histories_are_the_same_as_ever() {
    let mut lines = String::new();
    for scenario in shipped() {
        for run in judged(&scenario).runs {
            lines += &[&scenario.name, " ", &run.name, " ", &run.events_sha256(), "\n"].concat();
        }
    }
    let path = Path::new("tests/it/golden.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &lines).unwrap();
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(lines, golden, "UPDATE_GOLDEN=1 accepts the new digests");
}

#[test]
fn the_shipped_set_kills_every_mutant() {
    // A few scenarios suffice, and keep the test quick.
    let keen = ["second-run", "small", "hinted-quota", "day-quota", "free-tier"];
    let loaded: Vec<Scenario> =
        shipped().into_iter().filter(|s| keen.contains(&s.name.as_str())).collect();
    for mutant in Mutant::ALL {
        let noticed = loaded.iter().filter_map(|scenario| {
            let weakened = mutant.of(scenario)?;
            let targets = target::of(scenario).unwrap();
            Some(judge::run(&weakened, &targets, &direct()).unwrap().verdict())
        });
        let noticed = noticed.filter(|verdict| *verdict == Verdict::Missed).count();
        assert!(noticed > 0, "{} survives", mutant.name());
    }
}

/// Other seeds miss targets, but no run may break its books whatever its luck.
#[test]
fn with_other_seeds_every_run_is_sound() {
    for scenario in shipped().iter().filter(|scenario| scenario.name != "lru-5000") {
        let path = Path::new("scenarios").join(&scenario.name).with_extension("toml");
        for seed in 1..=12 {
            let other = Scenario::read(&path, &[format!("seed={seed}")]).unwrap();
            judge::run(&other, &[], &direct())
                .unwrap_or_else(|error| panic!("{}, seed {seed}: {error}", scenario.name));
        }
    }
}

#[test]
fn real_documents_become_pages() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::write(
        folder.path().join("index.html.en"),
        "<title>The  guide</title><body><p>kafka &amp; <b>grafana</b>",
    )
    .unwrap();
    fs::write(
        deep.join("x.htm"),
        "<h1>Отчёт</h1><script>if (a<b) x = \"<a href='\"; postgres</script>a report",
    )
    .unwrap();
    fs::write(deep.join("y.txt"), "not a page").unwrap();
    #[cfg(unix)]
    for (target, link) in [("../..", "up"), ("nowhere.html", "dangling.html")] {
        std::os::unix::fs::symlink(target, deep.join(link)).unwrap();
    }
    let dir = format!("space.dir={}", folder.path().display());
    let capped = crate::common::plain(&[&dir, "space.pages=1"]);
    assert_eq!(capped.figures.number("pages"), 1);
    let run = crate::common::plain(&["space.pages=1", &dir]);
    assert_eq!(run.figures.number("pages"), 2);
    assert_eq!(run.figures.number("pages_tagged"), 2);
    assert_eq!(run.figures.number("pages_mistagged"), 0);
    let log: Vec<String> = run.log.entries.iter().map(|entry| run.log.line(&entry)).collect();
    let tags: Vec<&String> = log.iter().filter(|line| line.contains("\"page_tagged\"")).collect();
    assert!(
        tags[0].contains(r#""doc":["report"]"#) && !tags[0].contains("postgres"),
        "{}",
        tags[0]
    );
    assert!(
        tags[1].contains(r#""doc":["guide"]"#) && tags[1].contains(r#"["kafka","grafana"]"#),
        "{}",
        tags[1]
    );
}
