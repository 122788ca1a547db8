//! The shipped scenarios: met in many seeds, tight, sound, and the same as ever.

use std::cmp::Reverse;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use tagspace::Metric;

use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::experiment::mutation::Mutant;
use tagspace::internals::study::verdict::judge::Verdict;
use tagspace::internals::study::verdict::seeds::{PlayedSeed, Series};
use tagspace::internals::study::verdict::target::Compare;
use tagspace::internals::study::verdict::{judge, target, target_syntax};

use crate::common::{direct, judged, played};

fn shipped() -> Vec<Scenario> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir("scenarios").unwrap().map(|entry| entry.unwrap().path()).collect();
    // What a scenario has measured lies beside it.
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    paths.iter().map(|path| Scenario::read(path, &[]).unwrap()).collect()
}

/// The seeds that every scenario is played with, besides its file's own. The bounds were set with
/// more of them, 1 to 256, and checked with 257 to 512.
const SEEDS: RangeInclusive<u64> = 1..=32;

/// A target without a share of seeds has to hold in all of them. Judging checks the books of every
/// run as well, whatever its luck.
#[test]
fn every_target_is_met_in_its_share_of_seeds_and_none_is_slack() {
    let mut wrong = Vec::new();
    for scenario in shipped() {
        assert!(!scenario.targets.is_empty(), "{} has no targets", scenario.name);
        let own = PlayedSeed::of(scenario.world.seed.0, &judged(&scenario));
        for run in &own.runs {
            for target in &run.targets {
                let said = [&scenario.name, &run.name, target.target.metric.name()].join(" ");
                let (text, value) = (&target.target.text, target.value);
                if !target.met {
                    wrong.push(format!("{said} {text}: found {value:?} with the seed of the file"));
                }
            }
        }
        // Two runs over 5,000 pages take seconds.
        let is_heavy = scenario.name == "lru-5000";
        let seeds = if is_heavy { vec![own] } else { played(&scenario, SEEDS) };
        let series = Series::of(seeds).unwrap();
        for (run, judged) in series.judged.runs.iter().enumerate() {
            for (at, target) in judged.targets.iter().enumerate() {
                let said = [&scenario.name, &judged.name, target.target.metric.name()].join(" ");
                let (text, over) = (&target.target.text, target.over.unwrap());
                if !target.met {
                    wrong.push(format!("{said} {text}: met in {} of {}", over.met, over.seeds));
                    continue;
                }
                let bounding = bounding_value(&series, run, at);
                let is_slack = target.target.compare != Compare::Equal
                    && is_slack(target.limit.unwrap(), bounding);
                if is_slack {
                    wrong.push(format!("{said} {text} is slack: {bounding} would do"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The value of the worst seed within the share in which a target has to hold: the tightest limit
/// that would still be met.
fn bounding_value(series: &Series, run: usize, at: usize) -> u64 {
    let of_seed = |played: &PlayedSeed| played.runs[run].targets[at].clone();
    let mut seeds: Vec<target::JudgedTarget> = series.played.iter().map(of_seed).collect();
    // The best first; a seed without a value is the worst.
    seeds.sort_by_key(|judged| Reverse((judged.value.is_some(), judged.margin)));
    let enough = (1..=seeds.len())
        .find(|met| seeds[0].target.is_met_in(*met, seeds.len(), target::ALL_SEEDS_PPM))
        .unwrap();
    seeds[enough - 1].value.unwrap()
}

/// Whether a limit is more than a quarter away from the value that bounds it.
fn is_slack(limit: u64, bounding: u64) -> bool {
    limit.abs_diff(bounding) * 4 > limit.max(bounding)
}

#[test]
fn a_scenario_with_faults_targets_that_they_fired() {
    for scenario in shipped() {
        let has_faults = [".fault]]", ".spell]]", "spell =", "error_429_ratio"];
        let has_faults = has_faults.iter().any(|word| scenario.text.contains(word));
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
            // That the parts of the time add up is an invariant of every run.
            let figures = &run.figures;
            let (idle, makespan) =
                (figures.number(Metric::TimeIdle), figures.number(Metric::Makespan));
            assert!(idle * 100 <= makespan, "{} {}: {idle} ms idle", scenario.name, run.name);
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
            let targets = target_syntax::of(scenario).unwrap();
            Some(judge::run(&weakened, &targets, &direct()).unwrap().verdict())
        });
        let noticed = noticed.filter(|verdict| *verdict == Verdict::Missed).count();
        assert!(noticed > 0, "{} survives", mutant.name());
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
    assert_eq!(capped.figures.number(Metric::Pages), 1);
    let run = crate::common::plain(&["space.pages=1", &dir]);
    assert_eq!(run.figures.number(Metric::Pages), 2);
    assert_eq!(run.figures.number(Metric::PagesTagged), 2);
    assert_eq!(run.figures.number(Metric::PagesMistagged), 0);
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
