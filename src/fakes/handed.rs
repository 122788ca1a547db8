//! The pages that Confluence gave out, found again in the prompts of clients that have a form of
//! their own: by their words, whatever stands around and between them.
//!
//! A page is known by groups of words that follow each other. In a prompt the words of a page are
//! followed in their order, so that markup, hidden parameters and a list of tags, which are no part
//! of the text that a reader sees, are no part of what the model judges either. Pages with fewer words
//! than a group are not found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::fakes::ai::digest;
use crate::fakes::space::{Space, SpacePage};

/// Words that follow each other, by which pages are known.
const GROUP: usize = 5;
/// Of so many groups of a page one is kept.
const EVERY: usize = 8;
/// A group that stands in more pages than this says nothing of any of them.
const MOST_PAGES: usize = 8;
/// Of the pages that share a group with a prompt no more are compared with it than this.
const MOST_COMPARED: usize = 128;
/// So many words make a page, and half of a shorter one.
const ENOUGH: usize = 20;
/// A run of words that leaves out more of its page than `LEAP` must be `LONG`.
const LEAP: usize = 60;
const LONG: usize = 12;

/// The pages that were given out.
#[derive(Debug, Default)]
pub struct Handed {
    /// Those whose groups are not known yet: most clients never ask for them.
    new: BTreeSet<u64>,
    versions: BTreeMap<u64, u64>,
    groups: BTreeMap<u64, Vec<u64>>,
}

/// A page in a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its title and its text, as far as they stand in the prompt.
    pub text: String,
}

impl Handed {
    /// A page was given out.
    pub fn note(&mut self, page: u64) {
        self.new.insert(page);
    }

    /// The pages that stand in a prompt, in its order.
    pub fn find(&mut self, prompt: &str, space: &Space) -> Vec<Found> {
        self.read_new(space);
        if self.groups.is_empty() {
            return Vec::new();
        }
        let prompt = Words::of(prompt);
        let mut hits: BTreeMap<u64, usize> = BTreeMap::new();
        for pages in prompt.groups().filter_map(|(_, group)| self.groups.get(&group)) {
            for page in pages {
                *hits.entry(*page).or_default() += 1;
            }
        }
        let mut likely: Vec<(u64, usize)> = hits.into_iter().collect();
        likely.sort_by_key(|(page, hits)| (Reverse(*hits), *page));
        let mut free = vec![true; prompt.words.len()];
        let mut found: Vec<(usize, Found)> = Vec::new();
        likely.truncate(MOST_COMPARED);
        for page in likely.into_iter().filter_map(|(page, _)| space.page(page)) {
            let text = Words::of(&page.text);
            let runs = prompt.runs_of(&text, &free);
            let words: usize = runs.iter().map(Range::len).sum();
            if words < ENOUGH.min(text.words.len().div_ceil(2)) {
                continue;
            }
            for run in &runs {
                free[run.clone()].fill(false);
            }
            let Some(first) = runs.first().map(|run| run.start) else { continue };
            let title = prompt.title(&page, first, &free);
            let parts = title.into_iter().chain(runs).map(|run| prompt.text(run));
            let text = parts.collect::<Vec<_>>().join("\n");
            found.push((first, Found { id: page.id.to_string(), text }));
        }
        found.sort_by_key(|(first, _)| *first);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// Learns the groups of pages that were given out since a prompt was last looked through.
    fn read_new(&mut self, space: &Space) {
        for page in std::mem::take(&mut self.new) {
            let version = space.version(page);
            if self.versions.insert(page, version) == Some(version) {
                continue;
            }
            let Some(SpacePage { text, .. }) = space.page(page) else { continue };
            for (_, group) in Words::of(&text).groups().step_by(EVERY) {
                let pages = self.groups.entry(group).or_default();
                if pages.len() < MOST_PAGES && !pages.contains(&page) {
                    pages.push(page);
                }
            }
        }
    }
}

/// A text with its words in lower case, each with its place.
struct Words<'a> {
    whole: &'a str,
    words: Vec<(Range<usize>, String)>,
}

impl<'a> Words<'a> {
    fn of(whole: &'a str) -> Self {
        let mut words: Vec<(Range<usize>, String)> = Vec::new();
        for (at, letter) in whole.char_indices().filter(|(_, letter)| letter.is_alphanumeric()) {
            let end = at + letter.len_utf8();
            match words.last_mut().filter(|(place, _)| place.end == at) {
                Some((place, word)) => {
                    place.end = end;
                    word.extend(letter.to_lowercase());
                }
                None => words.push((at..end, letter.to_lowercase().collect())),
            }
        }
        Self { whole, words }
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(|(_, word)| word.as_str())
    }

    /// What stands from one word to another.
    fn text(&self, run: Range<usize>) -> &'a str {
        let places = self.words.get(run).unwrap_or_default();
        let (first, last) = (places.first(), places.last());
        first.zip(last).map_or("", |((first, _), (last, _))| &self.whole[first.start..last.end])
    }

    /// The groups with the places of their first words.
    fn groups(&self) -> impl Iterator<Item = (usize, u64)> {
        self.words.windows(GROUP).enumerate().map(|(at, words)| {
            let words: Vec<&str> = words.iter().map(|(_, word)| word.as_str()).collect();
            (at, digest(words.join(" ").as_bytes()))
        })
    }

    /// The runs of words that are those of a page, in its order, among those that are free.
    fn runs_of(&self, page: &Words<'_>, free: &[bool]) -> Vec<Range<usize>> {
        let mut places: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, group) in page.groups() {
            places.entry(group).or_default().push(at);
        }
        let mut runs: Vec<Range<usize>> = Vec::new();
        let (mut next, mut page_next) = (0, 0);
        for (at, group) in self.groups() {
            let begins = places
                .get(&group)
                .and_then(|places| places.get(places.partition_point(|place| *place < page_next)));
            let Some(&begin) = begins.filter(|_| at >= next) else { continue };
            let same =
                |(mine, its): (usize, usize)| free[mine] && self.word(mine) == page.word(its);
            let ahead = (at..self.words.len()).zip(begin..page.words.len());
            let behind = (next..at).rev().zip((page_next..begin).rev());
            let (ahead, behind) = (
                ahead.take_while(|pair| same(*pair)).count(),
                behind.take_while(|pair| same(*pair)).count(),
            );
            let run = at - behind..at + ahead;
            if ahead < GROUP || (begin - page_next > LEAP && run.len() < LONG) {
                continue;
            }
            (next, page_next) = (run.end, begin + ahead);
            runs.push(run);
        }
        runs
    }

    /// Where the title of a page stands last before its text.
    fn title(&self, page: &SpacePage, before: usize, free: &[bool]) -> Option<Range<usize>> {
        let title = Words::of(&page.title);
        let length = title.words.len();
        let begins = (0..(before + 1).saturating_sub(length)).rev();
        let is_title = |at: &usize| {
            (0..length).all(|word| free[at + word] && self.word(at + word) == title.word(word))
        };
        begins.filter(|_| length > 0).find(is_title).map(|at| at..at + length)
    }
}
