//! Oddities of answers: a cache that forgets, a fallback that hides its primary.

use std::collections::BTreeMap;

use super::anomaly::{Anomaly, AnomalyKind, MOST_EVENTS};
use super::history::History;
use crate::pipeline::event::Event;
use crate::pipeline::page::PageId;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;

/// A cache thrashes from this many misses of known pages on, if they are a tenth of all pages.
const LEAST_FORGOTTEN: usize = 10;

/// Pages that a cache of this many entries did not know, though an earlier run of the same session had
/// tagged them with the same text.
pub(super) fn cache_thrash(log: &Log, before: &[&Log], entries: u64) -> Option<Anomaly> {
    if before.is_empty() {
        return None;
    }
    let mut known: BTreeMap<PageId, u64> = BTreeMap::new();
    for log in before {
        let mut listed: BTreeMap<PageId, u64> = BTreeMap::new();
        for event in log.events() {
            match event {
                Event::PageListed { page, version, .. } => drop(listed.insert(page, version)),
                Event::PageTagged { page, .. } => {
                    known.extend(listed.get(&page).map(|version| (page, *version)));
                }
                _ => {}
            }
        }
    }
    let (mut pages, mut versions) = (0, BTreeMap::new());
    let mut forgotten = Vec::new();
    for (entry, number) in log.entries.without_tags().zip(1..) {
        match entry.what {
            What::Event(Event::PageListed { page, version, .. }) => {
                pages += 1;
                versions.insert(page, version);
            }
            What::Event(Event::CacheMiss { page })
                if versions.get(&page).is_some_and(|now| known.get(&page) == Some(now)) =>
            {
                forgotten.push((entry.t_ms, number));
            }
            _ => {}
        }
    }
    let ((from_ms, _), (to_ms, _)) = (forgotten.first()?, forgotten.last()?);
    (forgotten.len() >= LEAST_FORGOTTEN && forgotten.len() * 10 >= pages).then(|| Anomaly {
        kind: AnomalyKind::CacheThrash,
        from_ms: *from_ms,
        to_ms: *to_ms,
        seen: format!(
            "{} of {pages} pages were asked about again with the text that had been answered before: a cache of {entries} entries had forgotten them",
            forgotten.len()
        ),
        events: forgotten.iter().map(|(_, number)| *number).take(MOST_EVENTS).collect(),
    })
}

/// A primary is hidden if half of its calls fail while the fallback gives this share of the answers, or
/// if the fallback gives half of all answers, whatever the primary did; from this many answers on.
const FALLBACK_PERCENT: usize = 30;
const LEAST_ANSWERS: usize = 5;

/// A fallback that does the work of a primary that fails, or is not asked.
pub(super) fn hidden_primary(history: &History, failed_pages: u64) -> Option<Anomaly> {
    let own = || history.calls.iter().filter(|call| call.provider == history.primary);
    let failed = own().filter(|call| !call.is_answered).count();
    let answered = history.calls.iter().filter(|call| call.is_answered);
    let mut by_fallback = answered.clone().filter(|call| call.provider != history.primary);
    let (all, others) = (answered.count(), by_fallback.clone().count());
    let calls = own().count();
    let is_failing = failed * 2 >= calls && others * 100 >= all * FALLBACK_PERCENT;
    let is_hidden = others >= LEAST_ANSWERS && (is_failing || others * 2 >= all);
    if !is_hidden {
        return None;
    }
    let first = own().find(|call| !call.is_answered)?;
    let last = by_fallback.next_back()?;
    let pages = match failed_pages {
        0 => "no page failed all the same".to_owned(),
        failed => format!("{failed} pages failed"),
    };
    let refused = own().filter(|call| call.is_refused).count();
    let refused = if refused > 0 { format!(" ({refused} with 429)") } else { String::new() };
    Some(Anomaly {
        kind: AnomalyKind::HiddenPrimary,
        from_ms: first.ended_ms,
        to_ms: last.ended_ms,
        seen: format!(
            "{failed} of {calls} calls of {} failed{refused}; the fallback gave {others} of {all} answers, and {pages}",
            history.primary
        ),
        events: vec![first.event, last.event],
    })
}
