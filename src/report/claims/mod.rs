//! The report on the claims: as text, as data, and as pictures.

mod data;
pub(crate) mod plot;
mod text;
pub(crate) mod words;

pub use self::data::{csv, json};
pub use self::plot::{boundaries, profiles};
pub use self::text::{summary, text};
