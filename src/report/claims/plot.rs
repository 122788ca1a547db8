//! The claims: what the profiles came to in every world, and where each claim holds.

use plotters::prelude::*;

use crate::report::claims::words;
use crate::report::draw::picture::{
    Area, BLUE, FAINT, GREEN, GREY, Key, ORANGE, failed, font, legend, sheet, shortened,
};
use crate::report::draw::{Picture, PlotError};
use crate::study::claims::boundary::Boundary;
use crate::study::claims::observable::Observable;
use crate::study::claims::statement::Hypothesis;
use crate::study::claims::{ClaimsReport, PROFILES, Varied, WorldVerdict};
use crate::study::measure::metric::Metric;
use crate::units::{float, whole};

/// What the profiles are compared by: a figure of the run over 100 pages, and its name.
const SHOWN: [(Metric, &str); 4] = [
    (Metric::AiCalls, "AI calls for 100 pages"),
    (Metric::Makespan, "time for 100 pages"),
    (Metric::RateLimitedRatio, "429s of calls to the primary"),
    (Metric::FallbackRatio, "prompts that the fallback answered"),
];
const COLOURS: [RGBColor; 3] = [GREY, ORANGE, BLUE];

/// Room for heading and legend; a panel, with room for its name and the names of the worlds.
const TOP: i32 = 66;
const PANEL: i32 = 190;
const NAME: i32 = 34;
const WORLDS: i32 = 24;
/// Where the worlds begin, how wide one is and a bar in it.
const LEFT: i32 = 30;
const WORLD: i32 = 190;
const BAR: i32 = 50;

fn pixels(share: f64, most: i32) -> i32 {
    i32::try_from(whole(share.clamp(0.0, 1.0) * f64::from(most))).unwrap_or(0)
}

fn height(pixels: i32) -> u32 {
    u32::try_from(pixels).unwrap_or(0)
}

fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(0)
}

/// The three profiles in every world, by the middle of all seeds, with the least and the most.
pub fn profiles(claims_report: &ClaimsReport) -> Result<Picture, PlotError> {
    let panels: Vec<(&str, &Hypothesis, &Vec<WorldVerdict>)> =
        SHOWN.iter().filter_map(|(metric, name)| panel_of(claims_report, *metric, name)).collect();
    let title = "The plan's profiles and the recommended one, from free accounts to paid ones";
    sheet(height(TOP + PANEL * index(panels.len()) + 10), title, |area| {
        let keys = [
            Key { colour: COLOURS[0], text: "before" },
            Key { colour: COLOURS[1], text: "documented" },
            Key { colour: COLOURS[2], text: "recommended" },
            Key { colour: GREEN, text: "promised: below this line" },
        ];
        legend(area, &keys, 16, 38)?;
        for (position, (name, statement, cells)) in panels.iter().enumerate() {
            panel(area, TOP + PANEL * index(position), name, statement, cells)?;
        }
        Ok(())
    })
}

/// The plan's statement about this figure.
fn panel_of<'a>(
    claims_report: &'a ClaimsReport,
    metric: Metric,
    name: &'a str,
) -> Option<(&'a str, &'a Hypothesis, &'a Vec<WorldVerdict>)> {
    let all = claims_report
        .claims
        .iter()
        .flat_map(|judged| judged.claim.statements.iter().zip(&judged.cells));
    let mut wanted = all.filter(|(statement, _)| {
        matches!(statement.quantity, Observable::Figure(0, known) if known == metric)
            && statement.profile == "documented"
            && statement.setup.pages == 100
    });
    wanted.next().map(|(statement, cells)| (name, statement, cells))
}

