//! Tuning without a grid: settings that are found, and the gentlest of those as good.

use std::path::PathBuf;

use tagspace::Metric;
use tagspace::internals::report::tune as report;
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::tune::coordinate_descent::{self, FoundGrid};
use tagspace::internals::study::tune::grid::Axis;
use tagspace::internals::study::tune::{StudySpec, held_out};
use tagspace::internals::study::verdict::target_syntax;

use crate::common::{PLAIN, scenario};
use crate::tune::{played, spec};

/// A study of the plain world about nothing yet.
fn free(settings: &[&str], require: &[&str]) -> StudySpec {
    StudySpec {
        scenario: scenario(PLAIN, settings),
        folder: PathBuf::from("."),
        ..spec("scenarios/medium.toml", &[], 4, require)
    }
}

#[test]
fn settings_are_found_by_themselves() {
    // One call and one writer at a time, where nothing else binds.
    let settings = [
        "pipeline.concurrency=1",
        "pipeline.max_concurrency=1",
        "pipeline.confluence_concurrency=1",
    ];
    let runner = TrialRunner::new(2).unwrap();
    let asked = free(&settings, &["pages_failed == 0"]);
    let found = coordinate_descent::search(&asked, &runner, &|| ()).unwrap();
    let of = |key: &str| found.axes.iter().find(|axis| axis.key == key);
    // Twenty pages in one prompt, or in more and several at once.
    assert!(of("pipeline.batch_size").or(of("pipeline.concurrency")).is_some(), "{:?}", found.axes);
    assert!(of("pipeline.confluence_concurrency").is_some(), "{:?}", found.axes);
    let tuned = played(StudySpec { axes: found.axes.clone(), ..asked.clone() }, 2);
    let best = tuned.best().unwrap().values_of(Metric::Makespan).unwrap();
    // The list, one call, and labels that need not wait for one another.
    assert!(best.iter().all(|ms| (1_030..=1_060).contains(ms)), "{best:?}");
    // A key that is set stays.
    let axes = vec![Axis::parse("pipeline.confluence_concurrency=1").unwrap()];
    let fixed = StudySpec { axes, ..asked };
    let found = coordinate_descent::search(&fixed, &runner, &|| ()).unwrap();
    let kept = found.axes.iter().find(|axis| axis.key == "pipeline.confluence_concurrency");
    assert_eq!(kept.unwrap().values, ["1"]);
}

#[test]
fn what_is_required_is_kept_while_searching() {
    let require = ["pages_failed == 0", "ai_calls == 20"];
    let asked = free(&["pipeline.batch_size=5"], &require);
    let runner = TrialRunner::new(2).unwrap();
    let found = coordinate_descent::search(&asked, &runner, &|| ()).unwrap();
    let tuned = played(StudySpec { axes: found.axes, ..asked }, 2);
    let calls = tuned.best().unwrap().values_of(Metric::AiCalls).unwrap();
    assert_eq!(calls, [20; 4]);
}

#[test]
fn of_settings_that_are_as_good_the_gentlest_wins() {
    // One writer, which needs four seconds: more calls to the model are of no use.
    let settings = [
        "pipeline.batch_size=1",
        "pipeline.confluence_concurrency=1",
        "confluence.latency.ms=100",
        "gemini.latency.ms=50",
    ];
    let asked = free(&settings, &[]);
    let axes = [
        "pipeline.concurrency=64,16,4",
        "pipeline.max_concurrency=64",
        "pipeline.limiter=\"fixed\"",
    ];
    let axes = axes.iter().map(|axis| Axis::parse(axis).unwrap()).collect();
    let tuned = played(StudySpec { axes, ..asked.clone() }, 2);
    let in_flight = tuned.best().unwrap().values_of(Metric::InFlight).unwrap();
    assert!(in_flight.iter().all(|calls| *calls <= 4), "{in_flight:?}");
    // A hundredth and more is worth a bolder one.
    let axes = vec![Axis::parse("pipeline.concurrency=1,2,4").unwrap()];
    let tuned = played(StudySpec { axes, ..free(&[], &[]) }, 2);
    assert_eq!(tuned.best().unwrap().values, [2]);
}

