//! The form of an answer: whether it is the one that a schema asks for, and one that is.
//!
//! Schemas are JSON Schema as OpenAI takes it, or the subset of OpenAPI that Gemini takes, with
//! types in upper case. What a form says is made of the pages of the prompt alone: an array of
//! objects has one for each page, a list of texts holds the page's tags, a choice is one of the
//! words that stand in the page.

mod merged;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::merged::merged;
use crate::fakes::llm::json_schema::merged::TOO_DEEP;
use crate::fakes::llm::model::TagMap;
use crate::fakes::ordered;
use crate::units::whole;

/// A page of a prompt, with the tags that the model found.
#[derive(Debug, Clone)]
pub struct TaggedPage<'a> {
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
/// The same of one with more values than this.
const MOST_VALUES: usize = 5_000;

/// The same of one whose choices are compared with more text than this, in bytes.
const MOST_COMPARED: usize = 500_000_000;

/// What is left of a form that may be filled in.
struct FillBudget {
    values: usize,
    compared: usize,
}

/// A form that asks for more than this gets no more.
const MOST_FILLED: usize = 100;

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

    /// The properties in their order; those of which none is stated come last.
    fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        let properties = self.at["properties"].as_object();
        let order = self.at.get(ordered::ORDER).unwrap_or(&self.at["property_ordering"]);
        let order = order.as_array().into_iter().flatten().filter_map(Value::as_str);
        let stated = order.filter_map(move |name| properties?.get_key_value(name));
        let mut names = BTreeSet::new();
        stated
            .chain(properties.into_iter().flatten())
            .filter(move |(name, _)| names.insert(name.as_str()))
            .map(move |(name, at)| (name.as_str(), self.part(at)))
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

/// The first schema of an object that stands in a prompt, as clients write it there that ask for JSON
/// without saying in the request of which form.
pub fn told_in(prompt: &str) -> Option<Value> {
    let until = prompt.find("\"properties\"")?;
    let starts = prompt[..until].match_indices('{').map(|(at, _)| at);
    // It may stand in braces of something else, and those not be JSON.
    starts.rev().take(DEEPEST).filter_map(|at| ordered::first(&prompt[at..])).last()
}

/// Whether a value has the form that a schema asks for, and nothing besides.
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
            let known = match schema.at["properties"].as_object() {
                Some(known) => entries.keys().all(|name| known.contains_key(name)),
                None => schema.at["additionalProperties"] != false || entries.is_empty(),
            };
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

/// A value without what a model cannot write that is held to a schema: items that are none of the
/// choices.
pub fn constrained(mut value: Value, schema: &Value) -> Value {
    if let Some(schema) = merged(schema) {
        constrain(&mut value, Schema { at: &schema, root: &schema }.resolved(), 0);
    }
    value
}

fn constrain(value: &mut Value, schema: Schema<'_>, depth: usize) {
    match value {
        Value::Object(entries) if depth <= DEEPEST => {
            for (name, part) in schema.properties() {
                if let Some(entry) = entries.get_mut(name) {
                    constrain(entry, part, depth + 1);
                }
            }
        }
        Value::Array(items) if depth <= DEEPEST => {
            let part = schema.part(&schema.at["items"]);
            if let Some(choices) = part.choices() {
                items.retain(|item| choices.contains(item));
            }
            for item in items {
                constrain(item, part, depth + 1);
            }
        }
        _ => {}
    }
}

/// A value that has the form, as a text in which properties stand in the order of the schema.
pub fn in_order(value: &Value, schema: &Value) -> String {
    match merged(schema) {
        Some(schema) => written(value, Schema { at: &schema, root: &schema }.resolved(), 0),
        None => value.to_string(),
    }
}

fn written(value: &Value, schema: Schema<'_>, depth: usize) -> String {
    match value {
        Value::Object(entries) if depth <= DEEPEST => {
            let known = schema.properties();
            let known = known.filter_map(|(name, part)| {
                Some((name.to_owned(), written(entries.get(name)?, part, depth + 1)))
            });
            let known: Vec<(String, String)> = known.collect();
            let is_other = |name: &&String| known.iter().all(|(known, _)| known != *name);
            let others = entries.keys().filter(is_other);
            let others = others.map(|name| (name.clone(), entries[name].to_string()));
            let others: Vec<(String, String)> = others.collect();
            object(known.into_iter().chain(others))
        }
        Value::Array(items) => {
            let part = schema.part(&schema.at["items"]);
            list(&items.iter().map(|item| written(item, part, depth + 1)).collect::<Vec<_>>())
        }
        leaf => leaf.to_string(),
    }
}

