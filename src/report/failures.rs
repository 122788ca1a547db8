//! The pages that failed, with their causes: the first of each run, and a count of the rest.

use crate::pipeline::error::Cause;
use crate::pipeline::event::Event;
use crate::study::judge::JudgedRun;

/// How many pages of a run are named.
const NAMED: usize = 5;

/// A line for each page that is named, and one for the others; nothing if no page failed.
pub(super) fn lines(runs: &[JudgedRun]) -> Vec<String> {
    let mut lines = Vec::new();
    for run in runs {
        let failed = run.log.events().filter_map(|event| match event {
            Event::PageFailed { page, class, service, status } => {
                Some(format!("    page {page}  {}", Cause { service, class, status }))
            }
            _ => None,
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() {
            continue;
        }
        let of = if runs.len() > 1 { format!(" of {}", run.name) } else { String::new() };
        lines.push(format!("  FAILED PAGES{of}"));
        let rest = failed.len().saturating_sub(NAMED);
        lines.extend(failed.into_iter().take(NAMED));
        if rest > 0 {
            lines.push(format!("    and {rest} more, each with its cause in events.jsonl"));
        }
    }
    lines
}
