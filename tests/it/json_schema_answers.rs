//! The forms that a model's answers take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tagspace::internals::fakes::llm::json_schema;
use tagspace::internals::fakes::ordered;

#[test]
fn a_form_of_parts_bounds_and_formats_is_kept() {
    let schema = json!({
        "$defs": {"when": {"properties": {"on": {"type": "string", "format": "date"}},
                           "required": ["on"]}},
        "type": "object",
        "allOf": [
            {"$ref": "#/$defs/when"},
            {"properties": {
                "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "below": {"type": "integer", "maximum": -3},
                "above": {"type": "integer", "exclusiveMinimum": 4},
                "kinds": {"type": "array", "minItems": 3, "uniqueItems": true,
                          "items": {"enum": ["tool", "guide", "kafka", "page"]}}
            }, "required": ["share", "below", "above", "kinds"]}
        ]
    });
    let seen =
        json_schema::TaggedPage { id: Some("7"), text: "A guide to kafka", tags: BTreeMap::new() };
    let filled = json_schema::fill(&schema, &[seen]).unwrap();
    let filled: Value = serde_json::from_str(&filled).unwrap();
    assert_eq!(filled["on"], "2026-01-01");
    assert_eq!(filled["share"], 0.5);
    assert_eq!(filled["below"], -3);
    assert_eq!(filled["above"], 5);
    let kinds: BTreeSet<&str> =
        filled["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 3, "{filled}");
    assert!(json_schema::fits(&filled, &schema));
    let mut broken = filled.clone();
    broken.as_object_mut().unwrap().remove("on");
    assert!(!json_schema::fits(&broken, &schema), "what `allOf` requires is required");
    broken = filled;
    broken["kinds"] = json!(["tool", "tool", "guide"]);
    assert!(!json_schema::fits(&broken, &schema), "what is there twice is not unique");
}

#[test]
fn properties_keep_the_order_of_the_schema() {
    let text = br#"{"type": "object", "required": ["tool", "doc"], "properties": {
        "tool": {"type": "array", "items": {"type": "string"}},
        "properties": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "null"}}},
        "doc": {"type": "array", "items": {"type": "string"}}}}"#;
    let schema = ordered::read(text).unwrap();
    let tags = BTreeMap::from([
        ("doc".to_owned(), vec!["guide".to_owned()]),
        ("tool".to_owned(), vec!["kafka".to_owned()]),
    ]);
    let seen = json_schema::TaggedPage { id: None, text: "A guide to kafka", tags };
    let filled = json_schema::fill(&schema, &[seen]).unwrap();
    let wanted = r#"{"tool":["kafka"],"properties":{"z":"guide","a":null},"doc":["guide"]}"#;
    assert_eq!(filled, wanted);
    let value: Value = serde_json::from_str(&filled).unwrap();
    assert_ne!(value.to_string(), wanted, "sorted by name");
    assert_eq!(json_schema::in_order(&value, &schema), wanted);
}

#[test]
fn a_form_without_required_properties_is_still_the_form() {
    let schema = json!({"type": "object", "properties": {
        "tags": {"type": "array", "items": {"type": "string"}}, "summary": {"type": "string"}}});
    assert!(json_schema::fits(&json!({"tags": []}), &schema));
    assert!(!json_schema::fits(&json!({"doc": [], "tool": []}), &schema), "no property of it");
    assert!(json_schema::fits(&json!({"doc": []}), &json!({"type": "object"})), "any object");
}
