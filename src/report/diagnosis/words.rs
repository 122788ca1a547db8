//! Events in words, a line each.

use std::fmt::Write;

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::event::{Awaited, CallOutcome, ConfluenceOp, Event, LimitReason};
use crate::pipeline::page::{PageId, Source};
use crate::report::format::{count, counted, millis};
use crate::sim::recorder::entry::What;

/// What happened, without its time.
pub(crate) fn said(what: &What) -> String {
    match what {
        What::Event(event) => of_run(event),
        What::World(record) => of_world(record),
    }
}

/// A name as it stands in files, with spaces.
fn plain(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

/// The parts of a wait.
fn because(place_ms: u64, quota_ms: u64, backoff_ms: u64) -> String {
    let parts = [
        (place_ms, "for a place"),
        (quota_ms, "for the quota"),
        (backoff_ms, "because the service failed"),
    ];
    let parts = parts.iter().filter(|(ms, _)| *ms > 0);
    let parts: Vec<String> = parts.map(|(ms, why)| format!(", {} {why}", millis(*ms))).collect();
    parts.concat()
}

fn awaited(on: Awaited) -> &'static str {
    match on {
        Awaited::Gatherer => "for the gatherer",
        Awaited::Gate => "at the gate",
        Awaited::Slot => "for a place among the batches",
        Awaited::Pause => "of the configured pause",
        Awaited::Writer => "for the writer",
        Awaited::WriterSlot => "for a place for writing",
        Awaited::Others => "for all other pages",
        Awaited::Labels => "for the labels of the space",
    }
}

fn named(pages: &[PageId]) -> String {
    const NAMED: usize = 8;
    let ids: Vec<String> = pages.iter().take(NAMED).map(ToString::to_string).collect();
    let more = pages.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", ids.join(", "))
}

fn of_run(event: &Event) -> String {
    match event {
        Event::RunStarted { limit, .. } => limit.map_or_else(
            || "the run starts".to_owned(),
            |limit| format!("the run starts with at most {} in flight", counted(limit, "call")),
        ),
        Event::PageListed { page, version, chars } => {
            format!("page {page} is listed: version {version}, {} characters", count(*chars))
        }
        Event::CacheHit { page } => format!("the cache answers for page {page}"),
        Event::CacheMiss { page } => format!("the cache does not know page {page}"),
        Event::BatchFormed { batch, pages, place_ms, quota_ms, backoff_ms } => format!(
            "batch {} is formed of {} ({}){}",
            batch.0,
            counted(pages.len(), "page"),
            named(pages),
            because(*place_ms, *quota_ms, *backoff_ms)
        ),
        Event::PermitGranted { batch, waited_ms, quota_ms, backoff_ms } => {
            let place_ms = waited_ms.saturating_sub(*quota_ms).saturating_sub(*backoff_ms);
            let parts = because(place_ms, *quota_ms, *backoff_ms);
            format!("batch {} has a permit after {}{parts}", batch.0, millis(*waited_ms))
        }
        Event::Waited { on, batch, page, waited_ms, quota_ms, backoff_ms } => {
            let whose = match (batch, page) {
                (Some(batch), _) => format!("batch {}", batch.0),
                (None, Some(page)) => format!("page {page}"),
                (None, None) => "the list".to_owned(),
            };
            let parts = because(0, *quota_ms, *backoff_ms);
            format!("{whose} goes on after {} {}{parts}", millis(*waited_ms), awaited(*on))
        }
        Event::Backoff { batch, provider, class, delay_ms, hinted } => {
            let asked = if *hinted { ", as it asked" } else { "" };
            format!(
                "batch {} waits {} before it asks {provider} again ({class}{asked})",
                batch.0,
                millis(*delay_ms)
            )
        }
        Event::QuotaLearned { .. } | Event::QuotaForgotten { .. } => of_quota(event),
        Event::LimitChanged { old, new, why } => {
            let why = match why {
                LimitReason::RateLimited => "after a 429",
                LimitReason::Recovered => "because all was well for a while",
                LimitReason::Overloaded => "because the service failed",
            };
            format!("the limit goes from {old} to {new} {why}")
        }
        Event::Fallback { batch, from, to, class, why } => {
            format!("batch {} goes from {from} to {to}: {}, last {class}", batch.0, plain(why))
        }
        Event::CancelRequested => "the run is asked to stop".to_owned(),
        Event::RunFinished { end } => format!("the run ends: {}", plain(end)),
        call => of_call(call),
    }
}

/// What is thought of a quota.
fn of_quota(event: &Event) -> String {
    match event {
        Event::QuotaLearned {
            provider,
            dimension,
            limit,
            window_ms,
            kind,
            inferred,
            refused_count,
            weight_ppm,
            runner_up,
        } => {
            let of = |limit: u64, window_ms: u64, about: &[String]| {
                let (limit, dimension) = (count(limit), plain(dimension));
                format!("{limit} {dimension} in {} ({})", millis(window_ms), about.join(", "))
            };
            let how = if *inferred { "inferred" } else { "stated" };
            let mut about = vec![plain(kind), how.to_owned()];
            about.extend(refused_count.then(|| REFUSED_COUNT.to_owned()));
            about.extend(weight_ppm.map(sureness));
            let known =
                format!("{provider} is thought to allow {}", of(*limit, *window_ms, &about));
            let Some(other) = runner_up else { return known };
            let sure = sureness(other.weight_ppm);
            let Some(kind) = other.kind else {
                return format!("{known}, or to refuse by chance ({sure})");
            };
            let mut about = vec![plain(kind)];
            about.extend(other.refused_count.then(|| REFUSED_COUNT.to_owned()));
            about.push(sure);
            let (limit, window_ms) = (other.limit.unwrap_or(0), other.window_ms.unwrap_or(0));
            format!("{known}, or {}", of(limit, window_ms, &about))
        }
        Event::QuotaForgotten { provider, dimension } => format!(
            "{provider} is not thought to have a quota of {} any more: chance explains its refusals better",
            plain(dimension)
        ),
        _ => String::new(),
    }
}

