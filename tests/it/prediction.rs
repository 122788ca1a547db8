//! Prediction against measurement: what counts as the same, and a run in real time.

use tagspace::sim::{Clock, Options};
use tagspace::study::judge;
use tagspace::study::prediction::{Row, Tolerance, compare};

use crate::common::{PLAIN, judged, scenario};

fn row(predicted: u64, median: u64, tolerance: Tolerance) -> Row {
    let metric = tagspace::study::metric::find("ai_calls").unwrap();
    Row { metric, stat: None, predicted, measured: vec![median], median, tolerance }
}

#[test]
fn counts_may_differ_by_one_or_two_percent_and_times_by_two_percent() {
    for (predicted, median, tolerance, agrees) in [
        (10, 11, Tolerance::OneOrTwoPercent, true),
        (10, 12, Tolerance::OneOrTwoPercent, false),
        (0, 1, Tolerance::OneOrTwoPercent, true),
        (100, 102, Tolerance::OneOrTwoPercent, true),
        (100, 97, Tolerance::OneOrTwoPercent, false),
        (10_000, 10_200, Tolerance::TwoPercent, true),
        (10_000, 9_799, Tolerance::TwoPercent, false),
    ] {
        let got = row(predicted, median, tolerance).agrees();
        assert_eq!(got, Some(agrees), "{predicted} and {median}");
    }
    assert_eq!(row(1, 9, Tolerance::Any).agrees(), None);
}

#[test]
fn a_run_in_real_time_counts_what_was_foretold_and_keeps_its_books() {
    let short = [
        "space.pages=10",
        "gemini.latency={ dist = \"fixed\", ms = 100 }",
        "gemini.quota={ requests = 1, per_s = 1 }",
        "pipeline.retry_hints=true",
        "pipeline.attempts=6",
    ];
    let scenario = scenario(PLAIN, &short);
    let foretold = judged(&scenario);
    let options = Options { clock: Clock::Real, ..Options::default() };
    // Judging checks the books.
    let measured = judge::run(&scenario, &[], &options).unwrap();
    let rows = compare(&foretold.runs[0].figures, &[&measured.runs[0].figures]);
    let of = |name: &str| rows.iter().find(|row| row.metric.name == name).unwrap();
    assert_eq!((of("pages_tagged").predicted, of("pages_tagged").median), (10, 10));
    assert!(of("rate_limited").predicted > 0);
    for name in ["ai_calls", "rate_limited", "fallbacks"] {
        assert_eq!(of(name).agrees(), Some(true), "{:?}", of(name));
    }
    // A machine under load may be late, but nobody can be early.
    assert!(of("makespan").median + 50 >= of("makespan").predicted, "{:?}", of("makespan"));
}
