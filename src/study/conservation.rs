//! What must be true of every run, whatever its scenario: nothing is lost and nothing counted
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::fakes::record::Record;
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallId, Event};
use crate::pipeline::page::PageId;
use crate::sim::recorder::{Log, What};

/// What a log violates; nothing if the run is sound.
pub fn violations(log: &Log) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: BTreeSet<PageId> = BTreeSet::new();
    let mut calls: BTreeSet<CallId> = BTreeSet::new();
    // Batches that hold a permit and have not started yet, with the highest limit cut meanwhile.
    let mut granted: BTreeMap<BatchId, u64> = BTreeMap::new();
    // In real time calls and bills of different calls mix, so that bills are matched by amount.
    let mut bills: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut unanswered = 0;
    let mut ended = false;
    let mut last_ms = 0;
    for entry in log.entries.without_tags() {
        if entry.t_ms < last_ms {
            found.push(format!("time runs backwards at {} ms", entry.t_ms));
        }
        last_ms = entry.t_ms;
        let event = match &entry.what {
            What::World(Record::Billed { input_tokens, output_tokens, .. }) => {
                *bills.entry((*input_tokens, *output_tokens)).or_insert(0) += 1;
                continue;
            }
            What::World(_) => continue,
            What::Event(event) => event,
        };
        if ended {
            found.push(format!("an event after the end of the run: {event:?}"));
        }
        match event {
            Event::PageListed { page, .. } if !open.insert(*page) => {
                found.push(format!("page {page} was listed twice"));
            }
            Event::PageTagged { page, .. }
            | Event::PageFailed { page, .. }
            | Event::PageNotDone { page }
                if !open.remove(page) =>
            {
                found.push(format!("page {page} ended without being open"));
            }
            Event::PermitGranted { batch, .. } => {
                granted.insert(*batch, 0);
            }
            Event::LimitChanged { old, .. } => {
                for highest in granted.values_mut() {
                    *highest = (*highest).max(*old);
                }
            }
            Event::AttemptStarted { call, batch, in_flight, limit, .. } => {
                calls.insert(*call);
                // A cut takes nothing from those who hold a permit; it binds whoever is granted one.
                // With batches of `auto` size, a call starts a moment after its permit, and the limit
                // may be cut in between: what was granted was within a limit of that time.
                if let Some(highest) = granted.remove(batch)
                    && let Some(limit) = limit.map(|limit| limit.max(highest))
                    && *in_flight > limit
                {
                    let call = call.0;
                    found.push(format!("call {call} is number {in_flight} of {limit} in flight"));
                }
            }
            Event::AttemptFinished { call, status, input_tokens, output_tokens, .. } => {
                calls.remove(call);
                let counted = (*input_tokens, *output_tokens);
                match bills.get_mut(&counted).filter(|left| **left > 0) {
                    // Without a status the client gave up and cannot know its bill.
                    _ if status.is_none() => unanswered += 1,
                    Some(left) => *left -= 1,
                    None if counted == (0, 0) => {}
                    None => found.push(format!(
                        "call {} counted {counted:?} tokens, which nobody billed",
                        call.0
                    )),
                }
            }
            Event::RunFinished { .. } => ended = true,
            _ => {}
        }
    }
    let left: u64 = bills.values().sum();
    let unanswered = unanswered + calls.len() as u64;
    if left > unanswered {
        found
            .push(format!("{left} bills that no call counted, with {unanswered} calls unanswered"));
    }
    found.extend(open.iter().map(|page| format!("page {page} was lost")));
    found.extend(calls.iter().map(|call| format!("call {} never ended", call.0)));
    if !ended {
        found.push("the run never ended".to_owned());
    }
    found
}
