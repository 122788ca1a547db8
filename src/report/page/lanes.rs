//! What happened when: pages, Confluence and each provider, one lane below the other.

use std::fmt::Write as _;

use maud::{Markup, html};
use plotters::prelude::*;

use super::chrome::{Section, behind, wide};
use super::quotas;
use crate::report::draw::PlotError;
use crate::report::draw::picture::{
    Area, BLUE, Drawn, FAINT, GREEN, GREY, ORANGE, RED, SKY, failed, round_step, tick, time_unit,
    titled,
};
use crate::report::draw::svg::Titles;
use crate::report::format;
use crate::study::measure::lanes::{COLUMNS, Column, Lanes};
use crate::study::verdict::judge::JudgedRun;
use crate::units::{float, whole};

/// The width of a picture, where its time begins and ends, and the height of a lane and of what is
/// between two.
const WIDTH: u32 = 1600;
const LEFT: i32 = 210;
const RIGHT: i32 = 1580;
const LANE: i32 = 120;
const GAP: i32 = 34;
/// Text that can be read at half the size.
const TEXT: u32 = 22;
/// Rows of the table behind a picture.
const ROWS: usize = 20;

/// A lane: what is drawn in it.
struct Lane<'a> {
    name: String,
    /// Filled up to the most of each column.
    filled: Vec<u64>,
    colour: RGBColor,
    /// A line at the level of each column.
    line: Option<Vec<u64>>,
    /// What went wrong, in each column: refused and failed otherwise.
    refused: &'a [u64],
    failed: &'a [u64],
    /// Changes of what is thought of its quotas, in each column.
    learned: &'a [u64],
    /// How a level of it is said.
    said: fn(u64) -> String,
}

/// The section; nothing where no run has a length.
pub(super) fn section(runs: &[JudgedRun]) -> Option<Section> {
    let all: Vec<(&JudgedRun, Lanes)> =
        runs.iter().filter_map(|run| Some((run, Lanes::of(&run.log)?))).collect();
    let (run, last) = all.last()?;
    let refused: u64 = last.providers.iter().flat_map(|one| &one.refused).sum();
    let most = last.in_flight.iter().map(|one| one.most).max();
    let whose = if all.len() > 1 { format!("{}: up to", run.name) } else { "Up to".to_owned() };
    let heading = format!(
        "{whose} {} at once, {} refused",
        format::counted(most.unwrap_or(0), "AI call"),
        format::count(refused)
    );
    // One scale of time for all runs, so that they can be compared by eye.
    let end_ms = all.iter().map(|(_, lanes)| lanes.makespan_ms).max().unwrap_or(1);
    let body = html! {
        @for (run, lanes) in &all {
            @if all.len() > 1 { h3 { (run.name) } }
            (figure(run, lanes, end_ms))
        }
    };
    Some(Section { id: "timeline", heading, body })
}

fn figure(run: &JudgedRun, lanes: &Lanes, end_ms: u64) -> Markup {
    let picture = draw(run, lanes, end_ms);
    html! {
        figure.zoomable {
            div.zoom hidden {
                button type="button" value="2" { "zoom in" }
                button type="button" value="0.5" { "zoom out" }
                button type="button" value="0" { "all of it" }
            }
            (wide(&picture))
            figcaption {
                "Filled: pages done, then calls in flight, at most in each column (of Confluence and of batches that wait the mean). "
                "Black line: pages listed, then the limit on AI calls. Marks: ✕ refused with a 429, ▪ failed otherwise, ◆ what is thought of its quota changes."
            }
            (table(lanes))
            @if let Some(changes) = quotas::table(&run.log) { (changes) }
        }
    }
}

/// The most of every column.
fn most(columns: &[Column]) -> Vec<u64> {
    columns.iter().map(|column| column.most).collect()
}

