//! A cancelled run finishes what is in flight, leaves the rest, and loses nothing.

use tagspace::Metric;
use tagspace::internals::pipeline::event::{Event, RunEnd};
use tagspace::internals::sim::recorder::entry::What;

use crate::common::{PLAIN, judged, scenario};

const FIXED: &[&str] = &["space.pages=40", "pipeline.batch_size=2"];
/// Pages wait for a gate that is closed from the fifth call on.
const AUTO: &[&str] = &[
    "space.pages=300",
    "pipeline.profile=\"recommended\"",
    "pipeline.max_batch_size=10",
    "gemini.quota={ requests = 5 }",
];

#[test]
fn at_every_second_every_page_is_accounted_for_and_written_at_most_once() {
    for (settings, second) in
        [FIXED, AUTO].into_iter().flat_map(|settings| (0..8).map(move |at| (settings, at)))
    {
        let text = format!("{PLAIN}\n[[run]]\nname = \"run\"\ncancel_at_s = {second}\n");
        let run = judged(&scenario(&text, settings)).runs.remove(0);
        let number = |name| run.figures.number(name);
        let ended = number(Metric::PagesTagged)
            + number(Metric::PagesFailed)
            + number(Metric::PagesNotDone);
        assert_eq!(ended, number(Metric::Pages), "cancelled at {second} s");
        assert_eq!(number(Metric::PagesFailed), 0, "cancelled at {second} s");
        assert_eq!(
            number(Metric::LabelsWritten),
            number(Metric::PagesTagged),
            "cancelled at {second} s"
        );
        // What stands at the gate goes at once.
        assert!(number(Metric::Makespan) < second * 1000 + 5_000, "cancelled at {second} s");
    }
}

#[test]
fn no_call_starts_after_the_request_to_stop() {
    let text = format!("{PLAIN}\n[[run]]\nname = \"run\"\ncancel_at_s = 2\n");
    for settings in [&["space.pages=100"][..], AUTO] {
        let run = judged(&scenario(&text, settings)).runs.remove(0);
        assert_eq!(run.end, RunEnd::Cancelled);
        let mut asked = false;
        for entry in &run.log.entries {
            match &entry.what {
                What::Event(Event::CancelRequested) => asked = true,
                What::Event(Event::AttemptStarted { .. }) => {
                    assert!(!asked, "at {} ms", entry.t_ms);
                }
                _ => {}
            }
        }
        assert!(asked);
        assert!(run.figures.number(Metric::PagesNotDone) > 0);
    }
}
