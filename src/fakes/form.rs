//! The form of an answer: whether it is the one that a schema asks for, and one that is.
//!
//! Schemas are JSON Schema as OpenAI takes it, or the subset of OpenAPI that Gemini takes, with
//! types in upper case. What a form says is made of the pages of the prompt alone: an array of
//! objects has one for each page, a list of texts holds the page's tags, a choice is one of the
//! words that stand in the page.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::fakes::model::TagMap;
use crate::units::whole;

/// A page of a prompt, with the tags that the model found.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Its id, if the prompt names one.
    pub id: Option<&'a str>,
    /// Its part of the prompt.
    pub text: &'a str,
    /// Its tags.
    pub tags: TagMap,
}

/// References and alternatives that lie behind each other are followed this far.
const DEEPEST: usize = 12;
/// Deeper than this, only what is required is filled in; a schema may refer to itself.
const FREELY: usize = 3;
/// A form that must go deeper than this is none that the service would take.
const TOO_DEEP: usize = 48;
/// The same of one with more values than this.
const MOST_VALUES: usize = 5_000;

/// The same of one whose choices are compared with more text than this, in bytes.
const MOST_COMPARED: usize = 500_000_000;

/// What is left of a form that may be filled in.
struct Left {
    values: usize,
    compared: usize,
}

/// A form that asks for more than this gets no more.
const MOST_FILLED: usize = 100;

/// A form with more values than this, all that its references name included, is too large as well.
const MOST_PARTS: usize = 100_000;

/// What of `allOf` is one schema: the parts of each are put together, the first word counts. Nothing
/// if that is too large: a schema that refers to itself twice has no end.
fn merged(schema: &Value) -> Option<Cow<'_, Value>> {
    fn parts(at: &Value, left: &mut usize) -> Option<()> {
        *left = left.checked_sub(1)?;
        match at {
            Value::Object(entries) => entries.values().try_for_each(|at| parts(at, left)),
            Value::Array(items) => items.iter().try_for_each(|at| parts(at, left)),
            _ => Some(()),
        }
    }
    fn has_parts(at: &Value) -> bool {
        match at {
            Value::Object(entries) => {
                entries.contains_key("allOf") || entries.values().any(has_parts)
            }
            Value::Array(items) => items.iter().any(has_parts),
            _ => false,
        }
    }
    fn merge(into: &mut Value, from: &Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (name, value) in from {
                    match into.get_mut(name) {
                        Some(known) => merge(known, value),
                        None => {
                            into.insert(name.clone(), value.clone());
                        }
                    }
                }
            }
            (Value::Array(into), Value::Array(from)) => {
                into.extend(
                    from.iter().filter(|one| !into.contains(one)).cloned().collect::<Vec<_>>(),
                );
            }
            _ => {}
        }
    }
    fn walk(at: &mut Value, root: &Value, depth: usize, left: &mut usize) -> Option<()> {
        if depth > TOO_DEEP {
            return Some(());
        }
        if let Some(Value::Array(all)) = at.as_object_mut().and_then(|at| at.remove("allOf")) {
            for part in &all {
                let path = part["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
                let part = path.and_then(|path| root.pointer(path)).unwrap_or(part);
                parts(part, left)?;
                merge(at, part);
            }
        }
        match at {
            Value::Object(entries) => {
                entries.values_mut().try_for_each(|at| walk(at, root, depth + 1, left))
            }
            Value::Array(items) => {
                items.iter_mut().try_for_each(|at| walk(at, root, depth + 1, left))
            }
            _ => Some(()),
        }
    }
    let mut left = MOST_PARTS;
    parts(schema, &mut left)?;
    if !has_parts(schema) {
        return Some(Cow::Borrowed(schema));
    }
    let mut whole = schema.clone();
    walk(&mut whole, schema, 0, &mut left)?;
    Some(Cow::Owned(whole))
}

/// A schema, and the document that its references point into.
#[derive(Debug, Clone, Copy)]
struct Schema<'a> {
    at: &'a Value,
    root: &'a Value,
}

