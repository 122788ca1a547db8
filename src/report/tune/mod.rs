//! What a grid came to: as a table, as JSON and CSV, and the answer as settings.

mod found;
pub mod minimax;
pub(crate) mod plot;
mod point_name;
pub mod regression_targets;
mod text;
mod trades;

pub(crate) use self::found::{found, found_json, held_out_row};
pub use self::point_name::named;
pub(crate) use self::text::against;
pub use self::text::{csv, env_block, front, heat_map, json, text, toml_block, verdict};
