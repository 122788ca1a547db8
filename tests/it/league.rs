//! The league: its limiters, what is measured, and the golden report.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use tagspace::internals::pipeline::config::LimiterKind;
use tagspace::internals::report::league::random as report;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::league;
use tagspace::internals::study::league::random::{
    AgainstRivals, BetterRival, Family, RandomResult, RandomWorld, ratio_milli,
};
use tagspace::internals::study::league::{FIELDS, KINDS, SeedResult};
use tagspace::internals::units::Share;

fn tagspace(out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let args = ["league", "--only", "sliding-5rpm-10", "--seeds", "1", "--quiet", "--out"];
    command.args(args).arg(out).args(more).output().unwrap()
}

#[test]
fn every_field_is_a_scenario_for_every_kind() {
    for field in FIELDS {
        for kind in KINDS {
            let scenario = league::trial(field, *kind, 1, &[]).scenario();
            assert!(scenario.is_ok(), "{}: {}", field.name, scenario.unwrap_err());
        }
    }
}

#[test]
fn who_keeps_the_quota_is_refused_least_but_for_the_oracle() {
    let played =
        league::play("fixed-15rpm-200", 1, &TrialRunner::new(2).unwrap(), &|_| {}).unwrap();
    let refused = |kind| {
        let cell = played[0].cells.iter().find(|cell| cell.kind == kind).unwrap();
        assert!(cell.over_bound_milli().is_some(), "{kind:?} has not finished");
        cell.share(|outcome| outcome.rate_limited).num
    };
    let own = refused(LimiterKind::Quota);
    assert!(own <= 2, "{own}");
    for kind in KINDS {
        let keeps = [LimiterKind::Quota, LimiterKind::Quota, LimiterKind::Pace];
        let is_rival = !keeps.contains(kind);
        assert!(!is_rival || refused(*kind) > 10 * own, "{kind:?}: {}", refused(*kind));
    }
}

#[test]
fn how_many_play_at_once_changes_nothing() {
    let play = |jobs| {
        league::play("sliding-5rpm-10", 2, &TrialRunner::new(jobs).unwrap(), &|_| {}).unwrap()
    };
    let cells = |jobs| play(jobs).into_iter().flat_map(|played| played.cells).collect::<Vec<_>>();
    assert_eq!(cells(1), cells(3));
}

#[test]
fn a_part_of_the_fields_is_not_written_over_the_report_on_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let part = command.args(["league", "--only", "sliding-5rpm-10", "-q"]);
    assert!(part.current_dir(folder.path()).status().unwrap().success());
    assert!(folder.path().join("reports/out/league/league.json").is_file());
    assert!(!folder.path().join("reports/league").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_known_before_anything_is_played() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Hours of play.
    for (command, seeds) in [("league", "32"), ("claims", "1000")] {
        let mut tagspace = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        let args = [command, "--seeds", seeds, "--out"];
        let failed = tagspace.args(args).arg(file.path()).output().unwrap();
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.contains("create"), "{said}");
    }
}

#[test]
fn a_report_is_compared_with_the_golden_one() {
    let folder = tempfile::tempdir().unwrap();
    let missing = tagspace(folder.path(), &["--check"]);
    assert_eq!(missing.status.code(), Some(2), "nothing to compare with");
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("league.json to compare with"), "{said}");
    assert_eq!(tagspace(folder.path(), &[]).status.code(), Some(0));
    assert_eq!(tagspace(folder.path(), &["--check"]).status.code(), Some(0));
    // A part of the fields is nothing to compare with the report on all of them.
    let mut part = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let part = part.args(["league", "--only", "sliding-5rpm-10", "--check"]).output().unwrap();
    assert_eq!(part.status.code(), Some(2));
    let many = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["claims", "--seeds", "1", "--check"])
        .output()
        .unwrap();
    assert_eq!(many.status.code(), Some(2));
    let path = folder.path().join("league.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"makespan_ms\": ", "\"makespan_ms\": 1", 1)).unwrap();
    let differs = tagspace(folder.path(), &["--check"]);
    assert_eq!(differs.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&differs.stderr).contains("league.json"));
    let nobody = tagspace(folder.path(), &["--only", "nobody"]);
    assert_eq!(nobody.status.code(), Some(2));
}