impl<'a> Schema<'a> {
    /// The schema itself, behind references and alternatives.
    fn resolved(self) -> Self {
        let mut at = self.at;
        for _ in 0..DEEPEST {
            let any = ["anyOf", "any_of", "oneOf"].iter().find_map(|name| at[*name].as_array());
            let next = match (at["$ref"].as_str(), any) {
                (Some(path), _) => path.strip_prefix('#').and_then(|path| self.root.pointer(path)),
                (None, Some(any)) => any.iter().find(|one| one["type"] != "null"),
                (None, None) => None,
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        Self { at, root: self.root }
    }

    /// The type, in lower case.
    fn kind(self) -> String {
        let named = match &self.at["type"] {
            Value::String(name) => Some(name.as_str()),
            Value::Array(names) => names.iter().filter_map(Value::as_str).find(|n| *n != "null"),
            _ => None,
        };
        match named {
            Some(name) => name.to_lowercase(),
            None if self.at["properties"].is_object() => "object".to_owned(),
            None if self.at["items"].is_object() => "array".to_owned(),
            None => "string".to_owned(),
        }
    }

    fn part(self, at: &'a Value) -> Self {
        Self { at, root: self.root }.resolved()
    }

    fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        let properties = self.at["properties"].as_object();
        let properties = properties.into_iter().flatten();
        properties.map(move |(name, at)| (name.as_str(), self.part(at)))
    }

    /// A number that the schema states, under either spelling of its name; Gemini also takes text.
    fn number(self, camel: &str, snake: &str) -> Option<usize> {
        let stated = self.at.get(camel).unwrap_or(&self.at[snake]);
        let number = stated.as_u64().or_else(|| stated.as_str()?.parse().ok())?;
        usize::try_from(number).ok()
    }

    fn choices(self) -> Option<&'a Vec<Value>> {
        self.at["enum"].as_array()
    }
}

/// Whether a value has the form that a schema asks for.
pub fn fits(value: &Value, schema: &Value) -> bool {
    let Some(schema) = merged(schema) else { return false };
    let schema = &*schema;
    fits_at(value, Schema { at: schema, root: schema }.resolved(), 0)
}

fn fits_at(value: &Value, schema: Schema<'_>, depth: usize) -> bool {
    if depth > DEEPEST {
        return true;
    }
    if let Some(constant) = schema.at.get("const") {
        return constant == value;
    }
    if let Some(choices) = schema.choices() {
        return choices.contains(value);
    }
    match (schema.kind().as_str(), value) {
        ("object", Value::Object(entries)) => {
            let required = schema.at["required"].as_array().into_iter().flatten();
            let complete =
                required.filter_map(Value::as_str).all(|name| entries.contains_key(name));
            let known = schema.at["properties"].as_object().is_none_or(|known| {
                schema.at["additionalProperties"] != false
                    || entries.keys().all(|name| known.contains_key(name))
            });
            let mut properties = schema.properties();
            complete
                && known
                && properties.all(|(name, part)| {
                    entries.get(name).is_none_or(|value| fits_at(value, part, depth + 1))
                })
        }
        ("array", Value::Array(items)) => {
            let part = schema.part(&schema.at["items"]);
            let bounds = schema.number("minItems", "min_items").unwrap_or(0)
                ..=schema.number("maxItems", "max_items").unwrap_or(usize::MAX);
            let once = |(at, item)| !items[..at].contains(item);
            bounds.contains(&items.len())
                && (schema.at["uniqueItems"] != true || items.iter().enumerate().all(once))
                && items.iter().all(|item| fits_at(item, part, depth + 1))
        }
        ("string", Value::String(_))
        | ("number" | "integer", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("null", Value::Null) => true,
        _ => false,
    }
}

/// A value of the form that a schema asks for, about these pages; nothing if the form is too large.
pub fn fill(schema: &Value, pages: &[Seen<'_>]) -> Option<Value> {
    let schema = merged(schema)?;
    let schema = &*schema;
    let mut left = Left { values: MOST_VALUES, compared: MOST_COMPARED };
    fill_at(Schema { at: schema, root: schema }.resolved(), "", pages, 0, &mut left)
}

fn fill_at(
    schema: Schema<'_>,
    name: &str,
    pages: &[Seen<'_>],
    depth: usize,
    left: &mut Left,
) -> Option<Value> {
    left.values = left.values.checked_sub(1).filter(|_| depth <= TOO_DEEP)?;
    if let Some(constant) = schema.at.get("const") {
        return Some(constant.clone());
    }
    if let Some(choices) = schema.choices() {
        let mut choices_left = choices.iter();
        let choice = loop {
            let Some(choice) = choices_left.next() else { break choices.first() };
            if let Some(word) = choice.as_str()
                && stands(word, pages, left)?
            {
                break Some(choice);
            }
        };
        return Some(choice.cloned().unwrap_or(Value::Null));
    }
    Some(match schema.kind().as_str() {
        "object" => {
            let required = schema.at["required"].as_array().into_iter().flatten();
            let required: BTreeSet<&str> = required.filter_map(Value::as_str).collect();
            let wanted = |name: &str| depth < FREELY || required.contains(name);
            let mut filled = Map::new();
            for (name, part) in schema.properties().filter(|(name, _)| wanted(name)) {
                filled.insert(name.to_owned(), fill_at(part, name, pages, depth + 1, left)?);
            }
            Value::Object(filled)
        }
        "array" => Value::Array(items(schema, name, pages, depth, left)?),
        "integer" | "number" => least(schema),
        "boolean" => json!(pages.iter().any(|page| page.tags.values().any(|t| !t.is_empty()))),
        "null" => Value::Null,
        _ => {
            if let Some(text) = schema.at["format"].as_str().and_then(formatted) {
                return Some(json!(text));
            }
            let text = text(name, pages);
            let most = schema.number("maxLength", "max_length").unwrap_or(usize::MAX);
            let least = schema.number("minLength", "min_length").unwrap_or(0).min(MOST_FILLED);
            let missing = least.saturating_sub(text.chars().count());
            let filler = std::iter::repeat_n('x', missing);
            json!(text.chars().take(most).chain(filler).collect::<String>())
        }
    })
}

/// The number next to zero that lies within the bounds.
fn least(schema: Schema<'_>) -> Value {
    let is_whole = schema.kind() == "integer";
    // SDKs write the bounds of whole numbers with a point.
    let bound = |name: &str| schema.at[name].as_f64();
    let step = if is_whole { 1.0 } else { 0.5 };
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low + step));
    let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high - step));
    let number = 0.0_f64.min(high.unwrap_or(0.0)).max(low.unwrap_or(f64::MIN));
    match number {
        number if !is_whole => json!(number),
        number if number < 0.0 => json!(-i64::try_from(whole(-number.ceil())).unwrap_or(0)),
        number => json!(whole(number.ceil())),
    }
}

