//! Latencies: at every percentile on the left, as a histogram on the right; a row for each run.

use plotters::prelude::*;

use super::{
    Area, BLUE, Drawn, FAINT, GREEN, GREY, Key, PlotError, failed, font, heading, legend, sheet,
    tick, time_unit,
};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::metric::{Distribution, Value};
use crate::units::float;

const PANEL: u32 = 280;
const TOP: u32 = 62;
const BINS: u64 = 30;

pub(super) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let panels = u32::try_from(judged.runs.len()).unwrap_or(1);
    sheet(TOP + PANEL * panels, |area| {
        heading(area, &format!("{}: how long pages and answers took", scenario.name))?;
        let keys = [
            Key { colour: BLUE, text: "page: listed to tagged" },
            Key { colour: GREEN, text: "batch: first attempt to answer" },
        ];
        legend(area, &keys, 16, 38)?;
        let (_, below) = area.split_vertically(TOP);
        for (panel, run) in below.split_evenly((judged.runs.len(), 1)).iter().zip(&judged.runs) {
            let (left, right) = panel.split_horizontally(500);
            draw_percentiles(&left, run)?;
            draw_histogram(&right, run)?;
        }
        Ok(())
    })
}

fn samples<'a>(run: &'a JudgedRun, name: &str) -> Option<&'a Distribution> {
    match run.figures.get(name) {
        Some(Value::Distribution(samples)) => Some(samples),
        _ => None,
    }
}

const SERIES: [(&str, RGBColor); 2] = [("page_latency", BLUE), ("ai_latency", GREEN)];

fn longest(run: &JudgedRun) -> u64 {
    let all = SERIES.iter().filter_map(|(name, _)| samples(run, name)?.stat("max"));
    all.max().unwrap_or(0).max(1)
}

fn draw_percentiles(area: &Area<'_>, run: &JudgedRun) -> Result<(), PlotError> {
    let longest = longest(run);
    let (unit, per) = time_unit(longest);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("run {}: percentiles", run.name), font(14, BLACK))
        .margin(6)
        .margin_right(20)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..100.0, 0.0..float(longest) / per * 1.05)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(GREY)
        .x_labels(11)
        .y_labels(7)
        .x_label_formatter(&|x| tick(*x))
        .y_label_formatter(&|y| tick(*y))
        .x_desc("percentile (%)")
        .y_desc(format!("latency ({unit})"))
        .label_style(font(12, BLACK))
        .axis_desc_style(font(13, BLACK))
        .draw()
        .map_err(failed)?;
    for (name, colour) in SERIES {
        let Some(samples) = samples(run, name) else { continue };
        let curve = (1..=100_usize).filter_map(|percent| {
            let value = samples.percentile(percent)?;
            Some((float(percent as u64), float(value) / per))
        });
        let line = PathElement::new(curve.collect::<Vec<_>>(), colour.stroke_width(2));
        chart.draw_series([line]).map_err(failed)?;
    }
    Ok(())
}

fn draw_histogram(area: &Area<'_>, run: &JudgedRun) -> Result<(), PlotError> {
    let longest = longest(run);
    let (unit, per) = time_unit(longest);
    let width = longest.div_ceil(BINS).max(1);
    let counted = SERIES.map(|(name, colour)| {
        let mut bins = vec![0_u64; usize::try_from(BINS).unwrap_or(1) + 1];
        for sample in samples(run, name).map(Distribution::sorted).unwrap_or_default() {
            let bin = usize::try_from(sample / width).unwrap_or(0).min(bins.len() - 1);
            bins[bin] += 1;
        }
        (bins, colour)
    });
    let highest = counted.iter().flat_map(|(bins, _)| bins).max().copied().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("run {}: histogram", run.name), font(14, BLACK))
        .margin(6)
        .margin_right(24)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..float(width * (BINS + 1)) / per, 0.0..float(highest) * 1.08)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(GREY)
        .x_labels(8)
        .y_labels(usize::try_from(highest.min(6)).unwrap_or(6) + 1)
        .x_label_formatter(&|x| tick(*x))
        .y_label_formatter(&|y| tick(*y))
        .x_desc(format!("latency ({unit})"))
        .y_desc("pages or batches")
        .label_style(font(12, BLACK))
        .axis_desc_style(font(13, BLACK))
        .draw()
        .map_err(failed)?;
    for (bins, colour) in &counted {
        let bars = bins.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bin, count)| {
            let (left, right) = (bin as u64 * width, (bin as u64 + 1) * width);
            let corners = [(float(left) / per, 0.0), (float(right) / per, float(*count))];
            Rectangle::new(corners, colour.mix(0.55).filled())
        });
        chart.draw_series(bars).map_err(failed)?;
    }
    Ok(())
}
