//! How a run that goes on stands, as lines for a person who waits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::format::{amount, count, counted, millis};
use crate::pipeline::control::Progress;
use crate::pipeline::limiter::line_time::Obstacle;
use crate::pipeline::limiter::{Outlook, Remaining};
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::run_status::RunStatus;
use crate::study::measure::time_left::TimeLeft;

/// The lines: pages and time; money and calls; a line for each service of which a quota is known or for which
/// calls wait, with the time of day at which that ends.
pub fn lines(
    status: &RunStatus,
    outlooks: &BTreeMap<String, Outlook>,
    now: Timestamp,
) -> Vec<String> {
    let windows = outlooks.values().flat_map(|outlook| [outlook.requests, outlook.tokens]);
    let slow = windows.flatten().filter(|quota| !quota.is_bucket).map(|quota| quota.window_ms);
    let mut lines = vec![pages(status, slow.max().unwrap_or(0))];
    lines.extend((status.calls() > 0).then(|| calls(status)));
    lines.extend(outlooks.iter().filter_map(|(service, outlook)| {
        let parts: Vec<String> =
            [used(outlook), waits(outlook, now)].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{service}: {}", parts.join(", ")))
    }));
    lines
}

/// What a run that ended came to.
pub fn ended(figures: &Figures) -> String {
    let number = |metric: Metric| figures.number(metric);
    let done = number(Metric::PagesTagged) + number(Metric::PagesCached);
    let mut parts =
        vec![format!("{} of {} tagged", count(done), counted(number(Metric::Pages), "page"))];
    let troubles = [(Metric::PagesFailed, "failed"), (Metric::PagesNotDone, "not done")];
    let troubles = troubles.map(|(metric, what)| (number(metric), what));
    let troubles = troubles.iter().filter(|(pages, _)| *pages > 0);
    parts.extend(troubles.map(|(pages, what)| format!("{} {what}", count(*pages))));
    parts.push(format!("in {}", millis(number(Metric::Makespan))));
    parts.push(counted(number(Metric::AiCalls), "AI call"));
    if number(Metric::RateLimited) > 0 {
        parts.push(format!("{} refused", counted(number(Metric::RateLimited), "call")));
    }
    if figures.get(Metric::Cost).is_some() {
        parts.push(amount(number(Metric::Cost), Unit::UsdMicros));
    }
    if number(Metric::LabelsWritten) > 0 {
        let pages = counted(number(Metric::LabelsWritten), "page");
        parts.push(format!("labels changed on {pages}"));
    }
    parts.join(", ")
}

fn pages(status: &RunStatus, window_ms: u64) -> String {
    let (done, total) = match status.progress {
        Some(Progress { done, total, .. }) => (done, total),
        None => (0, None),
    };
    let of = total.map_or_else(|| format!("{} listed", count(status.listed())), count);
    let stopping = if status.is_stopping { "stopping: " } else { "" };
    let mut parts = vec![format!("{stopping}{} of {of} pages", count(done))];
    parts.push(format!("{} tagged", count(status.tagged)));
    if status.failed > 0 {
        parts.push(format!("{} failed", count(status.failed)));
    }
    parts.extend(status.pages_a_minute().map(|pace| format!("{} a minute", count(pace))));
    let of_what = if total.is_some() { "" } else { " for those that are listed" };
    parts.extend(status.time_left(window_ms).map(|time| format!("{} left{of_what}", words(time))));
    parts.join(", ")
}

fn calls(status: &RunStatus) -> String {
    let dollars = |usd_micros: u64| amount(usd_micros, Unit::UsdMicros);
    let more = if status.is_unpriced { " and what has no price here" } else { "" };
    let mut parts = vec![format!("{}{more} so far", dollars(status.cost_usd_micros))];
    let end = status.final_cost_usd_micros();
    parts.extend(end.map(|end| format!("about {} in the end", dollars(end))));
    parts.push(format!("{} in flight", counted(status.in_flight(), "call")));
    parts.push(format!("{} in the last minute", counted(status.tokens_a_minute(), "token")));
    if status.refused > 0 {
        parts.push(format!("{} refused", counted(status.refused, "call")));
    }
    parts.join(", ")
}

/// How much of the known quotas is used.
fn used(outlook: &Outlook) -> Option<String> {
    let of = |left: Option<Remaining>, what: &str| {
        let Remaining { limit, free, window_ms, .. } = left?;
        let used = count(limit.saturating_sub(free));
        Some(format!("{used} of {} {what} in {}", count(limit), about(window_ms)))
    };
    let all = [of(outlook.requests, "requests"), of(outlook.tokens, "tokens")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| format!("{} used", all.join(" and ")))
}

/// What calls wait for, and until when.
fn waits(outlook: &Outlook, now: Timestamp) -> Option<String> {
    let why = match outlook.waits_for? {
        // That is as it should be: a call starts as soon as another ends.
        Obstacle::Place => return None,
        Obstacle::Quota => "calls wait for the quota",
        Obstacle::Failures => "after failures, calls wait",
    };
    // A short wait is over before it is read.
    let wait = outlook.waits.filter(|wait| wait.as_secs() > 0);
    let until = wait.and_then(|wait| now.checked_add(wait).ok());
    Some(match until {
        Some(until) => format!("{why} until {}", until.strftime("%H:%M:%S UTC")),
        None => why.to_owned(),
    })
}

/// A time that is only expected.
fn words(TimeLeft { middle_ms, spread_ms }: TimeLeft) -> String {
    let middle = format!("about {}", about(middle_ms));
    match spread_ms.map(|(least, most)| (about(least), most.map(about))) {
        None => middle,
        Some((least, None)) => format!("{middle} ({least} or more)"),
        Some((least, Some(most))) if least == most => middle,
        Some((least, Some(most))) => format!("{middle} ({least} to {most})"),
    }
}

/// A time without digits that mean nothing.
fn about(ms: u64) -> String {
    let s = ms.saturating_add(500) / 1000;
    match s {
        0..=119 => format!("{s} s"),
        120..=7_169 => format!("{} min", (s + 30) / 60),
        _ => format!("{} h {:02} min", (s + 30) / 3600, (s + 30) % 3600 / 60),
    }
}
