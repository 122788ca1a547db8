//! The checks that every run passes notice what they are for: a sound log, spoiled in one place.

use tagspace::internals::fakes::world_event::WorldEvent;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::recorder::entry::{Entry, What};
use tagspace::internals::study::measure::invariants::violations;

use crate::common::plain;

/// What is found in the log of a plain run after it was spoiled.
fn found(spoil: impl FnOnce(&mut Vec<Entry>)) -> String {
    let mut log: Log = plain(&[]).log;
    assert_eq!(violations(&log), Vec::<String>::new());
    let mut entries: Vec<Entry> = log.entries.iter().collect();
    spoil(&mut entries);
    log.entries = entries.into_iter().collect();
    violations(&log).join("; ")
}

/// Where the first of such events stands.
fn first(entries: &[Entry], wanted: impl Fn(&Event) -> bool) -> usize {
    let is_wanted = |entry: &Entry| matches!(&entry.what, What::Event(event) if wanted(event));
    entries.iter().position(is_wanted).unwrap()
}

#[test]
fn a_lost_page() {
    let found = found(|log| {
        log.remove(first(log, |event| matches!(event, Event::PageTagged { .. })));
    });
    assert!(found.starts_with("page ") && found.ends_with(" was lost"), "{found}");
}

#[test]
fn a_page_that_ends_twice() {
    let found = found(|log| {
        let tagged = first(log, |event| matches!(event, Event::PageTagged { .. }));
        log.insert(tagged, log[tagged].clone());
    });
    assert!(found.ends_with("ended without being open"), "{found}");
}

#[test]
fn a_page_that_is_listed_twice() {
    let found = found(|log| {
        let listed = first(log, |event| matches!(event, Event::PageListed { .. }));
        log.insert(listed, log[listed].clone());
    });
    assert!(found.ends_with("was listed twice"), "{found}");
}

#[test]
fn a_call_that_never_ends() {
    let found = found(|log| {
        log.remove(first(log, |event| matches!(event, Event::AttemptFinished { .. })));
    });
    assert_eq!(found, "call 1 never ended");
}

#[test]
fn tokens_that_were_not_billed() {
    let found = found(|log| {
        let at = first(log, |event| matches!(event, Event::AttemptFinished { .. }));
        if let What::Event(Event::AttemptFinished { input_tokens, .. }) = &mut log[at].what {
            *input_tokens += 1;
        }
    });
    assert!(found.starts_with("call 1 counted"), "{found}");
}

#[test]
fn a_bill_that_nobody_counted() {
    let found = found(|log| {
        let is_bill = |entry: &Entry| matches!(&entry.what, What::World(WorldEvent::Billed { .. }));
        let bill = log.iter().position(is_bill).unwrap();
        log.insert(bill, log[bill].clone());
    });
    assert_eq!(found, "1 bills that no call counted, with 0 calls unanswered");
}

#[test]
fn a_call_above_the_limit() {
    let found = found(|log| {
        let at = first(log, |event| matches!(event, Event::AttemptStarted { .. }));
        if let What::Event(Event::AttemptStarted { in_flight, limit, .. }) = &mut log[at].what {
            *in_flight = limit.unwrap() + 1;
        }
    });
    assert_eq!(found, "call 1 is number 4 of 3 in flight");
}

#[test]
fn time_that_runs_backwards() {
    let found = found(|log| {
        let last = log.len() - 1;
        log[last].t_ms = 0;
    });
    assert_eq!(found, "time runs backwards at 0 ms");
}

#[test]
fn a_run_that_does_not_end_or_goes_on_after_its_end() {
    assert_eq!(found(|log| drop(log.pop())), "the run never ended");
    let found = found(|log| {
        let last = log.len() - 1;
        log.swap(last - 1, last);
        log[last - 1].t_ms = log[last].t_ms;
    });
    assert!(found.starts_with("an event after the end of the run"), "{found}");
}
