//! A cancelled run finishes what is in flight, leaves the rest, and loses nothing.

use tagspace::pipeline::event::{Event, RunEnd};
use tagspace::sim::recorder::What;

use crate::common::{PLAIN, judged, scenario};

#[test]
fn at_every_second_every_page_is_accounted_for_and_written_at_most_once() {
    for second in 0..8 {
        let text = format!("{PLAIN}\n[[run]]\nname = \"run\"\ncancel_at_s = {second}\n");
        let one = scenario(&text, &["space.pages=40", "pipeline.batch_size=2"]);
        let run = judged(&one).runs.remove(0);
        let number = |name| run.figures.number(name);
        let ended = number("pages_tagged") + number("pages_failed") + number("pages_not_done");
        assert_eq!(ended, number("pages"), "cancelled at {second} s");
        assert_eq!(number("pages_failed"), 0, "cancelled at {second} s");
        assert_eq!(number("labels_written"), number("pages_tagged"), "cancelled at {second} s");
    }
}

#[test]
fn no_call_starts_after_the_request_to_stop() {
    let text = format!("{PLAIN}\n[[run]]\nname = \"run\"\ncancel_at_s = 2\n");
    let run = judged(&scenario(&text, &["space.pages=100"])).runs.remove(0);
    assert_eq!(run.end, RunEnd::Cancelled);
    let mut asked = false;
    for entry in &run.log.entries {
        match &entry.what {
            What::Event(Event::CancelRequested) => asked = true,
            What::Event(Event::AttemptStarted { .. }) => assert!(!asked, "at {} ms", entry.t_ms),
            _ => {}
        }
    }
    assert!(asked);
    assert!(run.figures.number("pages_not_done") > 0);
}
