//! Quotas that a pipeline has learned, as a scenario writes them.

use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::Dimension;
use crate::units::{float, whole};

/// A window of half a day and longer is a day's.
const DAY_MS: u64 = 43_200_000;
/// A window may differ from whole seconds by this share, in hundredths, and is still taken for them: a window
/// that was inferred is a little longer than the real one.
const ODD_PERCENT: u64 = 2;
/// A bucket is written as what it gives in its window, or in a multiple of it in which that is a whole number.
const MOST_WINDOWS: u64 = 60;

/// A window as a scenario has it.
struct Window {
    dimension: Dimension,
    amount: u64,
    per_s: u64,
    used: u64,
}

/// The `quota` of a service with these quotas; nothing where there is none.
pub(super) fn quota(known: &[LearnedQuota]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let (days, others): (Vec<&LearnedQuota>, Vec<&LearnedQuota>) =
        known.iter().partition(|quota| quota.window_ms >= DAY_MS);
    let mut windows = others.iter().map(|quota| window(quota));
    if let Some(first) = windows.next() {
        let name = name(first.dimension);
        parts.push(format!("{name} = {}, per_s = {}", first.amount, first.per_s));
        parts.push(format!("window = \"{}\"", kind(others[0])));
        if let (Some(burst), Dimension::Requests) = (others[0].burst, first.dimension) {
            parts.push(format!("burst = {}", burst.max(1)));
        }
        if first.used > 0 {
            used.push(format!("{name} = {}", first.used));
        }
    }
    let also = windows.map(|window| {
        format!("{{ {} = {}, per_s = {} }}", name(window.dimension), window.amount, window.per_s)
    });
    let also: Vec<String> = also.collect();
    if !also.is_empty() {
        parts.push(format!("also = [{}]", also.join(", ")));
    }
    for day in days {
        let key = if day.dimension == Dimension::Tokens { "tokens_per_day" } else { "per_day" };
        parts.push(format!("{key} = {}", day.limit.max(1)));
        if taken(day) > 0 {
            used.push(format!("{key} = {}", taken(day)));
        }
    }
    if !used.is_empty() {
        parts.push(format!("used = {{ {} }}", used.join(", ")));
    }
    (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
}

/// The same quotas as a pipeline knows them whose services' fixed windows begin with its run.
pub(super) fn from_zero(known: &[LearnedQuota]) -> Vec<LearnedQuota> {
    let mut known = known.to_vec();
    for quota in &mut known {
        quota.begun_ms_ago = quota.begun_ms_ago.map(|_| 0);
    }
    known
}

fn name(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Requests => "requests",
        Dimension::Tokens => "tokens",
    }
}

fn kind(quota: &LearnedQuota) -> &'static str {
    if quota.unit_us.is_some() {
        "bucket"
    } else if quota.begun_ms_ago.is_some() {
        "fixed"
    } else {
        "sliding"
    }
}

fn taken(quota: &LearnedQuota) -> u64 {
    quota.taken.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
}

fn window(quota: &LearnedQuota) -> Window {
    let (dimension, used) = (quota.dimension, taken(quota).min(quota.limit));
    let per_s = ((quota.window_ms + 500) / 1_000).max(1);
    if let Some(unit_us) = quota.unit_us.filter(|unit_us| *unit_us > 0) {
        let amount = |per_s: u64| (per_s * 1_000_000 + unit_us / 2) / unit_us;
        let is_near = |per_s: &u64| {
            let gives_us = amount(*per_s) * unit_us;
            gives_us.abs_diff(per_s * 1_000_000) * 100 <= ODD_PERCENT * gives_us
        };
        let per_s = (1..=MOST_WINDOWS).map(|times| times * per_s).find(is_near).unwrap_or(per_s);
        return Window { dimension, amount: amount(per_s).max(1), per_s, used };
    }
    let is_whole = quota.window_ms.abs_diff(per_s * 1_000) * 100 <= ODD_PERCENT * quota.window_ms;
    let scaled = float(quota.limit) * float(per_s * 1_000) / float(quota.window_ms.max(1));
    let amount = if is_whole { quota.limit } else { whole(scaled) };
    Window { dimension, amount: amount.max(1), per_s, used }
}
