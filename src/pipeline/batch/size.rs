//! How many pages a prompt holds: a number, or `auto`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// How many pages share a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// This number, from 1 to 1,000.
    Pages(u64),
    /// As many as serve best when a call may start; see [`plan`](super::plan).
    Auto,
}

/// The word for [`BatchSize::Auto`].
const AUTO: &str = "auto";
const MAX_PAGES: u64 = 1000;
/// What may be written.
const WANTED: &str = "a whole number from 1 to 1000, or `auto`";

impl BatchSize {
    fn of(pages: u64) -> Option<Self> {
        (1..=MAX_PAGES).contains(&pages).then_some(Self::Pages(pages))
    }
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Pages(pages) => serializer.serialize_u64(*pages),
            Self::Auto => serializer.serialize_str(AUTO),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchSizeVisitor;
        fn wrong<E: Error>(got: impl fmt::Display) -> E {
            E::custom(format!("expected {WANTED}, found {got}"))
        }
        impl Visitor<'_> for BatchSizeVisitor {
            type Value = BatchSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WANTED)
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<BatchSize, E> {
                u64::try_from(value).ok().and_then(BatchSize::of).ok_or_else(|| wrong(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<BatchSize, E> {
                BatchSize::of(value).ok_or_else(|| wrong(value))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<BatchSize, E> {
                Err(wrong(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<BatchSize, E> {
                if value == AUTO { Ok(BatchSize::Auto) } else { Err(wrong(format!("`{value}`"))) }
            }
        }
        deserializer.deserialize_any(BatchSizeVisitor)
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": MAX_PAGES },
                { "const": AUTO }
            ]
        })
    }
}
