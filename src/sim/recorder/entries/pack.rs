//! Bytes: numbers of as many of them as they need, and texts that are kept once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the next number of a kind is written as the difference to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) t_ms: u64,
    pub(super) page: u64,
}

/// Packed values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    texts: Vec<Arc<str>>,
    places: BTreeMap<Arc<str>, u64>,
    pub(super) last: Last,
}

/// A value that may be left out.
pub(super) struct Perhaps<T>(pub(super) Option<T>);

/// Unpacks values.
#[derive(Debug)]
pub(super) struct Unpacker<'a> {
    bytes: &'a [u8],
    texts: &'a [Arc<str>],
    pub(super) last: Last,
    /// Whether tags are unpacked.
    pub(super) has_tags: bool,
}

/// A difference as a number that is small if it is, up or down.
fn folded(now: u64, before: u64) -> u64 {
    let apart = now.wrapping_sub(before).cast_signed();
    ((apart << 1) ^ (apart >> 63)).cast_unsigned()
}

fn unfolded(apart: u64, before: u64) -> u64 {
    before.wrapping_add((apart >> 1) ^ (apart & 1).wrapping_neg())
}

impl Packed {
    /// Where the next value begins.
    pub(super) fn place(&self) -> (usize, Last) {
        (self.bytes.len(), self.last)
    }

    /// Reads from a place on.
    pub(super) fn reader(&self, (at, last): (usize, Last), has_tags: bool) -> Unpacker<'_> {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        Unpacker { bytes, texts: &self.texts, last, has_tags }
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }

    pub(super) fn time(&mut self, t_ms: u64) {
        self.number(folded(t_ms, self.last.t_ms));
        self.last.t_ms = t_ms;
    }

    pub(super) fn page(&mut self, page: u64) {
        self.number(folded(page, self.last.page));
        self.last.page = page;
    }

    pub(super) fn some(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        if let Some(number) = number {
            self.number(number);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let place = self.places.get(text).copied().unwrap_or_else(|| {
            let place = self.texts.len() as u64;
            let text: Arc<str> = text.into();
            self.texts.push(Arc::clone(&text));
            self.places.insert(text, place);
            place
        });
        self.number(place);
    }

    pub(super) fn some_text(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// A word of a closed list.
    pub(super) fn word(&mut self, word: &impl Serialize) {
        self.text(&serde_json::to_string(word).unwrap_or_default());
    }

    pub(super) fn tags(&mut self, tags: &BTreeMap<String, Vec<String>>) {
        self.number(tags.len() as u64);
        for (category, tags) in tags {
            self.text(category);
            self.number(tags.len() as u64);
            for tag in tags {
                self.text(tag);
            }
        }
    }
}

impl Unpacker<'_> {
    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    pub(super) fn time(&mut self) -> Option<u64> {
        self.last.t_ms = unfolded(self.number()?, self.last.t_ms);
        Some(self.last.t_ms)
    }

    pub(super) fn page(&mut self) -> Option<u64> {
        self.last.page = unfolded(self.number()?, self.last.page);
        Some(self.last.page)
    }

    pub(super) fn some(&mut self) -> Option<Perhaps<u64>> {
        Some(Perhaps(if self.number()? == 0 { None } else { Some(self.number()?) }))
    }

    fn known(&mut self) -> Option<&str> {
        let place = usize::try_from(self.number()?).ok()?;
        self.texts.get(place).map(|text| &**text)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        self.known().map(str::to_owned)
    }

    pub(super) fn some_text(&mut self) -> Option<Perhaps<String>> {
        Some(Perhaps(if self.number()? == 0 { None } else { Some(self.text()?) }))
    }

    pub(super) fn word<T: DeserializeOwned>(&mut self) -> Option<T> {
        serde_json::from_str(self.known()?).ok()
    }

    pub(super) fn tags(&mut self) -> Option<BTreeMap<String, Vec<String>>> {
        let mut all = BTreeMap::new();
        for _ in 0..self.number()? {
            if self.has_tags {
                let category = self.text()?;
                let count = self.number()?;
                all.insert(category, (0..count).map(|_| self.text()).collect::<Option<_>>()?);
            } else {
                self.number()?;
                for _ in 0..self.number()? {
                    self.number()?;
                }
            }
        }
        Some(all)
    }
}
