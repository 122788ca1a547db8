//! How long fake services take: each distribution against what it says of itself.

use std::fs;
use std::path::Path;

use tagspace::internals::fakes::latency::{Latency, LatencyFile, Load};
use tagspace::internals::rng::Seed;

const DRAWS: u64 = 10_000;

fn latency(toml: &str) -> Latency {
    toml::from_str::<LatencyFile>(toml).unwrap().resolve(Path::new(".")).unwrap()
}

fn draws(latency: &Latency, load: Load) -> Vec<u64> {
    let mut all: Vec<u64> =
        (0..DRAWS).map(|id| latency.draw(Seed(42), "test", id, 0, load)).collect();
    all.sort_unstable();
    all
}

fn below(sorted: &[u64], bound: u64) -> usize {
    sorted.partition_point(|ms| *ms < bound)
}

#[test]
fn uniform_stays_within_its_bounds_and_fills_them() {
    let all = draws(&latency("dist = 'uniform'\nmin_ms = 100\nmax_ms = 299"), Load::default());
    assert_eq!((all[0], *all.last().unwrap()), (100, 299));
    // Half of them, and five standard deviations of 50.
    assert!(below(&all, 200).abs_diff(5_000) < 250, "{}", below(&all, 200));
}

#[test]
fn lognormal_has_its_median_and_its_spread() {
    let all = draws(&latency("dist = 'lognormal'\nmedian_ms = 450\nsigma = 0.5"), Load::default());
    assert!(below(&all, 450).abs_diff(5_000) < 250, "{}", below(&all, 450));
    // One sigma up is e^0.5 times the median, and 84.13 % lie below it.
    assert!(below(&all, 742).abs_diff(8_413) < 185, "{}", below(&all, 742));
    assert!(below(&all, 273).abs_diff(1_587) < 185, "{}", below(&all, 273));
}

#[test]
fn measurements_of_a_csv_column_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..=100).map(|i| format!("call{i},{}", 1000 + i * i)).collect();
    let table = ["name,took", &rows.join("\n")].join("\n");
    fs::write(folder.path().join("own.csv"), table).unwrap();
    let file: LatencyFile =
        toml::from_str("dist = 'empirical'\ncsv = 'own.csv'\ncolumn = 'took'").unwrap();
    let all = draws(&file.resolve(folder.path()).unwrap(), Load::default());
    assert!(all[0] >= 1000 && *all.last().unwrap() <= 11_000);
    for (percent, quantile) in [(25, 1_625), (50, 3_500), (75, 6_625)] {
        let share = below(&all, quantile);
        assert!(share.abs_diff(percent * 100) < 250, "{share} below the {percent}th percentile");
    }
}

#[test]
fn quantiles_are_joined_by_straight_lines() {
    let all =
        draws(&latency("dist = 'empirical'\nquantiles_ms = [0, 1000, 9000]"), Load::default());
    for (ms, percent) in [(500, 25), (1_000, 50), (5_000, 75)] {
        let share = below(&all, ms);
        assert!(share.abs_diff(percent * 100) < 250, "{share} below {ms} ms");
    }
}

#[test]
fn measurements_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        fs::write(folder.path().join("own.csv"), text).unwrap();
        let file: LatencyFile = toml::from_str("dist = 'empirical'\ncsv = 'own.csv'").unwrap();
        let error = file.resolve(folder.path()).unwrap_err().to_string();
        error.rsplit_once("own.csv: ").unwrap().1.to_owned()
    };
    insta::assert_snapshot!(refused("ms\n5\n"), @"expected the column `latency_ms`, found ms");
    insta::assert_snapshot!(refused("latency_ms\n5\nfast\n"), @"expected milliseconds from 0 to 86400000, found `fast` in row 3");
    insta::assert_snapshot!(refused("latency_ms\n-5\n"), @"expected milliseconds from 0 to 86400000, found `-5` in row 2");
    insta::assert_snapshot!(refused("latency_ms\n"), @"expected at least one row, found none");
}

#[test]
fn seconds_are_told_from_milliseconds() {
    let folder = tempfile::tempdir().unwrap();
    let resolved = |rows: &str, more: &str| {
        fs::write(folder.path().join("own.csv"), format!("latency_ms\n{rows}\n")).unwrap();
        let text = format!("dist = 'empirical'\ncsv = 'own.csv'\n{more}");
        let file: LatencyFile = toml::from_str(&text).unwrap();
        file.resolve(folder.path()).map_err(|error| {
            let said = error.to_string();
            said.rsplit_once("own.csv: ").map_or(said.clone(), |(_, said)| said.to_owned())
        })
    };
    let most = |latency: Latency| draws(&latency, Load::default()).pop().unwrap();
    let looks = resolved("0.5\n12\n1.25", "").unwrap_err();
    insta::assert_snapshot!(looks, @r#"expected milliseconds, found fractions below 100, which look like seconds: state unit = "s", or unit = "ms" if they are milliseconds"#);
    assert_eq!(most(resolved("0.45\n1.5", "unit = 's'").unwrap()), 1_500);
    assert_eq!(most(resolved("12.5\n40.5", "unit = 'ms'").unwrap()), 41);
    // Whole numbers may be milliseconds, and so may fractions of which one is large.
    assert_eq!(most(resolved("12\n40", "").unwrap()), 40);
    assert!(most(resolved("12.5\n640.25", "").unwrap()) >= 639);
    let long = resolved("86401", "unit = 's'").unwrap_err();
    insta::assert_snapshot!(long, @"expected seconds from 0 to 86400, found `86401` in row 2");
    let of_nothing = "dist = 'empirical'\nquantiles_ms = [1]\nunit = 's'";
    let of_nothing: LatencyFile = toml::from_str(of_nothing).unwrap();
    let refused = of_nothing.resolve(folder.path()).unwrap_err().to_string();
    assert_eq!(refused, "expected `unit` with `csv`, found it without");
}

#[test]
fn tokens_and_load_add_exactly_what_they_state() {
    let latency = latency(
        "dist = 'fixed'\nms = 400\nms_per_1k_input_tokens = 20\noutput_tokens_per_s = 200\nload_factor = 0.1",
    );
    let one = |load| latency.draw(Seed(1), "test", 1, 0, load);
    assert_eq!(one(Load::default()), 400);
    assert_eq!(one(Load { input_tokens: 5_000, ..Load::default() }), 500);
    assert_eq!(one(Load { output_tokens: 100, ..Load::default() }), 900);
    assert_eq!(one(Load { others: 3, ..Load::default() }), 520);
    assert_eq!(
        one(Load { input_tokens: 5_000, output_tokens: 100, others: 2, ..Load::default() }),
        1_200
    );
}

#[test]
fn a_slow_tail_strikes_its_share_of_the_calls() {
    let all = draws(
        &latency("dist = 'fixed'\nms = 100\ntail = { ratio = 0.1, min_ms = 5000, max_ms = 9000 }"),
        Load::default(),
    );
    let (quick, slow) = all.split_at(below(&all, 101));
    assert!(quick.iter().all(|ms| *ms == 100));
    assert!(slow.iter().all(|ms| (5_100..=9_100).contains(ms)));
    // A tenth of 10,000, and five standard deviations of 30.
    assert!(slow.len().abs_diff(1_000) < 150, "{}", slow.len());
}
