//! Prediction against measurement: what counts as the same, and a run in real time.

use tagspace::Metric;
use tagspace::internals::report::ci::{Closing, annotations, junit, summary};
use tagspace::internals::report::run::{json, realtime_check};
use tagspace::internals::sim::{Clock, Lateness, Options};
use tagspace::internals::study::experiment::counterpart::first_unmatched;
use tagspace::internals::study::experiment::realtime_check::{
    CheckedFigure, RealTime, RealTimeCheck, RealTimeVerdict, compare,
};
use tagspace::internals::study::measure::metric::Tolerance;
use tagspace::internals::study::verdict::judge;
use tagspace::internals::study::verdict::outcome::Outcome;
use tagspace::verdict::Figure;

use crate::common::{PLAIN, judged, scenario};

fn row(predicted: u64, median: u64, tolerance: Tolerance) -> CheckedFigure {
    let figure = Figure::of(Metric::AiCalls);
    CheckedFigure { figure, predicted, measured: vec![median], median, tolerance }
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

/// What a makespan and a count come to, on a host that woke late.
fn verdicts(makespan: u64, calls: u64, late: (u64, u64)) -> (RealTimeVerdict, RealTimeVerdict) {
    let figure = Figure::of(Metric::Makespan);
    let time = CheckedFigure { figure, ..row(10_000, makespan, Tolerance::TwoPercent) };
    let count = row(20, calls, Tolerance::OneOrTwoPercent);
    let (sum_ms, most_ms) = late;
    let lateness = vec![Lateness { sum_ms, most_ms }];
    let prediction = RealTimeCheck { rows: vec![time.clone(), count.clone()], lateness };
    (prediction.of_row(&time).unwrap(), prediction.of_row(&count).unwrap())
}

#[test]
fn a_late_host_is_no_wrong_prediction() {
    use RealTimeVerdict::{Agrees, Differs, HostLate};
    // 10.2 s agree; what is more may be the host's, as far as it was late.
    assert_eq!(verdicts(10_200, 20, (0, 0)), (Agrees, Agrees));
    assert_eq!(verdicts(10_600, 20, (400, 90)), (HostLate, Agrees));
    assert_eq!(verdicts(10_601, 20, (400, 90)), (Differs, Agrees));
    // Nobody gets ready earlier for being late.
    assert_eq!(verdicts(9_000, 20, (9_000, 90)), (Differs, Agrees));
    // One long stall, or a hundredth of the time, may cost calls.
    assert_eq!(verdicts(10_000, 25, (99, 99)), (Agrees, Differs));
    assert_eq!(verdicts(10_000, 25, (100, 10)), (Agrees, HostLate));
    assert_eq!(verdicts(10_000, 25, (99, 100)), (Agrees, HostLate));
    // Other calls make another makespan.
    assert_eq!(verdicts(16_400, 36, (700, 700)), (HostLate, HostLate));
    assert_eq!(verdicts(16_400, 20, (700, 700)), (Differs, Agrees));
}

#[test]
fn what_differs_is_said_with_its_figures() {
    let figure = Figure::of(Metric::Makespan);
    let time = CheckedFigure { figure, ..row(10_000, 12_000, Tolerance::TwoPercent) };
    let rows = vec![time, row(20, 20, Tolerance::OneOrTwoPercent)];
    let prediction = RealTimeCheck { rows, lateness: vec![Lateness::default()] };
    let runs = vec![("one".to_owned(), prediction)];
    let real_time = RealTime { runs };
    let said: Vec<_> = realtime_check::said(&real_time).map(|(_, _, said)| said).collect();
    let expected = "real time differs from what was predicted: run `one`: makespan 12.00 s instead of \
                    10.00 s (+20.00 %)";
    assert_eq!(said, [expected]);
}

/// What the documents say of three runs: one as predicted, one of a late host, one that differs.
#[test]
fn every_document_says_what_real_time_came_to() {
    let figure = Figure::of(Metric::Makespan);
    let run = |name: &str, makespan, late_ms| {
        let time = CheckedFigure { figure, ..row(10_000, makespan, Tolerance::TwoPercent) };
        let lateness = vec![Lateness { sum_ms: late_ms, most_ms: late_ms }];
        (name.to_owned(), RealTimeCheck { rows: vec![time], lateness })
    };
    let runs = vec![run("good", 10_000, 0), run("late", 10_600, 700), run("bad", 12_000, 0)];
    let (real_time, scenario) = (RealTime { runs }, scenario(PLAIN, &[]));
    let name = &scenario.name;
    let closing = Closing { real_time: Some(&real_time), ..Closing::alone(Outcome::Differs, &[]) };

    let junit = junit::document(&junit::closing(&scenario, &closing));
    assert!(junit.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{junit}");
    assert!(junit.contains("<skipped message=\"HOST LATE: run `late` is not judged"), "{junit}");
    assert!(junit.contains("type=\"real-time\">real time differs from what was"), "{junit}");

    let judged = judged(&scenario);
    let mut part = summary::part(&scenario, &judged, None, &|_| String::new());
    part.close(&scenario, &closing);
    let summary = summary::document(&[part]);
    assert!(
        summary.contains(&format!("⚪ HOST LATE `{name}`: run `late` is not judged")),
        "{summary}"
    );
    assert!(summary.contains(&format!("❌ `{name}`: real time differs from")), "{summary}");
    assert!(!summary.contains("`good`"), "{summary}");

    let annotations = annotations::closing(&scenario, &closing, PLAIN).concat();
    assert!(annotations.contains("::warning file="), "{annotations}");
    assert!(annotations.contains(&format!("title={name} differs in real time::")), "{annotations}");

    let mut report = serde_json::json!({});
    json::close(&mut report, &closing);
    let verdicts: Vec<_> = report["real_time"]["runs"].as_array().unwrap().iter().collect();
    let verdicts: Vec<_> = verdicts.iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["agrees", "host_late", "differs"]);
    assert_eq!(report["real_time"]["runs"][1]["host_late"][0]["sum_ms"], 700);
    assert_eq!(report["real_time"]["runs"][2]["figures"][0]["measured"][0], 12_000);
}

#[test]
fn the_repetition_of_the_median_has_to_be_late() {
    let figure = Figure::of(Metric::Makespan);
    let measured = vec![10_000, 10_600, 10_900];
    let row = CheckedFigure { figure, measured, ..row(10_000, 10_600, Tolerance::TwoPercent) };
    let late = |which: usize| {
        let of = |at| Lateness { sum_ms: if at == which { 800 } else { 0 }, most_ms: 9 };
        let lateness = (0..3).map(of).collect();
        RealTimeCheck { rows: vec![row.clone()], lateness }.verdict()
    };
    assert_eq!(
        [0, 1, 2].map(late),
        [RealTimeVerdict::Differs, RealTimeVerdict::HostLate, RealTimeVerdict::Differs]
    );
}

#[test]
fn the_first_event_without_a_counterpart_is_found_whatever_the_times() {
    let play = |settings: &[&str]| judged(&scenario(PLAIN, settings)).runs.remove(0).log;
    let slower = "confluence.latency={ dist = \"fixed\", ms = 250 }";
    assert_eq!(first_unmatched(&play(&[]), &play(&[slower])), None);
    let third = "gemini.fault=[{ when = { first_calls = 1 }, reply = { status = 503 } }]";
    let (without, with) = (play(&[]), play(&[third]));
    let found = first_unmatched(&without, &with).unwrap();
    assert!(!found.is_of_first && found.line.contains("fault_fired"), "{}", found.line);
    assert_eq!(first_unmatched(&with, &without).unwrap().line, found.line);
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
    let of = |metric| rows.iter().find(|row| row.figure == Figure::of(metric)).unwrap();
    assert_eq!((of(Metric::PagesTagged).predicted, of(Metric::PagesTagged).median), (10, 10));
    assert!(of(Metric::RateLimited).predicted > 0);
    for metric in [Metric::AiCalls, Metric::RateLimited, Metric::Fallbacks] {
        assert_eq!(of(metric).agrees(), Some(true), "{:?}", of(metric));
    }
    // A machine under load may be late, but nobody can be early.
    assert!(
        of(Metric::Makespan).median + 50 >= of(Metric::Makespan).predicted,
        "{:?}",
        of(Metric::Makespan)
    );
}
