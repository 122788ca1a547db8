//! What is odd about the runs, with its evidence and what to change.

use maud::{Markup, html};

use super::chrome::Section;
use crate::report::diagnosis::text::{counted, evidence, period};
use crate::report::format;
use crate::study::diagnosis::anomaly::Anomaly;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::seeds::Series;

/// The section; nothing where nothing is odd.
pub(super) fn section(runs: &[JudgedRun], series: Option<&Series>) -> Option<Section> {
    let (heading, body) = match series {
        Some(series) => of_seeds(series)?,
        None => of_runs(runs)?,
    };
    Some(Section { id: "odd", heading, body })
}

fn things(count: usize) -> String {
    match count {
        1 => "One thing is".to_owned(),
        count => format!("{} are", format::counted(count, "thing")),
    }
}

/// The last run first: it is the one that is asked about.
fn of_runs(runs: &[JudgedRun]) -> Option<(String, Markup)> {
    let (last, before) = runs.split_last()?;
    let earlier: usize = before.iter().map(|run| run.anomalies.len()).sum();
    let heading = match (last.anomalies.len(), earlier) {
        (0, 0) => return None,
        (count, 0) if before.is_empty() => format!("{} odd", things(count)),
        (count, 0) => format!("{} odd in {}", things(count), last.name),
        (0, count) => {
            let count = format::counted(count, "odd thing");
            format!("Nothing is odd in {}; the runs before it have {count}", last.name)
        }
        (count, earlier) => {
            format!("{} odd in {}, and {earlier} before it", things(count), last.name)
        }
    };
    let body = html! {
        @for run in runs.iter().rev() {
            @for one in &run.anomalies { (of_run(run, one, last)) }
        }
    };
    Some((heading, body))
}

fn of_run(run: &JudgedRun, one: &Anomaly, last: &JudgedRun) -> Markup {
    let is_last = std::ptr::eq(run, last);
    let is_gone = !is_last && last.anomalies.iter().all(|other| other.kind != one.kind);
    html! {
        div.odd {
            p {
                span.mark-missed { "! " }
                @if !is_last { (run.name) ": " }
                (one.seen) " (" (period(one)) ")."
                @if is_gone { " Gone in " (last.name) "." }
            }
            ul { @for event in evidence(run, one) { li.quiet { (event) } } }
            @if !is_gone { p { "To change: " (one.kind.change()) "." } }
        }
    }
}

fn of_seeds(series: &Series) -> Option<(String, Markup)> {
    let found = counted(series);
    let (all, is_one) = (series.played.len(), series.judged.runs.len() < 2);
    let body = html! {
        @for odd in &found {
            div.odd {
                p {
                    span.mark-missed { "! " }
                    @if !is_one { (odd.run) ": " }
                    "in " (odd.seeds) " of " (all) " seeds; in seed " (odd.first_seed) " " (odd.first.seen) "."
                }
                p { "To change: " (odd.first.kind.change()) "." }
            }
        }
    };
    (!found.is_empty()).then(|| (format!("{} odd in some seeds", things(found.len())), body))
}
