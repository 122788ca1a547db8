//! JSON as it is read from a request: objects are sorted, but a schema keeps the order of its
//! properties, in which a model answers.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Where a schema notes the order of its properties: Gemini's own word for it.
pub const ORDER: &str = "propertyOrdering";

/// Reads JSON. What looks like a schema with properties, and does not state their order, gets the
/// order in which they stand there.
pub fn read(bytes: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice::<Noted>(bytes).map(|noted| noted.value)
}

/// Reads the schema that a text begins with, whatever follows.
pub fn first(text: &str) -> Option<Value> {
    let value = serde_json::Deserializer::from_str(text).into_iter::<Noted>().next()?.ok()?.value;
    Some(value).filter(|value| value["properties"].is_object())
}

/// A value; of an object, its names as they were given.
struct Noted {
    value: Value,
    names: Vec<String>,
}

impl From<Value> for Noted {
    fn from(value: Value) -> Self {
        Self { value, names: Vec::new() }
    }
}

impl<'de> Deserialize<'de> for Noted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Noted;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Noted, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_string<E>(self, value: String) -> Result<Noted, E> {
        Ok(Value::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Noted, A::Error> {
        let mut list = Vec::new();
        while let Some(Noted { value, .. }) = items.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Noted, A::Error> {
        let mut object = Map::new();
        let (mut names, mut order) = (Vec::new(), Vec::new());
        while let Some((name, noted)) = entries.next_entry::<String, Noted>()? {
            if name == "properties" {
                order = noted.names;
            }
            names.push(name.clone());
            object.insert(name, noted.value);
        }
        // A property may be called `properties`; the type of a schema is a name, or several.
        let is_schema = object.get("type").is_some_and(|kind| kind.is_string() || kind.is_array());
        let is_stated = [ORDER, "property_ordering"].iter().any(|name| object.contains_key(*name));
        if is_schema && !order.is_empty() && !is_stated {
            object.insert(ORDER.to_owned(), order.into());
        }
        Ok(Noted { value: Value::Object(object), names })
    }
}
