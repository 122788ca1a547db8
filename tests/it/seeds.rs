//! Many seeds of one scenario: targets over all of them, and what is written.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tagspace::Metric;

use serde_json::Value;
use tagspace::internals::report::pictures;
use tagspace::internals::study::verdict::seeds::{PlayedSeed, Series};
use tagspace::internals::study::verdict::target_syntax;

use crate::common::{judged, played, scenario};

/// Latencies differ from seed to seed, and so do the answers that are missed.
const LUCK: &str = r#"# How long does it take?
schema = 1
seed = 1
[space]
pages = 20
[confluence]
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 450, sigma = 0.5 }
[targets.run]
pages_tagged = "== 20"
makespan = ["<= 2500ms", "<= 2500ms in >= 50% of seeds", "<= 1ms in >= 1% of seeds"]
"#;

fn series(text: &str, seeds: u64) -> Series {
    Series::of(played(&scenario(text, &[]), 1..=seeds)).unwrap()
}

#[test]
fn a_target_must_be_met_in_as_many_seeds_as_it_says() {
    let series = series(LUCK, 20);
    let of = |one: &PlayedSeed| one.runs[0].figures.number(Metric::Makespan);
    let makespans: Vec<u64> = series.played.iter().map(of).collect();
    let met = makespans.iter().filter(|ms| **ms <= 2_500).count();
    assert!((10..20).contains(&met), "the limit tells seeds apart: {makespans:?}");
    let targets = &series.judged.runs[0].targets;
    let met_by: Vec<(bool, usize)> =
        targets.iter().map(|judged| (judged.met, judged.over.unwrap().met)).collect();
    assert_eq!(met_by, [(true, 20), (false, met), (true, met), (false, 0)]);
    // The worst seed is the slowest, and what is shown is its value.
    let slowest = makespans.iter().max().unwrap();
    let place = makespans.iter().position(|ms| ms == slowest).unwrap() as u64;
    assert_eq!(targets[1].value, Some(*slowest));
    assert_eq!(targets[1].over.unwrap().worst, place + 1);
    let map = series.map(0, 1);
    assert_eq!(map, makespans.iter().map(|ms| *ms <= 2_500).collect::<Vec<_>>());
}

#[test]
fn the_worst_seed_misses_most_targets() {
    let text = LUCK.split("[targets.run]").next().unwrap();
    let targets = "makespan = \"<= 10s\"\ncost = \"<= $1\"\nprompts = \"<= 100\"\n";
    let fine = played(&scenario(&format!("{text}[targets.run]\n{targets}"), &[]), 1..=4);
    assert_eq!(Series::of(fine.clone()).unwrap().worst(), None);
    // Which seed misses which target, and by how much.
    let worst = |misses: &[(usize, usize, i64)]| {
        let mut all = fine.clone();
        for (seed, target, margin) in misses {
            let target = &mut all[seed - 1].runs[0].targets[*target];
            (target.met, target.margin) = (false, Some(*margin));
        }
        Series::of(all).unwrap().worst()
    };
    // Seed 2 misses two, though it is the worst for none.
    let spread = [(1, 0, -100), (2, 1, -1), (2, 2, -1), (3, 1, -50), (4, 2, -50)];
    assert_eq!(worst(&spread), Some(2));
    // Of seeds that miss as many the one that is the worst for most, and then the first.
    assert_eq!(worst(&[(2, 0, -1), (3, 0, -2), (4, 0, -1)]), Some(3));
    assert_eq!(worst(&[(2, 0, -1), (3, 1, -2)]), Some(2));
}

#[test]
fn several_seeds_in_a_column_of_the_map_show_their_share() {
    let scenario = scenario(LUCK, &[]);
    let few = played(&scenario, 1..=8);
    let picture = |played: Vec<PlayedSeed>| {
        let drawn = pictures::of_seeds(&scenario, &Series::of(played).unwrap());
        drawn.into_iter().next().unwrap().1.unwrap().file()
    };
    // Two in a column; that nobody meets 1 ms fills a column whole, and one of two half of it.
    let again = few.iter().cycle().zip(0..500);
    let many = picture(again.map(|(one, seed)| PlayedSeed { seed, ..one.clone() }).collect());
    assert!(many.contains("2 seeds in a column: filled up to the share that misses"));
    let heights: std::collections::BTreeSet<u64> = many
        .split("<rect ")
        .filter(|rect| rect.contains("f-red") && rect.contains("width=\"2\""))
        .map(|rect| rect.split("height=\"").nth(1).unwrap().split('"').next().unwrap())
        .map(|height| height.parse().unwrap())
        .collect();
    assert_eq!(heights.into_iter().collect::<Vec<_>>(), [13, 26]);
    assert!(!picture(few.clone()).contains("in a column"));
    assert!(many.contains("✗ met in 0 of 500"));
}

