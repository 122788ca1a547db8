//! Answers kept by content: what was asked about once is not asked again.
//!
//! The key is the SHA-256 of the page's content (title and text; with the plan's key also id and
//! version, with the key `text` no title) and of a fingerprint of everything else that shapes an
//! answer: taxonomy, prompt, model and its server. A changed taxonomy is therefore a miss, never a wrong hit. The
//! store is in memory and drops the least recently used entry.

use std::num::NonZeroUsize;

use lru::LruCache;
use sha2::{Digest, Sha256};

use crate::pipeline::config::CacheKey;
use crate::pipeline::page::{Page, PageId, Tags};
use crate::pipeline::prompt;
use crate::pipeline::taxonomy::Taxonomy;

/// The key of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

/// What an answer depends on besides the page: taxonomy, prompt, model and the server that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of this taxonomy and of the model of this origin with the prompt of this version.
    pub fn new(taxonomy: &Taxonomy, model: &str, origin: &str) -> Self {
        let mut hash = Sha256::new();
        // A page that shows how pages are written into prompts.
        let (title, text) = ("A title".to_owned(), "A text".to_owned());
        let sample = Page { id: PageId(1), version: 1, title, text };
        field(&mut hash, prompt::render(taxonomy, &[sample]).as_bytes());
        for (category, tags) in taxonomy.categories() {
            field(&mut hash, category.as_bytes());
            hash.update((tags.len() as u64).to_le_bytes());
            for tag in tags {
                field(&mut hash, tag.as_bytes());
            }
        }
        field(&mut hash, model.as_bytes());
        field(&mut hash, origin.as_bytes());
        Self(hash.finalize().into())
    }
}

/// What an answer depends on in the page: id, version, title and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content([u8; 32]);

impl Content {
    /// What makes this page the same as another under this kind of key.
    pub fn new(page: &Page, key: CacheKey) -> Self {
        let mut hash = Sha256::new();
        if key == CacheKey::PageVersion {
            hash.update(page.id.0.to_le_bytes());
            hash.update(page.version.to_le_bytes());
        }
        if key != CacheKey::Text {
            field(&mut hash, page.title.as_bytes());
        }
        field(&mut hash, page.text.as_bytes());
        Self(hash.finalize().into())
    }
}

impl Key {
    /// The key of this content under this fingerprint.
    pub fn new(content: Content, fingerprint: Fingerprint) -> Self {
        let mut hash = Sha256::new();
        hash.update(fingerprint.0);
        hash.update(content.0);
        Self(hash.finalize().into())
    }

    /// The digest.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes a field with its length first, so that no two lists of fields look alike.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// A bounded store of answers. Without a capacity it keeps nothing.
#[derive(Debug)]
pub struct Cache {
    /// How many answers it holds at most; none without a capacity.
    capacity: usize,
    /// Answers as text, which is a tenth of their size in memory.
    answers: LruCache<Key, Box<str>>,
}

impl Cache {
    /// A cache of this many entries.
    pub fn new(capacity: Option<NonZeroUsize>) -> Self {
        // Room is taken as it is needed, not for the largest cache that anybody may ask for.
        Self { capacity: capacity.map_or(0, NonZeroUsize::get), answers: LruCache::unbounded() }
    }

    /// Whether it keeps anything at all.
    pub fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// The answer under this key, which becomes the most recently used.
    pub fn get(&mut self, key: &Key) -> Option<Tags> {
        serde_json::from_str(self.answers.get(key)?).ok()
    }

    /// Keeps an answer.
    pub fn put(&mut self, key: Key, tags: Tags) {
        let Tags(tags) = tags;
        if let Some(text) = self.is_enabled().then(|| serde_json::to_string(&tags).ok()).flatten() {
            self.answers.put(key, text.into());
            if self.answers.len() > self.capacity {
                self.answers.pop_lru();
            }
        }
    }

    /// How many answers it holds.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it holds no answer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