fn lanes_of(lanes: &Lanes) -> Vec<Lane<'_>> {
    let milli: fn(u64) -> String = |milli| format!("{:.1}", float(milli) / 1000.0);
    let last = |columns: &[Column]| columns.iter().map(|column| column.last).collect::<Vec<u64>>();
    let mut all = vec![Lane {
        name: "pages done".to_owned(),
        filled: last(&lanes.done),
        colour: GREEN,
        line: Some(last(&lanes.listed)),
        refused: &[],
        failed: &[],
        learned: &[],
        said: format::count,
    }];
    all.push(Lane {
        name: "Confluence".to_owned(),
        filled: lanes.confluence_milli.clone(),
        colour: SKY,
        line: None,
        refused: &lanes.confluence_refused,
        failed: &lanes.confluence_failed,
        learned: &[],
        said: milli,
    });
    for (at, provider) in lanes.providers.iter().enumerate() {
        // The limit is the first one's.
        let limit = (at == 0 && !lanes.limit.is_empty()).then(|| most(&lanes.limit));
        all.push(Lane {
            name: provider.provider.clone(),
            filled: most(&provider.in_flight),
            colour: if at == 0 { BLUE } else { ORANGE },
            line: limit,
            refused: &provider.refused,
            failed: &provider.failed,
            learned: &provider.learned,
            said: format::count,
        });
    }
    if lanes.waiting_milli.iter().any(|milli| *milli > 0) {
        all.push(Lane {
            name: "batches wait".to_owned(),
            filled: lanes.waiting_milli.clone(),
            colour: GREY,
            line: None,
            refused: &[],
            failed: &[],
            learned: &[],
            said: milli,
        });
    }
    all
}

fn draw(run: &JudgedRun, lanes: &Lanes, end_ms: u64) -> Drawn {
    let all = lanes_of(lanes);
    let height = 60 + (LANE + GAP) * i32::try_from(all.len()).unwrap_or(0);
    let title = format!("Run {} over time: pages, Confluence, AI calls", run.name);
    titled((WIDTH, u32::try_from(height).unwrap_or(400)), &title, |area, titles| {
        for (lane, top) in all.iter().zip((20..).step_by(154)) {
            draw_lane(area, lane, lanes.makespan_ms, (top, end_ms))?;
        }
        axis(area, height - 44, end_ms)?;
        hit(area, titles, &all, lanes.makespan_ms, (height - 44, end_ms))
    })
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

/// Where a moment lies.
fn x(ms: u64, end_ms: u64) -> i32 {
    let across = f64::from(RIGHT - LEFT) * float(ms) / float(end_ms.max(1));
    LEFT + i32::try_from(whole(across)).unwrap_or(0)
}

/// Where the n-th column begins.
fn column_x(column: usize, makespan_ms: u64, end_ms: u64) -> i32 {
    let ms = u128::from(makespan_ms) * column as u128 / COLUMNS as u128;
    x(u64::try_from(ms).unwrap_or(u64::MAX), end_ms)
}

fn draw_lane(
    area: &Area<'_>,
    lane: &Lane<'_>,
    makespan_ms: u64,
    (top, end_ms): (i32, u64),
) -> Result<(), PlotError> {
    let bottom = top + LANE;
    let highest = lane.filled.iter().chain(lane.line.iter().flatten()).max().copied().unwrap_or(0);
    let y = |level: u64| {
        let part = float(level) / float(highest.max(1));
        bottom - i32::try_from(whole(part * f64::from(LANE - 4))).unwrap_or(0)
    };
    let base = PathElement::new(vec![(LEFT, bottom), (RIGHT, bottom)], FAINT.stroke_width(2));
    area.draw(&base).map_err(failed)?;
    let steps = |levels: &[u64]| {
        let corner = |(column, level): (usize, &u64)| {
            let (from, to) = (column, column + 1);
            [from, to].map(|at| (column_x(at, makespan_ms, end_ms), y(*level)))
        };
        levels.iter().enumerate().flat_map(corner).collect::<Vec<(i32, i32)>>()
    };
    let mut outline = steps(&lane.filled);
    let end = column_x(lane.filled.len(), makespan_ms, end_ms);
    outline.extend([(end, bottom), (LEFT, bottom)]);
    area.draw(&Polygon::new(outline, lane.colour.mix(0.75).filled())).map_err(failed)?;
    if let Some(line) = &lane.line {
        area.draw(&PathElement::new(steps(line), BLACK.stroke_width(2))).map_err(failed)?;
    }
    let marks: [(&[u64], Mark); 3] =
        [(lane.refused, cross), (lane.failed, square), (lane.learned, diamond)];
    for (marks, mark) in marks {
        for (column, _) in marks.iter().enumerate().filter(|(_, count)| **count > 0) {
            mark(area, (column_x(column, makespan_ms, end_ms), top - 9))?;
        }
    }
    area.draw_text(&lane.name, &text(TEXT, BLACK), (4, top + 30)).map_err(failed)?;
    let scale = format!("up to {}", (lane.said)(highest));
    area.draw_text(&scale, &text(TEXT, GREY), (4, top + 60)).map_err(failed)
}

/// Draws a mark around a point.
type Mark = fn(&Area<'_>, (i32, i32)) -> Result<(), PlotError>;

fn cross(area: &Area<'_>, (x, y): (i32, i32)) -> Result<(), PlotError> {
    for lean in [-1, 1] {
        let ends = vec![(x - 5, y - 5 * lean), (x + 5, y + 5 * lean)];
        area.draw(&PathElement::new(ends, RED.stroke_width(3))).map_err(failed)?;
    }
    Ok(())
}

fn square(area: &Area<'_>, (x, y): (i32, i32)) -> Result<(), PlotError> {
    let square = Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], BLACK.filled());
    area.draw(&square).map_err(failed)
}

