//! AI calls by how they ended: a bar for each run and provider, all on one scale.

use plotters::prelude::*;

use crate::report::draw::picture::{
    Drawn, FAINT, GREEN, GREY, Key, ORANGE, RED, SKY, failed, font, legend, sheet, shortened, tick,
};
use crate::report::format;
use crate::sim::scenario::Scenario;
use crate::study::measure::timeline::{Outcomes, outcomes};
use crate::study::verdict::judge::JudgedScenario;
use crate::units::float;

const BAR: i32 = 34;
const TOP: i32 = 74;
const LEFT: i32 = 230;
const RIGHT: i32 = 900;

pub(crate) fn draw(scenario: &Scenario, judged: &JudgedScenario) -> Drawn {
    let mut bars: Vec<(String, Outcomes)> = Vec::new();
    for run in &judged.runs {
        let name = shortened(&run.name, 18);
        let counted = outcomes(&run.log);
        if counted.is_empty() {
            bars.push((format!("{name}, no calls"), Outcomes::default()));
        }
        for counts in counted {
            bars.push((format!("{name}, {}", counts.provider), counts));
        }
    }
    let count = i32::try_from(bars.len()).unwrap_or(0);
    let bottom = TOP + BAR * count.max(1);
    let title = format!("{}: AI calls by outcome", scenario.name);
    sheet(u32::try_from(bottom + 60).unwrap_or(200), &title, |area| {
        let keys = [
            Key { colour: GREEN, text: "answered" },
            Key { colour: SKY, text: "answered in part" },
            Key { colour: RED, text: "429" },
            Key { colour: ORANGE, text: "failed otherwise" },
        ];
        legend(area, &keys, 16, 38)?;
        let longest = bars.iter().map(|(_, counts)| total(counts)).max().unwrap_or(0).max(1);
        let step = nice_step(longest);
        let last = longest.div_ceil(step) * step;
        let at = |calls: u64| {
            LEFT + i32::try_from(u64::try_from(RIGHT - LEFT).unwrap_or(0) * calls / last)
                .unwrap_or(0)
        };
        let mut mark = 0;
        while mark <= last {
            let line = PathElement::new(vec![(at(mark), TOP - 6), (at(mark), bottom)], FAINT);
            area.draw(&line).map_err(failed)?;
            let text = tick(float(mark));
            let shift = i32::try_from(text.len()).unwrap_or(0) * 4;
            area.draw_text(&text, &font(12, BLACK), (at(mark) - shift, bottom + 6))
                .map_err(failed)?;
            mark += step;
        }
        area.draw_text("calls", &font(13, BLACK), (i32::midpoint(LEFT, RIGHT) - 16, bottom + 28))
            .map_err(failed)?;
        for (index, (name, counts)) in bars.iter().enumerate() {
            let y = TOP + BAR * i32::try_from(index).unwrap_or(0);
            area.draw_text(name, &font(13, BLACK), (16, y + 8)).map_err(failed)?;
            let parts = [
                (counts.ok, GREEN),
                (counts.partial, SKY),
                (counts.rate_limited, RED),
                (counts.failed, ORANGE),
            ];
            let mut from = 0;
            for (calls, colour) in parts {
                let corners = [(at(from), y + 4), (at(from + calls), y + BAR - 6)];
                area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)?;
                let (text, width) = (format::count(calls), at(from + calls) - at(from));
                let wide = 9 * i32::try_from(text.len()).unwrap_or(0);
                // The total stands behind the bar; a part is named where there is room and need.
                if calls < total(counts) && width > wide {
                    let place = (at(from) + (width - wide) / 2, y + 8);
                    area.draw_text(&text, &font(13, BLACK), place).map_err(failed)?;
                }
                from += calls;
            }
            area.draw_text(&format::count(from), &font(13, BLACK), (at(from) + 8, y + 8))
                .map_err(failed)?;
        }
        let axis = PathElement::new(vec![(LEFT, TOP - 6), (LEFT, bottom)], GREY);
        area.draw(&axis).map_err(failed)
    })
}

fn total(counts: &Outcomes) -> u64 {
    counts.ok + counts.partial + counts.rate_limited + counts.failed
}

/// A step of 1, 2 or 5 times a power of ten that gives at most ten marks.
fn nice_step(longest: u64) -> u64 {
    let mut power = 1;
    loop {
        for step in [power, 2 * power, 5 * power] {
            if longest.div_ceil(step) <= 10 {
                return step;
            }
        }
        power *= 10;
    }
}
