//! Settings as words: of `NAME=value` variables, and of `--set key=value`.
//!
//! The variable of a key is `TAG_SPACE_` and the key in capitals; three keys have the names that the
//! plan gave them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::settings::{SettingsError, SettingsPatch};

/// What every variable of a setting begins with.
pub const PREFIX: &str = "TAG_SPACE_";

/// The plan's own names, with the keys that they set.
const NAMES_OF_THE_PLAN: [(&str, &str); 3] = [
    ("TAG_SPACE_AI_CONCURRENCY", "concurrency"),
    ("TAG_SPACE_MAX_AI_CONCURRENCY", "max_concurrency"),
    ("TAG_SPACE_CACHE_ENABLED", "cache"),
];

/// The variable that sets a key.
pub fn variable_of(key: &str) -> String {
    match NAMES_OF_THE_PLAN.iter().find(|(_, set)| *set == key) {
        Some((name, _)) => (*name).to_owned(),
        None => format!("{PREFIX}{}", key.to_ascii_uppercase()),
    }
}

/// The key that a variable sets, if it sets one.
pub fn key_of(variable: &str) -> Option<&'static str> {
    SettingsPatch::KEYS.iter().find(|key| variable_of(key) == variable).copied()
}

impl SettingsPatch {
    /// Sets a key to a value as people write it: a number, `true` or `yes`, a word, an inline table.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let text = text.trim();
        let read = |value: Value| {
            let table = Map::from_iter([(key.to_owned(), value)]);
            Self::deserialize(Value::Object(table)).map_err(|error| error.to_string())
        };
        let mut refused = None;
        for value in meanings(text) {
            match read(value) {
                Ok(patch) if key == "profile" => {
                    self.profile = patch.profile;
                    return Ok(());
                }
                Ok(patch) => {
                    *self = patch.over(self);
                    return Ok(());
                }
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        Err(wanted(&refused.unwrap_or_default()))
    }

    /// Reads the variable of every key through `variable`, over what is set already.
    pub fn read_env(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), SettingsError> {
        for key in Self::KEYS {
            let name = variable_of(key);
            let Some(got) = variable(&name) else { continue };
            if let Err(wanted) = self.set(key, &got) {
                return Err(SettingsError::Variable { name, got, wanted });
            }
        }
        Ok(())
    }
}

/// What a text may mean: what it is in TOML, yes or no, or a word.
fn meanings(text: &str) -> Vec<Value> {
    let mut meanings = Vec::new();
    if let Ok(table) = format!("x = {text}").parse::<toml::Table>()
        && let Some(value) = table.get("x").and_then(|value| serde_json::to_value(value).ok())
    {
        meanings.push(value);
    }
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => meanings.push(Value::Bool(true)),
        "false" | "0" | "no" | "off" => meanings.push(Value::Bool(false)),
        _ => {}
    }
    meanings.push(Value::from(text));
    meanings
}

/// What was wanted, by the reader's own words.
fn wanted(error: &str) -> String {
    let wanted = error.split_once("expected ").map_or(error, |(_, wanted)| wanted);
    let wanted = wanted.split_once(", found ").map_or(wanted, |(wanted, _)| wanted);
    match wanted {
        "a boolean" => "true or false".to_owned(),
        wanted => wanted.to_owned(),
    }
}
