//! The league as a table, as data and as a picture.

pub(crate) mod plot;
pub mod random;
mod text;

pub(crate) use self::text::{HEADINGS, columns, over_bound, percent};
pub use self::text::{csv, json, picture, text};