/// Above the other marks, so that it is seen where a refusal has taught something.
fn diamond(area: &Area<'_>, (x, y): (i32, i32)) -> Result<(), PlotError> {
    let y = y - 13;
    let corners = vec![(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)];
    area.draw(&Polygon::new(corners, GREEN.filled())).map_err(failed)
}

/// The axis of time.
fn axis(area: &Area<'_>, top: i32, end_ms: u64) -> Result<(), PlotError> {
    let (unit, per) = time_unit(end_ms);
    let end = float(end_ms) / per;
    let step = round_step(end, 10.0);
    let mut at = 0.0;
    while at <= end {
        let x = x(whole(at * per), end_ms);
        let mark = PathElement::new(vec![(x, top - 12), (x, top - 4)], GREY.stroke_width(2));
        area.draw(&mark).map_err(failed)?;
        let label = if at > 0.0 { tick(at) } else { format!("0 {unit}") };
        area.draw_text(&label, &text(TEXT, GREY), (x - 6, top)).map_err(failed)?;
        at += step;
    }
    Ok(())
}

/// What stands under the pointer, column by column.
fn hit(
    area: &Area<'_>,
    titles: &Titles,
    all: &[Lane<'_>],
    makespan_ms: u64,
    (bottom, end_ms): (i32, u64),
) -> Result<(), PlotError> {
    for column in 0..COLUMNS {
        let ms = u128::from(makespan_ms) * column as u128 / COLUMNS as u128;
        let mut title = format::millis(u64::try_from(ms).unwrap_or(u64::MAX));
        for lane in all {
            let level = lane.filled.get(column).copied().unwrap_or(0);
            let _ = write!(title, "\n{}: {}", lane.name, (lane.said)(level));
            if let Some(limit) = lane.line.as_ref().and_then(|line| line.get(column)) {
                let _ = write!(title, " of {}", (lane.said)(*limit));
            }
            let refused = lane.refused.get(column).copied().unwrap_or(0);
            if refused > 0 {
                let _ = write!(title, ", {refused} refused");
            }
            let failed = lane.failed.get(column).copied().unwrap_or(0);
            if failed > 0 {
                let _ = write!(title, ", {failed} failed");
            }
            if lane.learned.get(column).is_some_and(|count| *count > 0) {
                let _ = write!(title, ", something is learned of its quota");
            }
        }
        titles.next(title);
        let (from, to) =
            (column_x(column, makespan_ms, end_ms), column_x(column + 1, makespan_ms, end_ms));
        area.draw(&Rectangle::new([(from, 0), (to, bottom)], WHITE.mix(0.0).filled()))
            .map_err(failed)?;
    }
    Ok(())
}

/// Every tenth column as a table.
fn table(lanes: &Lanes) -> Markup {
    let all = lanes_of(lanes);
    let mut headings = vec!["at"];
    headings.extend(all.iter().map(|lane| lane.name.as_str()));
    let row = |at: usize| {
        let column = at * COLUMNS / ROWS;
        let ms = u128::from(lanes.makespan_ms) * column as u128 / COLUMNS as u128;
        let cell = |lane: &Lane<'_>| {
            lane.filled.get(column).map_or_else(String::new, |level| (lane.said)(*level))
        };
        let time = format::millis(u64::try_from(ms).unwrap_or(u64::MAX));
        [time].into_iter().chain(all.iter().map(cell)).collect::<Vec<String>>()
    };
    behind(&headings, &(0..ROWS).map(row).collect::<Vec<_>>())
}
