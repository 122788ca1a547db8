//! Every target with its value, its limit and all seeds, as bars.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::chrome::Section;
use crate::report::draw::PlotError;
use crate::report::draw::picture::{Area, Drawn, GREEN, RED, SKY, failed, titled};
use crate::report::draw::svg::Titles;
use crate::report::format;
use crate::report::run::text::{measured, said};
use crate::study::measure::metric::Unit;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::seeds::{PlayedSeed, Series};
use crate::study::verdict::target::{Compare, JudgedTarget};
use crate::units::{float, whole};

/// The size of a bar, and where its limit stands where no value is larger.
const SIZE: (u32, u32) = (400, 26);
const LIMIT_AT: f64 = 0.6;
/// More seeds than this are drawn as a strip of columns, each this wide.
const MOST_DOTS: usize = 64;
const COLUMN: i32 = 6;

/// The section; nothing where nothing is a target.
pub(super) fn section(judged: &JudgedScenario, series: Option<&Series>) -> Option<Section> {
    let all: Vec<&JudgedTarget> = judged.runs.iter().flat_map(|run| &run.targets).collect();
    let missed = all.iter().filter(|one| one.is_judged && !one.met).count();
    let is_one = judged.runs.iter().filter(|run| !run.targets.is_empty()).count() < 2;
    let body = html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "target" } th scope="col" { @if series.is_some() { "worst" } @else { "measured" } }
                        th.left scope="col" { @if series.is_some() { "each seed, and the limit" } @else { "value, and the limit" } }
                        th.left scope="col" { "margin" }
                    }
                }
                tbody {
                    @for (at, run) in judged.runs.iter().enumerate() {
                        @if !is_one && !run.targets.is_empty() { tr { th.left scope="rowgroup" colspan="4" { strong { (run.name) } ": " (met(run)) } } }
                        @for (which, target) in run.targets.iter().enumerate() {
                            (row(target, &values(series, at, which)))
                        }
                    }
                }
            }
        }
    };
    let is_doubtful = all.iter().any(|one| one.is_of_one_seed());
    let body = html! {
        @if is_doubtful { p.quiet { "✓ met, ✗ missed, ○ holds in this seed; how many seeds must meet it stands in the target." } }
        (body)
    };
    let heading = match (missed, all.len()) {
        (_, 0) => return None,
        (0, count) => format!("{} judged, none missed", format::counted(count, "target")),
        (missed, count) => format!("{missed} of {} missed", format::counted(count, "target")),
    };
    Some(Section { id: "targets", heading, body })
}

/// How many targets of a run are met.
fn met(run: &JudgedRun) -> String {
    let judged = run.targets.iter().filter(|one| one.is_judged).count();
    let met = run.targets.iter().filter(|one| one.is_judged && one.met).count();
    format!("{met} of {judged} met")
}

/// What each seed measured for a target.
fn values(series: Option<&Series>, run: usize, target: usize) -> Vec<(u64, u64, bool)> {
    let of = |series: &Series| {
        let played = series.played.iter();
        let value = |one: &PlayedSeed| {
            let judged = one.runs.get(run)?.targets.get(target)?;
            Some((one.seed, judged.value?, judged.met))
        };
        played.filter_map(value).collect()
    };
    series.map(of).unwrap_or_default()
}

fn row(target: &JudgedTarget, seeds: &[(u64, u64, bool)]) -> Markup {
    let is_doubtful = target.is_of_one_seed();
    let (class, mark, word) = match (target.is_judged, target.met) {
        (false, _) => ("quiet", "–", "not judged"),
        (true, true) if is_doubtful => ("mark-met", "○", "met in one seed"),
        (true, true) => ("mark-met", "✓", "met"),
        (true, false) => ("mark-missed", "✗", "missed"),
    };
    let margin = match target.margin {
        Some(0) if target.met => "at the limit".to_owned(),
        _ => said(target),
    };
    let over = target.over.map(|over| format!("{} of {} seeds, ", over.met, over.seeds));
    let drawn = bullet(target, seeds);
    html! {
        tr {
            th scope="row" {
                span class=(class) role="img" aria-label=(word) { (mark) } " "
                code { (target.target.metric.name()) " " (target.target.text) }
            }
            td { (measured(target)) }
            td.left.picture { @if let Some(Ok(picture)) = drawn { (PreEscaped(picture.inline("bullet"))) } }
            td.left.margin { (over.unwrap_or_default()) (margin) @if is_doubtful { ", one seed" } }
        }
    }
}

/// A value and its limit, and what the whole width stands for.
struct Bar {
    value: u64,
    limit: u64,
    end: f64,
}

