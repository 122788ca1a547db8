//! A picture: drawn once as SVG by plotters, and made into PNG with a font that comes along.

use std::sync::{Arc, LazyLock};

use plotters::prelude::*;
use resvg::{tiny_skia, usvg};
use thiserror::Error;

use super::svg;
use super::svg::{Svg, Titles};
use crate::study::measure::timeline::TimelineRow;
use crate::units::whole;

/// The largest PNG in pixels. A chart of hundreds of runs would be larger, and is left out.
const MOST_PIXELS: u64 = 64_000_000;
/// The width of every chart.
const WIDTH: u32 = 1000;
/// The colours of Okabe and Ito (2008), which colour-blind readers can tell apart.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const RED: RGBColor = RGBColor(213, 94, 0);
pub(crate) const PURPLE: RGBColor = RGBColor(150, 80, 140);
pub(crate) const GREY: RGBColor = RGBColor(110, 110, 110);
/// Lines of the grid.
pub(crate) const FAINT: RGBColor = RGBColor(225, 225, 225);

/// A chart could not be made.
#[derive(Debug, Error)]
pub enum PlotError {
    /// plotters refused.
    #[error("plotters: {0}")]
    Draw(String),
    /// The SVG could not be made into a PNG.
    #[error("rasterize: {0}")]
    Png(String),
}

/// A picture: its elements, which a page holds, or a file with its colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    title: String,
    size: (u32, u32),
    elements: String,
}

impl Picture {
    /// As a file that stands alone.
    pub fn file(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" {}<style>{}</style>\n{}</svg>\n",
            self.head(""),
            svg::light_style(),
            self.elements
        )
    }

    /// As a part of a page, which has the colours; `class` is one for the page's own rules.
    pub fn inline(&self, class: &str) -> String {
        format!(
            "<svg class=\"{class}\" {}{}</svg>",
            self.head(" preserveAspectRatio=\"none\""),
            self.elements
        )
    }

    fn head(&self, more: &str) -> String {
        let ((width, height), title) = (self.size, svg::escaped(&self.title));
        format!(
            "role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\"{more}>\n<title>{title}</title>\n"
        )
    }
}

pub(crate) type Drawn = Result<Picture, PlotError>;
/// What a line of the timeline counted up to then.
pub(crate) type Count = fn(&TimelineRow) -> u64;
pub(crate) type Area<'a> = DrawingArea<Svg<'a>, plotters::coord::Shift>;

/// The PNG of an SVG, at its own size.
pub fn png(svg: &str) -> Result<Vec<u8>, PlotError> {
    static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.load_font_data(dejavu::sans::bold().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let failed = |what: &dyn std::fmt::Display| PlotError::Png(what.to_string());
    let options = usvg::Options { fontdb: Arc::clone(&FONTS), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size();
    if u64::from(size.width()) * u64::from(size.height()) > MOST_PIXELS {
        return Err(failed(&"too large a picture"));
    }
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed(&"a picture of no size"))?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(&error))
}

/// Draws on a white sheet of this height, below the title.
pub(crate) fn sheet(
    height: u32,
    title: &str,
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Drawn {
    titled((WIDTH, height), title, |area, _| {
        area.fill(&WHITE).map_err(failed)?;
        area.draw_text(title, &font(17, BLACK), (14, 10)).map_err(failed)?;
        draw(area)
    })
}

/// Draws on nothing, with elements that have titles of their own.
pub(crate) fn titled(
    size: (u32, u32),
    title: &str,
    draw: impl FnOnce(&Area<'_>, &Titles) -> Result<(), PlotError>,
) -> Drawn {
    let (mut elements, titles) = (String::new(), Titles::default());
    {
        let svg = Svg { out: &mut elements, size, titles: titles.clone() };
        let area = svg.into_drawing_area();
        draw(&area, &titles)?;
        area.present().map_err(failed)?;
    }
    Ok(Picture { title: title.to_owned(), size, elements })
}

pub(crate) fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError::Draw(error.to_string())
}

/// Text of this size and colour, the size with what stands between two lines.
pub(crate) fn font(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", f64::from(size) / 1.24).into_font().color(&colour)
}

/// What a colour stands for.
pub(crate) struct Key {
    pub(crate) colour: RGBColor,
    pub(crate) text: &'static str,
}

/// A row of keys, from `x` on.
pub(crate) fn legend(area: &Area<'_>, keys: &[Key], x: i32, y: i32) -> Result<(), PlotError> {
    let mut x = x;
    for Key { colour, text } in keys {
        let swatch = Rectangle::new([(x, y + 2), (x + 14, y + 12)], colour.filled());
        area.draw(&swatch).map_err(failed)?;
        area.draw_text(text, &font(13, BLACK), (x + 19, y)).map_err(failed)?;
        x += 19 + 8 * i32::try_from(text.chars().count()).unwrap_or(0) + 18;
    }
    Ok(())
}

/// Virtual time on an axis: its unit, and milliseconds per unit.
pub(crate) fn time_unit(longest_ms: u64) -> (&'static str, f64) {
    match longest_ms {
        0..=300_000 => ("s", 1000.0),
        300_001..=18_000_000 => ("min", 60_000.0),
        _ => ("h", 3_600_000.0),
    }
}

/// A text of at most this many characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The most ticks that leave whole numbers on an axis that ends here.
pub(crate) fn whole_ticks(end: f64) -> usize {
    usize::try_from(whole(end)).unwrap_or(usize::MAX).saturating_add(2).min(8)
}

/// The least of 1, 2 and 5 times a power of ten that divides an axis into this many steps at most.
pub(crate) fn round_step(end: f64, most: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10((end / most).max(f64::MIN_POSITIVE))));
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * power);
    steps.into_iter().find(|step| end / step <= most).unwrap_or(power * 10.0)
}

/// A tick's label without needless digits.
pub(crate) fn tick(value: f64) -> String {
    if (value - libm::round(value)).abs() < 1e-9 {
        format!("{value:.0}")
    } else if (value * 10.0 - libm::round(value * 10.0)).abs() < 1e-9 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
