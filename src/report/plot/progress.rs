//! Progress over time: pages listed, done and failed, and what the cache had; a panel for each
//! run.

use plotters::prelude::*;

use super::panel::{Axis, chart, panel_name, panels};
use super::{Area, BLUE, Count, Drawn, GREEN, GREY, Key, PlotError, RED, failed, time_unit};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::timeline::rows;
use crate::units::float;

const PANEL: u32 = 250;

pub(super) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let keys = [
        Key { colour: GREY, text: "listed" },
        Key { colour: BLUE, text: "tagged" },
        Key { colour: GREEN, text: "cache hits" },
        Key { colour: RED, text: "failed" },
    ];
    panels(judged, PANEL, &format!("{}: pages over time", scenario.name), &keys, draw_run)
}

fn draw_run(area: &Area<'_>, run: &JudgedRun) -> Result<(), PlotError> {
    let rows = rows(&run.log);
    let end_ms = rows.last().map_or(0, |row| row.t_ms).max(1);
    let (unit, per) = time_unit(end_ms);
    let pages = rows.last().map_or(0, |row| row.pages_listed).max(1);
    let x = Axis::new(format!("virtual time ({unit})"), float(end_ms) / per, 11);
    let y = Axis::new("pages", float(pages) * 1.06, 7);
    let mut chart = chart(area, &panel_name(run), &x, &y)?;
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