/// A bar to the value, or a dot for each seed, and a line at the limit; nothing where there is no number.
fn bullet(target: &JudgedTarget, seeds: &[(u64, u64, bool)]) -> Option<Drawn> {
    let (value, limit) = (target.value?, target.limit?);
    let largest = seeds.iter().map(|(_, value, _)| *value).max().unwrap_or(0).max(value);
    let end = (float(limit) / LIMIT_AT).max(float(largest) * 1.05).max(1.0);
    let unit = target.target.unit();
    let title = format!(
        "{} {}, limit {}",
        target.target.figure(),
        format::amount(value, unit),
        format::amount(limit, unit)
    );
    Some(draw(target, seeds, &title, &Bar { value, limit, end }))
}

fn draw(
    target: &JudgedTarget,
    seeds: &[(u64, u64, bool)],
    title: &str,
    &Bar { value, limit, end }: &Bar,
) -> Drawn {
    let unit = target.target.unit();
    let width = f64::from(SIZE.0) - 8.0;
    let x = |value: u64| {
        let part = (float(value) / end).clamp(0.0, 1.0);
        4 + i32::try_from(whole(part * width)).unwrap_or(0)
    };
    titled(SIZE, title, |area, titles| {
        // Where a value is good: up to the limit, from it on, or at it.
        let good = match target.target.compare {
            Compare::AtMost | Compare::Below => (4, x(limit)),
            Compare::AtLeast | Compare::Above => (x(limit), x(0) + 392),
            Compare::Equal => (x(limit) - 2, x(limit) + 2),
        };
        let room = Rectangle::new([(good.0, 2), (good.1, 24)], GREEN.mix(0.14).filled());
        area.draw(&room).map_err(failed)?;
        if seeds.is_empty() {
            let colour = if target.met { SKY } else { RED };
            titles.next(format::amount(value, unit));
            let end = x(value).max(7);
            area.draw(&Rectangle::new([(4, 8), (end, 18)], colour.filled())).map_err(failed)?;
        }
        if seeds.len() > MOST_DOTS {
            strip(area, titles, seeds, (&x, unit))?;
        } else {
            for ((seed, value, met), row) in seeds.iter().zip((0..3).cycle()) {
                let colour = if *met { SKY } else { RED };
                titles.next(format!("seed {seed}: {}", format::amount(*value, unit)));
                // One below the other where they would hide each other.
                let dot = Circle::new((x(*value), 6 + 7 * row), 3, colour.filled());
                area.draw(&dot).map_err(failed)?;
            }
        }
        titles.next(format!("limit {}", format::amount(limit, unit)));
        let line = Rectangle::new([(x(limit) - 1, 0), (x(limit) + 1, 26)], BLACK.filled());
        area.draw(&line).map_err(failed)?;
        Ok(())
    })
}

/// As many seeds as dots cannot show: the higher a column, the more of them lie there.
fn strip(
    area: &Area<'_>,
    titles: &Titles,
    seeds: &[(u64, u64, bool)],
    (x, unit): (&dyn Fn(u64) -> i32, Unit),
) -> Result<(), PlotError> {
    let mut columns: BTreeMap<(i32, bool), Vec<(u64, u64)>> = BTreeMap::new();
    for (seed, value, met) in seeds {
        let column = x(*value) / COLUMN * COLUMN;
        columns.entry((column, *met)).or_default().push((*value, *seed));
    }
    let highest = columns.values().map(Vec::len).max().unwrap_or(1);
    // Seeds that miss stand on those that meet it in the same column.
    let mut tops: BTreeMap<i32, i32> = BTreeMap::new();
    for ((left, met), within) in columns.into_iter().rev() {
        let bottom = tops.get(&left).copied().unwrap_or(25);
        let part = float(within.len() as u64) / float(highest as u64);
        // A single seed is seen as well.
        let height = 3 + i32::try_from(whole(part * 9.0)).unwrap_or(0);
        let (least, most) = (within.iter().min(), within.iter().max());
        let ends = least.zip(most).map(|((least, _), (most, seed))| {
            let (least, most) = (format::amount(*least, unit), format::amount(*most, unit));
            let seeds = format::counted(within.len(), "seed");
            format!("{seeds} from {least} to {most} (seed {seed})")
        });
        titles.next(ends.unwrap_or_default());
        let colour = if met { SKY } else { RED };
        let column =
            Rectangle::new([(left, bottom - height), (left + COLUMN - 1, bottom)], colour.filled());
        area.draw(&column).map_err(failed)?;
        tops.insert(left, bottom - height);
    }
    Ok(())
}
