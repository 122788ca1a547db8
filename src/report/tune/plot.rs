//! A grid: the objective of every point as a heat map, and time against cost with the Pareto front.

use std::ops::Range;

use plotters::prelude::*;

use crate::report::draw::PlotError;
use crate::report::draw::picture::{
    Area, BLUE, Drawn, FAINT, GREY, Key, ORANGE, failed, font, legend, sheet, shortened, time_unit,
};
use crate::study::measure::metric::{Metric, Unit};
use crate::study::tune::grid::Axis;
use crate::study::tune::{GridPoint, Tuned};
use crate::units::float;

/// Where the grid begins: room for the names of the rows, and for heading and columns.
const LEFT: i32 = 150;
const TOP: i32 = 100;
const ROW: i32 = 44;
/// The room that the columns share, and the most that one takes.
const ACROSS: i32 = 830;
const WIDEST: i32 = 120;
/// Between two points.
const GAP: i32 = 3;
/// A cell that is narrower has no figure.
const LEGIBLE: i32 = 56;

/// Ink on a cell, whose colour is the same on a light page and on a dark one.
const ON_DARK: RGBColor = RGBColor(254, 254, 254);
const ON_LIGHT: RGBColor = RGBColor(1, 1, 1);

fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(0)
}

fn height(pixels: i32) -> u32 {
    u32::try_from(pixels).unwrap_or(0)
}

/// The mean of a metric over the seeds.
fn mean(point: &GridPoint, metric: Metric) -> Option<f64> {
    let values = point.values_of(metric)?;
    let sum: f64 = values.iter().map(|value| float(*value)).sum();
    (!values.is_empty()).then(|| sum / float(values.len() as u64))
}

/// The two axes with the most values; of the others, the best point's values are shown.
fn two_axes(tuned: &Tuned) -> (usize, Option<usize>) {
    let mut axes: Vec<usize> = (0..tuned.spec.axes.len()).collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(tuned.spec.axes[*axis].values.len()));
    let across = axes.first().copied().unwrap_or(0);
    (across, axes.get(1).copied().filter(|axis| tuned.spec.axes[*axis].values.len() > 1))
}

/// The objective of every point: dark is good, hatched is what misses a requirement, and the best
/// one has a ring.
pub(crate) fn heat_map(tuned: &Tuned) -> Drawn {
    let Some(map) = HeatMap::of(tuned) else { return sheet(60, "no axis", |_| Ok(())) };
    let count = map.rows.map_or(1, |rows| rows.values.len());
    let what = map.metric.name();
    let title = format!("{}: mean {what} over the seeds", tuned.spec.scenario.name);
    sheet(height(TOP + ROW * index(count) + 20), &title, |area| {
        let keys = [
            Key { colour: shade(0.0), text: "best" },
            Key { colour: shade(1.0), text: "worst" },
            Key { colour: GREY, text: "hatched: misses what is required" },
            Key { colour: ORANGE, text: "ring: chosen" },
        ];
        legend(area, &keys, 16, 38)?;
        map.name_axes(area)?;
        for (column, row, point) in &map.shown {
            map.draw_cell(area, map.corners(*column, *row), point)?;
        }
        map.draw_ring(area)
    })
}

/// A heat map, as it will be drawn.
struct HeatMap<'a> {
    tuned: &'a Tuned,
    across: usize,
    down: Option<usize>,
    columns: &'a Axis,
    rows: Option<&'a Axis>,
    metric: Metric,
    /// The points with their columns and rows.
    shown: Vec<(usize, usize, &'a GridPoint)>,
    least: f64,
    most: f64,
    /// How wide the cell of a point is.
    width: i32,
}

