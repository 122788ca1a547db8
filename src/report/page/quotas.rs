//! What was thought of the services' quotas, and when that changed.

use std::cmp::Reverse;

use maud::{Markup, html};

use crate::pipeline::event::Event;
use crate::report::diagnosis::words;
use crate::report::format;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};
use crate::study::diagnosis::chain::known_quotas;

/// Rows of the table.
const ROWS: usize = 20;

/// What was learned and given up, in order.
fn changes(log: &Log) -> impl Iterator<Item = Entry> {
    log.entries.without_tags().filter(|entry| {
        let What::Event(event) = &entry.what else { return false };
        matches!(event, Event::QuotaLearned { .. } | Event::QuotaForgotten { .. })
    })
}

/// The longest wait for a quota, and what was known of quotas then; nothing where no batch waited, or nothing
/// was known.
pub(super) fn longest_wait(log: &Log) -> Option<String> {
    let waits = log.entries.without_tags().filter_map(|entry| match entry.what {
        What::Event(
            Event::PermitGranted { quota_ms, .. } | Event::BatchFormed { quota_ms, .. },
        ) if quota_ms > 0 => Some((quota_ms, entry.t_ms)),
        _ => None,
    });
    let (quota_ms, until_ms) = waits.max_by_key(|(quota_ms, t_ms)| (*quota_ms, Reverse(*t_ms)))?;
    let from_ms = until_ms.saturating_sub(quota_ms);
    let known = known_quotas(log, &(from_ms..=until_ms));
    // What was known when it began; else what was learned first.
    let is_before = |(_, entry): &&(usize, Entry)| entry.t_ms <= from_ms;
    let mut causes: Vec<&(usize, Entry)> = known.iter().filter(is_before).collect();
    if causes.is_empty() {
        causes.extend(known.first());
    }
    let causes: Vec<String> = causes.iter().map(|(_, entry)| words::said(&entry.what)).collect();
    let wait = format::millis(quota_ms);
    (!causes.is_empty())
        .then(|| format!("The longest wait for a quota took {wait}: {}.", causes.join("; ")))
}

/// The table behind the picture; nothing where nothing was learned.
pub(super) fn table(log: &Log) -> Option<Markup> {
    let changes: Vec<Entry> = changes(log).collect();
    let left = changes.len().saturating_sub(ROWS);
    (!changes.is_empty()).then(|| {
        html! {
            details {
                summary {
                    "What was thought of quotas: " (format::counted(changes.len(), "change"))
                    @if left > 0 { ", of which the first " (ROWS) }
                }
                p.quiet { "A weight says how likely it was then, among all that may explain the refusals." }
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "at" } th.left scope="col" { "what was thought" } } }
                        tbody {
                            @for entry in changes.iter().take(ROWS) {
                                tr {
                                    th scope="row" { (format::millis(entry.t_ms)) }
                                    td.left { (words::said(&entry.what)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}
