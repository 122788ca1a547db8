//! What limits a run, for people and as JSON.

mod json;
mod text;
pub(crate) mod tolerance;

pub(crate) use self::json::json;
pub(crate) use self::text::text;