/// An object of values that are written already.
fn object(entries: impl IntoIterator<Item = (String, String)>) -> String {
    let entries = entries.into_iter().map(|(name, value)| format!("{}:{value}", json!(name)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// The text of a value of the form that a schema asks for, about these pages; nothing if the form is
/// too large.
pub fn fill(schema: &Value, pages: &[TaggedPage<'_>]) -> Option<String> {
    let schema = merged(schema)?;
    let schema = &*schema;
    let mut left = FillBudget { values: MOST_VALUES, compared: MOST_COMPARED };
    fill_at(Schema { at: schema, root: schema }.resolved(), "", pages, 0, &mut left)
}

fn fill_at(
    schema: Schema<'_>,
    name: &str,
    pages: &[TaggedPage<'_>],
    depth: usize,
    left: &mut FillBudget,
) -> Option<String> {
    left.values = left.values.checked_sub(1).filter(|_| depth <= TOO_DEEP)?;
    if let Some(constant) = schema.at.get("const") {
        return Some(constant.to_string());
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
        return Some(choice.unwrap_or(&Value::Null).to_string());
    }
    Some(match schema.kind().as_str() {
        "object" => {
            let required = schema.at["required"].as_array().into_iter().flatten();
            let required: BTreeSet<&str> = required.filter_map(Value::as_str).collect();
            let wanted = |name: &str| depth < FREELY || required.contains(name);
            let mut filled = Vec::new();
            for (name, part) in schema.properties().filter(|(name, _)| wanted(name)) {
                filled.push((name.to_owned(), fill_at(part, name, pages, depth + 1, left)?));
            }
            object(filled)
        }
        "array" => list(&items(schema, name, pages, depth, left)?),
        "integer" | "number" => least(schema).to_string(),
        "boolean" => pages.iter().any(|page| page.tags.values().any(|t| !t.is_empty())).to_string(),
        "null" => Value::Null.to_string(),
        _ => {
            if let Some(text) = schema.at["format"].as_str().and_then(formatted) {
                return Some(json!(text).to_string());
            }
            let text = text(name, pages);
            let most = schema.number("maxLength", "max_length").unwrap_or(usize::MAX);
            let least = schema.number("minLength", "min_length").unwrap_or(0).min(MOST_FILLED);
            let missing = least.saturating_sub(text.chars().count());
            let filler = std::iter::repeat_n('x', missing);
            json!(text.chars().take(most).chain(filler).collect::<String>()).to_string()
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

/// The items of a list, written: texts of the pages, or one object for each page.
fn items(
    schema: Schema<'_>,
    name: &str,
    pages: &[TaggedPage<'_>],
    depth: usize,
    left: &mut FillBudget,
) -> Option<Vec<String>> {
    let part = schema.part(&schema.at["items"]);
    let mut items: Vec<String> = Vec::new();
    match part.kind().as_str() {
        "string" => {
            let words = words(part, name, pages, left)?;
            items.extend(words.into_iter().map(|word| json!(word).to_string()));
        }
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
        let mut once: Vec<String> = Vec::new();
        for item in items {
            if !once.contains(&item) {
                once.push(item);
            }
        }
        items = once;
        let choices = part.choices().into_iter().flatten().map(Value::to_string);
        let others: Vec<String> = choices.filter(|word| !items.contains(word)).collect();
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
    pages: &[TaggedPage<'_>],
    left: &mut FillBudget,
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
fn text(name: &str, pages: &[TaggedPage<'_>]) -> String {
    let is_id = matches!(name.to_lowercase().as_str(), "id" | "page_id" | "pageid" | "page");
    let id = pages.iter().find_map(|page| page.id).filter(|_| is_id);
    let tag = || pages.iter().flat_map(|page| page.tags.values()).flatten().next();
    id.map(str::to_owned).or_else(|| tag().cloned()).unwrap_or_default()
}

/// Whether a word stands in a page, by itself; nothing if too much was compared already.
fn stands(word: &str, pages: &[TaggedPage<'_>], left: &mut FillBudget) -> Option<bool> {
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
