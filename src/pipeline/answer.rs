//! The reading of an answer: leniently what it looks like, strictly what it says.
//!
//! A model that is asked for `{"pages": [{"id": …, "tags": {…}}]}` sends it with words or code fences
//! around it, as a bare list, with `null` for an empty list, one tag as a text, an id as `page 7` or
//! a tag in other letters. All of that is read. What it says is not trusted: only pages that were
//! asked for are taken, each once, and of the tags those that the taxonomy has.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::pipeline::page::{Page, PageId, Tags};
use crate::pipeline::taxonomy::{Taxonomy, label};

/// What an answer says of the pages that were asked about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Valid tags by page. A page that the answer does not mention, or mentions in a way that cannot
    /// be read, is not here.
    pub tags: BTreeMap<PageId, Tags>,
    /// Pages in it that were not asked for, and tags that the taxonomy lacks, that are there twice or
    /// beyond the number that a category may have.
    pub dropped: u64,
    /// By page: the labels of tags that the taxonomy lacks, each once.
    pub unknown: BTreeMap<PageId, Vec<String>>,
}

/// Reads an answer about these pages.
pub fn read(answer: &str, asked: &[Page], taxonomy: &Taxonomy) -> Reading {
    let mut reading = Reading::default();
    for entry in entries(answer) {
        let Some(entry) = entry.as_object() else { continue };
        let id = entry.get("id").or_else(|| entry.get("page")).and_then(id);
        let Some(id) = id.filter(|id| asked.iter().any(|page| page.id == *id)) else {
            reading.dropped += 1;
            continue;
        };
        let Some(answered) = answered(entry, taxonomy) else { continue };
        let valid = taxonomy.validate(&answered);
        let kept = valid.all().count();
        let said = answered.values().map(Vec::len).sum::<usize>();
        if let Entry::Vacant(place) = reading.tags.entry(id) {
            place.insert(valid);
            reading.dropped += said.saturating_sub(kept) as u64;
            let unknown = unknown(&answered, taxonomy);
            if !unknown.is_empty() {
                reading.unknown.insert(id, unknown);
            }
        }
    }
    reading
}

/// The labels of what was said that is no tag of the taxonomy, in order, each once.
fn unknown(answered: &BTreeMap<String, Vec<String>>, taxonomy: &Taxonomy) -> Vec<String> {
    let said = answered.iter().flat_map(|(of, said)| said.iter().map(move |said| (of, said)));
    let unknown = said.filter(|(category, said)| !taxonomy.knows(category, said));
    let labels = unknown.map(|(_, said)| label(said.rsplit(':').next().unwrap_or(said)));
    let labels: BTreeSet<String> = labels.filter(|label| !label.is_empty()).collect();
    labels.into_iter().collect()
}

/// An id as a number, as its digits, or as digits among words: `page 7`.
fn id(value: &Value) -> Option<PageId> {
    let id = match value {
        Value::Number(id) => id.as_u64(),
        Value::String(text) => {
            let mut numbers =
                text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
            // Of two numbers nobody knows which is meant.
            numbers.next().filter(|_| numbers.next().is_none())?.parse().ok()
        }
        _ => None,
    };
    id.map(PageId)
}

/// The tags of an entry by category, as they were said; nothing if they cannot be read.
fn answered(
    entry: &Map<String, Value>,
    taxonomy: &Taxonomy,
) -> Option<BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    match entry.get("tags") {
        Some(Value::Object(tags)) => {
            for (name, list) in tags {
                let category = taxonomy.category(name).unwrap_or(name).to_owned();
                found.entry(category).or_default().extend(words(list)?);
            }
        }
        Some(Value::Null) => return None,
        // Without categories each tag says or knows which is its own.
        Some(list) => drop(found.insert(String::new(), words(list)?)),
        None => {
            for (name, list) in entry {
                if let Some(category) = taxonomy.category(name) {
                    found.entry(category.to_owned()).or_default().extend(words(list)?);
                }
            }
            if found.is_empty() {
                return None;
            }
        }
    }
    Some(found)
}

/// The texts of a list, or of one text; several may stand in one with commas between them. `null`
/// is no text; nothing if there is anything else.
fn words(value: &Value) -> Option<Vec<String>> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut words = Vec::new();
    for said in list.iter().filter(|said| !said.is_null()) {
        let each = said.as_str()?.split(',').map(str::trim);
        words.extend(each.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    Some(words)
}

/// The entries of an answer, whether or not the answer as a whole is valid.
fn entries(answer: &str) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_str::<Value>(answer) {
        return of_value(whole);
    }
    // Within words or fences, or cut off: the list that follows the name, else the first list or
    // object.
    let named = answer.find("\"pages\"").and_then(|at| {
        let after = answer[at + "\"pages\"".len()..].trim_start().strip_prefix(':')?;
        Some(after.trim_start()).filter(|list| list.starts_with('['))
    });
    let first = || answer.find(['[', '{']).map(|at| &answer[at..]);
    let Some(start) = named.or_else(first) else { return Vec::new() };
    match start.strip_prefix('[') {
        Some(list) => in_list(list),
        None => stream(start).0.map_or_else(Vec::new, of_value),
    }
}

/// The entries of a whole value: of its `pages`, of a bare list, or of one entry alone.
fn of_value(whole: Value) -> Vec<Value> {
    match whole {
        Value::Array(list) => list,
        Value::Object(mut whole) => match whole.remove("pages") {
            Some(Value::Array(list)) => list,
            // By id: `{"7": {"doc": […]}}`.
            Some(Value::Object(by_id)) => by_id.into_iter().map(of_pair).collect(),
            Some(_) => Vec::new(),
            None => vec![Value::Object(whole)],
        },
        // The JSON within a text.
        Value::String(text) => serde_json::from_str(&text).map_or_else(|_| Vec::new(), of_value),
        _ => Vec::new(),
    }
}

fn of_pair((id, said): (String, Value)) -> Value {
    let mut entry = match said {
        Value::Object(said) => said,
        tags => Map::from_iter([("tags".to_owned(), tags)]),
    };
    entry.insert("id".to_owned(), Value::String(id));
    Value::Object(entry)
}

/// The whole entries of a list of which this is what follows its bracket.
fn in_list(mut rest: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let (Some(entry), length) = stream(rest) else { return found };
        rest = &rest[length..];
        found.push(entry);
        match rest.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return found,
        }
    }
}

/// The value that begins here, and its length.
fn stream(text: &str) -> (Option<Value>, usize) {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = stream.next().and_then(Result::ok);
    (value, stream.byte_offset())
}