#[test]
fn a_seed_of_many_is_the_seed_alone() {
    let series = series(LUCK, 3);
    for one in &series.played {
        let alone = scenario(LUCK, &[&format!("seed={}", one.seed)]);
        assert_eq!(one.runs[0].events_sha256, judged(&alone).runs[0].events_sha256());
    }
}

#[test]
fn what_is_no_share_of_seeds_is_refused() {
    let said = |limit: &str| {
        let text = LUCK.replace("\"<= 2500ms\"", &format!("\"{limit}\""));
        target_syntax::of(&scenario(&text, &[])).unwrap_err().message
    };
    insta::assert_snapshot!(said("<= 4s in 95% of seeds"), @"expected a share of the seeds such as `in >= 95% of seeds`, found `in 95% of seeds`");
    insta::assert_snapshot!(said("<= 4s in >= 95 of seeds"), @"expected a share of the seeds such as `in >= 95% of seeds`, found `in >= 95 of seeds`");
    insta::assert_snapshot!(said("<= 4s in >= 0% of seeds"), @"expected a share of the seeds such as `in >= 95% of seeds`, found `in >= 0% of seeds`");
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    command.current_dir(folder).arg("run").args(args).output().unwrap()
}

#[test]
fn all_seeds_are_written_whatever_the_jobs_and_the_worst_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("luck.toml"), LUCK).unwrap();
    let seeds = ["luck.toml", "--seeds", "1..=20", "--transport", "direct"];
    let ran = run(folder.path(), &[&seeds[..], &["--jobs", "1", "-o", "junit=one.xml"]].concat());
    assert_eq!(ran.status.code(), Some(99));
    let text = String::from_utf8(ran.stdout).unwrap();
    let report = |path: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.path().join(path)).unwrap()).unwrap()
    };
    let summary = report("reports/out/luck/report.json");
    assert_eq!((&summary["verdict"], &summary["exit_code"]), (&"missed".into(), &99.into()));
    assert_eq!(summary["seeds"].as_array().unwrap().len(), 20);
    let target = &summary["runs"][0]["targets"][1];
    let worst = target["worst_seed"].as_u64().unwrap();
    // What the worst seed came to is in its own folder, and again where it is played alone.
    let own = report(&format!("reports/out/luck/seeds/{worst}/report.json"));
    assert_eq!(own["runs"][0]["metrics"]["makespan_ms"], target["value"]);
    let replay = format!("replay: tagspace run luck.toml --seed {worst}");
    assert!(text.contains(&replay), "{text}");
    run(folder.path(), &["luck.toml", "--seed", &worst.to_string(), "--out", "alone", "--quiet"]);
    assert_eq!(report("alone/luck/report.json"), own);
    let junit = fs::read_to_string(folder.path().join("one.xml")).unwrap();
    assert!(junit.contains(&format!("tagspace run luck.toml --seed {worst}")), "{junit}");
    assert!(junit.contains("of 20 seeds"), "{junit}");
    // The map has a column for each seed.
    let map =
        text.lines().find(|line| line.contains("pages_tagged") && line.contains("....")).unwrap();
    assert!(map.ends_with(&format!("  {}", ".".repeat(20))), "{map}");
    // However many work on it.
    let again = run(
        folder.path(),
        &[&seeds[..], &["--jobs", "4", "-o", "junit=four.xml", "--out", "again"]].concat(),
    );
    assert_eq!(again.status.code(), Some(99));
    let read = |path: &str| fs::read(folder.path().join(path)).unwrap();
    assert_eq!(read("one.xml"), read("four.xml"));
    for file in ["report.json", "runs.csv", "seeds/7/events.jsonl", "seeds/7/report.json"] {
        let pair = ["reports/out/luck", "again/luck"].map(|out| read(&format!("{out}/{file}")));
        assert!(pair[0] == pair[1], "{file}");
    }
}
