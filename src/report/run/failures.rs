//! The pages that failed, with their causes: the first of each run, and a count of the rest.

use crate::pipeline::error::Cause;
use crate::pipeline::event::Event;
use crate::study::verdict::judge::JudgedRun;

/// How many pages of a run are named.
const NAMED: usize = 5;

/// A line for each page that is named, and one for the others; nothing if no page failed.
pub(crate) fn lines(runs: &[JudgedRun]) -> Vec<String> {
    let mut lines = Vec::new();
    for run in runs {
        let mut failed = run.log.events().filter_map(|event| match event {
            Event::PageFailed { page, class, service, status } => {
                Some((page, Cause { service, class, status }))
            }
            _ => None,
        });
        let line = |(page, cause)| format!("    page {page}  {cause}");
        let named: Vec<String> = failed.by_ref().take(NAMED).map(line).collect();
        if named.is_empty() {
            continue;
        }
        let of = if runs.len() > 1 { format!(" of {}", run.name) } else { String::new() };
        lines.push(format!("  FAILED PAGES{of}"));
        lines.extend(named);
        let rest = failed.count();
        if rest > 0 {
            lines.push(format!("    and {rest} more, each with its cause in events.jsonl"));
        }
    }
    lines
}
