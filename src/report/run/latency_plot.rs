//! Latencies: at every percentile on the left, as a histogram on the right; a row for each run.

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::panel::{Axis, chart, nothing, panel_name, panels};
use crate::report::draw::picture::{
    Area, BLUE, Drawn, GREEN, Key, failed, font, time_unit, whole_ticks,
};
use crate::sim::scenario::Scenario;
use crate::study::measure::figures::Distribution;
use crate::study::measure::metric::Metric;
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::units::float;

const PANEL: u32 = 280;
const BINS: u64 = 30;

pub(crate) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let keys = [
        Key { colour: BLUE, text: "page: listed to tagged" },
        Key { colour: GREEN, text: "batch: first attempt to answer" },
    ];
    let title = format!("{}: how long pages and answers took", scenario.name);
    // One scale for all runs, so that they can be compared by eye.
    let longest = judged.runs.iter().map(longest).max().unwrap_or(0).max(1);
    panels(judged, PANEL, &title, &keys, |area, run| {
        if SERIES.iter().all(|(metric, _)| samples(run, *metric).is_none()) {
            return nothing(area, &panel_name(run));
        }
        let (left, right) = area.split_horizontally(500);
        draw_percentiles(&left, run, longest)?;
        draw_histogram(&right, run, longest)
    })
}

fn samples(run: &JudgedRun, metric: Metric) -> Option<&Distribution> {
    match run.figures.get(metric) {
        Some(Value::Distribution(samples)) => Some(samples),
        _ => None,
    }
}

/// How many pages or batches a latency is about, where it leaves some out.
fn left_out(run: &JudgedRun, metric: Metric) -> Option<String> {
    let over = samples(run, metric)?.partial()?;
    Some(format!("{} over {} of {}", metric.name(), over.num, over.den))
}

const SERIES: [(Metric, RGBColor); 2] = [(Metric::PageLatency, BLUE), (Metric::AiLatency, GREEN)];

fn longest(run: &JudgedRun) -> u64 {
    let all = SERIES.iter().filter_map(|(metric, _)| samples(run, *metric)?.stat(Stat::Max));
    all.max().unwrap_or(0)
}

fn draw_percentiles(area: &Area<'_>, run: &JudgedRun, longest: u64) -> Result<(), PlotError> {
    let (unit, per) = time_unit(longest);
    let x = Axis::new("percentile (%)", 100.0, 11);
    let y = Axis::new(format!("latency ({unit})"), float(longest) / per * 1.05, 7);
    let mut chart = chart(area, &format!("{}: percentiles", panel_name(run)), &x, &y)?;
    // A curve that ends early looks good where the slow ones never ended.
    let left_out =
        SERIES.iter().filter_map(|(metric, colour)| Some((left_out(run, *metric)?, *colour)));
    for (row, (text, colour)) in (0..).zip(left_out) {
        area.draw_text(&text, &font(13, colour), (76, 44 + 18 * row)).map_err(failed)?;
    }
    for (metric, colour) in SERIES {
        let Some(samples) = samples(run, metric) else { continue };
        let curve = (1..=100_usize).filter_map(|percent| {
            let value = samples.percentile(percent)?;
            Some((float(percent as u64), float(value) / per))
        });
        let line = PathElement::new(curve.collect::<Vec<_>>(), colour.stroke_width(2));
        chart.draw_series([line]).map_err(failed)?;
    }
    Ok(())
}

fn draw_histogram(area: &Area<'_>, run: &JudgedRun, longest: u64) -> Result<(), PlotError> {
    let (unit, per) = time_unit(longest);
    let width = longest.div_ceil(BINS).max(1);
    let counted = SERIES.map(|(metric, colour)| {
        let mut bins = vec![0_u64; usize::try_from(BINS).unwrap_or(1) + 1];
        for sample in samples(run, metric).map(Distribution::sorted).unwrap_or_default() {
            let bin = usize::try_from(sample / width).unwrap_or(0).min(bins.len() - 1);
            bins[bin] += 1;
        }
        (bins, colour)
    });
    let highest = counted.iter().flat_map(|(bins, _)| bins).max().copied().unwrap_or(0).max(1);
    let x = Axis::new(format!("latency ({unit})"), float(width.saturating_mul(BINS + 1)) / per, 8);
    let end = float(highest) * 1.08;
    let y = Axis::new("pages or batches", end, whole_ticks(end));
    let mut chart = chart(area, &format!("{}: histogram", panel_name(run)), &x, &y)?;
    for (bins, colour) in &counted {
        let bars = bins.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bin, count)| {
            let left = width.saturating_mul(bin as u64);
            let right = left.saturating_add(width);
            let corners = [(float(left) / per, 0.0), (float(right) / per, float(*count))];
            Rectangle::new(corners, colour.mix(0.55).filled())
        });
        chart.draw_series(bars).map_err(failed)?;
    }
    Ok(())
}
