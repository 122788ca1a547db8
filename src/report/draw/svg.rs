//! SVG as plotters draws it, with colours as classes: a page can be light or dark, and a file brings its
//! own colours. (plotters' SVG has fixed colours, and nothing in it can have a title.)

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform,
};

/// The width of a character, as a part of the size of its font.
const CHARACTER: f64 = 0.6;

/// A colour of the charts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    /// Its class.
    pub(crate) class: &'static str,
    /// On a white sheet.
    pub(crate) light: u32,
    /// On a dark page.
    pub(crate) dark: &'static str,
}

const fn named(class: &'static str, light: u32, dark: &'static str) -> Named {
    Named { class, light, dark }
}

/// All colours: those of Okabe and Ito (2008), which colour-blind readers can tell apart, and greys.
pub(crate) const PALETTE: [Named; 11] = [
    named("blue", 0x00_72_b2, "#5cb3e8"),
    named("sky", 0x56_b4_e9, "#2f7fb0"),
    named("green", 0x00_9e_73, "#3cc79a"),
    named("orange", 0xe6_9f_00, "#f0b840"),
    named("red", 0xd5_5e_00, "#ff8a45"),
    named("purple", 0x96_50_8c, "#d08fc6"),
    named("grey", 0x6e_6e_6e, "#a8a8a8"),
    named("faint", 0xe1_e1_e1, "#3a3f45"),
    named("ink", 0x00_00_00, "#e8e8e8"),
    named("paper", 0xff_ff_ff, "#16191d"),
    named("shade", 0xf4_f4_f4, "#22262b"),
];

/// The colours of a sheet that stands alone, for `<style>`.
pub(crate) fn light_style() -> String {
    rules(|colour| format!("#{:06x}", colour.light))
}

/// A rule for filling and one for lines of each colour.
pub(crate) fn rules(value: impl Fn(&Named) -> String) -> String {
    PALETTE.iter().fold(String::new(), |mut out, colour| {
        let (class, value) = (colour.class, value(colour));
        let _ = write!(out, ".f-{class}{{fill:{value}}}.s-{class}{{fill:none;stroke:{value}}}");
        out
    })
}

/// What the next element that is drawn is called: its tooltip, and what a screen reader says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Titles(Rc<RefCell<Option<String>>>);

impl Titles {
    /// Names the next element.
    pub(crate) fn next(&self, title: String) {
        *self.0.borrow_mut() = Some(title);
    }

    fn take(&self) -> Option<String> {
        self.0.borrow_mut().take()
    }
}

/// The elements of a picture.
#[derive(Debug)]
pub(crate) struct Svg<'a> {
    pub(crate) out: &'a mut String,
    pub(crate) size: (u32, u32),
    pub(crate) titles: Titles,
}

/// A text in XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has none of these, whatever a page's title says.
            character if character.is_control() && character != '\n' => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

/// How a colour is written: its class, or what it is, and how much of it is seen.
fn paint(colour: BackendColor, is_fill: bool) -> String {
    let (what, letter) = if is_fill { ("fill", 'f') } else { ("stroke", 's') };
    let (red, green, blue) = colour.rgb;
    let light = u32::from_be_bytes([0, red, green, blue]);
    let known = PALETTE.iter().find(|one| one.light == light);
    let mut out = if let Some(known) = known {
        format!(" class=\"{letter}-{}\"", known.class)
    } else {
        let other = if is_fill { "" } else { " fill=\"none\"" };
        format!(" {what}=\"#{light:06x}\"{other}")
    };
    if colour.alpha < 1.0 {
        let _ = write!(out, " {what}-opacity=\"{:.2}\"", colour.alpha);
    }
    out
}

fn stroke_width<S: BackendStyle>(style: &S) -> String {
    match style.stroke_width() {
        1 => String::new(),
        width => format!(" stroke-width=\"{width}\""),
    }
}

type Done = Result<(), DrawingErrorKind<Infallible>>;

impl Svg<'_> {
    /// Adds an element of this name with these attributes.
    fn element(&mut self, name: &str, attributes: &str) {
        match self.titles.take() {
            Some(title) => {
                let title = escaped(&title);
                let _ = writeln!(self.out, "<{name} {attributes}><title>{title}</title></{name}>");
            }
            None => {
                let _ = writeln!(self.out, "<{name} {attributes}/>");
            }
        }
    }

    fn points(points: impl IntoIterator<Item = BackendCoord>) -> String {
        let mut out = String::new();
        for (x, y) in points {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{x},{y}");
        }
        out
    }
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Done {
        let paint = paint(colour, true);
        self.element("rect", &format!("x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\"{paint}"));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        (x1, y1): BackendCoord,
        (x2, y2): BackendCoord,
        style: &S,
    ) -> Done {
        if style.color().alpha > 0.0 {
            let (paint, width) = (paint(style.color(), false), stroke_width(style));
            self.element(
                "line",
                &format!("x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{paint}{width}"),
            );
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done {
        // What cannot be seen can have a title.
        if style.color().alpha > 0.0 || self.titles.0.borrow().is_some() {
            let (width, height) = ((right - left).max(0), (bottom - top).max(0));
            let paint = paint(style.color(), fill);
            self.element(
                "rect",
                &format!("x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"{paint}"),
            );
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done {
        let points = Self::points(path);
        if style.color().alpha > 0.0 && !points.is_empty() {
            let (paint, width) = (paint(style.color(), false), stroke_width(style));
            self.element("polyline", &format!("points=\"{points}\"{paint}{width}"));
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Done {
        if style.color().alpha > 0.0 {
            let (paint, width) = (paint(style.color(), fill), stroke_width(style));
            let width = if fill { String::new() } else { width };
            self.element("circle", &format!("cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}{width}"));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vertices: I,
        style: &S,
    ) -> Done {
        let points = Self::points(vertices);
        if style.color().alpha > 0.0 && !points.is_empty() {
            let paint = paint(style.color(), true);
            self.element("polygon", &format!("points=\"{points}\"{paint}"));
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Done {
        if style.color().alpha <= 0.0 {
            return Ok(());
        }
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Right => " text-anchor=\"end\"",
            HPos::Center => " text-anchor=\"middle\"",
        };
        let down = match style.anchor().v_pos {
            VPos::Top => "0.76em",
            VPos::Center => "0.5ex",
            VPos::Bottom => "-0.5ex",
        };
        let weight =
            if matches!(style.style(), FontStyle::Bold) { " font-weight=\"bold\"" } else { "" };
        let turned = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        let (paint, size, text) = (paint(style.color(), true), style.size(), escaped(text));
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" dy=\"{down}\" font-size=\"{size:.1}\"{anchor}{weight}{turned}{paint}>{text}</text>"
        );
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let whole = |value: f64| u32::try_from(crate::units::whole(value)).unwrap_or(u32::MAX);
        Ok((whole(f64::from(count) * style.size() * CHARACTER), whole(style.size())))
    }
}
