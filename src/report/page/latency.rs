//! Latencies on an axis of percentiles that shows the tail, with the lines of targets.

use maud::html;
use plotters::prelude::*;

use super::chrome::{Section, table, wide};
use crate::report::draw::PlotError;
use crate::report::draw::picture::{
    Area, BLUE, Drawn, FAINT, GREEN, GREY, ORANGE, PURPLE, RED, SKY, failed, round_step, titled,
};
use crate::report::format;
use crate::study::measure::distribution::Distribution;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::target::JudgedTarget;
use crate::units::{float, whole};

const SIZE: (u32, u32) = (1600, 560);
const LEFT: i32 = 130;
const RIGHT: i32 = 1240;
const TOP: i32 = 24;
const BOTTOM: i32 = 490;
const TEXT: u32 = 22;
/// Percentiles that are named, in thousandths of a percent, and with each further nine of the tail.
const NAMED: [(u64, &str); 7] = [
    (0, "fastest"),
    (50_000, "p50"),
    (90_000, "p90"),
    (95_000, "p95"),
    (99_000, "p99"),
    (99_900, "p99.9"),
    (99_990, "p99.99"),
];
/// Points of a curve.
const POINTS: u64 = 120;
const COLOURS: [RGBColor; 6] = [BLUE, ORANGE, GREEN, PURPLE, GREY, SKY];

/// A curve.
struct Curve<'a> {
    name: String,
    samples: &'a Distribution,
    colour: RGBColor,
    width: u32,
}

/// The section; nothing where no page was tagged and no batch answered.
pub(super) fn section(runs: &[JudgedRun]) -> Option<Section> {
    let curves = curves(runs);
    let last = curves.iter().rev().find(|curve| curve.name.ends_with("pages"))?;
    let of = |stat| last.samples.stat(stat).map_or_else(|| "-".to_owned(), format::millis);
    let whose = last.name.strip_suffix(", pages");
    let whose = whose.map_or("Half".to_owned(), |run| format!("{run}: half"));
    let first = curves.iter().find(|curve| curve.name.ends_with("pages"));
    let first = first.filter(|first| first.name != last.name).and_then(|first| {
        let half = format::millis(first.samples.stat(Stat::P50)?);
        Some(format!(" ({}: half within {half})", first.name.strip_suffix(", pages")?))
    });
    let first = first.unwrap_or_default();
    let heading = format!(
        "{whose} of the tagged pages within {} of their listing, 95 % within {}, the last after {}{first}",
        of(Stat::P50),
        of(Stat::P95),
        of(Stat::Max)
    );
    let picture = draw(&curves, runs);
    let rows: Vec<Vec<String>> = curves
        .iter()
        .map(|curve| {
            let cell =
                |stat| curve.samples.stat(stat).map_or_else(|| "-".to_owned(), format::millis);
            let stats = [Stat::P50, Stat::P95, Stat::P99, Stat::Max].map(cell);
            [curve.name.clone()].into_iter().chain(stats).collect()
        })
        .collect();
    let has_limits = runs.iter().any(|run| !limits(run).is_empty());
    let body = html! {
        (table(&["", "p50", "p95", "p99", "longest"], &rows))
        figure {
            (wide(&picture))
            figcaption {
                "How long pages took from their place in the list to their tags, the fastest on the left; to the right each stretch of the axis has a tenth of what is left, so that the slowest are seen."
                @if curves.iter().any(|curve| curve.width == 2) { " Thin lines: batches, from the first attempt to the answer." }
                @if has_limits { " Dashes: targets." }
            }
        }
    };
    Some(Section { id: "latency", heading, body })
}

fn curves(runs: &[JudgedRun]) -> Vec<Curve<'_>> {
    let series = [(Metric::PageLatency, "pages"), (Metric::AiLatency, "batches")];
    let mut all = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        // Batches are drawn where a target is about them.
        let is_asked = |metric| run.targets.iter().any(|one| one.target.metric == metric);
        for (metric, things) in series
            .into_iter()
            .filter(|(metric, _)| *metric == Metric::PageLatency || is_asked(*metric))
        {
            let Some(Value::Distribution(samples)) = run.figures.get(metric) else { continue };
            if samples.sorted().is_empty() {
                continue;
            }
            let whose = if runs.len() > 1 { format!("{}, ", run.name) } else { String::new() };
            // A colour for each run; batches have the thinner line.
            let (colour, width) =
                (COLOURS[at % COLOURS.len()], if metric == Metric::PageLatency { 4 } else { 2 });
            all.push(Curve { name: format!("{whose}{things}"), samples, colour, width });
        }
    }
    all
}

/// How far along the axis a percentile lies, in thousandths of a percent: each nine takes as much room.
fn nines(ppc: u64) -> f64 {
    let left = float(100_000_u64.saturating_sub(ppc).max(1)) / 100_000.0;
    -libm::log10(left)
}