impl<'a> HeatMap<'a> {
    /// The layer of the points that the best lies in; nothing without an axis.
    fn of(tuned: &'a Tuned) -> Option<Self> {
        let axes = &tuned.spec.axes;
        let (across, down) = two_axes(tuned);
        let columns = axes.get(across)?;
        let base = base(tuned);
        let metric = tuned.spec.objective.metric();
        let is_shown = |point: &&GridPoint| {
            let others = (0..axes.len()).filter(|axis| *axis != across && Some(*axis) != down);
            others.into_iter().all(|axis| point.values[axis] == base[axis])
        };
        let place = |point: &'a GridPoint| {
            (point.values[across], down.map_or(0, |down| point.values[down]), point)
        };
        let shown: Vec<_> = tuned.points.iter().filter(is_shown).map(place).collect();
        let means = || shown.iter().filter_map(|(_, _, point)| mean(point, metric));
        let (least, most) = (means().fold(f64::MAX, f64::min), means().fold(0.0, f64::max));
        let width = (ACROSS / index(columns.values.len()).max(1)).clamp(1, WIDEST);
        let rows = down.map(|down| &axes[down]);
        Some(Self { tuned, across, down, columns, rows, metric, shown, least, most, width })
    }

    /// Where the cell of a point begins and ends. Narrow ones have no room for a gap.
    fn corners(&self, column: usize, row: usize) -> [(i32, i32); 2] {
        let gap = if self.width > GAP * 3 { GAP } else { 0 };
        let corner = (LEFT + self.width * index(column), TOP + ROW * index(row));
        [corner, (corner.0 + self.width - gap, corner.1 + ROW - GAP)]
    }

    fn name_axes(&self, area: &Area<'_>) -> Result<(), PlotError> {
        let Self { columns, rows, width, .. } = *self;
        let mut names =
            rows.map_or(columns.key.clone(), |rows| format!("{} by {}", rows.key, columns.key));
        // Of other axes there is only the layer that the best lies in.
        for (at, axis) in self.tuned.spec.axes.iter().enumerate() {
            if at != self.across && Some(at) != self.down && axis.values.len() > 1 {
                let value = &axis.values[base(self.tuned)[at]];
                names = format!("{names}, where {} is {value}", axis.key);
            }
        }
        area.draw_text(&names, &font(12, GREY), (16, 62)).map_err(failed)?;
        // Not every narrow column has room for its name.
        let longest = columns.values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
        let wide = (index(longest.min(10)) * 8 + 6).max(width);
        let apart = usize::try_from((wide + width - 1) / width).unwrap_or(1);
        for (column, value) in columns.values.iter().enumerate().step_by(apart) {
            let at = (LEFT + width * index(column) + 2, TOP - 18);
            let most = usize::try_from(wide / 8).unwrap_or(1);
            area.draw_text(&shortened(value, most), &font(12, BLACK), at).map_err(failed)?;
        }
        for (row, value) in rows.into_iter().flat_map(|rows| rows.values.iter().enumerate()) {
            let at = (16, TOP + ROW * index(row) + 15);
            area.draw_text(&shortened(value, 18), &font(12, BLACK), at).map_err(failed)?;
        }
        Ok(())
    }

    fn draw_cell(
        &self,
        area: &Area<'_>,
        [corner, end]: [(i32, i32); 2],
        point: &GridPoint,
    ) -> Result<(), PlotError> {
        let value = mean(point, self.metric);
        // By ratio: twice as much is as far from once as four times is from twice.
        let far = |value: f64| libm::log(value.max(1.0) / self.least.max(1.0));
        let share = value.map(|value| far(value) / far(self.most).max(1e-9));
        let colour = share.map_or(FAINT, shade);
        area.draw(&Rectangle::new([corner, end], colour.filled())).map_err(failed)?;
        if !point.is_admissible {
            hatch(area, corner, end)?;
        }
        if self.width < LEGIBLE {
            return Ok(());
        }
        let ink = if share.is_some_and(|share| share < 0.08) { ON_DARK } else { ON_LIGHT };
        let unit = self.metric.unit();
        let said = value.map_or("-".to_owned(), |value| short(value, unit));
        area.draw_text(&said, &font(12, ink), (corner.0 + 6, corner.1 + 14)).map_err(failed)?;
        let played = point.outcomes.len();
        if played < self.tuned.seeds() {
            let few = format!("{played} seeds");
            let at = (corner.0 + 6, corner.1 + 28);
            area.draw_text(&few, &font(10, ink), at).map_err(failed)?;
        }
        Ok(())
    }

    /// Around the best point, above its neighbours.
    fn draw_ring(&self, area: &Area<'_>) -> Result<(), PlotError> {
        let Some(best) = self.tuned.best() else { return Ok(()) };
        for (column, row, _) in self.shown.iter().filter(|(_, _, point)| best == *point) {
            let [corner, end] = self.corners(*column, *row);
            let ring = vec![corner, (end.0, corner.1), end, (corner.0, end.1), corner];
            area.draw(&PathElement::new(ring, ORANGE.stroke_width(4))).map_err(failed)?;
        }
        Ok(())
    }
}

/// The values of the best point, by axis.
fn base(tuned: &Tuned) -> &[usize] {
    &tuned.points[tuned.ranking.first().copied().unwrap_or(0)].values
}

/// The darkest blue of a cell, which is no colour of the palette: it stays as it is on a dark page.
const DARKEST: RGBColor = RGBColor(0, 113, 177);