#[test]
fn every_random_world_is_a_scenario_and_families_come_as_often_as_stated() {
    let mut count = std::collections::BTreeMap::<Family, u64>::new();
    for number in 1..=WORLDS {
        let world = RandomWorld::drawn(number);
        assert_eq!(world, RandomWorld::drawn(number));
        let text = world.scenario().unwrap();
        let read = Scenario::parse("x", "x.toml", &text, Path::new("."));
        assert!(read.is_ok(), "{number}: {}\n{text}", read.unwrap_err());
        *count.entry(world.family).or_insert(0) += 1;
        assert!(!text.contains("MIDWAY"), "{text}");
    }
    assert_eq!(Family::ALL.iter().map(|family| family.percent()).sum::<u64>(), 100);
    for family in Family::ALL {
        let (found, expected) = (count[family], WORLDS * family.percent() / 100);
        // Four standard deviations of the most frequent one.
        assert!(found.abs_diff(expected) < 4 * 21, "{}: {found} of {expected}", family.name());
    }
}

#[test]
fn what_changes_midway_changes_while_the_job_runs() {
    let worlds = (1..=WORLDS).map(RandomWorld::drawn);
    let mut seen = 0;
    for world in worlds.filter(|world| world.family == Family::Changing) {
        let text = world.scenario().unwrap();
        let after = |key: &str| {
            let rest = text.split(key).nth(1)?;
            rest.trim_start_matches([' ', '=']).split([',', ' ', '\n', '}']).next()?.parse().ok()
        };
        let starts: u64 = after("start_after_s").unwrap_or(0);
        let [at, requests, per_s]: [u64; 3] =
            ["at_s", "requests", "per_s"].map(|key| after(key).unwrap());
        // No job is done before its quota has let all of its calls start.
        let windows = (world.pages - 1) / requests;
        assert!(at > starts && at < starts + windows * per_s + per_s, "{text}");
        seen += 1;
    }
    assert!(seen > 100);
}

