//! The form of an answer, as each service takes it.

use serde_json::{Map, Value, json};

use crate::pipeline::taxonomy::Taxonomy;

/// The most tags of a category that are listed as an enum. `OpenAI` takes 1,000 values in a whole
/// schema; Gemini refuses schemas that come to too many states, and states no number.
const MOST_TAGS: usize = 120;

/// How a service writes a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The `OpenAPI` subset that Gemini takes as `responseSchema`: types in capitals.
    Gemini,
    /// JSON Schema as `OpenAI` takes it with `strict`: no object has more than its properties.
    OpenAi,
}

impl Dialect {
    /// A part of this type.
    fn of(self, kind: &str) -> Value {
        match self {
            Self::Gemini => json!({"type": kind.to_ascii_uppercase()}),
            Self::OpenAi => json!({"type": kind}),
        }
    }

    fn list(self, items: Value) -> Value {
        let mut list = self.of("array");
        list["items"] = items;
        list
    }

    /// An object that has all of these properties.
    fn object(self, properties: impl IntoIterator<Item = (String, Value)>) -> Value {
        let properties: Map<String, Value> = properties.into_iter().collect();
        let mut object = self.of("object");
        object["required"] = properties.keys().map(String::as_str).collect();
        object["properties"] = Value::Object(properties);
        if self == Self::OpenAi {
            object["additionalProperties"] = json!(false);
        }
        object
    }
}

/// The form of an answer: for each page its id and a list of tags for each category. Where that is to
/// be said, a tag is one of its category's.
pub(super) fn of_answer(taxonomy: &Taxonomy, dialect: Dialect, has_enum: bool) -> Value {
    let list = |(category, tags): &(String, Vec<String>)| {
        let mut tag = dialect.of("string");
        if has_enum && tags.len() <= MOST_TAGS {
            tag["enum"] = json!(tags);
        }
        (category.clone(), dialect.list(tag))
    };
    let tags = dialect.object(taxonomy.categories().iter().map(list));
    let page = [("id".to_owned(), dialect.of("string")), ("tags".to_owned(), tags)];
    dialect.object([("pages".to_owned(), dialect.list(dialect.object(page)))])
}