/// The last percentile that a sample lies at.
fn last(curves: &[Curve<'_>]) -> u64 {
    let most = curves.iter().map(|curve| curve.samples.sorted().len() as u64).max().unwrap_or(1);
    100_000 - (100_000 / most.max(2)).max(1)
}

fn draw(curves: &[Curve<'_>], runs: &[JudgedRun]) -> Drawn {
    let longest = curves.iter().filter_map(|curve| curve.samples.stat(Stat::Max)).max();
    let limits: Vec<(u64, String)> = runs.iter().flat_map(limits).collect();
    let highest = limits.iter().map(|(limit, _)| *limit).chain(longest).max().unwrap_or(1).max(1);
    let end = nines(last(curves)).max(1.0);
    let x = |ppc: u64| {
        let part = (nines(ppc) / end).min(1.0);
        LEFT + i32::try_from(whole(part * f64::from(RIGHT - LEFT))).unwrap_or(0)
    };
    let y = |ms: u64| {
        let part = float(ms) / float(highest) / 1.04;
        BOTTOM - i32::try_from(whole(part * f64::from(BOTTOM - TOP))).unwrap_or(0)
    };
    // Room for the name of each curve.
    let names = 34 * u32::try_from(curves.len()).unwrap_or(0) + 40;
    let size = (SIZE.0, SIZE.1.max(names));
    titled(size, "Latency by percentile", |area, titles| {
        axes(area, (&x, &y), (highest, last(curves)))?;
        let mut above = BOTTOM;
        for (limit, text) in &limits {
            let mut at = LEFT;
            while at < RIGHT {
                let dash = vec![(at, y(*limit)), ((at + 14).min(RIGHT), y(*limit))];
                area.draw(&PathElement::new(dash, RED.stroke_width(2))).map_err(failed)?;
                at += 26;
            }
            // Limits that are close have their texts one above the other.
            above = above.min(y(*limit)) - 28;
            area.draw_text(text, &style(BLACK), (LEFT + 12, above)).map_err(failed)?;
        }
        for (row, curve) in (0_i32..).zip(curves) {
            let most = last(curves);
            let points: Vec<(i32, i32)> = (0..=POINTS)
                .filter_map(|point| {
                    let along = end * float(point) / float(POINTS);
                    let left = whole(100_000.0 * libm::pow(10.0, -along));
                    let ppc = 100_000_u64.saturating_sub(left).min(most);
                    Some((x(ppc), y(at(curve.samples, ppc)?)))
                })
                .collect();
            area.draw(&PathElement::new(points, curve.colour.stroke_width(curve.width)))
                .map_err(failed)?;
            for (ppc, name) in NAMED.iter().filter(|(ppc, _)| *ppc <= most) {
                let Some(ms) = at(curve.samples, *ppc) else { continue };
                titles.next(format!("{}, {name}: {}", curve.name, format::millis(ms)));
                let dot = Circle::new((x(*ppc), y(ms)), 6, curve.colour.filled());
                area.draw(&dot).map_err(failed)?;
            }
            // The name stands beside the curve's end, below those before.
            let place = (RIGHT + 20, TOP + 34 * row);
            let swatch = [(place.0, place.1 + 4), (place.0 + 18, place.1 + 18)];
            area.draw(&Rectangle::new(swatch, curve.colour.filled())).map_err(failed)?;
            area.draw_text(&curve.name, &style(BLACK), (place.0 + 26, place.1)).map_err(failed)?;
        }
        Ok(())
    })
}

/// The sample at a percentile, by nearest rank.
fn at(samples: &Distribution, ppc: u64) -> Option<u64> {
    let sorted = samples.sorted();
    let rank = u128::from(ppc) * sorted.len() as u128;
    let rank = usize::try_from(rank.div_ceil(100_000)).ok()?.max(1);
    sorted.get(rank - 1).copied()
}

fn style(colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&colour)
}

/// Where a percentile lies, and where a latency does.
type Places<'a> = (&'a dyn Fn(u64) -> i32, &'a dyn Fn(u64) -> i32);

fn axes(area: &Area<'_>, (x, y): Places<'_>, (highest, last): (u64, u64)) -> Result<(), PlotError> {
    let step = whole(round_step(float(highest), 5.0)).max(1);
    for part in 0..=highest / step {
        let ms = step * part;
        let line = PathElement::new(vec![(LEFT, y(ms)), (RIGHT, y(ms))], FAINT.stroke_width(2));
        area.draw(&line).map_err(failed)?;
        area.draw_text(&format::millis(ms), &style(GREY), (4, y(ms) - 12)).map_err(failed)?;
    }
    for (ppc, name) in NAMED.iter().filter(|(ppc, _)| *ppc <= last) {
        let mark =
            PathElement::new(vec![(x(*ppc), BOTTOM), (x(*ppc), BOTTOM + 8)], GREY.stroke_width(2));
        area.draw(&mark).map_err(failed)?;
        area.draw_text(name, &style(GREY), (x(*ppc) - 24, BOTTOM + 16)).map_err(failed)?;
    }
    Ok(())
}

/// The limits on latencies that a run has.
fn limits(run: &JudgedRun) -> Vec<(u64, String)> {
    let is_latency = |metric| matches!(metric, Metric::PageLatency | Metric::AiLatency);
    let is_time = |one: &&JudgedTarget| one.target.unit() == Unit::Millis;
    let of_run = run.targets.iter().filter(|one| is_latency(one.target.metric)).filter(is_time);
    let mut limits: Vec<(u64, String)> = of_run
        .filter_map(|one| {
            Some((one.limit?, format!("{} {}", one.target.metric.name(), one.target.text)))
        })
        .collect();
    // From the lowest line to the highest.
    limits.sort();
    limits.dedup_by_key(|(limit, _)| *limit);
    limits
}
