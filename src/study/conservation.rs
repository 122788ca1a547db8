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
    let mut granted: BTreeSet<BatchId> = BTreeSet::new();
    let mut billed: BTreeMap<CallId, (u64, u64)> = BTreeMap::new();
    let mut last_call = None;
    let mut ended = false;
    let mut last_ms = 0;
    for entry in &log.entries {
        if entry.t_ms < last_ms {
            found.push(format!("time runs backwards at {} ms", entry.t_ms));
        }
        last_ms = entry.t_ms;
        let event = match &entry.what {
            What::World(Record::Billed { input_tokens, output_tokens, .. }) => {
                // A call and its bill are one step, so the bill is that of the call started last.
                if let Some(call) = last_call.take() {
                    billed.insert(call, (*input_tokens, *output_tokens));
                } else {
                    found.push("a bill without a call".to_owned());
                }
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
                granted.insert(*batch);
            }
            Event::AttemptStarted { call, batch, in_flight, limit, .. } => {
                calls.insert(*call);
                last_call = Some(*call);
                // A cut takes nothing from those who hold a permit; it binds whoever is granted one.
                if granted.remove(batch)
                    && let Some(limit) = limit.filter(|limit| in_flight > limit)
                {
                    let call = call.0;
                    found.push(format!("call {call} is number {in_flight} of {limit} in flight"));
                }
            }
            Event::AttemptFinished { call, status, input_tokens, output_tokens, .. } => {
                calls.remove(call);
                let bill = billed.remove(call).unwrap_or((0, 0));
                // Without a status the client gave up and cannot know its bill.
                if status.is_some() && bill != (*input_tokens, *output_tokens) {
                    let counted = (input_tokens, output_tokens);
                    found.push(format!(
                        "call {} counted {counted:?} tokens, billed {bill:?}",
                        call.0
                    ));
                }
            }
            Event::RunFinished { .. } => ended = true,
            _ => {}
        }
    }
    found.extend(open.iter().map(|page| format!("page {page} was lost")));
    found.extend(calls.iter().map(|call| format!("call {} never ended", call.0)));
    if !ended {
        found.push("the run never ended".to_owned());
    }
    found
}
