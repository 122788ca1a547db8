//! Pictures of a scenario: drawn once as SVG by plotters, and made into PNG with a font that
//! ships in a crate, so that no system font is needed.
//!
//! One room for each chart; sizes and colours are here, so that a colour means the same in all.

pub(crate) mod panel;
pub(crate) mod picture;
pub(crate) mod svg;

pub use self::picture::{Picture, PlotError, png};
