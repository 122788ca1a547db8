//! What failed: by service, operation or model, and status, with the pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::html;

use super::chrome::{Section, table};
use crate::pipeline::error::{CONFLUENCE, Cause};
use crate::pipeline::event::{CallOutcome, Event};
use crate::pipeline::page::PageId;
use crate::report::format;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::JudgedRun;

/// Pages that are named.
const NAMED: usize = 20;
/// Rows of the table.
const MOST_ROWS: usize = 60;

/// What calls were about, and how they failed.
type FailedCall = (String, String, String);

/// The section: calls that failed, and pages that did.
pub(super) fn section(runs: &[JudgedRun]) -> Section {
    let mut calls: BTreeMap<FailedCall, u64> = BTreeMap::new();
    let mut pages: BTreeMap<String, (u64, Vec<PageId>)> = BTreeMap::new();
    for run in runs {
        let whose = if runs.len() > 1 { format!("{}: ", run.name) } else { String::new() };
        for event in run.log.events() {
            if let Some((kind, status)) = failure(&event) {
                *calls.entry((whose.clone(), kind, status)).or_default() += 1;
            }
            if let Event::PageFailed { page, class, service, status } = event {
                let cause = Cause { service, class, status };
                let (count, named) = pages.entry(format!("{whose}{cause}")).or_default();
                *count += 1;
                if named.len() < NAMED {
                    named.push(page);
                }
            }
        }
    }
    let all: u64 = calls.values().sum();
    let of_run = |run: &JudgedRun| {
        let own = format!("{}: ", run.name);
        let calls: u64 =
            calls.iter().filter(|((whose, ..), _)| *whose == own).map(|(_, count)| count).sum();
        format!("{} of {}", format::count(calls), run.name)
    };
    let each = runs.iter().filter(|_| runs.len() > 1).map(of_run);
    let each = each.collect::<Vec<_>>().join(", ");
    let each = if each.is_empty() { each } else { format!(" ({each})") };
    let failed: u64 = pages.values().map(|(count, _)| count).sum();
    let heading = match (all, failed) {
        (0, 0) => "No call and no page failed".to_owned(),
        (all, 0) => format!("{} calls failed{each}, and no page", format::count(all)),
        (all, failed) => {
            format!("{} calls{each} and {} pages failed", format::count(all), format::count(failed))
        }
    };
    let more = calls.len().saturating_sub(MOST_ROWS) + pages.len().saturating_sub(MOST_ROWS);
    let rows: Vec<Vec<String>> = calls
        .into_iter()
        .take(MOST_ROWS)
        .map(|((whose, kind, status), count)| vec![whose + &kind, status, format::count(count)])
        .collect();
    let page_rows: Vec<Vec<String>> = pages
        .into_iter()
        .take(MOST_ROWS)
        .map(|(cause, (count, named))| {
            let mut ids = named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if count > named.len() as u64 {
                let more = format::count(count - named.len() as u64);
                let _ = write!(ids, " and {more} more");
            }
            vec![cause, format::count(count), ids]
        })
        .collect();
    let fallen = fallen(runs);
    let body = html! {
        @if !fallen.is_empty() { p { (fallen.join(" ")) } }
        @if !rows.is_empty() { (table(&["calls", "how they failed", "count"], &rows)) }
        @if !page_rows.is_empty() { (table(&["pages failed for", "count", "pages"], &page_rows)) }
        @if more > 0 { p.quiet { "and " (more) " more kinds of failure, in events.jsonl" } }
    };
    Section { id: "failures", heading, body }
}

/// How many batches of each run went on with another provider.
fn fallen(runs: &[JudgedRun]) -> Vec<String> {
    let of_run = |run: &JudgedRun| {
        let count = run.figures.number(Metric::Fallbacks);
        let whose = if runs.len() > 1 { format!("{}: ", run.name) } else { String::new() };
        (count > 0)
            .then(|| format!("{whose}{} batches went on with the fallback.", format::count(count)))
    };
    runs.iter().filter_map(of_run).collect()
}

/// What a failed call was about, and how it failed.
fn failure(event: &Event) -> Option<(String, String)> {
    let status_of = |status: Option<u16>, other: String| {
        status.map_or(other, |status| format!("status {status}"))
    };
    match event {
        Event::AttemptFinished {
            provider, outcome: CallOutcome::Failed, status, class, ..
        } => {
            let class = class.map(|class| class.to_string()).unwrap_or_default();
            let status = match status {
                Some(status) => format!("status {status}, {class}"),
                None => class,
            };
            Some((provider.clone(), status))
        }
        Event::ConfluenceCall { op, status, .. } if !matches!(status, Some(200..=299)) => {
            let op = serde_json::to_value(op).ok()?;
            let op = op.as_str().unwrap_or_default().replace('_', " ");
            Some((format!("{CONFLUENCE} {op}"), status_of(*status, "no answer".to_owned())))
        }
        _ => None,
    }
}
