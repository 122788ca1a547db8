//! The forms that a model's answers take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tagspace::fakes::form;

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
    let seen = form::Seen { id: Some("7"), text: "A guide to kafka", tags: BTreeMap::new() };
    let filled = form::fill(&schema, &[seen]).unwrap();
    assert_eq!(filled["on"], "2026-01-01");
    assert_eq!(filled["share"], 0.5);
    assert_eq!(filled["below"], -3);
    assert_eq!(filled["above"], 5);
    let kinds: BTreeSet<&str> =
        filled["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 3, "{filled}");
    assert!(form::fits(&filled, &schema));
    let mut broken = filled.clone();
    broken.as_object_mut().unwrap().remove("on");
    assert!(!form::fits(&broken, &schema), "what `allOf` requires is required");
    broken = filled;
    broken["kinds"] = json!(["tool", "tool", "guide"]);
    assert!(!form::fits(&broken, &schema), "what is there twice is not unique");
}
