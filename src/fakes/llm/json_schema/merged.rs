//! The parts of a schema that `allOf` names, as one schema.

use std::borrow::Cow;

use serde_json::Value;

/// A form with more values than this, all that its references name included, is too large as well.
const MOST_PARTS: usize = 100_000;

/// What of `allOf` is one schema: the parts of each are put together, the first word counts. Nothing
/// if that is too large: a schema that refers to itself twice has no end.
pub(super) fn merged(schema: &Value) -> Option<Cow<'_, Value>> {
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

/// A form that must go deeper than this is none that the service would take.
pub(super) const TOO_DEEP: usize = 48;
