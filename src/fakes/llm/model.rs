//! The fake model: it answers only from what stands in the prompt.
//!
//! It finds the taxonomy and the pages in the prompt text, and gives a page the tags whose words
//! stand in that page's own part, the most frequent first. A page that was mixed up with another,
//! cut off or lost on the way to the prompt therefore gets other tags than it should.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

/// Tags by category.
pub type TagMap = BTreeMap<String, Vec<String>>;

/// How many tags of a category it gives.
const PER_CATEGORY: usize = 3;

/// What a prompt asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The taxonomy, as it stands there.
    pub taxonomy: Vec<(&'a str, Vec<&'a str>)>,
    /// The pages with their parts of the prompt; without delimiters, one page without an id.
    pub pages: Vec<(Option<&'a str>, &'a str)>,
}

/// Finds taxonomy and pages in a prompt.
pub fn read(prompt: &str) -> Question<'_> {
    let mut pages: Vec<(Option<&str>, &str)> = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    // Lines that could be of the taxonomy, in blocks that stand together.
    let mut blocks: Vec<LineGroup<'_>> = Vec::new();
    let mut at = 0;
    for line in prompt.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if let Some(id) = delimiter(bare) {
            if let Some((id, start)) = open {
                pages.push((Some(id), &prompt[start..at]));
            }
            open = Some((id, at + line.len()));
        } else if open.is_none()
            && let Some(found) = category(bare)
        {
            let end = at + line.len();
            match blocks.last_mut().filter(|block| block.end == at) {
                Some(block) => {
                    block.end = end;
                    block.lines.push(found);
                }
                None => blocks.push(LineGroup { start: at, end, lines: vec![found] }),
            }
        }
        at += line.len();
    }
    // A page may have such lines as well, and instructions too: the longest block is it.
    let longest = blocks.into_iter().rev().max_by_key(|block| block.lines.len());
    let taxonomy = longest.unwrap_or_default();
    if let Some((id, start)) = open {
        pages.push((Some(id), &prompt[start..]));
    } else {
        // The page stands before the taxonomy or after it, whichever is longer.
        let (start, end) = (taxonomy.start, taxonomy.end);
        let (before, after) = (&prompt[..start], &prompt[end..]);
        pages.push((None, if before.len() > after.len() { before } else { after }));
    }
    Question { taxonomy: taxonomy.lines, pages }
}

/// Lines that stand together, from one place of the prompt to another.
#[derive(Default)]
struct LineGroup<'a> {
    start: usize,
    end: usize,
    lines: Vec<(&'a str, Vec<&'a str>)>,
}

fn delimiter(line: &str) -> Option<&str> {
    line.strip_prefix("=== page ")?.strip_suffix(" ===")
}

/// A line `category: tag, tag`.
fn category(line: &str) -> Option<(&str, Vec<&str>)> {
    let (name, tags) = line.split_once(": ")?;
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    is_name.then(|| (name, tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect()))
}

/// Finds the words of a taxonomy in texts.
#[derive(Debug)]
pub struct Matcher {
    words: AhoCorasick,
    /// Category and tag of each word.
    tags: Vec<(usize, String)>,
    categories: Vec<String>,
}

impl Matcher {
    /// A matcher of this taxonomy, or none if it is too large to match.
    pub fn new<'a, T: AsRef<str> + 'a>(
        taxonomy: impl IntoIterator<Item = (&'a str, &'a [T])>,
    ) -> Option<Self> {
        let mut tags = Vec::new();
        let mut categories = Vec::new();
        for (index, (category, words)) in taxonomy.into_iter().enumerate() {
            categories.push(category.to_owned());
            tags.extend(words.iter().map(|word| (index, word.as_ref().to_owned())));
        }
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(tags.iter().map(|(_, word)| word))
            .ok()?;
        Some(Self { words, tags, categories })
    }

    /// Whether a text holds the taxonomy itself, so that its words say nothing of a page: at least half
    /// of all tags stand in it, and more than a page can get.
    pub fn is_named_in(&self, text: &str) -> bool {
        let found = self.counts(text).into_iter().filter(|count| *count > 0).count();
        found > PER_CATEGORY * self.categories.len().min(2) && found * 2 >= self.tags.len()
    }

    /// The tags of a text: per category the three most frequent, ties in the taxonomy's order.
    pub fn tags(&self, text: &str) -> TagMap {
        let counts = self.counts(text);
        let of_category = |category: usize| {
            let mut found: Vec<usize> = (0..self.tags.len())
                .filter(|index| self.tags[*index].0 == category && counts[*index] > 0)
                .collect();
            found.sort_by_key(|index| (std::cmp::Reverse(counts[*index]), *index));
            found.truncate(PER_CATEGORY);
            found.into_iter().map(|index| self.tags[index].1.clone()).collect()
        };
        let named = self.categories.iter().enumerate();
        named.map(|(index, name)| (name.clone(), of_category(index))).collect()
    }

    /// How often each tag stands in a text as a word of its own.
    fn counts(&self, text: &str) -> Vec<u32> {
        let mut counts = vec![0_u32; self.tags.len()];
        for found in self.words.find_iter(text) {
            let before = text[..found.start()].chars().next_back();
            let after = text[found.end()..].chars().next();
            let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if !inside(before) && !inside(after) {
                counts[found.pattern().as_usize()] += 1;
            }
        }
        counts
    }
}
