//! The labels of a page, and what becomes of a name that a client sends.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// Characters that no label holds.
const ILLEGAL: &[char] =
    &[':', ';', ',', '.', '?', '&', '[', ']', '(', ')', '#', '^', '*', '@', '!', ' '];
/// The longest name.
const LONGEST: usize = 255;
/// What may stand before a name.
const PREFIXES: &[&str] = &["global", "my", "team", "system"];

/// The labels of a page by name, with their prefix, in order. Most names are those of many pages, and
/// are kept once.
#[derive(Debug, Default)]
pub(super) struct Labels(Box<[(Arc<str>, &'static str)]>);

/// The names that labels have had.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        let known = self.0.get(name).cloned();
        known.unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            self.0.insert(Arc::clone(&name));
            name
        })
    }
}

/// A label that a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    prefix: &'static str,
    name: String,
}

/// Why labels are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlabelled {
    /// The body is none that the service can read.
    Unread,
    /// A name has characters that no label holds, or too many.
    Illegal,
}

impl Labels {
    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The labels with their prefixes, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0.iter().map(|(name, prefix)| (&**name, *prefix))
    }

    /// Adds labels; one that is there already changes nothing. Gives how many were new.
    pub(super) fn add(&mut self, wanted: Vec<Wanted>, names: &mut Names) -> u64 {
        let before = self.0.len();
        let mut all = std::mem::take(&mut self.0).into_vec();
        for Wanted { prefix, name } in wanted {
            if let Err(place) = all.binary_search_by(|(known, _)| (**known).cmp(&name)) {
                all.insert(place, (names.of(&name), prefix));
            }
        }
        self.0 = all.into();
        (self.0.len() - before) as u64
    }

    /// Removes a label; whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let mut all = std::mem::take(&mut self.0).into_vec();
        let found = all.binary_search_by(|(known, _)| (**known).cmp(name)).ok();
        if let Some(place) = found {
            all.remove(place);
        }
        self.0 = all.into();
        found.is_some()
    }
}

/// Labels as Confluence stores them: lower case, split at spaces and commas. The body is a list of
/// labels or a single one.
pub(super) fn wanted(body: &Bytes) -> Result<Vec<Wanted>, Unlabelled> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unlabelled::Unread)?;
    let entries = match &body {
        Value::Array(entries) => entries.as_slice(),
        Value::Object(_) => std::slice::from_ref(&body),
        _ => return Err(Unlabelled::Unread),
    };
    let mut labels = Vec::new();
    for entry in entries {
        let name = entry["name"].as_str().ok_or(Unlabelled::Unread)?;
        let prefix = entry["prefix"].as_str().unwrap_or("global");
        let known = PREFIXES.iter().find(|known| **known == prefix);
        let prefix = *known.ok_or(Unlabelled::Unread)?;
        let pieces = name.split(|c: char| c == ',' || c.is_whitespace());
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            // `team:name` is a prefix and a name.
            let named = piece.split_once(':').and_then(|(prefix, name)| {
                let prefix = PREFIXES.iter().find(|known| known.eq_ignore_ascii_case(prefix))?;
                Some((*prefix, name)).filter(|(_, name)| !name.is_empty())
            });
            let (prefix, piece) = named.unwrap_or((prefix, piece));
            if piece.contains(ILLEGAL) || piece.chars().count() > LONGEST {
                return Err(Unlabelled::Illegal);
            }
            labels.push(Wanted { prefix, name: piece.to_lowercase() });
        }
    }
    if labels.is_empty() { Err(Unlabelled::Unread) } else { Ok(labels) }
}
