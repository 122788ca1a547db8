//! What the service refuses of a `Schema` whose fields it knows.

use serde_json::Value;

use crate::fakes::ordered;

/// The first part that the service would not take, in its words.
pub(super) fn refused(schema: &Value) -> Option<String> {
    let found = refused_at(schema, "generation_config.response_schema")?;
    Some(format!("* GenerateContentRequest.{found}\n"))
}

fn refused_at(schema: &Value, at: &str) -> Option<String> {
    let entries = schema.as_object()?;
    let is_of = |kind: &str| {
        schema["type"].as_str().is_some_and(|stated| stated.eq_ignore_ascii_case(kind))
    };
    if is_of("array") && !schema["items"].is_object() {
        return Some(format!("{at}.items: missing field."));
    }
    if entries.get("enum").is_some_and(|choices| choices.as_array().is_some_and(|c| !c.is_empty()))
        && !is_of("string")
    {
        return Some(format!("{at}.enum: only allowed for STRING type"));
    }
    let properties = schema["properties"].as_object();
    let required = schema["required"].as_array().into_iter().flatten().enumerate();
    for (index, name) in required {
        let is_there = name.as_str().zip(properties).is_some_and(|(name, p)| p.contains_key(name));
        if !is_there {
            return Some(format!("{at}.required[{index}]: property is not defined"));
        }
    }
    let order = schema[ordered::ORDER].as_array().into_iter().flatten().filter_map(Value::as_str);
    let inside = order
        .filter_map(|name| Some((name, properties?.get(name)?)))
        .find_map(|(name, property)| refused_at(property, &format!("{at}.properties[\"{name}\"]")));
    inside.or_else(|| refused_at(schema.get("items")?, &format!("{at}.items")))
}
