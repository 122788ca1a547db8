//! Progress over time: pages listed, done and failed, and what the cache had; a panel for each
//! run.

use plotters::prelude::*;

use super::{
    Area, BLUE, Count, Drawn, FAINT, GREEN, GREY, Key, PlotError, RED, failed, font, heading,
    legend, sheet, tick, time_unit,
};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::timeline::rows;
use crate::units::float;

const PANEL: u32 = 250;
const TOP: u32 = 62;

pub(super) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let panels = u32::try_from(judged.runs.len()).unwrap_or(1);
    sheet(TOP + PANEL * panels, |area| {
        heading(area, &format!("{}: pages over time", scenario.name))?;
        let keys = [
            Key { colour: GREY, text: "listed" },
            Key { colour: BLUE, text: "tagged" },
            Key { colour: GREEN, text: "cache hits" },
            Key { colour: RED, text: "failed" },
        ];
        legend(area, &keys, 16, 38)?;
        let (_, below) = area.split_vertically(TOP);
        for (panel, run) in below.split_evenly((judged.runs.len(), 1)).iter().zip(&judged.runs) {
            draw_run(panel, run)?;
        }
        Ok(())
    })
}

fn draw_run(area: &Area<'_>, run: &JudgedRun) -> Result<(), PlotError> {
    let rows = rows(&run.log);
    let end_ms = rows.last().map_or(0, |row| row.t_ms).max(1);
    let (unit, per) = time_unit(end_ms);
    let pages = rows.last().map_or(0, |row| row.pages_listed).max(1);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("run {}", run.name), font(14, BLACK))
        .margin(6)
        .margin_right(24)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..float(end_ms) / per, 0.0..float(pages) * 1.06)
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
        .x_desc(format!("virtual time ({unit})"))
        .y_desc("pages")
        .label_style(font(12, BLACK))
        .axis_desc_style(font(13, BLACK))
        .draw()
        .map_err(failed)?;
    let series: [(Count, RGBColor, u32); 4] = [
        (|row| row.pages_listed, GREY, 2),
        (|row| row.cache_hits, GREEN, 4),
        (|row| row.pages_tagged, BLUE, 2),
        (|row| row.pages_failed, RED, 2),
    ];
    for (count, colour, width) in series {
        if rows.iter().all(|row| count(row) == 0) {
            continue;
        }
        let mut points: Vec<(f64, f64)> = Vec::new();
        for row in &rows {
            let t = float(row.t_ms) / per;
            if let Some((_, before)) = points.last().copied() {
                points.push((t, before));
            }
            points.push((t, float(count(row))));
        }
        let line = PathElement::new(points, colour.stroke_width(width));
        chart.draw_series([line]).map_err(failed)?;
    }
    Ok(())
}
