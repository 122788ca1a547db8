//! The tags that may be given, by category, and the labels they become.

use std::collections::BTreeMap;

use thiserror::Error;

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

/// What is wrong with a taxonomy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaxonomyError {
    /// It has no category.
    #[error("expected at least one category with tags, found none")]
    Empty,
    /// A category has no tags.
    #[error("expected at least one tag in the category `{category}`, found none")]
    NoTags {
        /// The category.
        category: String,
    },
    /// The name of a category cannot be told from what stands around it in a prompt.
    #[error("got the tag or category `{category}`, wanted no space, comma or colon in it")]
    CategoryName {
        /// The category.
        category: String,
    },
    /// The same of a tag.
    #[error("got the tag or category `{tag}`, wanted no space, comma or colon in it")]
    TagName {
        /// The category.
        category: String,
        /// The tag.
        tag: String,
        /// Its position in the category, counted from 0.
        index: usize,
    },
    /// A tag has no character that a label may hold.
    #[error("expected a tag with a letter or a digit, found `{tag}`, which makes no label")]
    NoLabel {
        /// The category.
        category: String,
        /// The tag.
        tag: String,
        /// Its position in the category, counted from 0.
        index: usize,
    },
    /// Two tags become one label.
    #[error("expected another label for each tag, found `{label}` for `{tag}` and for `{first}`")]
    SameLabel {
        /// The category of the second.
        category: String,
        /// The second.
        tag: String,
        /// Its position in the category, counted from 0.
        index: usize,
        /// The first.
        first: String,
        /// The label of both.
        label: String,
    },
}

impl TaxonomyError {
    /// The category that is wrong, if it is one.
    pub fn category(&self) -> Option<&str> {
        match self {
            Self::Empty => None,
            Self::NoTags { category }
            | Self::CategoryName { category }
            | Self::TagName { category, .. }
            | Self::NoLabel { category, .. }
            | Self::SameLabel { category, .. } => Some(category),
        }
    }

    /// The position of the tag in its category, if it is a tag that is wrong.
    pub fn tag(&self) -> Option<usize> {
        match self {
            Self::Empty | Self::NoTags { .. } | Self::CategoryName { .. } => None,
            Self::TagName { index, .. }
            | Self::NoLabel { index, .. }
            | Self::SameLabel { index, .. } => Some(*index),
        }
    }
}

/// Whether these categories make a taxonomy; if not, the first error.
pub fn check(categories: &[(String, Vec<String>)]) -> Result<(), TaxonomyError> {
    problems(categories).into_iter().next().map_or(Ok(()), Err)
}

/// All that is wrong with these categories.
pub fn problems(categories: &[(String, Vec<String>)]) -> Vec<TaxonomyError> {
    let fits = |name: &str| !name.is_empty() && !name.contains([',', ':', '\n', ' ']);
    let mut problems = Vec::new();
    if categories.is_empty() {
        problems.push(TaxonomyError::Empty);
    }
    let mut labels: BTreeMap<String, &str> = BTreeMap::new();
    for (category, tags) in categories {
        if !fits(category) {
            problems.push(TaxonomyError::CategoryName { category: category.clone() });
        }
        if tags.is_empty() {
            problems.push(TaxonomyError::NoTags { category: category.clone() });
        }
        for (index, tag) in tags.iter().enumerate() {
            let (category, label) = (category.clone(), label(tag));
            if !fits(tag) {
                let tag = tag.clone();
                problems.push(TaxonomyError::TagName { category, tag, index });
            } else if label.is_empty() {
                let tag = tag.clone();
                problems.push(TaxonomyError::NoLabel { category, tag, index });
            } else if let Some(first) = labels.get(&label) {
                let (tag, first) = (tag.clone(), (*first).to_owned());
                problems.push(TaxonomyError::SameLabel { category, tag, index, first, label });
            } else {
                labels.insert(label, tag);
            }
        }
    }
    problems
}
