//! The ledger of claims: how boundaries are found, and what is played.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use tagspace::Metric;
use tagspace::internals::study::experiment::runner::TrialRunner;

use proptest::prelude::*;
use tagspace::internals::report::claims as report;
use tagspace::internals::study::claims;
use tagspace::internals::study::claims::boundary::{Boundary, HoldingRange};
use tagspace::internals::study::claims::measurements::Measurements;
use tagspace::internals::study::claims::statement::Configuration;
use tagspace::internals::study::claims::worlds::{TIERS, once};
use tagspace::internals::study::claims::{CLAIMS, ClaimVerdict, ablation, findings};

use crate::common::same_cases;

fn find(points: &[u64], holds: impl Fn(u64) -> bool) -> Boundary {
    Boundary::find::<()>(points, |x| Ok(holds(x))).unwrap()
}

fn stretch(from: Option<u64>, to: Option<u64>) -> Vec<HoldingRange> {
    vec![HoldingRange { from, to }]
}

proptest! {
    #![proptest_config(same_cases(256))]

    #[test]
    fn a_boundary_is_found_to_the_number(at in 1_u64..=100, up in any::<bool>()) {
        let points = [0, 3, 10, 40, 100];
        let found = find(&points, |x| (x >= at) == up);
        let wanted = if up { stretch(Some(at), None) } else { stretch(None, Some(at - 1)) };
        prop_assert_eq!(found.stretches(), wanted);
        prop_assert!(found.is_monotone() && !found.is_all());
    }

    #[test]
    fn a_stretch_over_a_point_is_found_with_both_ends(from in 1_u64..=10, to in 10_u64..40) {
        let found = find(&[0, 10, 40], |x| (from..=to).contains(&x));
        prop_assert_eq!(found.stretches(), stretch(Some(from), Some(to)));
        prop_assert!(!found.is_monotone());
    }
}

#[test]
fn what_never_changes_has_no_boundary() {
    let always = find(&[1, 5, 9], |_| true);
    assert_eq!((always.stretches(), always.is_all()), (stretch(None, None), true));
    let never = find(&[1, 5, 9], |_| false);
    assert!(never.stretches().is_empty() && never.is_monotone());
    assert_eq!(never.range(), (1, 9));
    let twice = find(&[1, 5, 9], |x| x != 5);
    assert_eq!(twice.stretches().len(), 2);
    assert!(!twice.is_monotone());
}

#[test]
fn every_claim_of_the_list_is_played() {
    let ids: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).chain([ablation::ID]).collect();
    assert_eq!(ids, (1..=16).map(|id| format!("C{id}")).collect::<Vec<_>>());
    for claim in CLAIMS {
        assert!(!claim.statements.is_empty(), "{}", claim.id);
    }
}

#[test]
fn whatever_is_varied_every_game_is_a_scenario() {
    for claim in CLAIMS {
        for axis in claim.axes {
            for x in [axis.points[0], axis.points[axis.points.len() - 1]] {
                for statement in claim.statements {
                    let mut place = Configuration::new(TIERS[0].quota);
                    (axis.set)(&mut place, x);
                    let scenario = place.trial(statement.setup, statement.profile).scenario();
                    assert!(
                        scenario.is_ok(),
                        "{} {}: {}",
                        claim.id,
                        axis.name,
                        scenario.unwrap_err()
                    );
                }
            }
        }
    }
}

#[test]
fn a_trial_is_played_once_and_its_seeds_differ() {
    let played = AtomicU64::new(0);
    let on_trial = || {
        played.fetch_add(1, Ordering::Relaxed);
    };
    let runner = TrialRunner::new(2).unwrap();
    let measurements = Measurements::new(&runner, 3, &on_trial);
    let trial = once(10).trial(TIERS[0].quota, "documented");
    let makespans = || -> Vec<u64> {
        let games = measurements.of(&[&trial], 1..=3).unwrap();
        games.iter().map(|games| games[0].runs[0].number(Metric::Makespan)).collect()
    };
    let first = makespans();
    assert_eq!(first, makespans());
    assert_eq!(played.load(Ordering::Relaxed), 3);
    assert!(first[0] != first[1] && first[1] != first[2], "{first:?}");
}

#[test]
fn how_many_play_at_once_changes_no_verdict() {
    let ledger = |jobs| {
        let runner = TrialRunner::new(jobs).unwrap();
        let measurements = Measurements::new(&runner, 2, &|| {});
        report::json(&claims::play(Some("c7"), &measurements).unwrap()).to_string()
    };
    assert_eq!(ledger(1), ledger(3));
}

#[test]
fn cumulative_hits_are_what_can_be_worked_out_by_hand() {
    // 10 pages, 100 pages, the same 100: 110 hits of 210 look-ups; once more, 210 of 310.
    let runner = TrialRunner::new(2).unwrap();
    let measurements = Measurements::new(&runner, 2, &|| {});
    let ledger = claims::play(Some("C7"), &measurements).unwrap();
    let judged = &ledger.claims[0];
    assert_eq!(judged.verdict, ClaimVerdict::HoldsWhen);
    for cell in &judged.cells[0] {
        let (_, documented) = &cell.samples[1];
        assert_eq!(documented.spread(), Some((523_809, 523_809, 523_809)), "{}", cell.tier.name);
        let (_, before) = &cell.samples[0];
        assert_eq!(before.spread(), Some((0, 0, 0)), "it has no cache");
    }
    for varied in &judged.varied {
        assert_eq!(varied.all.stretches(), stretch(Some(1), None));
    }
}

#[test]
fn a_fifth_more_rounded_down_leaves_no_limit_below_five() {
    let rows = findings::rounding().rows;
    let found = rows.iter().map(|(_, values)| (values[0].value, values[1].value));
    let found: Vec<_> = found.collect();
    assert_eq!(found[..4], [1, 2, 3, 4].map(|limit| (Some(limit), None)));
    // 5, 6, 7, 8, 9, 10: five steps of five minutes.
    assert_eq!(found[4], (Some(10), Some(25 * 60_000)));
}

fn tagspace(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let output = command.arg("claims").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn one_claim_can_be_asked_for() {
    let (code, said, _) = tagspace(&["--only", "c14", "--seeds", "1"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("**C14** rollback to conservative mode is safe"), "{said}");
    assert!(said.contains("calls a minute up"), "{said}");
    assert!(!said.contains("C13"), "{said}");
}

#[test]
fn an_unknown_claim_is_named_with_those_that_are_known() {
    let (code, _, said) = tagspace(&["--only", "C99"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("found `--only C99`") && said.contains("C1, C2"), "{said}");
    let (code, _, said) = tagspace(&["--only", "C1", "--check"]);
    assert_eq!(code, Some(2), "{said}");
}
