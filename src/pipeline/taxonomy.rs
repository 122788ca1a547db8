//! The tags that may be given, by category, and the labels they become.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::pipeline::page::Tags;
use crate::pipeline::printable::{is_break, is_unseen, shown};

/// How many tags of one category a page may have.
pub const TAGS_PER_CATEGORY: usize = 3;
/// The longest label that Confluence stores, in characters.
const LABEL_CHARS: usize = 255;

/// The allowed tags by category, in the order in which they are shown to the model.
///
/// ```
/// use tagspace::Taxonomy;
///
/// let tags = vec!["guide".to_owned(), "runbook".to_owned()];
/// let taxonomy = Taxonomy::new(vec![("doc".to_owned(), tags)]);
/// assert_eq!(taxonomy.categories().len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxonomy {
    categories: Vec<(String, Vec<String>)>,
}

/// Why categories with their tags make no taxonomy. Every message names the category and the tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaxonomyError {
    /// There is none.
    #[error("expected at least one category, found none")]
    Empty,
    /// A category without tags.
    #[error("expected at least one tag in the category `{}`, found none", name(category))]
    NoTags {
        /// The category.
        category: String,
    },
    /// A category has the name of another.
    #[error("the category `{}` is there twice", name(category))]
    CategoryTwice {
        /// The category.
        category: String,
    },
    /// A name that a prompt cannot hold.
    #[error("the category `{}` {problem}", name(category))]
    Category {
        /// The category.
        category: String,
        /// What is wrong with its name.
        problem: &'static str,
    },
    /// A tag that a prompt cannot hold, or that is no label.
    #[error("the tag `{}` of the category `{}` {problem}", name(tag), name(category))]
    Tag {
        /// The category.
        category: String,
        /// The tag.
        tag: String,
        /// Its position in the category, counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two tags that could not be told apart on a page.
    #[error(
        "the tag `{}` of the category `{}` and the tag `{}` of the category `{}` \
         have one label, `{}`",
        name(&first.1), name(&first.0), name(&second.1), name(&second.0), name(label)
    )]
    OneLabel {
        /// A category with its tag.
        first: Box<(String, String)>,
        /// Another.
        second: Box<(String, String)>,
        /// The position of the second in its category, counted from 0.
        index: usize,
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
            | Self::CategoryTwice { category }
            | Self::Category { category, .. }
            | Self::Tag { category, .. } => Some(category),
            Self::OneLabel { second, .. } => Some(&second.0),
        }
    }

    /// The position of the tag in its category, if it is a tag that is wrong.
    pub fn tag(&self) -> Option<usize> {
        match self {
            Self::Tag { index, .. } | Self::OneLabel { index, .. } => Some(*index),
            _ => None,
        }
    }
}

/// A name as it may be shown.
fn name(name: &str) -> String {
    shown(name, 80)
}

/// What a name has that the list in the prompt could not hold, if it has.
fn problem(name: &str) -> Option<&'static str> {
    let has = |bad: &dyn Fn(char) -> bool| name.chars().any(bad);
    let is_odd = |c: char| is_unseen(c) || (is_break(c) && c != ' ');
    if name.trim().is_empty() {
        Some("has no name")
    } else if has(&is_odd) {
        Some("holds a line break or a character that cannot be seen")
    } else if name.trim() != name {
        Some("begins or ends with a space")
    } else if has(&|c| matches!(c, ',' | ':')) {
        Some("holds a comma or a colon, which the list in a prompt is made with")
    } else if name.contains("===") {
        Some("holds `===`, which begins a page in a prompt")
    } else {
        None
    }
}

impl Taxonomy {
    /// Whether these categories make a taxonomy: each named once and with tags, each tag with a
    /// label of its own, and no name that the list in a prompt could not hold.
    pub fn check(categories: &[(String, Vec<String>)]) -> Result<(), TaxonomyError> {
        Self::problems(categories).into_iter().next().map_or(Ok(()), Err)
    }

    /// All that is wrong with these categories.
    pub fn problems(categories: &[(String, Vec<String>)]) -> Vec<TaxonomyError> {
        let mut found = Vec::new();
        if categories.is_empty() {
            found.push(TaxonomyError::Empty);
        }
        let mut names = BTreeSet::new();
        let mut labels: BTreeMap<String, (&String, &String)> = BTreeMap::new();
        for (category, tags) in categories {
            let owned = || category.clone();
            if let Some(problem) = problem(category) {
                found.push(TaxonomyError::Category { category: owned(), problem });
            }
            if !names.insert(category) {
                found.push(TaxonomyError::CategoryTwice { category: owned() });
            }
            if tags.is_empty() {
                found.push(TaxonomyError::NoTags { category: owned() });
            }
            for (index, tag) in tags.iter().enumerate() {
                let label = label(tag);
                let no_label =
                    label.is_empty().then_some("makes no label: it has no letter or digit");
                if let Some(problem) = problem(tag).or(no_label) {
                    let (category, tag) = (owned(), tag.clone());
                    found.push(TaxonomyError::Tag { category, tag, index, problem });
                } else if let Some((first_category, first)) = labels.get(&label) {
                    let first = Box::new(((*first_category).clone(), (*first).clone()));
                    let second = Box::new((owned(), tag.clone()));
                    found.push(TaxonomyError::OneLabel { first, second, index, label });
                } else {
                    labels.insert(label, (category, tag));
                }
            }
        }
        found
    }

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

    /// The category of this name, in whatever letters it is written.
    pub fn category(&self, name: &str) -> Option<&str> {
        let names = || self.categories.iter().map(|(category, _)| category.as_str());
        names().find(|known| *known == name).or_else(|| names().find(|known| is_same(known, name)))
    }

    /// What is valid of an answer: known categories, known tags, no tag twice, at most
    /// [`TAGS_PER_CATEGORY`] each; every category present, in the taxonomy's order. A tag counts in
    /// whatever letters it is written, and with its category before it: `tool: Kafka`.
    pub fn validate(&self, answered: &BTreeMap<String, Vec<String>>) -> Tags {
        let none = self.categories.iter().map(|(category, _)| (category.clone(), Vec::new()));
        let mut valid: BTreeMap<String, Vec<String>> = none.collect();
        for (category, tags) in answered {
            for tag in tags {
                let Some((category, tag)) = self.find(category, tag) else { continue };
                let kept = valid.entry(category.to_owned()).or_default();
                if kept.len() < TAGS_PER_CATEGORY && !kept.iter().any(|known| known == tag) {
                    kept.push(tag.to_owned());
                }
            }
        }
        Tags(valid)
    }

    /// Whether a tag is meant by what was said under a category.
    pub fn knows(&self, category: &str, said: &str) -> bool {
        self.find(category, said).is_some()
    }

    /// The tag that is meant by what was said under a category. Under no category that is known it
    /// may be of any, because no two tags have one label.
    fn find(&self, category: &str, said: &str) -> Option<(&str, &str)> {
        let (category, said) = said.split_once(':').unwrap_or((category, said));
        let (category, said) = (self.category(category.trim()), said.trim());
        let of = self.categories.iter().filter(|(name, _)| category.is_none_or(|of| of == name));
        let all = of.flat_map(|(name, tags)| tags.iter().map(move |tag| (&**name, &**tag)));
        let found = all.clone().find(|(_, tag)| *tag == said);
        found.or_else(|| all.clone().find(|(_, tag)| is_same(tag, said)))
    }
}

/// Whether two names differ in their letters' case and in what stands between them alone.
fn is_same(one: &str, other: &str) -> bool {
    let one = label(one);
    !one.is_empty() && one == label(other)
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
