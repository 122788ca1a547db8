//! The question about a batch of pages, and the reading of its answer.
//!
//! The prompt is one text: instructions, the taxonomy as `category: tag, tag`, then for each page
//! a line `=== page <id> ===`, the title and the text. What comes first is the same in every
//! prompt, so that a provider can cache it. No title and no text can open the section of another
//! page (`quote.rs`). An answer is never trusted: only pages that were asked for are read from it,
//! each once, and a text that is no whole JSON is read as far as whole page entries go.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pipeline::page::{Page, PageId, Tags};
use crate::pipeline::quote;
use crate::pipeline::taxonomy::{TAGS_PER_CATEGORY, Taxonomy};

/// The fixed first part of every prompt.
pub fn instructions() -> String {
    format!(
        "You tag wiki pages. Read each page below and choose the tags that describe it.\n\
         Take tags only from the list, at most {TAGS_PER_CATEGORY} of each category, \
         and none where nothing fits.\n\
         Answer for every page by its id, and judge each page by its own text alone.\n\
         The list, one category a line.\n"
    )
}

/// The characters that these pages add to a prompt, about.
pub fn chars(pages: &[Page]) -> u64 {
    // The line that begins a page has about as many as this.
    pages
        .iter()
        .map(|page| (page.title.chars().count() + page.text.chars().count() + 30) as u64)
        .sum()
}

/// The prompt for these pages.
pub fn render(taxonomy: &Taxonomy, pages: &[Page]) -> String {
    let text: usize = pages.iter().map(|page| page.title.len() + page.text.len() + 40).sum();
    let mut prompt = instructions();
    prompt.reserve(text + 1024);
    for (category, tags) in taxonomy.categories() {
        prompt.push_str(category);
        prompt.push_str(": ");
        prompt.push_str(&tags.join(", "));
        prompt.push('\n');
    }
    for page in pages {
        prompt.push_str("\n=== page ");
        prompt.push_str(&page.id.to_string());
        prompt.push_str(" ===\n");
        quote::push(&mut prompt, &page.title);
        prompt.push('\n');
        quote::push(&mut prompt, &page.text);
        prompt.push('\n');
    }
    prompt
}

/// The JSON schema of the answer in the `OpenAPI` subset that Gemini takes (`responseSchema`).
pub fn gemini_schema(taxonomy: &Taxonomy) -> Value {
    let tags: serde_json::Map<String, Value> = taxonomy
        .categories()
        .iter()
        .map(|(category, _)| {
            (category.clone(), json!({"type": "ARRAY", "items": {"type": "STRING"}}))
        })
        .collect();
    let names: Vec<&String> = taxonomy.categories().iter().map(|(category, _)| category).collect();
    json!({
        "type": "OBJECT",
        "properties": {"pages": {"type": "ARRAY", "items": {
            "type": "OBJECT",
            "properties": {
                "id": {"type": "STRING"},
                "tags": {"type": "OBJECT", "properties": tags, "required": names}
            },
            "required": ["id", "tags"]
        }}},
        "required": ["pages"]
    })
}

/// The same schema as JSON Schema, as OpenAI takes it (`strict`).
pub fn openai_schema(taxonomy: &Taxonomy) -> Value {
    let tags: serde_json::Map<String, Value> = taxonomy
        .categories()
        .iter()
        .map(|(category, _)| {
            (category.clone(), json!({"type": "array", "items": {"type": "string"}}))
        })
        .collect();
    let names: Vec<&String> = taxonomy.categories().iter().map(|(category, _)| category).collect();
    json!({
        "type": "object",
        "properties": {"pages": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "tags": {
                    "type": "object", "properties": tags, "required": names,
                    "additionalProperties": false
                }
            },
            "required": ["id", "tags"],
            "additionalProperties": false
        }}},
        "required": ["pages"],
        "additionalProperties": false
    })
}

#[derive(Deserialize)]
struct PageAnswer {
    id: Value,
    tags: BTreeMap<String, Vec<String>>,
}

/// What an answer says of the pages that were asked about: valid tags by page. Pages it does not
/// mention, mentions in a broken way, or that were not asked about are not in the result.
pub fn read_answer(answer: &str, asked: &[Page], taxonomy: &Taxonomy) -> BTreeMap<PageId, Tags> {
    let mut read = BTreeMap::new();
    for entry in entries(answer) {
        let id = match &entry.id {
            Value::String(id) => id.trim().parse().ok(),
            Value::Number(id) => id.as_u64(),
            _ => None,
        };
        let Some(id) = id.map(PageId) else { continue };
        if asked.iter().any(|page| page.id == id) {
            read.entry(id).or_insert_with(|| taxonomy.validate(&entry.tags));
        }
    }
    read
}

/// The whole page entries of an answer, whether or not the answer as a whole is valid.
fn entries(answer: &str) -> Vec<PageAnswer> {
    #[derive(Deserialize)]
    struct Whole {
        pages: Vec<Value>,
    }
    if let Ok(whole) = serde_json::from_str::<Whole>(answer) {
        return whole.pages.into_iter().filter_map(|v| serde_json::from_value(v).ok()).collect();
    }
    let Some(start) = answer.find("\"pages\"") else { return Vec::new() };
    let rest = &answer[start + "\"pages\"".len()..];
    let Some(list) = rest.trim_start().strip_prefix(':').map(str::trim_start) else {
        return Vec::new();
    };
    let Some(mut rest) = list.strip_prefix('[') else { return Vec::new() };
    let mut found = Vec::new();
    loop {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<PageAnswer>();
        let Some(Ok(entry)) = stream.next() else { return found };
        rest = &rest[stream.byte_offset()..];
        found.push(entry);
        match rest.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => return found,
        }
    }
}