#[test]
fn a_random_world_stays_what_it_is() {
    let text = RandomWorld::drawn(17).scenario().unwrap();
    let service = text.lines().filter(|line| {
        ["# ", "seed", "pages", "quota", "start_after_s"].iter().any(|key| line.starts_with(key))
    });
    insta::assert_snapshot!(service.collect::<Vec<_>>().join("\n"), @r#"
    # Which limiter fares best in random world 17, gemini-free?
    seed = 17
    pages = 25
    quota = { requests = 10, tokens = 250_000, window = "fixed" }
    pages = 0
    pages = 25
    start_after_s = 23
    "#);
    // A world that changes is another one, and what was written of it holds no more.
    let all = (1..=100).map(|number| RandomWorld::drawn(number).scenario().unwrap());
    let digest = Sha256::digest(all.collect::<String>());
    let first = digest.first_chunk().copied().map(u64::from_be_bytes).unwrap();
    insta::assert_snapshot!(format!("{first:016x}"), @"98bfd9a9e0b654a7");
}

/// Enough to tell how often families come.
const WORLDS: u64 = 3_000;

/// What came of the kinds in world 1: the makespan in ms, zero for lost pages, and the 429s.
fn result(by_kind: &[(LimiterKind, u64, u64)]) -> RandomResult {
    let outcome = |kind: LimiterKind| {
        let known = by_kind.iter().find(|(one, ..)| *one == kind);
        let (_, makespan_ms, refused) = known.copied().unwrap_or((kind, 0, 0));
        SeedResult {
            finished: makespan_ms > 0,
            makespan_ms,
            bound_ms: 0,
            rate_limited: Share { num: refused, den: 100 },
            early_calls: 0,
            fallback: Share { num: 0, den: 0 },
            cost_usd_micros: 0,
            warm: None,
            neighbour: 0,
        }
    };
    let outcomes = RandomResult::kinds().into_iter().map(outcome).collect();
    RandomResult { world: RandomWorld::drawn(1), seed: 1, outcomes }
}

#[test]
fn a_limiter_is_measured_by_the_fastest_rival_that_lost_no_page() {
    use LimiterKind::{Aimd, Cubic, Fixed, Quota, Sre};
    // The fastest of all is no rival, and the fastest rival has lost pages.
    let one = result(&[(Quota, 3_000, 1), (Fixed, 500, 0), (Aimd, 0, 0), (Cubic, 2_000, 9)]);
    assert_eq!(ratio_milli(&one, Quota), Some(1_500));
    assert_eq!(ratio_milli(&one, Cubic), Some(1_000));
    assert_eq!(ratio_milli(&one, Aimd), None);
    let lost = result(&[(Quota, 0, 4), (Sre, 2_000, 0)]);
    // Where every rival lost some, nobody is measured.
    let unknown = result(&[(Quota, 9_000, 5)]);
    let all = [one.clone(), lost.clone(), unknown.clone()];
    let standing = AgainstRivals::of(all.iter(), Quota);
    assert_eq!((standing.played, standing.unfinished), (2, 1));
    assert_eq!(standing.refused, Share { num: 10, den: 300 });
    assert_eq!(standing.percentile_milli(50), Some(1_500));
    assert_eq!((standing.percentile_milli(90), standing.percentile_milli(100)), (None, None));
    assert!(BetterRival::in_result(&lost).is_some_and(|one| one.rival == Sre));
    assert!(BetterRival::in_result(&unknown).is_none());
    // Much faster, but for many more 429s; as calm, but hardly faster.
    assert!(BetterRival::in_result(&one).is_none());
    let calm = |theirs: u64| result(&[(Quota, 30_000, 1), (Cubic, theirs, 2)]);
    assert!(BetterRival::in_result(&calm(28_500)).is_none());
    assert!(BetterRival::in_result(&calm(27_000)).is_some());
    let text = report::text(&all);
    assert!(text.contains("A rival is clearly better in 1 trial: it loses no page"), "{text}");
    assert!(text.contains("Over 1 world that nobody chose, with 3 seeds each"), "{text}");
    // A family of which no world was drawn has no figures.
    let family = text.lines().find(|line| line.starts_with("| azure")).unwrap();
    assert_eq!(family.matches(" - ").count(), 6, "{family}");
    assert!(text.contains("$ tagspace league --show 1 > world.toml"), "{text}");
}

#[test]
fn random_worlds_are_the_same_in_two_processes_and_can_be_played_alone() {
    let folder = tempfile::tempdir().unwrap();
    let play = |jobs: &str, out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        let args = ["league", "--random", "3", "--from", "40", "--jobs", jobs, "-q", "--out", out];
        assert!(command.args(args).current_dir(folder.path()).status().unwrap().success());
        ["random.json", "random.csv", "random.md"]
            .map(|name| fs::read(folder.path().join(out).join(name)).unwrap())
    };
    let played = play("1", "a");
    assert_eq!(played, play("2", "b"));
    let json: serde_json::Value = serde_json::from_slice(&played[0]).unwrap();
    assert_eq!(json["worlds"][2]["world"], 42);
    // The same world, played by `run` as it was by the league.
    let shown = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["league", "--show", "42"])
        .output()
        .unwrap();
    fs::write(folder.path().join("world.toml"), shown.stdout).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let args = ["run", "world.toml", "--quiet", "--set", "pipeline.limiter=\"cubic\""];
    run.args(args).current_dir(folder.path()).status().unwrap();
    let report = folder.path().join("reports/out/world/report.json");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let last = report["runs"].as_array().unwrap().last().unwrap();
    let limiters = json["worlds"][2]["limiters"].as_array().unwrap();
    let cubic = limiters.iter().find(|one| one["limiter"] == "cubic").unwrap();
    assert_eq!(last["metrics"]["makespan"]["value"], cubic["makespan"], "{last}");
}
