//! Limit and calls in flight over time, with 429s, waits and fallbacks marked above: a panel for
//! each run.

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::panel::{Axis, chart, drawn, mark_cancel, panel_name, panels, time_name};
use crate::report::draw::picture::{
    Area, BLUE, Count, Drawn, Key, ORANGE, PURPLE, RED, SKY, failed, time_unit, whole_ticks,
};
use crate::sim::scenario::Scenario;
use crate::study::measure::timeline::TimelineRow;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::units::float;

const PANEL: u32 = 250;

pub(crate) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let mut keys = vec![
        Key { colour: BLUE, text: "limit" },
        Key { colour: SKY, text: "calls in flight" },
        Key { colour: RED, text: "429" },
        Key { colour: BLACK, text: "other failure" },
        Key { colour: ORANGE, text: "wait before a retry" },
        Key { colour: PURPLE, text: "fallback" },
    ];
    let mut title = format!("{}: AI calls in flight and their limit", scenario.name);
    if judged.is_from_outside() {
        // Limits and waits are a client's own.
        title = format!("{}: AI calls in flight", scenario.name);
        keys.retain(|key| !["limit", "wait before a retry"].contains(&key.text));
    }
    // One scale for all runs, so that they can be compared by eye.
    let all: Vec<TimelineRow> = judged.runs.iter().flat_map(|run| drawn(&run.log)).collect();
    let end_ms = all.iter().map(|row| row.t_ms).max().unwrap_or(0).max(1);
    let highest =
        all.iter().map(|row| row.limit.unwrap_or(0).max(row.in_flight)).max().unwrap_or(1).max(1);
    panels(judged, PANEL, &title, &keys, |area, run| draw_run(area, run, end_ms, highest))
}

fn draw_run(area: &Area<'_>, run: &JudgedRun, end_ms: u64, highest: u64) -> Result<(), PlotError> {
    let rows = drawn(&run.log);
    let (unit, per) = time_unit(end_ms);
    let x = Axis::new(time_name(run, unit), float(end_ms) / per, 11);
    // Three bands above the highest value hold the marks.
    let y = Axis {
        name: "calls".to_owned(),
        end: float(highest) * 1.42,
        ticks: whole_ticks(float(highest) * 1.42),
        labelled_to: float(highest),
    };
    let mut chart = chart(area, &panel_name(run), &x, &y)?;
    let at = |row: &TimelineRow| float(row.t_ms) / per;
    // Each state lasts until the next one.
    for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
        let bar = [(at(row), 0.0), (at(next), float(row.in_flight))];
        chart.draw_series([Rectangle::new(bar, SKY.mix(0.55).filled())]).map_err(failed)?;
    }
    let steps = rows.iter().zip(rows.iter().skip(1));
    let mut limit: Vec<(f64, f64)> = Vec::new();
    for (row, next) in steps {
        let Some(now) = row.limit.map(float) else { continue };
        limit.extend([(at(row), now), (at(next), now)]);
    }
    chart.draw_series([PathElement::new(limit, BLUE.stroke_width(2))]).map_err(failed)?;
    let bands: [(Count, RGBColor, f64); 4] = [
        (|row| row.calls_failed, BLACK, 1.08),
        (|row| row.rate_limited, RED, 1.08),
        (|row| row.backoffs, ORANGE, 1.20),
        (|row| row.fallbacks, PURPLE, 1.32),
    ];
    for (count, colour, band) in bands {
        let happened = rows.iter().scan(0, |before, row| {
            let new = count(row) > *before;
            *before = count(row);
            Some((new, row))
        });
        let marks = happened.filter(|(new, _)| *new).map(|(_, row)| {
            let (low, high) = (float(highest) * band, float(highest) * (band + 0.08));
            PathElement::new(vec![(at(row), low), (at(row), high)], colour.stroke_width(2))
        });
        chart.draw_series(marks).map_err(failed)?;
    }
    mark_cancel(&mut chart, run, per, float(highest))
}