/// From dark blue to white.
fn shade(share: f64) -> RGBColor {
    let RGBColor(r, g, b) = DARKEST;
    let mix = |dark: u8| {
        let light = 240.0;
        let value = f64::from(dark) + (light - f64::from(dark)) * share.clamp(0.0, 1.0);
        u8::try_from(crate::units::whole(value)).unwrap_or(u8::MAX)
    };
    RGBColor(mix(r), mix(g), mix(b))
}

/// Lines from the lower left to the upper right, cut at the edges.
fn hatch(
    area: &Area<'_>,
    (left, top): (i32, i32),
    (right, bottom): (i32, i32),
) -> Result<(), PlotError> {
    let tall = bottom - top;
    let mut start = left - tall + 8;
    while start < right {
        let (from, to) = (start.max(left), (start + tall).min(right));
        let line = vec![(from, bottom - (from - start)), (to, bottom - (to - start))];
        area.draw(&PathElement::new(line, GREY.stroke_width(1))).map_err(failed)?;
        start += 10;
    }
    Ok(())
}

/// A mean where there is little room.
fn short(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Millis => format!("{:.1} s", value / 1000.0),
        Unit::UsdMicros => format!("${:.4}", value / 1_000_000.0),
        Unit::Ratio => format!("{:.1} %", value / 10_000.0),
        Unit::Count => format!("{value:.1}"),
    }
}

/// The range of an axis on which all of these can be told apart: it begins at nothing only if they do.
fn around(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let (least, most) = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
    let room = (most - least).max(most * 0.02).max(1e-6) * 0.06;
    (least.min(most) - room).max(0.0)..most + room
}

/// The digits after the point that tell ticks apart on an axis that is so long.
fn decimals(span: f64) -> usize {
    [1.0, 1e1, 1e2, 1e3, 1e4, 1e5].iter().position(|scale| span * scale >= 20.0).unwrap_or(6)
}

/// Time against cost: every point, and the front of those that nothing admissible beats in both.
pub(crate) fn front(tuned: &Tuned) -> Drawn {
    let means =
        |point: &GridPoint| Some((mean(point, Metric::Makespan)?, mean(point, Metric::Cost)?));
    // A point that was stopped early has another mean: of a few seeds.
    let whole = tuned.points.iter().filter(|point| point.outcomes.len() == tuned.seeds());
    let points: Vec<(&GridPoint, (f64, f64))> =
        whole.filter_map(|point| Some((point, means(point)?))).collect();
    let times = around(points.iter().map(|(_, (time, _))| *time));
    let costs = around(points.iter().map(|(_, (_, cost))| *cost / 1_000_000.0));
    let (unit, per) = time_unit(crate::units::whole(times.end));
    let digits = decimals(costs.end - costs.start);
    let time_digits = decimals((times.end - times.start) / per);
    let title =
        format!("{}: time and cost of every setting played to the end", tuned.spec.scenario.name);
    sheet(420, &title, |area| {
        let keys = [
            Key { colour: BLUE, text: "admissible" },
            Key { colour: GREY, text: "misses what is required" },
            Key { colour: ORANGE, text: "Pareto front" },
        ];
        legend(area, &keys, 16, 38)?;
        let below = area.margin(60, 8, 8, 14);
        let mut chart = ChartBuilder::on(&below)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(times.start / per..times.end / per, costs)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(FAINT)
            .x_desc(format!("mean makespan ({unit})"))
            .y_desc("mean cost ($)")
            .x_label_formatter(&|x| format!("{x:.time_digits$}"))
            .y_label_formatter(&|y| format!("{y:.digits$}"))
            .label_style(("sans-serif", 12))
            .draw()
            .map_err(failed)?;
        let at = |(time, cost): (f64, f64)| (time / per, cost / 1_000_000.0);
        let mut line: Vec<(f64, f64)> = points
            .iter()
            .filter(|(point, _)| point.is_on_front)
            .map(|(_, means)| at(*means))
            .collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        chart.draw_series(LineSeries::new(line.clone(), ORANGE.stroke_width(2))).map_err(failed)?;
        let dots = points.iter().map(|(point, means)| {
            let colour = if point.is_admissible { BLUE } else { GREY };
            Circle::new(at(*means), 4, colour.filled())
        });
        chart.draw_series(dots).map_err(failed)?;
        let rings = line.into_iter().map(|ring| Circle::new(ring, 6, ORANGE.stroke_width(2)));
        chart.draw_series(rings).map_err(failed)?;
        Ok(())
    })
}
