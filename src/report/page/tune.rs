//! The page of a study of settings: the best, the table, the heat map and time against cost.

use maud::{Markup, html};

use super::chrome::{Section, figure, page};
use crate::report::format;
use crate::report::tune::{front, heat_map};
use crate::study::measure::metric::{Metric, Unit};
use crate::study::tune::{GridPoint, Tuned, grid};
use crate::units::float;

/// Rows of the table.
const MOST_ROWS: usize = 60;
/// Metrics that stand beside the settings.
const SHOWN: [Metric; 5] =
    [Metric::Makespan, Metric::AiCalls, Metric::RateLimited, Metric::Cost, Metric::PagesMistagged];

/// The page of a study; `words` is its answer as Markdown, as the terminal has it.
pub fn tune(tuned: &Tuned, words: &str) -> String {
    let name = &tuned.spec.scenario.name;
    let settings = |point: &GridPoint| grid::settings(&tuned.spec.axes, &point.values);
    let best = tuned.best();
    let head = html! {
        header {
            h1 { "Which settings are best for " (name) "?" }
            p.question { (tuned.spec.scenario.question) }
            p.quiet {
                (format::counted(tuned.points.len(), "setting")) ", " (format::counted(tuned.seeds(), "seed"))
                ", objective " (tuned.spec.objective.name()) ", run " (tuned.spec.run)
            }
            @match best {
                Some(point) => {
                    p { span.badge.met { "✓ FOUND" } }
                    p { "The best that meets what is required: " code { (settings(point).join(", ")) } }
                }
                None => {
                    p { span.badge.missed { "✗ NONE" } }
                    p { "No setting meets what is required." }
                }
            }
            dl.cards { @for metric in SHOWN { (card(tuned, best, metric)) } }
        }
    };
    let sections = [
        Section {
            id: "map",
            heading: format!(
                "{} by the two settings with most values",
                tuned.spec.objective.metric()
            ),
            body: figure(&heat_map(tuned)),
        },
        Section {
            id: "front",
            heading: format!(
                "{} of {} settings meet what is required",
                fit(tuned),
                tuned.points.len()
            ),
            body: figure(&front(tuned)),
        },
        Section {
            id: "settings",
            heading: "Every setting, the best first".to_owned(),
            body: ranking(tuned),
        },
        Section {
            id: "answer",
            heading: "The answer in words".to_owned(),
            body: html! { pre { (words) } },
        },
    ];
    page(&format!("Settings for {name}"), &head, &sections)
}

fn fit(tuned: &Tuned) -> usize {
    tuned.points.iter().filter(|point| point.is_admissible).count()
}

/// A mean over the seeds.
fn mean(point: &GridPoint, metric: Metric) -> Option<String> {
    let values = point.values_of(metric)?;
    let sum: u64 = values.iter().fold(0, |sum, value| sum.saturating_add(*value));
    let count = values.len() as u64;
    Some(match metric.unit() {
        Unit::Count if count > 0 => format!("{:.1}", float(sum) / float(count)),
        unit => format::amount(sum.checked_div(count)?, unit),
    })
}

fn card(tuned: &Tuned, best: Option<&GridPoint>, metric: Metric) -> Markup {
    let value = best.and_then(|point| mean(point, metric));
    let worst = tuned.ranking.iter().rev().find_map(|at| mean(&tuned.points[*at], metric));
    html! {
        @if let Some(value) = value {
            div.card {
                dt { (metric) }
                dd { (value) }
                @if let Some(worst) = worst { dd.more { "the last of the table: " (worst) } }
            }
        }
    }
}

fn ranking(tuned: &Tuned) -> Markup {
    let varied: Vec<usize> =
        (0..tuned.spec.axes.len()).filter(|axis| tuned.spec.axes[*axis].values.len() > 1).collect();
    let best = tuned.best();
    let shown = tuned.ranking.iter().take(MOST_ROWS).map(|at| &tuned.points[*at]);
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "" }
                        @for axis in &varied { th scope="col" { (tuned.spec.axes[*axis].key) } }
                        @for metric in SHOWN { th scope="col" { (metric) } }
                        th.left scope="col" { "required" }
                    }
                }
                tbody {
                    @for (place, point) in shown.enumerate() {
                        tr {
                            th scope="row" { (place + 1) @if best == Some(point) { " ★" } @if point.is_on_front { " front" } }
                            @for axis in &varied { td { (tuned.spec.axes[*axis].values[point.values[*axis]]) } }
                            @for metric in SHOWN { td { (mean(point, metric).unwrap_or_else(|| "-".to_owned())) } }
                            td.left {
                                @if point.is_admissible { span.mark-met { "✓" } }
                                @else { span.mark-missed { "✗ " (missed(tuned, point)) } }
                            }
                        }
                    }
                }
            }
        }
        @if tuned.points.len() > MOST_ROWS {
            p.quiet { "and " (tuned.points.len() - MOST_ROWS) " more, in tune.csv" }
        }
    }
}

/// What a setting misses in most seeds.
fn missed(tuned: &Tuned, point: &GridPoint) -> String {
    let worst = tuned.spec.require.iter().zip(&point.met).min_by_key(|(_, met)| **met);
    worst.map_or_else(String::new, |(target, met)| {
        let seeds = point.outcomes.len();
        format!("{} {} is met in {met} of {seeds} seeds", target.metric.name(), target.text)
    })
}
