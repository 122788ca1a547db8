//! What the service refuses of a strict schema: it must say of every object that it has no more than
//! its properties, and that it has all of them.

use serde_json::Value;

use crate::fakes::ordered;

/// What is wrong with the first part that the service would not take, in its words.
pub(super) fn problem(schema: &Value) -> Option<String> {
    if schema["type"] != "object" {
        let got = schema["type"].as_str().unwrap_or("None");
        return Some(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."
        ));
    }
    problem_at(schema, &mut Vec::new())
}

/// The same of a part, whose place is told by the names that lead there.
fn problem_at<'a>(schema: &'a Value, path: &mut Vec<&'a str>) -> Option<String> {
    let wrong = |path: &[&str], what: &str| Some(format!("In context={}, {what}", context(path)));
    let entries = schema.as_object()?;
    let has = |name: &str| entries.contains_key(name);
    if !["type", "$ref", "anyOf", "enum", "const"].into_iter().any(has) {
        return wrong(path, "schema must have a 'type' key.");
    }
    let properties = schema["properties"].as_object();
    if schema["type"] == "object" {
        if schema["additionalProperties"] != false {
            let what = "'additionalProperties' is required to be supplied and to be false.";
            return wrong(path, what);
        }
        let order = schema[ordered::ORDER].as_array().into_iter().flatten();
        let required = schema["required"].as_array();
        let is_required = |name: &Value| required.is_some_and(|required| required.contains(name));
        let must = "'required' is required to be supplied and to be an array including every key in \
                    properties.";
        let missing =
            order.filter_map(Value::as_str).find(|name| !is_required(&Value::from(*name)));
        if let Some(name) = missing {
            return wrong(path, &format!("{must} Missing '{name}'."));
        }
        let mut extra = required.into_iter().flatten().filter_map(Value::as_str);
        let is_known = |name: &str| properties.is_some_and(|known| known.contains_key(name));
        if let Some(name) = extra.find(|name| !is_known(name)) {
            return wrong(path, &format!("{must} Extra required key '{name}' supplied."));
        }
    }
    for list in ["properties", "$defs", "definitions"] {
        for (name, part) in schema[list].as_object().into_iter().flatten() {
            path.extend([list, name]);
            let problem = problem_at(part, path);
            path.truncate(path.len() - 2);
            if problem.is_some() {
                return problem;
            }
        }
    }
    let any = schema["anyOf"].as_array().into_iter().flatten().map(|part| ("anyOf", part));
    let items = Some(("items", &schema["items"])).filter(|(_, items)| items.is_object());
    for (name, part) in any.chain(items) {
        path.push(name);
        let problem = problem_at(part, path);
        path.pop();
        if problem.is_some() {
            return problem;
        }
    }
    None
}

/// A place as the service writes it: a tuple of Python.
fn context(path: &[&str]) -> String {
    let names = path.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let comma = if path.len() == 1 { "," } else { "" };
    format!("({names}{comma})")
}
