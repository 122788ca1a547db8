//! The limit of a target as it is written: as text or as a table, one or several.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_spanned::Spanned;

/// One limit or several: `"<= 20"`, `["p95 <= 45s", "max <= 60s"]`, or tables in place of texts.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum OneOrMany {
    /// One.
    One(LimitFile),
    /// Several.
    Many(Vec<LimitFile>),
}

/// A limit as it is written: `"p95 <= 45s"`, or `{ limit = "p95 <= 45s", over = "tagged" }`.
#[derive(Debug, Clone)]
pub struct LimitFile {
    /// The limit.
    pub limit: Spanned<String>,
    /// The pages that it looks at (default: all).
    pub over: Option<Spanned<String>>,
}

/// The table form of a limit.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LimitTable {
    /// The limit, such as `p95 <= 45s`.
    #[schemars(with = "String")]
    limit: Spanned<String>,
    /// The pages that it looks at (default: all).
    #[schemars(with = "Option<String>")]
    over: Option<Spanned<String>>,
}

/// The two forms of a limit, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum LimitForms {
    /// As text.
    Text(String),
    /// As a table.
    Table(LimitTable),
}

impl JsonSchema for LimitFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        LimitForms::json_schema(generator)
    }
}

impl OneOrMany {
    /// The limits, in the order in which they are written.
    pub fn all(&self) -> &[LimitFile] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What a limit is made from; a text gets its place afterwards.
enum WrittenLimit {
    Text(String),
    Table(LimitTable),
    Many(Vec<LimitFile>),
}

fn refuse<T, E: Error>(found: impl fmt::Display) -> Result<T, E> {
    Err(E::custom(format!("expected a limit such as \"<= 20\", or a list of them, found {found}")))
}

struct Limit;

impl<'de> Visitor<'de> for Limit {
    type Value = WrittenLimit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit such as \"<= 20\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WrittenLimit, E> {
        Ok(WrittenLimit::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenLimit, A::Error> {
        LimitTable::deserialize(MapAccessDeserializer::new(map)).map(WrittenLimit::Table)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<WrittenLimit, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(WrittenLimit::Many)
    }

    fn visit_i64<E: Error>(self, found: i64) -> Result<WrittenLimit, E> {
        refuse(found)
    }

    fn visit_f64<E: Error>(self, found: f64) -> Result<WrittenLimit, E> {
        refuse(found)
    }

    fn visit_bool<E: Error>(self, found: bool) -> Result<WrittenLimit, E> {
        refuse(found)
    }
}

impl<'de> Deserialize<'de> for WrittenLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Limit)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Spanned::<WrittenLimit>::deserialize(deserializer)?;
        let span = written.span();
        Ok(match written.into_inner() {
            WrittenLimit::Text(text) => {
                Self::One(LimitFile { limit: Spanned::new(span, text), over: None })
            }
            WrittenLimit::Table(LimitTable { limit, over }) => Self::One(LimitFile { limit, over }),
            WrittenLimit::Many(many) => Self::Many(many),
        })
    }
}

impl<'de> Deserialize<'de> for LimitFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OneOrMany::deserialize(deserializer)? {
            OneOrMany::One(one) => Ok(one),
            OneOrMany::Many(_) => refuse("a list within a list"),
        }
    }
}
