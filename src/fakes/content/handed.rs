//! The pages that Confluence gave out, found again in the prompts of clients that have a form of
//! their own: by their words, whatever stands around and between them.
//!
//! A page is known by groups of words that follow each other. In a prompt the words of a page are
//! followed in their order, so that markup, hidden parameters and a list of tags, which are no part
//! of the text that a reader sees, are no part of what the model judges either. Pages with fewer words
//! than a group are not found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use crate::fakes::content::space::{Space, SpacePage};

/// Words that follow each other, by which pages are known.
const GROUP: usize = 5;
/// Every eighth group of a page is kept.
const EVERY: usize = 8;
/// A group that stands in more texts than this says nothing of any of them.
const MOST_TEXTS: usize = 8;
/// Of the texts that share a group with a prompt no more are compared with it than this.
const MOST_COMPARED: usize = 128;
/// The words that make a page known, or half of a shorter one.
const ENOUGH: usize = 20;
/// A page of which this share of the words stands in a prompt, in hundredths, is there as a whole: a
/// client that strips markup in its own way loses a name in an attribute, which a model makes up for.
const MOST_PERCENT: usize = 85;
/// A run of words that leaves out more of its page than `LEAP` must be `LONG`.
const LEAP: usize = 60;
const LONG: usize = 12;

/// The pages that were given out.
#[derive(Debug, Default)]
pub struct Handed {
    /// Those whose groups are not known yet: most clients never ask for them.
    new: BTreeSet<u64>,
    versions: BTreeMap<u64, u64>,
    /// The texts, by their digests; the pages that have them, and how many groups they have.
    texts: BTreeMap<u64, (Vec<u64>, usize)>,
    /// The texts that a group stands in.
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
        let mut free = vec![true; prompt.words.len()];
        let mut known = vec![false; prompt.words.len()];
        let mut found: Vec<(usize, Found)> = Vec::new();
        for (pages, places) in self.likely(&prompt) {
            // What a text that was found has as well says nothing of another.
            if places.iter().all(|at| known[*at..*at + GROUP].iter().all(|known| *known)) {
                continue;
            }
            let Some(first) = pages.first().and_then(|page| space.page(*page)) else { continue };
            let text = Words::of(&first.text);
            let mut is_there = false;
            // A text that several pages have may stand there as often.
            for page in pages {
                let runs = prompt.runs_of(&text, &free);
                let words: usize = runs.iter().map(Range::len).sum();
                let Some(start) = runs.first().map(|run| run.start) else { break };
                if words < ENOUGH.min(text.words.len().div_ceil(2)) {
                    break;
                }
                let title = prompt.title(&first.title, start, &free);
                for run in title.iter().chain(&runs) {
                    free[run.clone()].fill(false);
                    known[run.clone()].fill(true);
                }
                let mut parts: Vec<&str> = title.map(|run| prompt.text(run)).into_iter().collect();
                if prompt.holds_most_of(&text, &runs) {
                    parts.push(&first.text);
                } else {
                    parts.extend(runs.into_iter().map(|run| prompt.text(run)));
                }
                found.push((start, Found { id: page.to_string(), text: parts.join("\n") }));
                is_there = true;
            }
            let its: BTreeSet<u64> = text.groups().map(|(_, group)| group).collect();
            for (at, _) in prompt.groups().filter(|(_, group)| is_there && its.contains(group)) {
                known[at..at + GROUP].fill(true);
            }
        }
        found.sort_by_key(|(first, _)| *first);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// The pages of each text that has a group in common with a prompt, and where: those with the most
    /// first, and of two with as many that which has fewer besides.
    fn likely(&self, prompt: &Words<'_>) -> Vec<(&[u64], Vec<usize>)> {
        let mut hits: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, group) in prompt.groups() {
            let texts = self.groups.get(&group).filter(|texts| texts.len() <= MOST_TEXTS);
            for text in texts.into_iter().flatten() {
                hits.entry(*text).or_default().push(at);
            }
        }
        let mut likely: Vec<(usize, &[u64], Vec<usize>)> = Vec::new();
        for (text, places) in hits {
            if let Some((pages, size)) = self.texts.get(&text) {
                likely.push((*size, pages, places));
            }
        }
        likely.sort_by_key(|(size, pages, places)| (Reverse(places.len()), *size, *pages));
        likely.into_iter().take(MOST_COMPARED).map(|(_, pages, places)| (pages, places)).collect()
    }

    /// Learns the groups of pages that were given out since a prompt was last looked through.
    fn read_new(&mut self, space: &Space) {
        for page in std::mem::take(&mut self.new) {
            let version = space.version(page);
            match self.versions.insert(page, version) {
                Some(known) if known == version => continue,
                // It has another text than before.
                Some(_) => {
                    for (pages, _) in self.texts.values_mut() {
                        pages.retain(|known| *known != page);
                    }
                }
                None => {}
            }
            let Some(SpacePage { text, .. }) = space.page(page) else { continue };
            let digest = hashed([text.as_str()]);
            let words = Words::of(&text);
            let size = words.words.len() / EVERY;
            let (pages, _) = self.texts.entry(digest).or_insert((Vec::new(), size));
            pages.push(page);
            for (_, group) in words.groups().step_by(EVERY) {
                let texts = self.groups.entry(group).or_default();
                // One more than that says enough.
                if texts.len() <= MOST_TEXTS && !texts.contains(&digest) {
                    texts.push(digest);
                }
            }
        }
    }
}

/// A number for words that follow each other.
fn hashed<'a>(words: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in words {
        word.hash(&mut hasher);
    }
    hasher.finish()
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
        let groups = self.words.windows(GROUP).enumerate();
        groups.map(|(at, words)| (at, hashed(words.iter().map(|(_, word)| word.as_str()))))
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

    /// Whether most of the words of a page stand where these runs of it are, in whatever order.
    fn holds_most_of(&self, page: &Words<'_>, runs: &[Range<usize>]) -> bool {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return false };
        let around = first.start.saturating_sub(LEAP)..(last.end + LEAP).min(self.words.len());
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, word) in &self.words[around] {
            *there.entry(word).or_default() += 1;
        }
        let is_there = |(_, word): &&(Range<usize>, String)| {
            let left = there.get_mut(word.as_str()).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        };
        let count = page.words.iter().filter(is_there).count();
        count * 100 >= page.words.len() * MOST_PERCENT
    }

    /// Where the title of a page stands last before its text.
    fn title(&self, title: &str, before: usize, free: &[bool]) -> Option<Range<usize>> {
        let title = Words::of(title);
        let length = title.words.len();
        let begins = (0..(before + 1).saturating_sub(length)).rev();
        let is_title = |at: &usize| {
            (0..length).all(|word| free[at + word] && self.word(at + word) == title.word(word))
        };
        begins.filter(|_| length > 0).find(is_title).map(|at| at..at + length)
    }
}
