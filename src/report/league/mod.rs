//! The league as a table, as data and as a picture.

pub(crate) mod plot;
mod text;

pub use self::text::{csv, json, picture, text};
