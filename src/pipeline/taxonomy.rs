//! The tags that may be given, by category, and the labels they become.

use std::collections::BTreeMap;

use crate::pipeline::page::Tags;

/// How many tags of one category a page may have.
pub const TAGS_PER_CATEGORY: usize = 3;
/// The longest label that Confluence stores, in characters.
const LABEL_CHARS: usize = 255;

/// The allowed tags by category, in the order in which they are shown to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxonomy {
    categories: Vec<(String, Vec<String>)>,
}

impl Taxonomy {
    /// A taxonomy of these categories.
    pub fn new(categories: Vec<(String, Vec<String>)>) -> Self {
        Self { categories }
    }

    /// The categories with their tags.
    pub fn categories(&self) -> &[(String, Vec<String>)] {
        &self.categories
    }

    /// Whether a label is one that this taxonomy could have given.
    pub fn owns_label(&self, label: &str) -> bool {
        self.categories.iter().flat_map(|(_, tags)| tags).any(|tag| self::label(tag) == label)
    }

    /// What is valid of an answer: known categories, known tags, no tag twice, at most
    /// [`TAGS_PER_CATEGORY`] each; every category present, in the taxonomy's order.
    pub fn validate(&self, answered: &BTreeMap<String, Vec<String>>) -> Tags {
        let valid = self.categories.iter().map(|(category, allowed)| {
            let mut kept: Vec<String> = Vec::new();
            for tag in answered.get(category).into_iter().flatten() {
                let known = allowed.contains(tag) && !kept.contains(tag);
                if known && kept.len() < TAGS_PER_CATEGORY {
                    kept.push(tag.clone());
                }
            }
            (category.clone(), kept)
        });
        Tags(valid.collect())
    }
}

/// The Confluence label of a tag: lower case, with `-` for what a label may not hold.
pub fn label(tag: &str) -> String {
    let mut label = String::with_capacity(tag.len());
    for c in tag.chars().flat_map(char::to_lowercase) {
        let c = if c.is_alphanumeric() || c == '_' { c } else { '-' };
        if c != '-' || !label.ends_with('-') {
            label.push(c);
        }
    }
    let trimmed = label.trim_matches('-');
    trimmed.chars().take(LABEL_CHARS).collect()
}