const REFUSED_COUNT: &str = "refused calls count";

/// How likely something is, in percent: nothing is ever certain.
fn sureness(weight_ppm: u64) -> String {
    match weight_ppm {
        999_900.. => "over 99.99 % likely".to_owned(),
        100.. => format!("{}.{:02} % likely", weight_ppm / 10_000, weight_ppm % 10_000 / 100),
        _ => "below 0.01 % likely".to_owned(),
    }
}

/// Calls, and what becomes of pages.
fn of_call(event: &Event) -> String {
    match event {
        Event::AttemptStarted { call, batch, provider, attempt, pages, in_flight, .. } => format!(
            "call {} asks {provider} about batch {} of {pages}, attempt {attempt}, {in_flight} in flight",
            call.0, batch.0
        ),
        Event::AttemptFinished { .. } => finished(event),
        Event::ConfluenceCall {
            op,
            page,
            status,
            latency_ms,
            place_ms,
            quota_ms,
            backoff_ms,
            ..
        } => {
            let what = match op {
                ConfluenceOp::Space => "looks up the space",
                ConfluenceOp::Pages => "lists pages",
                ConfluenceOp::Labels => "reads labels",
                ConfluenceOp::AddLabels => "adds labels",
                ConfluenceOp::RemoveLabel => "removes a label",
                ConfluenceOp::Other => "asks for something else",
            };
            let page = page.map_or(String::new(), |page| format!(" of page {page}"));
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let parts = because(*place_ms, *quota_ms, *backoff_ms);
            format!("a call to Confluence {what}{page}: {status} in {}{parts}", millis(*latency_ms))
        }
        Event::LabelsWritten { page, added, removed } => {
            format!("page {page} has its labels: {added} added, {removed} removed")
        }
        Event::LabelsUnchanged { page } => format!("page {page} has its labels already"),
        Event::PageTagged { page, source, tags } => {
            let from = match source {
                Source::Answer => "by the answer",
                Source::Cache => "by the cache",
                Source::File => "by a file",
            };
            let tags: Vec<&str> = tags.all().collect();
            format!("page {page} is tagged {from}: {}", tags.join(", "))
        }
        Event::PageFailed { page, class, service, status } => {
            let status = status.map_or(String::new(), |status| format!(", status {status}"));
            format!("page {page} is given up: {class} of {service}{status}")
        }
        Event::PageNotDone { page } => format!("page {page} is left, because the run stops"),
        other => plain(other),
    }
}

fn finished(event: &Event) -> String {
    let Event::AttemptFinished {
        call,
        provider,
        outcome,
        class,
        status,
        input_tokens,
        output_tokens,
        latency_ms,
        hint_ms,
        ..
    } = event
    else {
        return String::new();
    };
    let after = millis(*latency_ms);
    let mut text = match outcome {
        CallOutcome::Ok => format!("call {} is answered by {provider} after {after}", call.0),
        CallOutcome::Partial => {
            format!("call {} is answered by {provider} for some pages after {after}", call.0)
        }
        CallOutcome::Failed => {
            let class = class.map_or_else(|| "fails".to_owned(), |class| format!("fails: {class}"));
            format!("call {} of {provider} {class} after {after}", call.0)
        }
    };
    if let Some(status) = status {
        let _ = write!(text, ", status {status}");
    }
    if (*input_tokens, *output_tokens) != (0, 0) {
        let (input, output) = (count(*input_tokens), count(*output_tokens));
        let _ = write!(text, ", {input} tokens in and {output} out");
    }
    if let Some(hint_ms) = hint_ms {
        let _ = write!(text, ", asked to wait {}", millis(*hint_ms));
    }
    text
}

fn of_world(record: &WorldEvent) -> String {
    match record {
        WorldEvent::PageTruth { page, .. } => format!("page {page} is given out"),
        WorldEvent::Billed { service, model, input_tokens, output_tokens, .. } => {
            let (input, output) = (count(*input_tokens), count(*output_tokens));
            format!("{} bills {input} tokens in and {output} out of {model}", service.name())
        }
        WorldEvent::QuotaRefused { service, quota, used, limit, per_s, retry_ms, .. } => format!(
            "{} refuses for its quota of {}{}: {} of {} used, free in {}",
            service.name(),
            quota.replace('_', " "),
            per_s.map_or_else(String::new, |per_s| format!(" in {per_s} s")),
            count(*used),
            count(*limit),
            millis(*retry_ms)
        ),
        WorldEvent::Neighbour { service, admitted, refused } => format!(
            "somebody else's calls to {}: {admitted} admitted, {refused} refused",
            service.name()
        ),
        WorldEvent::FaultFired { service, fault } => format!("{} fails: {fault}", service.name()),
        WorldEvent::TaxonomyInPage { service } => {
            format!("{} takes the taxonomy for the page", service.name())
        }
        WorldEvent::LabelsChanged { page, labels } => {
            format!("page {page} now has {labels} labels")
        }
    }
}
