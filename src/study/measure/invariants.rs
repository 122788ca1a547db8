//! What must be true of every run, whatever its scenario: nothing is lost and nothing counted
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallId, Event};
use crate::pipeline::page::PageId;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::measure::time_split::TimePart;

/// What a log violates; nothing if the run is sound.
pub fn violations(log: &Log) -> Vec<String> {
    let mut books = Books::default();
    for entry in log.entries.without_tags() {
        books.enter(&entry);
    }
    books.close()
}

/// What is wrong with the parts of a makespan, which must come to all of it.
pub fn time_unaccounted(figures: &Figures) -> Option<String> {
    // From outside there are none.
    figures.get(Metric::TimeIdle)?;
    let parts = TimePart::ALL.iter().map(|part| figures.number(part.metric()));
    let sum = parts.fold(0, u64::saturating_add);
    let makespan_ms = figures.number(Metric::Makespan);
    (sum != makespan_ms)
        .then(|| format!("the parts of its time come to {sum} ms, and it took {makespan_ms} ms"))
}

/// The books of a run.
#[derive(Default)]
struct Books {
    found: Vec<String>,
    open: BTreeSet<PageId>,
    calls: BTreeSet<CallId>,
    /// Batches that hold a permit and have not started yet, with the highest limit cut meanwhile.
    granted: BTreeMap<BatchId, u64>,
    /// In real time calls and bills of different calls mix, so that bills are matched by amount.
    bills: BTreeMap<(u64, u64), u64>,
    unanswered: u64,
    ended: bool,
    last_ms: u64,
}

impl Books {
    fn enter(&mut self, entry: &Entry) {
        if entry.t_ms < self.last_ms {
            self.found.push(format!("time runs backwards at {} ms", entry.t_ms));
        }
        self.last_ms = entry.t_ms;
        match &entry.what {
            What::World(WorldEvent::Billed { input_tokens, output_tokens, .. }) => {
                *self.bills.entry((*input_tokens, *output_tokens)).or_insert(0) += 1;
            }
            What::World(_) => {}
            What::Event(event) => self.event(event),
        }
    }

    fn event(&mut self, event: &Event) {
        if self.ended {
            self.found.push(format!("an event after the end of the run: {event:?}"));
        }
        match event {
            Event::PageListed { page, .. } if !self.open.insert(*page) => {
                self.found.push(format!("page {page} was listed twice"));
            }
            Event::PageTagged { page, .. }
            | Event::PageFailed { page, .. }
            | Event::PageNotDone { page }
                if !self.open.remove(page) =>
            {
                self.found.push(format!("page {page} ended without being open"));
            }
            Event::PermitGranted { batch, .. } => {
                self.granted.insert(*batch, 0);
            }
            Event::LimitChanged { old, .. } => {
                for highest in self.granted.values_mut() {
                    *highest = (*highest).max(*old);
                }
            }
            Event::AttemptStarted { call, batch, in_flight, limit, .. } => {
                self.calls.insert(*call);
                self.started((*call, *batch), *in_flight, *limit);
            }
            Event::AttemptFinished { call, status, input_tokens, output_tokens, .. } => {
                self.calls.remove(call);
                self.billed(*call, status.is_some(), (*input_tokens, *output_tokens));
            }
            Event::RunFinished { .. } => self.ended = true,
            _ => {}
        }
    }

    /// A cut takes no permit that was granted; it binds the next ones. With
    /// batches of `auto` size, a call starts a moment after its permit, and the limit may be cut in
    /// between: what was granted was within a limit of that time.
    fn started(&mut self, (call, batch): (CallId, BatchId), in_flight: u64, limit: Option<u64>) {
        if let Some(highest) = self.granted.remove(&batch)
            && let Some(limit) = limit.map(|limit| limit.max(highest))
            && in_flight > limit
        {
            let call = call.0;
            self.found.push(format!("call {call} is number {in_flight} of {limit} in flight"));
        }
    }

    fn billed(&mut self, call: CallId, is_answered: bool, counted: (u64, u64)) {
        match self.bills.get_mut(&counted).filter(|left| **left > 0) {
            // Without a status the client gave up and cannot know its bill.
            _ if !is_answered => self.unanswered += 1,
            Some(left) => *left -= 1,
            None if counted == (0, 0) => {}
            None => {
                let call = call.0;
                self.found
                    .push(format!("call {call} counted {counted:?} tokens, which nobody billed"));
            }
        }
    }

    fn close(self) -> Vec<String> {
        let Self { mut found, open, calls, bills, .. } = self;
        let left: u64 = bills.values().sum();
        let unanswered = self.unanswered + calls.len() as u64;
        if left > unanswered {
            found.push(format!(
                "{left} bills that no call counted, with {unanswered} calls unanswered"
            ));
        }
        found.extend(open.iter().map(|page| format!("page {page} was lost")));
        found.extend(calls.iter().map(|call| format!("call {} never ended", call.0)));
        if !self.ended {
            found.push("the run never ended".to_owned());
        }
        found
    }
}
