//! The space: generated pages, or real documents, in as many versions as there were edits.
//!
//! A page is made when it is asked for, from (seed, page, version), and never kept. Its tags are
//! not assigned but planted: words of the taxonomy stand in its text, in whatever elements Confluence
//! stores today, and decoys stand where no reader sees them (scripts, attributes, macro parameters).

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::content::corpus::{ENGLISH, UKRAINIAN};
use crate::fakes::content::documents;
use crate::fakes::content::storage::{StorageWriter, TextBlock};
use crate::rng::{Seed, Sequence};
use crate::units::{Factor, Ratio, Whole, float, whole};

/// How many pages a generated space may have.
pub type Pages = Whole<0, 1_000_000>;

/// The id of the first page.
pub(crate) const FIRST_ID: u64 = 100_001;

/// The lengths of generated pages, in characters of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chars {
    /// The shape; lognormal is the only one.
    #[serde(default)]
    pub dist: CharsDist,
    /// Half of the pages are shorter.
    pub median: Whole<1, 1_000_000>,
    /// The spread; 0 makes all pages alike.
    pub sigma: Factor,
    /// No page is longer.
    pub max: Whole<1, 10_000_000>,
}

impl Chars {
    /// The mean length, about.
    pub fn mean(&self) -> u64 {
        let spread = self.sigma.get();
        let mean = float(self.median.get()) * libm::exp(spread * spread / 2.0);
        whole(mean.min(float(self.max.get()))).max(1)
    }
}

/// The shapes that lengths can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CharsDist {
    /// Lognormal.
    #[default]
    Lognormal,
}

/// The `[space]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// The key of the space.
    #[serde(default = "docs")]
    pub key: String,
    /// How many pages it has; of a folder, how many of its files at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// How long they are.
    #[serde(default = "chars")]
    pub chars: Chars,
    /// The share of pages that repeat the text of another page.
    #[serde(default = "nothing")]
    pub duplicate_ratio: Ratio,
    /// The share of pages written in Ukrainian; the others are English.
    #[serde(default = "some_ukrainian")]
    pub ukrainian_ratio: Ratio,
    /// A folder tree of HTML files to take as pages instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

fn docs() -> String {
    "DOCS".to_owned()
}

fn nothing() -> Ratio {
    Ratio::ZERO
}

fn some_ukrainian() -> Ratio {
    Ratio::new(0.3).expect("0.3 is a ratio")
}

/// The lengths of Apache's documentation, 2,685 pages measured: median 6,300, spread 1.05.
fn chars() -> Chars {
    let count = |n| Whole::new(n).expect("within the range");
    Chars {
        dist: CharsDist::Lognormal,
        median: count(6300),
        sigma: Factor::new(1.05).expect("within the range"),
        max: Whole::new(60_000).expect("within the range"),
    }
}

/// A page as the world has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacePage {
    /// Its id.
    pub id: u64,
    /// Its version.
    pub version: u64,
    /// Its title.
    pub title: String,
    /// In storage format.
    pub storage: String,
    /// The text that a reader sees.
    pub text: String,
}

/// The space in its current state.
#[derive(Debug)]
pub struct Space {
    config: SpaceConfig,
    taxonomy: Vec<(String, Vec<String>)>,
    decoys: Arc<[String]>,
    seed: Seed,
    documents: Vec<documents::Source>,
    is_generated: bool,
    pages: u64,
    edits: Vec<(u64, Ratio)>,
}

impl Space {
    /// The space of this configuration. `documents` are its pages, unless they are generated.
    pub fn new(
        config: SpaceConfig,
        taxonomy: Vec<(String, Vec<String>)>,
        documents: Vec<documents::Source>,
        seed: Seed,
    ) -> Self {
        let wanted = config.pages.map_or(u64::MAX, Whole::get);
        let is_generated = config.dir.is_none() && documents.is_empty();
        let pages = if is_generated { wanted } else { wanted.min(documents.len() as u64) };
        let pages = if pages == u64::MAX { 100 } else { pages };
        let decoys = taxonomy.iter().flat_map(|(_, tags)| tags).cloned().collect();
        let edits = Vec::new();
        Self { config, taxonomy, decoys, seed, documents, is_generated, pages, edits }
    }

    /// The key of the space.
    pub fn key(&self) -> &str {
        &self.config.key
    }

    /// A share of the pages gets a new version, drawn for this number of the run.
    pub fn edit(&mut self, run: u64, changed: Ratio) {
        self.edits.push((run, changed));
    }

    /// The space has this many pages from now on; of a folder at most its files.
    pub fn resize(&mut self, pages: u64) {
        let most = if self.is_generated { pages } else { self.documents.len() as u64 };
        self.pages = pages.min(most);
    }

    /// The ids of its pages.
    pub fn ids(&self) -> std::ops::Range<u64> {
        FIRST_ID..FIRST_ID + self.pages
    }

    /// The current version of a page.
    pub fn version(&self, id: u64) -> u64 {
        let edited =
            |(run, changed): &&(u64, Ratio)| self.seed.draw("edit", id, *run).happens(*changed);
        1 + self.edits.iter().filter(edited).count() as u64
    }

    /// A page, if the space has it.
    pub fn page(&self, id: u64) -> Option<SpacePage> {
        if !self.ids().contains(&id) {
            return None;
        }
        self.page_at(id, self.version(id))
    }

    /// A version of a page, whatever there is of the space now.
    pub fn page_at(&self, id: u64, version: u64) -> Option<SpacePage> {
        if !self.is_generated {
            return self.document(id, version);
        }
        let origin = self.origin(id);
        let (title, storage, text) = self.generate(origin, version);
        Some(SpacePage { id, version, title, storage, text })
    }

