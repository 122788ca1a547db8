//! How close one comes to the bound, for people and as data.

mod data;
mod text;

pub(crate) use self::data::{csv, json, known, one_json};
pub(crate) use self::text::text;
