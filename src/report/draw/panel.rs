//! A sheet of panels, one below the other, and a panel with its axes.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::PlotError;
use super::picture::{Area, Drawn, FAINT, GREY, Key, failed, font, legend, sheet, shortened, tick};
use super::svg::Svg;
use crate::sim::recorder::Log;
use crate::study::measure::timeline;
use crate::study::measure::timeline::TimelineRow;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::units::float;

/// Room for heading and legend.
const TOP: u32 = 62;

/// A chart with linear axes.
pub(super) type Chart<'a> = ChartContext<'a, Svg<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// An axis from zero.
pub(crate) struct Axis {
    /// What it shows, with its unit.
    pub(crate) name: String,
    /// Its end.
    pub(crate) end: f64,
    /// How many ticks it has, about.
    pub(crate) ticks: usize,
    /// Ticks above this have no label.
    pub(crate) labelled_to: f64,
}

impl Axis {
    /// An axis to `end`, all of it labelled.
    pub(crate) fn new(name: impl Into<String>, end: f64, ticks: usize) -> Self {
        Self { name: name.into(), end, ticks, labelled_to: end }
    }
}

/// More rows than this are more than can be told apart.
const MOST_ROWS: usize = 20_000;
/// The number of stretches that a run is divided into then.
const STRETCHES: u64 = 2_000;

/// The rows of a run, as many as are drawn: of a long one, of each stretch of time the last row and
/// those with the most and the fewest calls in flight.
pub(crate) fn drawn(log: &Log) -> Vec<TimelineRow> {
    let (mut count, mut end_ms) = (0, 0);
    for row in timeline::each_row(log) {
        count += 1;
        end_ms = row.t_ms.max(end_ms);
    }
    if count <= MOST_ROWS {
        return timeline::rows(log);
    }
    let stretch =
        |row: &TimelineRow| u128::from(row.t_ms) * u128::from(STRETCHES) / (u128::from(end_ms) + 1);
    let mut rows: Vec<TimelineRow> = Vec::new();
    let mut here: Option<[TimelineRow; 3]> = None;
    for row in timeline::each_row(log) {
        match &mut here {
            Some([most, fewest, last]) if stretch(last) == stretch(&row) => {
                let of = |row: &TimelineRow| (row.in_flight, row.limit);
                if of(&row) > of(most) {
                    *most = row;
                }
                if of(&row) < of(fewest) {
                    *fewest = row;
                }
                *last = row;
            }
            _ => rows.extend(here.replace([row; 3]).into_iter().flatten()),
        }
    }
    rows.extend(here.into_iter().flatten());
    // What is the same row twice is drawn once.
    rows.sort_by_key(|row| row.t_ms);
    rows.dedup();
    rows
}

/// A sheet with a panel of this height for each run.
pub(crate) fn panels(
    judged: &JudgedScenario,
    height: u32,
    title: &str,
    keys: &[Key],
    draw_run: impl Fn(&Area<'_>, &JudgedRun) -> Result<(), PlotError>,
) -> Drawn {
    let count = u32::try_from(judged.runs.len()).unwrap_or(1);
    sheet(TOP + height * count, title, |area| {
        legend(area, keys, 16, 38)?;
        let (_, below) = area.split_vertically(TOP);
        for (panel, run) in below.split_evenly((judged.runs.len(), 1)).iter().zip(&judged.runs) {
            draw_run(panel, run)?;
        }
        Ok(())
    })
}

/// What a panel of this run is called; a scenario without named runs has one that is just `run`.
pub(crate) fn panel_name(run: &JudgedRun) -> String {
    if run.name == "run" { run.name.clone() } else { format!("run {}", shortened(&run.name, 24)) }
}

/// What the axis of time is called.
pub(crate) fn time_name(run: &JudgedRun, unit: &str) -> String {
    let whose = if run.is_from_outside() { "time" } else { "virtual time" };
    format!("{whose} ({unit})")
}

/// Says that there is nothing to draw, where a chart would be.
pub(crate) fn nothing(area: &Area<'_>, caption: &str) -> Result<(), PlotError> {
    area.draw_text(&format!("{caption}: no samples"), &font(14, GREY), (64, 20)).map_err(failed)
}

/// Marks the moment at which a run was asked to stop.
pub(crate) fn mark_cancel(
    chart: &mut Chart<'_>,
    run: &JudgedRun,
    per: f64,
    top: f64,
) -> Result<(), PlotError> {
    let Some(at) = timeline::cancelled_ms(&run.log).map(|ms| float(ms) / per) else {
        return Ok(());
    };
    let line = PathElement::new(vec![(at, 0.0), (at, top)], BLACK.stroke_width(1));
    chart.draw_series([line]).map_err(failed)?;
    let text = Text::new(" cancelled", (at, top * 0.14), font(12, BLACK));
    chart.draw_series([text]).map(drop).map_err(failed)
}

/// A chart in this area with its caption, grid and axes.
pub(crate) fn chart<'a>(
    area: &Area<'a>,
    caption: &str,
    x: &Axis,
    y: &Axis,
) -> Result<Chart<'a>, PlotError> {
    let mut chart = ChartBuilder::on(area)
        .caption(caption, font(14, BLACK))
        .margin(6)
        .margin_right(24)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..x.end, 0.0..y.end)
        .map_err(failed)?;
    let label = |value: f64, axis: &Axis| {
        if value > axis.labelled_to { String::new() } else { tick(value) }
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(GREY)
        .x_labels(x.ticks)
        .y_labels(y.ticks)
        .x_label_formatter(&|value| label(*value, x))
        .y_label_formatter(&|value| label(*value, y))
        .x_desc(&x.name)
        .y_desc(&y.name)
        .label_style(font(12, BLACK))
        .axis_desc_style(font(13, BLACK))
        .draw()
        .map_err(failed)?;
    Ok(chart)
}
