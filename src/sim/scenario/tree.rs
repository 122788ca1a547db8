//! A TOML document as serde reads it here.
//!
//! It differs from the reader of the `toml` crate in three ways: an error knows the path of keys
//! that leads to it, a list is never taken for a table, and entries that are known to be wrong can
//! be passed over, so that the rest is read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::{de, forward_to_deserialize_any};
use serde_spanned::Spanned;
use serde_spanned::de::{SpannedDeserializer, is_spanned};
use toml::de::{DeArray, DeString, DeTable, DeValue, ValueDeserializer};

use super::diagnostic::{did_you_mean, shortened};

/// A step on the way from the root of a document to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A key of a table.
    Key(String),
    /// An entry of a list, counted from 0.
    Entry(usize),
}

/// The way from the root of a document to a value.
pub(super) type Path = Vec<Step>;

/// The path of these keys.
pub(super) fn path(keys: &[&str]) -> Path {
    keys.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

/// The places of a key and of its value. An entry of a list has only the latter, twice.
pub(super) fn places(root: &DeTable<'_>, path: &[Step]) -> Option<(Range<usize>, Range<usize>)> {
    let (first, rest) = path.split_first()?;
    let Step::Key(key) = first else { return None };
    let (key, mut value) = root.get_key_value(key.as_str())?;
    let mut key = key.span();
    for step in rest {
        match (step, value.get_ref()) {
            (Step::Key(name), DeValue::Table(table)) => {
                let (found, below) = table.get_key_value(name.as_str())?;
                (key, value) = (found.span(), below);
            }
            (Step::Entry(index), DeValue::Array(items)) => {
                value = items.get(*index)?;
                key = value.span();
            }
            _ => return None,
        }
    }
    Some((key, value.span()))
}

/// What does not fit where it stands.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The way to it, and its place in the text.
    pub(super) at: Option<(Path, Range<usize>)>,
    /// The key that is missing there, if that is the problem.
    pub(super) missing: Option<&'static str>,
    /// What was found and what was expected.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

impl Misfit {
    fn new(message: String) -> Self {
        Self { at: None, missing: None, message, help: None }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

/// A kind of value, in the words of a TOML file.
fn found(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Str(text) => format!("string {:?}", shortened(text)),
        other => other.to_string(),
    }
}

/// What a visitor expects, in the words of a TOML file.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    // serde knows a table by the name of the type that it fills.
    match text.as_str() {
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        name if name.starts_with("struct ") => "a table".to_owned(),
        _ => text,
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", wanted(expected), found(&unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let listed = match listed.as_slice() {
            [one, other] => format!("{one} or {other}"),
            all => all.join(", "),
        };
        let message = format!("expected {listed}, found `{}`", shortened(variant));
        Self { help: Some(allowed(variant, known)), ..Self::new(message) }
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let message = format!("unknown key `{}`", shortened(field));
        Self { help: Some(allowed(field, known)), ..Self::new(message) }
    }

    fn missing_field(field: &'static str) -> Self {
        let help = "`tagspace new NAME` writes a scenario with everything that is needed";
        let is_needed = ["schema", "seed", "space", "gemini", "model"].contains(&field);
        let help = is_needed.then(|| help.to_owned());
        let message = format!("`{field}` is missing");
        Self { missing: Some(field), help, ..Self::new(message) }
    }
}

fn allowed(got: &str, known: &[&str]) -> String {
    let allowed = format!("allowed here: {}", known.join(", "));
    match did_you_mean(got, known.iter().copied()) {
        Some(nearest) => format!("{nearest} {allowed}"),
        None => allowed,
    }
}

/// Where a document is being read, and what is passed over.
struct Reading<'t> {
    skip: &'t BTreeSet<Path>,
    path: RefCell<Path>,
}

impl Reading<'_> {
    /// Whether an entry of what is being read is passed over.
    fn skips(&self, step: impl FnOnce() -> Step) -> bool {
        if self.skip.is_empty() {
            return false;
        }
        self.path.borrow_mut().push(step());
        let skips = self.skip.contains(&*self.path.borrow());
        self.path.borrow_mut().pop();
        skips
    }

    /// Reads one step further in; an error without a place gets the place of the step.
    fn within<T>(
        &self,
        step: Step,
        span: Range<usize>,
        read: impl FnOnce() -> Result<T, Misfit>,
    ) -> Result<T, Misfit> {
        self.path.borrow_mut().push(step);
        let read = read().map_err(|misfit| self.placed(misfit, span));
        self.path.borrow_mut().pop();
        read
    }

    fn placed(&self, mut misfit: Misfit, span: Range<usize>) -> Misfit {
        if misfit.at.is_none() {
            misfit.at = Some((self.path.borrow().clone(), span));
        }
        misfit
    }
}

