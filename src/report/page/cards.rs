//! The figures that everybody asks for: before, after, by which factor, and what was promised.

use maud::{Markup, html};

use crate::report::format;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Metric;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::seeds::Series;
use crate::study::verdict::target::{Compare, JudgedTarget};

const SHOWN: [(Metric, &str); 6] = [
    (Metric::AiCalls, "AI calls"),
    (Metric::Makespan, "time"),
    (Metric::RateLimited, "429s"),
    (Metric::Cost, "cost"),
    (Metric::CacheHitRatio, "answered by the cache"),
    (Metric::PagesMistagged, "pages mistagged"),
];

/// A card for each figure that the last run has.
pub(super) fn cards(judged: &JudgedScenario, series: Option<&Series>) -> Markup {
    let Some((last, first)) = judged.runs.split_last() else { return html! {} };
    let first = first.first();
    let shown: Vec<_> =
        SHOWN.iter().filter(|(metric, _)| last.figures.get(*metric).is_some()).collect();
    html! {
        dl.cards {
            @for (metric, name) in shown {
                div.card {
                    dt { (name) @if first.is_some() { ", " (last.name) } }
                    dd { (value(last, judged.runs.len() - 1, *metric, series)) }
                    @if let Some(first) = first {
                        dd.more { (first.name) " " (value(first, 0, *metric, series)) (factor(judged, *metric, series)) }
                    }
                    @if let Some(promised) = promised(last, *metric) { dd.more { "target " (promised) } }
                }
            }
        }
    }
}

/// A figure of a run, in the middle of all seeds where there are many.
fn value(run: &JudgedRun, at: usize, metric: Metric, series: Option<&Series>) -> String {
    let figure = Figure::of(metric);
    if let Some(spread) = series.and_then(|series| series.spread(at, figure)) {
        return format!("{} (median)", format::amount(spread.median, figure.unit()));
    }
    match run.figures.get(metric) {
        Some(Value::Share(share)) => {
            share.value().map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", value * 100.0))
        }
        _ => run
            .figures
            .integer(figure)
            .map_or_else(|| "-".to_owned(), |value| format::amount(value, figure.unit())),
    }
}

/// A figure of the run at this place, in the middle of all seeds where there are many.
pub(super) fn middle(
    judged: &JudgedScenario,
    series: Option<&Series>,
    at: usize,
    metric: Metric,
) -> Option<u64> {
    match series {
        Some(series) => series.spread(at, metric).map(|spread| spread.median),
        None => judged.runs.get(at)?.figures.integer(Figure::of(metric)),
    }
}

/// By how much it changed, with a mark where it is more: less is better of all of these but one.
fn factor(judged: &JudgedScenario, metric: Metric, series: Option<&Series>) -> String {
    let of = |at: usize| middle(judged, series, at, metric);
    let (was, is) = (of(0), of(judged.runs.len().saturating_sub(1)));
    let mark = match metric {
        Metric::CacheHitRatio => "",
        _ if is > was => " ▲ more",
        _ => "",
    };
    match format::factor(was, is).as_str() {
        "-" | "=" => mark.to_owned(),
        factor => format!(", {factor}{mark}"),
    }
}

/// The target on a figure that says how much it may be, or the first.
fn promised(run: &JudgedRun, metric: Metric) -> Option<String> {
    let is_ceiling =
        |one: &&JudgedTarget| matches!(one.target.compare, Compare::AtMost | Compare::Below);
    let mut own = run.targets.iter().filter(|judged| judged.target.metric == metric);
    let target = own.clone().find(is_ceiling).or_else(|| own.next())?;
    let mark = match (target.is_judged, target.met) {
        (false, _) => "–",
        (true, true) => "✓",
        (true, false) => "✗",
    };
    if target.is_of_one_seed() {
        // How many seeds must meet it stands among the targets.
        let limit = target.target.text.split(" in ").next().unwrap_or_default();
        let mark = if target.met { "○" } else { mark };
        return Some(format!("{limit} {mark} (one seed)"));
    }
    Some(format!("{} {mark}", target.target.text))
}
