//! What was thought of the services' quotas, and when that changed.

use maud::{Markup, html};

use crate::pipeline::event::Event;
use crate::report::diagnosis::words;
use crate::report::format;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};

/// Rows of the table.
const ROWS: usize = 20;

/// What was learned and given up, in order.
fn changes(log: &Log) -> impl Iterator<Item = Entry> {
    log.entries.without_tags().filter(|entry| {
        let What::Event(event) = &entry.what else { return false };
        matches!(event, Event::QuotaLearned { .. } | Event::QuotaForgotten { .. })
    })
}

/// What was thought last, in words; nothing where nothing was learned.
pub(super) fn last(log: &Log) -> Option<String> {
    changes(log).last().map(|entry| words::said(&entry.what))
}

/// The table behind the picture; nothing where nothing was learned.
pub(super) fn table(log: &Log) -> Option<Markup> {
    let changes: Vec<Entry> = changes(log).collect();
    let left = changes.len().saturating_sub(ROWS);
    (!changes.is_empty()).then(|| {
        html! {
            details {
                summary {
                    "What was thought of quotas changed " (format::counted(changes.len(), "time"))
                    @if left > 0 { "; the first " (ROWS) }
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
