//! Events of one log that another lacks, when their times differ: in real time no event comes at the
//! millisecond that was predicted, and calls that are in flight together end in any order.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pipeline::event::Event;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};

/// The first event that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// When it happened.
    pub t_ms: u64,
    /// Whether it is the first log that has it.
    pub is_of_first: bool,
    /// The event, in the log's canonical form.
    pub line: String,
}

/// The earliest event that only one of two logs has, times and what depends on them left aside.
pub fn first_unmatched(first: &Log, second: &Log) -> Option<Unmatched> {
    // Whether there was a wait at all depends on the millisecond.
    let is_wait = |entry: &Entry| matches!(entry.what, What::Event(Event::Waited { .. }));
    let lonely = |log: &Log, other: &Log, is_of_first: bool| {
        let mut open: BTreeMap<String, u64> = BTreeMap::new();
        for entry in other.entries.iter().filter(|entry| !is_wait(entry)) {
            *open.entry(essence(&entry)).or_default() += 1;
        }
        let mut entries = log.entries.iter().filter(|entry| !is_wait(entry));
        let entry = entries.find(|entry| match open.get_mut(&essence(entry)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })?;
        Some(Unmatched { t_ms: entry.t_ms, is_of_first, line: log.line(&entry) })
    };
    let both = [lonely(first, second, true), lonely(second, first, false)];
    both.into_iter().flatten().min_by_key(|unmatched| unmatched.t_ms)
}

/// An event without its times, the number of its call, and what was in flight or used beside it.
fn essence(entry: &Entry) -> String {
    let mut what = serde_json::to_value(&entry.what).unwrap_or_default();
    if let Value::Object(fields) = &mut what {
        let depends = ["call", "in_flight", "limit", "used"];
        fields.retain(|name, _| !name.ends_with("_ms") && !depends.contains(&name.as_str()));
    }
    what.to_string()
}
