//! Many seeds: which of them meets which target.

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::picture::{
    Area, Drawn, FAINT, GREEN, GREY, Key, RED, failed, font, legend, sheet, shortened,
};
use crate::report::seeds::named;
use crate::sim::scenario::Scenario;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::seeds::Series;
use crate::study::verdict::target::JudgedTarget;

/// Where the map begins: room for the names of the targets, and for heading and seeds.
const LEFT: i32 = 350;
const TOP: i32 = 92;
const ROW: i32 = 30;
/// The room that all seeds share, and the most that one takes.
const ACROSS: i32 = 500;
const WIDEST: i32 = 24;
/// With more seeds than this, several share a column.
const COLUMNS: usize = 250;
/// The width of a digit; at least this distance lies between two seeds that are named, and every n-th is.
const DIGIT: i32 = 8;
const APART: i32 = 12;
const EVERY: [usize; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];
/// The characters after which a name is cut.
const NAME: usize = 50;

fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(0)
}

/// A row of the map.
struct Line<'a> {
    name: String,
    judged: &'a JudgedTarget,
    /// Whether each seed meets it.
    met: Vec<bool>,
}

/// Targets by seeds: a missed one is filled and crossed; where several share a column, it is filled
/// as far up as the share of them that miss.
pub(crate) fn map(scenario: &Scenario, series: &Series) -> Drawn {
    let lines = lines(scenario, series);
    let seeds: Vec<u64> = series.played.iter().map(|one| one.seed).collect();
    let together = seeds.len().div_ceil(COLUMNS).max(1);
    let columns = seeds.len().div_ceil(together);
    let width = (ACROSS / index(columns).max(1)).clamp(1, WIDEST);
    let tall = TOP + ROW * index(lines.len()).max(1) + 16;
    let title = format!("{}: which seed meets which target", scenario.name);
    sheet(u32::try_from(tall).unwrap_or(0), &title, |area| {
        let keys = [Key { colour: GREEN, text: "met" }, Key { colour: RED, text: "missed" }];
        legend(area, &keys, 16, 38)?;
        if together > 1 {
            let note = format!("{together} seeds in a column: filled up to the share that misses");
            area.draw_text(&note, &font(12, GREY), (170, 39)).map_err(failed)?;
        }
        if lines.is_empty() {
            return area.draw_text("no targets", &font(13, GREY), (16, TOP)).map_err(failed);
        }
        area.draw_text("seed", &font(12, GREY), (LEFT - 40, TOP - 20)).map_err(failed)?;
        let digits = seeds.iter().map(|seed| seed.to_string().len()).max().unwrap_or(1);
        let apart = usize::try_from((index(digits) * DIGIT + APART) / width).unwrap_or(1);
        let apart = EVERY.into_iter().find(|every| *every >= apart).unwrap_or(columns);
        for (column, seed) in seeds.iter().step_by(together).enumerate().step_by(apart) {
            let at = (LEFT + width * index(column), TOP - 20);
            area.draw_text(&seed.to_string(), &font(12, GREY), at).map_err(failed)?;
        }
        for (row, line) in lines.iter().enumerate() {
            let top = TOP + ROW * index(row);
            let words = font(12, BLACK);
            area.draw_text(&shortened(&line.name, NAME), &words, (16, top + 8)).map_err(failed)?;
            for (column, met) in line.met.chunks(together).enumerate() {
                let left = LEFT + width * index(column);
                cell(area, (left, top), (left + width, top + ROW - 4), met)?;
            }
            if let Some(over) = line.judged.over {
                let (mark, ink) = if line.judged.met { ("✓", BLACK) } else { ("✗", RED) };
                let said = format!("{mark} met in {} of {}", over.met, over.seeds);
                let at = (LEFT + width * index(columns) + 10, top + 8);
                area.draw_text(&said, &font(12, ink), at).map_err(failed)?;
            }
        }
        Ok(())
    })
}

fn lines<'a>(scenario: &Scenario, series: &'a Series) -> Vec<Line<'a>> {
    let of_run = |(run, judged): (usize, &'a JudgedRun)| {
        let line = move |(at, target): (usize, &'a JudgedTarget)| Line {
            name: named(scenario, target),
            judged: target,
            met: series.map(run, at),
        };
        judged.targets.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    series.judged.runs.iter().enumerate().flat_map(of_run).collect()
}

fn cell(
    area: &Area<'_>,
    (left, top): (i32, i32),
    (right, bottom): (i32, i32),
    met: &[bool],
) -> Result<(), PlotError> {
    let wide = right - left;
    // Narrow columns touch: lines between them would hide them.
    let end = if wide > 4 { (right - 1, bottom) } else { (right, bottom) };
    area.draw(&Rectangle::new([(left, top), end], GREEN.filled())).map_err(failed)?;
    let missed = met.iter().filter(|met| !**met).count();
    if missed == 0 {
        return Ok(());
    }
    // One of many is seen as well.
    let filled = ((bottom - top) * index(missed) / index(met.len())).max(3);
    area.draw(&Rectangle::new([(left, bottom - filled), end], RED.filled())).map_err(failed)?;
    if wide >= 8 {
        let cross = [
            [(left + 2, top + 4), (right - 3, bottom - 4)],
            [(left + 2, bottom - 4), (right - 3, top + 4)],
        ];
        for line in cross {
            area.draw(&PathElement::new(line.to_vec(), FAINT.stroke_width(2))).map_err(failed)?;
        }
    }
    Ok(())
}
