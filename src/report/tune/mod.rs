//! What a grid came to: as a table, as JSON and CSV, and the answer as settings.

mod found;
pub mod minimax;
pub(crate) mod plot;
pub mod regression_targets;
mod text;

pub(crate) use self::found::{found, found_json};
pub(crate) use self::text::against;
pub use self::text::{csv, env_block, front, heat_map, json, named, text, toml_block, verdict};