fn panel(
    area: &Area<'_>,
    top: i32,
    name: &str,
    statement: &Hypothesis,
    cells: &[WorldVerdict],
) -> Result<(), PlotError> {
    let scale = statement.quantity.scale();
    let promised = *statement.range.end();
    let title = format!("{name} (promised: {})", words::range(&statement.range, scale));
    area.draw_text(&title, &font(14, BLACK), (16, top + 4)).map_err(failed)?;
    let of = |cell: &WorldVerdict, profile: &str| {
        cell.samples.iter().find(|(known, _)| *known == profile).and_then(|(_, s)| s.spread())
    };
    let spreads = || cells.iter().flat_map(|cell| PROFILES.map(|profile| of(cell, profile)));
    let highest = spreads().flatten().map(|(_, middle, _)| middle).chain([promised]).max();
    let end = float(highest.unwrap_or(1).max(1)) * 1.12;
    let (floor, room) = (top + PANEL - WORLDS, PANEL - WORLDS - NAME - 14);
    let at = |value: u64| floor - pixels(float(value) / end, room);
    let line = |y: i32, colour: RGBColor| {
        let ends = vec![(LEFT - 6, y), (LEFT + WORLD * index(cells.len()), y)];
        area.draw(&PathElement::new(ends, colour.stroke_width(2))).map_err(failed)
    };
    line(floor, FAINT)?;
    line(at(promised), GREEN)?;
    for (world, cell) in cells.iter().enumerate() {
        let left = LEFT + WORLD * index(world);
        for (bar, (profile, colour)) in PROFILES.into_iter().zip(COLOURS).enumerate() {
            let Some((least, middle, most)) = of(cell, profile) else { continue };
            let x = left + (BAR + 2) * index(bar);
            let body = Rectangle::new([(x, at(middle)), (x + BAR, floor)], colour.filled());
            area.draw(&body).map_err(failed)?;
            let whisker = vec![(x + BAR / 2, at(least)), (x + BAR / 2, at(most))];
            area.draw(&PathElement::new(whisker, BLACK.stroke_width(1))).map_err(failed)?;
            let said = words::short(middle, scale);
            let above = at(middle.max(most.min(whole(end)))) - 14;
            area.draw_text(&said, &font(11, BLACK), (x + 1, above)).map_err(failed)?;
        }
        area.draw_text(cell.tier.name, &font(12, BLACK), (left, floor + 5)).map_err(failed)?;
    }
    Ok(())
}

/// A row, and where its bar begins and how long it is.
const ROW: i32 = 34;
const STRIP: (i32, i32) = (330, 330);

/// For every claim that does not hold as it stands: where all its statements hold together.
pub fn boundaries(claims_report: &ClaimsReport) -> Result<Picture, PlotError> {
    let rows: Vec<(&str, &Varied)> = claims_report
        .claims
        .iter()
        .flat_map(|judged| judged.varied.iter().map(|varied| (judged.claim.id, varied)))
        .collect();
    let title = "Where the claims hold, one thing varied at a time (logarithmic)";
    sheet(height(TOP + ROW * index(rows.len()) + 14), title, |area| {
        let keys = [Key { colour: GREEN, text: "holds" }, Key { colour: FAINT, text: "does not" }];
        legend(area, &keys, 16, 38)?;
        for (position, (id, varied)) in rows.iter().enumerate() {
            let y = TOP + ROW * index(position);
            let axis = shortened(varied.axis.name, 34);
            let name = format!("{id:<5}{axis}{}", words::place(varied));
            area.draw_text(&name, &font(12, BLACK), (16, y + 4)).map_err(failed)?;
            strip(area, y, &varied.all)?;
            let said = shortened(&words::boundary(&varied.all, varied.axis), 52);
            let beside = (STRIP.0 + STRIP.1 + 16, y + 4);
            area.draw_text(&said, &font(11, BLACK), beside).map_err(failed)?;
        }
        Ok(())
    })
}

fn strip(area: &Area<'_>, y: i32, boundary: &Boundary) -> Result<(), PlotError> {
    let (first, last) = boundary.range();
    let log = |x: u64| libm::log(float(x) + 1.0);
    let at = |x: u64| {
        let span = (log(last) - log(first)).max(1e-9);
        STRIP.0 + pixels((log(x) - log(first)) / span, STRIP.1)
    };
    let bar = |from: i32, to: i32, colour: RGBColor| {
        area.draw(&Rectangle::new([(from, y + 2), (to, y + 16)], colour.filled())).map_err(failed)
    };
    bar(STRIP.0, STRIP.0 + STRIP.1, FAINT)?;
    for stretch in boundary.stretches() {
        let (from, to) = (stretch.from.unwrap_or(first), stretch.to.unwrap_or(last));
        bar(at(from), at(to).max(at(from) + 2), GREEN)?;
        for x in [stretch.from, stretch.to].into_iter().flatten() {
            area.draw_text(&x.to_string(), &font(10, BLACK), (at(x) - 4, y + 18))
                .map_err(failed)?;
        }
    }
    for (x, shift) in [(first, 0), (last, -26)] {
        let text = x.to_string();
        area.draw_text(&text, &font(10, GREY), (at(x) + shift, y + 18)).map_err(failed)?;
    }
    Ok(())
}
