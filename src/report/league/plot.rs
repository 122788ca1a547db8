//! The league: for each field, how long every limiter took over the bound, and how much of its
//! calls was refused.

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::picture::{
    Area, BLUE, Drawn, FAINT, GREY, Key, RED, failed, font, legend, sheet,
};
use crate::study::league::{LimiterResult, WorldResult};
use crate::units::float;

/// Room for heading and legend, a field's and a limiter.
const TOP: u32 = 66;
const FIELD: u32 = 26;
const ROW: u32 = 17;
/// The fields stand in two columns, this far apart.
const COLUMN: i32 = 480;
/// Where the bars of time and of 429s begin in a column, and how long they are at most.
const TIME: (i32, i32) = (80, 150);
const REFUSED: (i32, i32) = (300, 120);
/// The time over the bound that fills the bar; a longer one is cut off and marked.
const LONGEST: f64 = 2.5;

pub(crate) fn draw(league: &[WorldResult]) -> Drawn {
    let half = league.len().div_ceil(2);
    let columns = [&league[..half], &league[half..]];
    let height = |fields: &[WorldResult]| {
        let rows: usize = fields.iter().map(|played| played.cells.len()).sum();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        count(fields.len()) * FIELD + count(rows) * ROW
    };
    let tallest = columns.iter().map(|fields| height(fields)).max().unwrap_or(0);
    let title = "The league: makespan over the bound, and calls that were refused";
    sheet(TOP + tallest + 12, title, |area| {
        let keys = [
            Key { colour: BLUE, text: "makespan / bound (the line is 1)" },
            Key { colour: RED, text: "429s of calls to the primary" },
        ];
        legend(area, &keys, 16, 38)?;
        for (left, fields) in [0, COLUMN].into_iter().zip(columns) {
            let mut y = i32::try_from(TOP).unwrap_or(0);
            for WorldResult { field, cells } in fields {
                let at = (left + 16, y + 6);
                area.draw_text(field.name, &font(14, BLACK), at).map_err(failed)?;
                y += i32::try_from(FIELD).unwrap_or(0);
                for cell in cells {
                    draw_row(area, cell, (left, y))?;
                    y += i32::try_from(ROW).unwrap_or(0);
                }
            }
        }
        Ok(())
    })
}

fn draw_row(area: &Area<'_>, cell: &LimiterResult, (left, y): (i32, i32)) -> Result<(), PlotError> {
    let bar = |x: i32, length: i32, colour: RGBColor| {
        area.draw(&Rectangle::new([(x, y + 2), (x + length, y + 13)], colour.filled()))
            .map_err(failed)
    };
    let say = |text: &str, x: i32, colour: RGBColor| {
        area.draw_text(text, &font(12, colour), (x, y + 1)).map_err(failed)
    };
    say(cell.kind.name(), left + 30, BLACK)?;
    let (x, most) = (left + TIME.0, TIME.1);
    let at = |times: f64| pixels((times / LONGEST).min(1.0), most);
    match cell.over_bound_milli() {
        Some(over) => {
            let times = float(over) / 1000.0;
            bar(x, at(times), BLUE)?;
            let cut = if times > LONGEST { " →" } else { "" };
            say(&format!("{times:.2}{cut}"), x + at(times) + 6, BLACK)?;
        }
        None => say("DNF", x + 6, GREY)?,
    }
    let one = x + at(1.0);
    let line = PathElement::new(vec![(one, y), (one, y + 15)], FAINT.stroke_width(1));
    area.draw(&line).map_err(failed)?;
    let (x, most) = (left + REFUSED.0, REFUSED.1);
    let Some(share) = cell.share(|outcome| outcome.rate_limited).value() else {
        return Ok(());
    };
    bar(x, pixels(share, most), RED)?;
    say(&format!("{:.1} %", share * 100.0), x + pixels(share, most) + 6, BLACK)
}

fn pixels(share: f64, most: i32) -> i32 {
    let most = u64::try_from(most).unwrap_or(0);
    i32::try_from(crate::units::whole(share * float(most))).unwrap_or(0)
}
