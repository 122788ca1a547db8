//! Where the time of each run went, beside the bound.

use maud::{Markup, html};

use super::chrome::Section;
use super::quotas;
use crate::report::format;
use crate::study::measure::metric::Metric;
use crate::study::measure::time_split::TimePart;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::seeds::Series;

/// What a part of the time is, for people.
pub(super) const fn words(part: TimePart) -> &'static str {
    match part {
        TimePart::Listing => "the list of pages",
        TimePart::ConfluenceQuota => "Confluence's quota",
        TimePart::ConfluencePlace => "waits for a place at Confluence",
        TimePart::AiQuota => "the AI's quota",
        TimePart::AiPlace => "waits for a place among the AI calls",
        TimePart::ModelQueue => "the model's own latency",
        TimePart::ModelInput => "the model reading",
        TimePart::ModelOutput => "the model writing",
        TimePart::Backoff => "failed calls and the waits after them",
        TimePart::Fallback => "the fallback",
        TimePart::Writing => "labels that were read or written",
        TimePart::Idle => "nothing that is known",
    }
}

/// What may be turned where this part is the largest.
const fn knob(part: TimePart) -> &'static str {
    match part {
        TimePart::Listing | TimePart::ConfluencePlace => {
            "confluence_concurrency says how many calls Confluence is sent at once."
        }
        TimePart::ConfluenceQuota => {
            "The site's limit binds: fewer calls help, as with label_reads = \"by-label\"."
        }
        TimePart::AiQuota => {
            "The quota binds: more pages in a prompt (batch_size) or a larger quota help."
        }
        TimePart::AiPlace => "concurrency and max_concurrency say how many calls may be in flight.",
        TimePart::ModelQueue | TimePart::ModelInput | TimePart::ModelOutput => {
            "The model's own time: smaller prompts or a faster model shorten it."
        }
        TimePart::Backoff => "Failed calls cost it: see the failures below.",
        TimePart::Fallback => "The primary gave up: attempts and patience_s say when it does.",
        TimePart::Writing => {
            "Reading and writing labels: label_reads and confluence_concurrency shorten it."
        }
        TimePart::Idle => "Nothing that is recorded explains it.",
    }
}

const fn class(part: TimePart) -> &'static str {
    match part {
        TimePart::ConfluenceQuota | TimePart::AiQuota => "part-quota",
        TimePart::ConfluencePlace | TimePart::AiPlace => "part-place",
        TimePart::ModelQueue | TimePart::ModelInput | TimePart::ModelOutput => "part-model",
        TimePart::Backoff | TimePart::Fallback => "part-trouble",
        TimePart::Listing | TimePart::Writing => "part-site",
        TimePart::Idle => "part-idle",
    }
}

/// The time of one run: how long it took, what each part took, and the bound.
struct Split<'a> {
    run: &'a str,
    makespan_ms: u64,
    parts: Vec<(TimePart, u64)>,
    bound_ms: Option<u64>,
}

impl<'a> Split<'a> {
    /// Of a run, or in the middle of all its seeds; nothing where the time cannot be split.
    fn of(run: &'a JudgedRun, at: usize, series: Option<&Series>) -> Option<Self> {
        run.figures.get(Metric::TimeIdle)?;
        let number = |metric: Metric| match series {
            Some(series) => series.spread(at, metric).map(|spread| spread.median),
            None => run.figures.get(metric).map(|_| run.figures.number(metric)),
        };
        let parts = TimePart::ALL.iter().map(|part| (*part, number(part.metric()).unwrap_or(0)));
        Some(Self {
            run: &run.name,
            makespan_ms: number(Metric::Makespan)?,
            parts: parts.filter(|(_, ms)| *ms > 0).collect(),
            bound_ms: number(Metric::BoundMakespan),
        })
    }
}

/// The section; nothing where the time of no run can be split.
pub(super) fn section(runs: &[JudgedRun], series: Option<&Series>) -> Option<Section> {
    let splits = runs.iter().enumerate().filter_map(|(at, run)| Split::of(run, at, series));
    let splits: Vec<Split<'_>> = splits.collect();
    let last = splits.last()?;
    let (part, ms) = last.parts.iter().max_by_key(|(_, ms)| *ms)?;
    let share = ms.saturating_mul(100) / last.makespan_ms.max(1);
    let middle = if series.is_some() { " in the middle of all seeds" } else { "" };
    let makespan = format::millis(last.makespan_ms);
    let whose = if splits.len() > 1 { format!("{}: of", last.run) } else { "Of".to_owned() };
    let heading = format!("{whose} {makespan}{middle} {share} % went to {}", words(*part));
    let alone = runs.last().filter(|_| series.is_none());
    let body = html! {
        @if series.is_some() {
            p.quiet { "Each number is the median over the seeds, so that they need not add up." }
        }
        p.quiet { "What the run waited for at each instant, along the path that decided when it ended." }
        @if let Some(said) = alone.and_then(|run| quotas::longest_wait(&run.log)) { p { (said) } }
        p { (knob(*part)) " What each limit costs says " code { "tagspace limits" } "." }
        @if splits.len() > 1 { p.quiet { "All bars have one scale." } }
        @let longest = splits.iter().map(|split| split.makespan_ms).max().unwrap_or(1).max(1);
        @for split in &splits { (one(split, splits.len() > 1, longest)) }
    };
    Some(Section { id: "time", heading, body })
}

fn one(split: &Split<'_>, is_named: bool, longest_ms: u64) -> Markup {
    let makespan = split.makespan_ms.max(1);
    let permille = |ms: u64| (ms.saturating_mul(1000) + makespan / 2) / makespan;
    let share = |ms: u64| format!("{}.{} %", permille(ms) / 10, permille(ms) % 10);
    let width = |ms: u64| {
        let permille = ms.saturating_mul(1000) / longest_ms;
        format!("width:{}.{}%", permille.min(1000) / 10, permille % 10)
    };
    let row = |name: &str, ms: u64, class: &str| {
        html! {
            tr {
                th scope="row" { (name) }
                td { (format::millis(ms)) }
                td { (share(ms)) }
                td.left.bar-cell { span class={ "bar " (class) } style=(width(ms)) {} }
            }
        }
    };
    html! {
        @if is_named { h3 { (split.run) ": " (format::millis(split.makespan_ms)) } }
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th.left scope="col" { "held up by" }
                        th scope="col" { "time" }
                        th scope="col" { "share" }
                        td {}
                    }
                }
                tbody {
                    @for (part, ms) in &split.parts { (row(words(*part), *ms, class(*part))) }
                }
            }
        }
        @if let Some(bound) = split.bound_ms {
            p.quiet {
                "The bound: in this world, with the first provider alone and as many pages in a prompt as max_batch_size allows, no settings take less than "
                (format::millis(bound)) ", " (share(bound)) " of this."
            }
        }
    }
}