    /// The page whose text a page repeats: itself, unless it is a duplicate.
    fn origin(&self, id: u64) -> u64 {
        let draw = self.seed.draw("duplicate", id, 0);
        let before = id - FIRST_ID;
        if before > 0 && draw.happens(self.config.duplicate_ratio) {
            FIRST_ID + draw.sequence().below(before)
        } else {
            id
        }
    }

    fn document(&self, id: u64, version: u64) -> Option<SpacePage> {
        let index = usize::try_from(id - FIRST_ID).ok()?;
        let source = self.documents.get(index)?;
        let documents::Document { title, mut storage, mut text } =
            source.read(self.writer(id, version));
        if version > 1 {
            storage.insert_str(0, &format!("<p>revision {version}</p>"));
            text.insert_str(0, &format!("revision {version}\n"));
        }
        Some(SpacePage { id, version, title, storage, text: text.trim_end().to_owned() })
    }

    /// An empty page, in the elements that a version of a page has.
    fn writer(&self, id: u64, version: u64) -> StorageWriter {
        let luck = self.seed.draw("elements", id, version).sequence();
        StorageWriter::new(luck, Arc::clone(&self.decoys))
    }

    /// Title, storage format and text of a generated page.
    fn generate(&self, id: u64, version: u64) -> (String, String, String) {
        let chars = &self.config.chars;
        let length = self.seed.draw("chars", id, 0);
        let length = length.lognormal(float(chars.median.get()), chars.sigma.get());
        let length = whole(length).clamp(1, chars.max.get());
        let ukrainian = self.seed.draw("language", id, 0).happens(self.config.ukrainian_ratio);
        let mut author = Author {
            words: if ukrainian { UKRAINIAN } else { ENGLISH },
            luck: self.seed.draw("content", id, version).sequence(),
            planted: self.planted(id, version),
            decoys: Arc::clone(&self.decoys),
        };
        let title = format!("{} {}", author.sentence(3, false), id);
        let mut writer = self.writer(id, version);
        // Cyrillic letters take two bytes, so the length is counted by what a letter takes.
        let bytes =
            usize::try_from(length).unwrap_or(usize::MAX) * if ukrainian { 9 } else { 5 } / 5;
        if version > 1 {
            writer.block(TextBlock::Paragraph, &format!("revision {version}"));
        }
        while writer.text_bytes() < bytes {
            author.write_part(&mut writer, bytes);
        }
        let (storage, text) = writer.finish();
        (title, storage, text)
    }

    /// The words of the taxonomy that stand in a page, some of them several times.
    fn planted(&self, id: u64, version: u64) -> Vec<String> {
        let mut luck = self.seed.draw("topics", id, version).sequence();
        let mut planted = Vec::new();
        for (_, tags) in &self.taxonomy {
            if tags.is_empty() {
                continue;
            }
            for _ in 0..luck.below(4) {
                let tag = luck.pick(tags).clone();
                for _ in 0..=luck.below(3) {
                    planted.push(tag.clone());
                }
            }
        }
        planted
    }
}

/// Writes a generated page part by part.
struct Author {
    words: &'static [&'static str],
    luck: Sequence,
    planted: Vec<String>,
    decoys: Arc<[String]>,
}

impl Author {
    fn write_part(&mut self, writer: &mut StorageWriter, bytes: usize) {
        let room = bytes.saturating_sub(writer.text_bytes());
        let words = (room / 6 + 1).min(60);
        match self.luck.below(16) {
            0 => {
                let level = u8::try_from(self.luck.below(3)).unwrap_or(0) + 1;
                writer.block(TextBlock::Heading(level), &self.sentence(words.min(6), false));
            }
            1 => {
                let (before, bold) = (self.sentence(words.min(8), true), self.sentence(1, false));
                let (link, after) = (self.sentence(3, false), self.sentence(words.min(12), true));
                writer.rich_paragraph(&before, &bold, &link, &after);
            }
            2 => {
                let items: Vec<String> =
                    (0..3).map(|_| self.sentence(words.min(9), true)).collect();
                writer.list(&items);
            }
            3 => {
                let mut row = || (0..3).map(|_| self.sentence(words.min(4), false)).collect();
                let rows = vec![row(), row()];
                writer.table(&rows);
            }
            4 => {
                let hidden = self.decoy();
                writer.info(&hidden, &self.sentence(words.min(20), true));
            }
            5 | 6 => writer.hidden(&self.decoy()),
            _ => writer.block(TextBlock::Paragraph, &self.sentence(words, true)),
        }
    }

    fn decoy(&mut self) -> String {
        if self.decoys.is_empty() {
            "nothing".to_owned()
        } else {
            self.luck.pick(&self.decoys).clone()
        }
    }

    /// Words in a row; in prose, a planted word stands among them now and then.
    fn sentence(&mut self, words: usize, prose: bool) -> String {
        let mut sentence = String::with_capacity(words * 10);
        for index in 0..words {
            if index > 0 {
                sentence.push(' ');
            }
            if prose && index % 8 == 4 && !self.planted.is_empty() {
                let at = self.luck.below(self.planted.len() as u64);
                let word = self.planted.swap_remove(usize::try_from(at).unwrap_or(0));
                sentence.push_str(&word);
            } else {
                sentence.push_str(self.luck.pick::<&str>(self.words));
            }
        }
        if prose {
            sentence.push_str(if self.luck.below(12) == 0 { " <&> \"end\"." } else { "." });
        }
        sentence
    }
}
