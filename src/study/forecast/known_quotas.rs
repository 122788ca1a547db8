//! Quotas that a pipeline has learned, as a scenario writes them.

use std::collections::BTreeMap;

use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::Dimension;
use crate::units::{float, whole};

/// A window of half a day and longer is a day's.
const DAY_MS: u64 = 43_200_000;
/// The longest window beside it, in seconds.
const LONGEST_S: u64 = 43_200;
/// The largest amount that a scenario takes.
const LARGEST: u64 = 1_000_000_000;
/// A window may differ from whole seconds by this share, in hundredths, and is still taken for them: a window
/// that was inferred is a little longer than the real one.
const ODD_PERCENT: u64 = 2;
/// A bucket is written as what it gives in its window, or in a multiple of it in which that is a whole number.
const MOST_WINDOWS: u64 = 60;

/// A window of one dimension as a scenario has it.
struct Window {
    dimension: Dimension,
    amount: u64,
    per_s: u64,
    used: u64,
}

/// What windows of one length give.
#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    requests: Option<u64>,
    tokens: Option<u64>,
}

impl Amounts {
    fn of(&mut self, dimension: Dimension) -> &mut Option<u64> {
        match dimension {
            Dimension::Requests => &mut self.requests,
            Dimension::Tokens => &mut self.tokens,
        }
    }

    /// The keys and values of a table.
    fn text(&self) -> String {
        let amounts = [("requests", self.requests), ("tokens", self.tokens)];
        let amounts = amounts.iter().filter_map(|(name, of)| Some(format!("{name} = {}", (*of)?)));
        amounts.collect::<Vec<_>>().join(", ")
    }
}

/// The `quota` of a service with these quotas; nothing where there is none.
pub(super) fn quota(known: &[LearnedQuota]) -> Option<String> {
    let (days, others): (Vec<&LearnedQuota>, Vec<&LearnedQuota>) =
        known.iter().partition(|quota| quota.window_ms >= DAY_MS);
    let windows: Vec<Window> = others.iter().map(|quota| window(quota)).collect();
    let (mut parts, mut used) = (Vec::new(), Amounts::default());
    if let (Some(first), Some(known)) = (windows.first(), others.first()) {
        let (mut most, text) = of_windows(&windows, first.per_s);
        parts = text;
        parts.push(format!("window = \"{}\"", kind(known)));
        if let (Some(burst), "bucket") = (known.burst, kind(known)) {
            parts.push(format!("burst = {}", burst.clamp(1, LARGEST)));
        }
        for window in windows.iter().filter(|window| window.per_s == first.per_s) {
            let most = most.of(window.dimension).unwrap_or(window.amount);
            *used.of(window.dimension) = Some(window.used.min(most)).filter(|used| *used > 0);
        }
    }
    let mut used: Vec<String> =
        Some(used.text()).filter(|text| !text.is_empty()).into_iter().collect();
    for day in days {
        let key = if day.dimension == Dimension::Tokens { "tokens_per_day" } else { "per_day" };
        if parts.iter().any(|part| part.starts_with(key)) {
            continue;
        }
        let limit = day.limit.clamp(1, LARGEST);
        parts.push(format!("{key} = {limit}"));
        used.push(format!("{key} = {}", taken(day).min(limit)));
    }
    if !used.is_empty() {
        parts.push(format!("used = {{ {} }}", used.join(", ")));
    }
    (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
}

/// The same quotas as a sample meets them that stands for `times` as many pages: windows come again and again
/// while a job goes on, but a day's quota is there for all pages together.
pub(super) fn sampled(known: &[LearnedQuota], times: f64) -> Vec<LearnedQuota> {
    let mut known = known.to_vec();
    let share = |amount: u64| whole(float(amount) / times);
    for quota in known.iter_mut().filter(|quota| quota.window_ms >= DAY_MS && times > 1.0) {
        quota.limit = share(quota.limit).max(1);
        quota.taken.iter_mut().for_each(|(_, amount)| *amount = share(*amount));
    }
    known
}

/// The same quotas as a pipeline knows them whose services' fixed windows begin with its run.
pub(super) fn from_zero(known: &[LearnedQuota]) -> Vec<LearnedQuota> {
    let mut known = known.to_vec();
    for quota in &mut known {
        quota.begun_ms_ago = quota.begun_ms_ago.map(|_| 0);
    }
    known
}

/// Windows, those of `per_s` seconds first. A further window needs its dimension in the first one as well,
/// which then gives no less than the further one lets through. Gives the first, and all as text.
fn of_windows(windows: &[Window], per_s: u64) -> (Amounts, Vec<String>) {
    let mut by_length: BTreeMap<u64, Amounts> = BTreeMap::new();
    for window in windows {
        let amount = by_length.entry(window.per_s).or_default().of(window.dimension);
        *amount = Some(amount.map_or(window.amount, |other| other.min(window.amount)));
    }
    let mut first = by_length.remove(&per_s).unwrap_or_default();
    for dimension in [Dimension::Requests, Dimension::Tokens] {
        let further =
            by_length.iter_mut().find_map(|(per_s, of)| Some((*per_s, (*of.of(dimension))?)));
        if let (None, Some((other_s, amount))) = (*first.of(dimension), further) {
            let scaled = float(amount) * float(per_s) / float(other_s);
            *first.of(dimension) = Some(whole(scaled).clamp(amount, LARGEST));
        }
    }
    let mut parts = vec![first.text(), format!("per_s = {per_s}")];
    let also = by_length.iter().map(|(per_s, of)| format!("{{ {}, per_s = {per_s} }}", of.text()));
    let also: Vec<String> = also.collect();
    if !also.is_empty() {
        parts.push(format!("also = [{}]", also.join(", ")));
    }
    (first, parts)
}

fn kind(quota: &LearnedQuota) -> &'static str {
    if quota.unit_us.is_some() && quota.dimension == Dimension::Requests {
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
    let per_s = ((quota.window_ms.saturating_add(500)) / 1_000).clamp(1, LONGEST_S);
    let (amount, per_s) = match quota.unit_us.filter(|unit_us| *unit_us > 0) {
        Some(unit_us) => of_bucket(unit_us, per_s),
        None => (of_window(quota, per_s), per_s),
    };
    let amount = amount.clamp(1, LARGEST);
    Window { dimension: quota.dimension, amount, per_s, used: taken(quota).min(amount) }
}

/// What a window of whole seconds gives.
fn of_window(quota: &LearnedQuota, per_s: u64) -> u64 {
    let is_whole = quota.window_ms.abs_diff(per_s * 1_000) * 100 <= ODD_PERCENT * quota.window_ms;
    let scaled = float(quota.limit) * float(per_s * 1_000) / float(quota.window_ms.max(1));
    if is_whole { quota.limit } else { whole(scaled) }
}

/// The amount of a bucket that gives one each `unit_us`, and the seconds in which it gives that.
fn of_bucket(unit_us: u64, per_s: u64) -> (u64, u64) {
    let amount = |per_s: u64| (per_s * 1_000_000).saturating_add(unit_us / 2) / unit_us;
    let is_near = |per_s: &u64| {
        let gives_us = amount(*per_s).saturating_mul(unit_us);
        gives_us.abs_diff(per_s * 1_000_000) <= gives_us / 100 * ODD_PERCENT
    };
    let lengths = (1..=MOST_WINDOWS).map(|times| times * per_s);
    let near = lengths.take_while(|per_s| *per_s <= LONGEST_S).find(is_near);
    let per_s = near.unwrap_or(per_s);
    (amount(per_s), per_s)
}
