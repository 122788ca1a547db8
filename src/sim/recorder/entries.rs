//! Entries, packed: some ten bytes each, so that the log of a million pages fits into memory.
//!
//! Numbers take as many bytes as they need, times and pages are written as the difference to the
//! last, and texts are kept once. Equal entries in equal order make equal bytes.

mod codec;
mod pack;

use self::codec::{read, write};
use self::pack::{Packed, Unpacker};
use crate::sim::recorder::entry::Entry;

/// The entries of a log, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    packed: Packed,
    len: usize,
    /// Where every so manieth entry begins, and the entry before it ended.
    marks: Vec<(usize, pack::Last)>,
}

/// Entries between two marks.
const MARKED: usize = 1024;

impl Entries {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &Entry) {
        if self.len.is_multiple_of(MARKED) {
            self.marks.push(self.packed.place());
        }
        write(&mut self.packed, entry);
        self.len += 1;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them.
    pub fn iter(&self) -> Iter<'_> {
        self.from(0, true)
    }

    /// All of them; tags are left out, which most do not look at and which take longest to unpack.
    pub fn without_tags(&self) -> Iter<'_> {
        self.from(0, false)
    }

    /// The entry at this place.
    pub fn get(&self, index: usize) -> Option<Entry> {
        let marked = index / MARKED;
        self.from(marked, true).nth(index - marked * MARKED)
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The entries from this place on.
    pub fn skip(&self, index: usize) -> impl Iterator<Item = Entry> {
        let marked = index / MARKED;
        self.from(marked, true).skip(index - marked * MARKED)
    }

    fn from(&self, marked: usize, has_tags: bool) -> Iter<'_> {
        let left = self.len.saturating_sub(marked * MARKED);
        match self.marks.get(marked) {
            Some(place) => Iter { reader: self.packed.reader(*place, has_tags), left },
            None => {
                Iter { reader: self.packed.reader((0, pack::Last::default()), has_tags), left: 0 }
            }
        }
    }
}

/// Unpacks one entry after the other.
#[derive(Debug)]
pub struct Iter<'a> {
    reader: Unpacker<'a>,
    left: usize,
}

impl Iterator for Iter<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        read(&mut self.reader)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = Entry;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut all = Self::new();
        for entry in entries {
            all.push(&entry);
        }
        all
    }
}
