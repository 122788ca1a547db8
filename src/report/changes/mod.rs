//! What became of each page of a live run, a row each: as text, as CSV and as JSON; and the CSV, read
//! again after a person has worked on it.

pub mod cell;
pub mod csv;
pub mod json;
pub mod labels;
pub mod read;
pub mod row;
pub mod text;
