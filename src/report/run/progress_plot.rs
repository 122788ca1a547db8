//! Progress over time: pages listed, done and failed, and what the cache had; a panel for each
//! run.

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::panel::{Axis, chart, drawn, mark_cancel, panel_name, panels, time_name};
use crate::report::draw::picture::{
    Area, BLUE, Count, Drawn, GREEN, GREY, Key, RED, failed, time_unit,
};
use crate::sim::scenario::Scenario;
use crate::study::measure::timeline::TimelineRow;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::units::float;

const PANEL: u32 = 250;

pub(crate) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let mut keys = vec![
        Key { colour: GREY, text: "listed" },
        Key { colour: BLUE, text: "tagged, cached ones included" },
        Key { colour: GREEN, text: "cache hits" },
        Key { colour: RED, text: "failed" },
    ];
    if judged.is_from_outside() {
        keys =
            vec![Key { colour: GREY, text: "given out" }, Key { colour: BLUE, text: "labelled" }];
    }
    // One scale for all runs, so that they can be compared by eye.
    let all: Vec<TimelineRow> = judged.runs.iter().flat_map(|run| drawn(&run.log)).collect();
    let end_ms = all.iter().map(|row| row.t_ms).max().unwrap_or(0).max(1);
    let pages = all.iter().map(|row| row.pages_listed).max().unwrap_or(0).max(1);
    let title = format!("{}: pages over time", scenario.name);
    panels(judged, PANEL, &title, &keys, |area, run| draw_run(area, run, end_ms, pages))
}

fn draw_run(area: &Area<'_>, run: &JudgedRun, end_ms: u64, pages: u64) -> Result<(), PlotError> {
    let rows = drawn(&run.log);
    let (unit, per) = time_unit(end_ms);
    // A little room on the right keeps the last step off the border.
    let x = Axis::new(time_name(run, unit), float(end_ms) / per * 1.02, 11);
    let y = Axis::new("pages", float(pages) * 1.06, 7);
    let mut chart = chart(area, &panel_name(run), &x, &y)?;
    let series: [(Count, RGBColor, u32); 4] = [
        (|row| row.pages_listed, GREY, 2),
        (|row| row.cache_hits, GREEN, 4),
        (|row| row.pages_tagged + row.pages_cached, BLUE, 2),
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
    mark_cancel(&mut chart, run, per, float(pages))
}
