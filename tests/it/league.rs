//! The league: its limiters, what is measured, and the golden report.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tagspace::internals::study::experiment::runner::TrialRunner;

use tagspace::internals::pipeline::config::LimiterKind;
use tagspace::internals::study::league;
use tagspace::internals::study::league::{FIELDS, KINDS};

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
        let is_rival = !matches!(kind, LimiterKind::Quota | LimiterKind::Pace);
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
