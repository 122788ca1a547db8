//! What is odd about the runs, with its evidence and what to change.

use maud::{Markup, html};

use super::chrome::Section;
use crate::report::diagnosis::text::{counted, evidence, period};
use crate::report::format;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::seeds::Series;

/// The section; nothing where nothing is odd.
pub(super) fn section(runs: &[JudgedRun], series: Option<&Series>) -> Option<Section> {
    let (count, body) = match series {
        Some(series) => of_seeds(series),
        None => of_runs(runs),
    };
    let heading = match count {
        0 => return None,
        1 => "One thing is odd".to_owned(),
        count => format!("{} are odd", format::counted(count, "thing")),
    };
    Some(Section { id: "odd", heading, body })
}

fn of_runs(runs: &[JudgedRun]) -> (usize, Markup) {
    let all = || runs.iter().flat_map(|run| run.anomalies.iter().map(move |one| (run, one)));
    let body = html! {
        @for (run, one) in all() {
            div.odd {
                p {
                    span.mark-missed { "! " }
                    @if runs.len() > 1 { (run.name) ": " }
                    (one.seen) " (" (period(one)) ")."
                }
                ul { @for event in evidence(run, one) { li.quiet { (event) } } }
                p { "To change: " (one.kind.change()) "." }
            }
        }
    };
    (all().count(), body)
}

fn of_seeds(series: &Series) -> (usize, Markup) {
    let found = counted(series);
    let all = series.played.len();
    let body = html! {
        @for (run, seeds, first, one) in &found {
            div.odd {
                p {
                    span.mark-missed { "! " }
                    @if series.judged.runs.len() > 1 { (run) ": " }
                    "in " (seeds) " of " (all) " seeds; in seed " (first) " " (one.seen) "."
                }
                p { "To change: " (one.kind.change()) "." }
            }
        }
    };
    (found.len(), body)
}
