//! The form of an answer, as each service takes it.

use serde_json::{Map, Value, json};

use crate::pipeline::taxonomy::Taxonomy;

/// The most tags of a category that are listed as an enum. `OpenAI` takes 1,000 values in a whole
/// schema; Gemini refuses schemas that come to too many states, and states no number.
const MOST_TAGS: usize = 120;

/// The form of one tag: one of the category's where that is to be said, else any text.
fn tag(kind: &str, tags: &[String], has_enum: bool) -> Value {
    if has_enum && tags.len() <= MOST_TAGS {
        json!({"type": kind, "enum": tags})
    } else {
        json!({"type": kind})
    }
}

/// The form in the `OpenAPI` subset that Gemini takes (`responseSchema`).
pub(super) fn gemini(taxonomy: &Taxonomy, has_enum: bool) -> Value {
    let list = |(category, tags): &(String, Vec<String>)| {
        (category.clone(), json!({"type": "ARRAY", "items": tag("STRING", tags, has_enum)}))
    };
    let lists: Map<String, Value> = taxonomy.categories().iter().map(list).collect();
    let names: Vec<&String> = taxonomy.categories().iter().map(|(category, _)| category).collect();
    json!({
        "type": "OBJECT",
        "properties": {"pages": {"type": "ARRAY", "items": {
            "type": "OBJECT",
            "properties": {
                "id": {"type": "STRING"},
                "tags": {"type": "OBJECT", "properties": lists, "required": names}
            },
            "required": ["id", "tags"]
        }}},
        "required": ["pages"]
    })
}

/// The same as JSON Schema, as `OpenAI` takes it (`strict`).
pub(super) fn openai(taxonomy: &Taxonomy, has_enum: bool) -> Value {
    let list = |(category, tags): &(String, Vec<String>)| {
        (category.clone(), json!({"type": "array", "items": tag("string", tags, has_enum)}))
    };
    let lists: Map<String, Value> = taxonomy.categories().iter().map(list).collect();
    let names: Vec<&String> = taxonomy.categories().iter().map(|(category, _)| category).collect();
    json!({
        "type": "object",
        "properties": {"pages": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "tags": {
                    "type": "object", "properties": lists, "required": names,
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
