//! What a run is made of, key by key: its settings and its world, and in which keys two of them
//! differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::fakes::content::documents::Source;
use crate::pipeline::config::{Settings, SettingsPatch};
use crate::sim::scenario::Scenario;

/// Keys as a scenario names them, each with its value as text.
pub type Keys = BTreeMap<String, String>;

/// A key that both sides have with other values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The run, where only some of the runs have the change.
    pub run: Option<String>,
    /// The key, such as `batch_size` or `gemini.quota.requests`.
    pub key: String,
    /// Its value in the base; `none` where it is not set.
    pub base: String,
    /// Its value now.
    pub new: String,
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, key, base, new } = self;
        let run = run.as_ref().map_or(String::new(), |run| format!("{run}: "));
        write!(f, "{run}{key}: {base} -> {new}")
    }
}

/// What a setting is, in a sentence, as the schema of scenarios has it; nothing for other keys.
pub fn meaning(key: &str) -> String {
    static SCHEMA: LazyLock<Json> =
        LazyLock::new(|| to_json(&schemars::schema_for!(SettingsPatch)));
    let text = SCHEMA["properties"][key]["description"].as_str().unwrap_or_default();
    // Its first sentence is enough.
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].replace('\n', " ").replace('`', "")
}

/// The settings of a pipeline, by the keys of `[pipeline]`.
pub fn of_config(config: &Settings) -> Keys {
    let mut keys = Keys::new();
    flatten("", &to_json(config), &mut keys);
    // In a scenario the schedule's keys stand beside the others.
    let named = |(key, value): (String, String)| match key.strip_prefix("backoff.") {
        Some(key) => (format!("backoff_{key}"), value),
        None => (key, value),
    };
    keys.into_iter().map(named).collect()
}

/// The world of a scenario, by its keys.
pub fn of_world(scenario: &Scenario) -> Keys {
    let world = &scenario.world;
    let mut keys = Keys::new();
    let mut space = world.space.clone();
    space.dir = None;
    let names: Vec<String> = world.documents.iter().map(Source::name).collect();
    keys.insert("fakes".to_owned(), crate::fakes::VERSION.to_string());
    keys.insert("start".to_owned(), world.start.to_string());
    flatten("taxonomy", &to_json(&world.taxonomy), &mut keys);
    flatten("space", &to_json(&space), &mut keys);
    if !names.is_empty() {
        keys.insert("space.dir".to_owned(), format!("documents {}", digest(&names)));
    }
    flatten("confluence", &to_json(&world.confluence.0), &mut keys);
    flatten("gemini", &to_json(&world.gemini.0), &mut keys);
    let mut latencies = vec![("confluence", &world.confluence.1), ("gemini", &world.gemini.1)];
    if scenario.has_fallback {
        flatten("openai", &to_json(&world.openai.0), &mut keys);
        latencies.push(("openai", &world.openai.1));
    }
    for (service, latency) in latencies {
        // The measurements of a file are part of the world, not only its name.
        if keys.contains_key(&format!("{service}.latency.csv")) {
            keys.insert(
                format!("{service}.latency.csv"),
                format!("measurements {}", digest(latency)),
            );
        }
    }
    for run in &scenario.runs {
        let own = [
            ("changed_ratio", to_json(&run.changed_ratio)),
            ("start_after_s", to_json(&run.start_after_s)),
            ("pages", to_json(&run.pages)),
            ("cancel_at_s", to_json(&run.cancel_at_s)),
            ("fresh", to_json(&run.fresh)),
        ];
        for (key, value) in own {
            flatten(&format!("run.{}.{key}", run.name), &value, &mut keys);
        }
    }
    keys
}

/// In which keys two of them differ.
pub fn changed(base: &Keys, new: &Keys) -> Vec<Changed> {
    let keys: BTreeSet<&String> = base.keys().chain(new.keys()).collect();
    let none = || "none".to_owned();
    let value = |of: &Keys, key: &String| of.get(key).cloned().unwrap_or_else(none);
    keys.into_iter()
        .map(|key| Changed {
            run: None,
            key: key.clone(),
            base: value(base, key),
            new: value(new, key),
        })
        .filter(|changed| changed.base != changed.new)
        .collect()
}

fn to_json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// Every value below a JSON value, by its path; lists are one value.
fn flatten(path: &str, value: &Json, into: &mut Keys) {
    match value {
        Json::Null => {}
        Json::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, into);
            }
        }
        Json::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}

/// The first digits of a digest, which tell one from another.
fn digest(value: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut digits = base16ct::lower::encode_string(&Sha256::digest(&bytes));
    digits.truncate(12);
    digits
}
