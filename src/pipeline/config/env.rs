//! Settings as words: of `NAME=value` variables, and of `--set key=value`.
//!
//! The variable of a key is `TAG_SPACE_` and the key in capitals; three keys have the names that the
//! plan gave them.

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
    /// An error says what was wanted.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let mut refused: Option<String> = None;
        for value in meanings(text.trim()) {
            let table = toml::Table::from_iter([(key.to_owned(), value)]);
            match table.try_into::<Self>() {
                Ok(patch) => {
                    self.take(patch);
                    return Ok(());
                }
                // What is wrong with a value of the right type says more than that its type is wrong.
                Err(error) => {
                    let known = refused.take().filter(|known| !known.starts_with(WRONG_TYPE));
                    refused = Some(known.unwrap_or_else(|| error.message().to_owned()));
                }
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

    /// Every key that is set, in the order of [`KEYS`](Self::KEYS), with its value as a variable has
    /// it.
    pub fn written(&self) -> Vec<(&'static str, String)> {
        let table = toml::Table::try_from(self).expect("settings are plain values");
        let text = |value: &toml::Value| match value {
            toml::Value::String(word) => word.clone(),
            value => value.to_string(),
        };
        Self::KEYS.iter().filter_map(|key| Some((*key, text(table.get(*key)?)))).collect()
    }
}

/// What a text may mean: what it is in TOML, yes or no, or a word.
fn meanings(text: &str) -> Vec<toml::Value> {
    let mut meanings: Vec<toml::Value> = text.parse().into_iter().collect();
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => meanings.push(toml::Value::Boolean(true)),
        "false" | "0" | "no" | "off" => meanings.push(toml::Value::Boolean(false)),
        _ => {}
    }
    meanings.push(toml::Value::from(text));
    meanings
}

/// How the reader begins what it says of a value of another type.
const WRONG_TYPE: &str = "invalid type";

/// What was wanted, by the reader's own words.
fn wanted(error: &str) -> String {
    let wanted = match error.strip_prefix("expected ") {
        Some(wanted) => wanted.rsplit_once(", found ").map_or(wanted, |(wanted, _)| wanted),
        None => error.rsplit_once(", expected ").map_or(error, |(_, wanted)| wanted),
    };
    if wanted == "a boolean" { "true or false".to_owned() } else { wanted.to_owned() }
}