#[test]
fn a_share_of_few_seeds_is_doubted() {
    let share = |text: &str, seeds| {
        target_syntax::in_one_piece("run", text).unwrap().in_so_few(seeds).of_seeds_ppm
    };
    // Of 16 seeds, 11.2 less 1.645 times 1.83 are 8.2.
    let few = share("ai_calls <= 2 in >= 70% of seeds", 16).unwrap();
    assert_eq!(few * 16 / 1_000_000, 8);
    assert_eq!(share("ai_calls <= 2", 16), Some(1_000_000));
    assert!(share("ai_calls <= 2 in >= 70% of seeds", 1_000).unwrap() > 670_000);
}

#[test]
fn what_was_found_is_played_on_other_seeds() {
    let axes = vec![Axis::parse("pipeline.batch_size=5,10").unwrap()];
    let tuned = played(StudySpec { axes, ..free(&[], &["pages_failed == 0"]) }, 2);
    let runner = TrialRunner::new(2).unwrap();
    let played = held_out::play(&tuned, &runner, &|| ()).unwrap().unwrap();
    assert_eq!(played.seeds, 5..=8);
    let names: Vec<&str> = played.rows.iter().map(|row| row.name).collect();
    assert_eq!(names, ["best", "as it is", "recommended", "documented", "before"]);
    // The plain world has no luck, so that the best is what it was, and none beats the bound.
    let sum = tuned.best().unwrap().sum(Metric::Makespan).unwrap();
    assert_eq!(u128::from(played.rows[0].makespan_milli.unwrap()), sum * 1_000 / 4);
    assert!(played.rows.iter().all(|row| row.bound_milli <= row.makespan_milli));
}

#[test]
fn what_could_be_traded_is_said() {
    // One call at a time, whose answers take long to write: two calls for one cost 100 ms more, and leave
    // out fewer tags.
    let axes = vec![Axis::parse("pipeline.batch_size=10,20").unwrap()];
    let world = [
        "gemini.answer.tag_miss_ratio_per_extra_page=0.02",
        "pipeline.concurrency=1",
        "pipeline.max_concurrency=1",
        "gemini.latency={ dist = \"fixed\", ms = 100, output_tokens_per_s = 100 }",
    ];
    let tuned = played(StudySpec { axes, ..free(&world, &[]) }, 2);
    let text = report::text(&tuned, None);
    let [ten, twenty] = [0, 1].map(|at| tuned.points[at].sum(Metric::PagesMistagged).unwrap());
    assert!(ten * 5 <= twenty * 4, "{ten} {twenty}");
    assert_eq!(tuned.best().unwrap().values, [1], "{text}");
    let said = "- batch_size 10: ";
    let line = text.lines().find(|line| line.starts_with(said)).unwrap_or_default();
    assert!(
        line.contains(" % less pages_mistagged for ") && line.ends_with(" % more makespan"),
        "{text}"
    );
}

#[test]
fn an_edge_is_the_last_value_that_was_tried_and_of_use() {
    let axes = vec![Axis::parse("pipeline.batch_size=5,2").unwrap()];
    let asked = free(&["pipeline.concurrency=1", "pipeline.max_concurrency=1"], &[]);
    let tuned = played(StudySpec { axes: axes.clone(), ..asked }, 2);
    let found = |tried| FoundGrid { axes: axes.clone(), settings: 2, simulations: 8, tried };
    let best = tuned.best().unwrap();
    assert_eq!(best.values, [0]);
    let edges = |values: &str| {
        found(vec![Axis::parse(&format!("pipeline.batch_size={values}")).unwrap()])
            .edges(&tuned, best)
    };
    assert_eq!(edges("5,2"), [("pipeline.batch_size".to_owned(), "5".to_owned())]);
    assert_eq!(edges("2,5,10,\"auto\""), []);
    assert_eq!(found(Vec::new()).edges(&tuned, best), []);
}
