//! What a comparison came to, in words, as Markdown and as JSON.

mod text;

pub use self::text::{
    Differences, Sides, headline_of, json, lacking_in_words, moved_cells, moved_in_words,
    scenario_json, text,
};
pub(crate) use self::text::{by, change, headline, probability, signed};