/// A text of a format that says more than text.
fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2026-01-01",
        "time" => "00:00:00Z",
        "date-time" => "2026-01-01T00:00:00Z",
        "duration" => "PT1S",
        "email" => "rehearsal@example.com",
        "uri" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "ipv4" => "192.0.2.1",
        _ => return None,
    })
}

/// The items of a list: texts of the pages, or one object for each page.
fn items(
    schema: Schema<'_>,
    name: &str,
    pages: &[Seen<'_>],
    depth: usize,
    left: &mut Left,
) -> Option<Vec<Value>> {
    let part = schema.part(&schema.at["items"]);
    let mut items: Vec<Value> = Vec::new();
    match part.kind().as_str() {
        "string" => items.extend(words(part, name, pages, left)?.into_iter().map(Value::from)),
        // Deep inside, lists are as short as they may be.
        "object" if depth < FREELY => {
            for page in pages {
                items.push(fill_at(part, name, std::slice::from_ref(page), depth + 1, left)?);
            }
        }
        _ => {}
    }
    // Where the pages say too little or too much, the form wins.
    let least = schema.number("minItems", "min_items").unwrap_or(0).min(MOST_FILLED);
    if schema.at["uniqueItems"] == true {
        let mut once: Vec<Value> = Vec::new();
        for item in items {
            if !once.contains(&item) {
                once.push(item);
            }
        }
        items = once;
        let choices = part.choices().into_iter().flatten();
        let others: Vec<Value> = choices.filter(|word| !items.contains(word)).cloned().collect();
        let missing = least.saturating_sub(items.len());
        items.extend(others.into_iter().take(missing));
    }
    while items.len() < least {
        items.push(fill_at(part, name, pages, depth + 1, left)?);
    }
    items.truncate(schema.number("maxItems", "max_items").unwrap_or(usize::MAX));
    Some(items)
}

/// The texts of a list: the choices that stand in the pages, or the tags of the category that the
/// list is named after, or all tags.
fn words(
    items: Schema<'_>,
    name: &str,
    pages: &[Seen<'_>],
    left: &mut Left,
) -> Option<Vec<String>> {
    if let Some(choices) = items.choices() {
        let mut found = Vec::new();
        for word in choices.iter().filter_map(Value::as_str) {
            if stands(word, pages, left)? {
                found.push(word.to_owned());
            }
        }
        return Some(found);
    }
    let mut found: Vec<String> = Vec::new();
    for page in pages {
        let of_category = page.tags.get(name).map(|tags| tags.iter().collect::<Vec<_>>());
        let tags = of_category.unwrap_or_else(|| page.tags.values().flatten().collect());
        for tag in tags {
            if !found.contains(tag) {
                found.push(tag.clone());
            }
        }
    }
    Some(found)
}

/// A text: the page's id if that is its name, else the first tag.
fn text(name: &str, pages: &[Seen<'_>]) -> String {
    let is_id = matches!(name.to_lowercase().as_str(), "id" | "page_id" | "pageid" | "page");
    let id = pages.iter().find_map(|page| page.id).filter(|_| is_id);
    let tag = || pages.iter().flat_map(|page| page.tags.values()).flatten().next();
    id.map(str::to_owned).or_else(|| tag().cloned()).unwrap_or_default()
}

/// Whether a word stands in a page, by itself; nothing if too much was compared already.
fn stands(word: &str, pages: &[Seen<'_>], left: &mut Left) -> Option<bool> {
    let bytes = pages.iter().map(|page| page.text.len()).sum();
    left.compared = left.compared.checked_sub(bytes)?;
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let word = word.to_lowercase();
    let is_there = pages.iter().any(|page| {
        let text = page.text.to_lowercase();
        text.match_indices(&word).any(|(at, _)| {
            !inside(text[..at].chars().next_back())
                && !inside(text[at + word.len()..].chars().next())
        })
    });
    Some(!word.is_empty() && is_there)
}