/// Reads a document, without the entries at the paths in `skip`.
pub(super) fn read<'t, T: de::Deserialize<'t>>(
    root: &'t Spanned<DeValue<'t>>,
    skip: &'t BTreeSet<Path>,
) -> Result<T, Misfit> {
    let reading = Reading { skip, path: RefCell::default() };
    let node = Node { value: root.get_ref(), span: root.span(), reading: &reading };
    T::deserialize(node).map_err(|misfit| reading.placed(misfit, root.span()))
}

/// A value of the document.
#[derive(Clone)]
struct Node<'t> {
    value: &'t DeValue<'t>,
    span: Range<usize>,
    reading: &'t Reading<'t>,
}

impl Node<'_> {
    fn misfit(&self, message: String) -> Misfit {
        self.reading.placed(Misfit::new(message), self.span.clone())
    }

    /// A table is not made from a list, though serde would fill its keys in their order.
    fn no_list(&self) -> Result<(), Misfit> {
        let found = match self.value {
            DeValue::Array(_) => "a list",
            DeValue::Datetime(_) => "a date",
            _ => return Ok(()),
        };
        Err(self.misfit(format!("expected a table, found {found}")))
    }
}

impl IntoDeserializer<'_, Misfit> for Node<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let too_large = || Misfit::new("expected a smaller number".to_owned());
        let read = match self.value {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => match u64::from_str_radix(number.as_str(), number.radix()) {
                        Ok(number) => visitor.visit_u64(number),
                        Err(_) => Err(too_large()),
                    },
                }
            }
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(too_large()),
            },
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Datetime(date) => {
                let value = Spanned::new(self.span.clone(), DeValue::Datetime(*date));
                let read = ValueDeserializer::from(value).deserialize_any(visitor);
                read.map_err(|error| {
                    let message = error.message().replacen("invalid type: map, ", "", 1);
                    Misfit::new(format!("{message}, found the date {date} without quotes"))
                })
            }
            DeValue::Array(items) => {
                visitor.visit_seq(Items { items, next: 0, reading: self.reading })
            }
            DeValue::Table(table) => visitor.visit_map(TableEntries {
                entries: table.iter().collect::<Vec<_>>().into_iter(),
                value: None,
                reading: self.reading,
            }),
        };
        read.map_err(|misfit| self.reading.placed(misfit, self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if is_spanned(name) {
            let span = self.span.clone();
            return visitor.visit_map(SpannedDeserializer::new(self, span));
        }
        self.no_list()?;
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.no_list()?;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let DeValue::String(text) = self.value else {
            let wanted: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
            let kind = self.value.type_str();
            return Err(self.misfit(format!("expected one of {}, found {kind}", wanted.join(", "))));
        };
        let read = StrDeserializer::<Misfit>::new(text).deserialize_enum(name, variants, visitor);
        read.map_err(|misfit| self.reading.placed(misfit, self.span))
    }

    forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string seq bytes byte_buf unit
        ignored_any unit_struct tuple_struct tuple identifier
    }
}

/// The entries of a list.
struct Items<'t> {
    items: &'t DeArray<'t>,
    next: usize,
    reading: &'t Reading<'t>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        while self.reading.skips(|| Step::Entry(self.next)) {
            self.next += 1;
        }
        let Some(value) = self.items.get(self.next) else { return Ok(None) };
        let (index, span) = (self.next, value.span());
        self.next += 1;
        let node = Node { value: value.get_ref(), span: span.clone(), reading: self.reading };
        self.reading.within(Step::Entry(index), span, || seed.deserialize(node).map(Some))
    }
}

type TableEntry<'t> = (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>);

/// The entries of a table.
struct TableEntries<'t> {
    entries: std::vec::IntoIter<TableEntry<'t>>,
    value: Option<TableEntry<'t>>,
    reading: &'t Reading<'t>,
}

fn step(key: &Spanned<DeString<'_>>) -> Step {
    Step::Key(key.get_ref().clone().into_owned())
}

impl<'de> MapAccess<'de> for TableEntries<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let reading = self.reading;
        self.value = self.entries.find(|(key, _)| !reading.skips(|| step(key)));
        let Some((key, _)) = self.value else { return Ok(None) };
        let name = Name { name: key.get_ref(), span: key.span() };
        reading.within(step(key), key.span(), || seed.deserialize(name).map(Some))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((key, value)) = self.value.take() else {
            return Err(Misfit::new("expected a key before its value".to_owned()));
        };
        let node = Node { value: value.get_ref(), span: value.span(), reading: self.reading };
        self.reading.within(step(key), value.span(), || seed.deserialize(node))
    }
}

/// The name of a key.
struct Name<'t> {
    name: &'t str,
    span: Range<usize>,
}

impl IntoDeserializer<'_, Misfit> for Name<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.name)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if is_spanned(name) {
            let span = self.span.clone();
            return visitor.visit_map(SpannedDeserializer::new(self, span));
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string seq bytes byte_buf unit
        ignored_any unit_struct tuple_struct tuple identifier option newtype_struct map enum
    }
}
