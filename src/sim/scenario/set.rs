//! `--set key=value` and `--env-file`: changes on top of a scenario file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::problem::{Problem, did_you_mean};
use crate::pipeline::config::{ConfigError, Overrides, VARIABLES};

/// Puts `key=value` pairs into a scenario's text. Keys are dotted; a run is named
/// (`run.second.changed_ratio`). What is no TOML value is taken as a string. A key of `pipeline` is
/// set for every run, also for those that have settings of their own. A folder that is set comes
/// with all its files: the file's own `space.pages` no longer caps them.
pub fn apply(text: &str, settings: &[String], cwd: &Path) -> Result<String, Problem> {
    // What is no TOML is told with its place by whoever reads it next.
    let Ok(mut document) = text.parse::<DocumentMut>() else { return Ok(text.to_owned()) };
    for setting in settings {
        let wanted = "`key=value` with a dotted key, such as `pipeline.batch_size=10`";
        let Some((key, value)) = setting.split_once('=') else {
            return Err(problem(setting, format!("got `{setting}`, wanted {wanted}"), None));
        };
        let (key, value) = (key.trim(), value.trim());
        let mut value: Value = value.parse().unwrap_or_else(|_| Value::from(value));
        if key == "space.dir"
            && let Some(dir) = value.as_str()
        {
            value = Value::from(cwd.join(dir).to_string_lossy().into_owned());
            document.get_mut("space").and_then(Item::as_table_like_mut).map(|s| s.remove("pages"));
        }
        if let Some(key) = key.strip_prefix("pipeline.") {
            set_in_runs(&mut document, key, &value);
        }
        place(document.as_table_mut(), key, key, value)
            .map_err(|message| problem(setting, message, None))?;
    }
    Ok(document.to_string())
}

/// Sets a key of the pipeline in the runs that have a `pipeline` of their own.
fn set_in_runs(document: &mut DocumentMut, key: &str, value: &Value) {
    let runs = document.get_mut("run").and_then(Item::as_array_of_tables_mut);
    for run in runs.into_iter().flat_map(ArrayOfTables::iter_mut) {
        if let Some(own) = run.get_mut("pipeline").and_then(Item::as_table_like_mut) {
            own.insert(key, Item::Value(value.clone()));
        }
    }
}

/// The settings that a file of the plan's environment variables makes.
pub fn from_env_file(path: &Path, text: &str) -> Result<Vec<String>, Problem> {
    let mut pairs = Vec::new();
    let mut spans = BTreeMap::new();
    let wrong = |span: Range<usize>, message, help| Problem {
        origin: path.display().to_string(),
        text: text.to_owned(),
        span,
        message,
        help,
    };
    let mut next = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        let start = next + (whole.len() - whole.trim_start().len());
        next += whole.len();
        let span = start..start + line.len();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            let message = format!("got `{line}`, wanted lines of the form NAME=value");
            return Err(wrong(span, message, None));
        };
        let known = VARIABLES.map(|(name, _)| name);
        if name.starts_with("TAG_SPACE_") && !known.contains(&name.trim()) {
            let message = format!("got the unknown variable `{}`, wanted a known one", name.trim());
            let all = format!("known: {}", known.join(", "));
            let nearest = did_you_mean(name.trim(), known);
            let help = nearest.map_or_else(|| all.clone(), |nearest| format!("{nearest} {all}"));
            return Err(wrong(span, message, Some(help)));
        }
        spans.insert(name.trim().to_owned(), span);
        let value = value.split(" #").next().unwrap_or("").trim();
        pairs.push((name.trim().to_owned(), value.trim_matches(['"', '\'']).to_owned()));
    }
    let mut overrides = Overrides::default();
    let variable = |name: &str| {
        pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    overrides.read_env(variable).map_err(|error| {
        let span = match &error {
            ConfigError::Variable { name, .. } => spans.get(*name).cloned(),
            ConfigError::AboveCeiling { .. } | ConfigError::NoQuota | ConfigError::HeldPermit => {
                None
            }
        };
        wrong(span.unwrap_or_default(), error.to_string(), None)
    })?;
    let set = serde_json::to_value(&overrides).unwrap_or_default();
    let set = set.as_object().cloned().unwrap_or_default();
    Ok(set.into_iter().map(|(key, value)| format!("pipeline.{key}={value}")).collect())
}

fn place(table: &mut Table, key: &str, whole: &str, value: Value) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        // What stands before the key, such as the question, stays.
        match table.get_mut(key) {
            Some(item) => *item = Item::Value(value),
            None => drop(table.insert(key, Item::Value(value))),
        }
        return Ok(());
    };
    let not_a_table = || format!("got `{whole}`, but `{first}` holds no keys");
    match table.entry(first).or_insert_with(toml_edit::table) {
        Item::ArrayOfTables(tables) => {
            let (name, rest) = rest.split_once('.').ok_or_else(not_a_table)?;
            let index = name.parse().unwrap_or(usize::MAX);
            let named = tables.iter_mut().enumerate().find(|(position, table)| {
                *position == index || table.get("name").and_then(Item::as_str) == Some(name)
            });
            let (_, table) = named.ok_or_else(|| {
                format!("got `{whole}`, but no entry of `{first}` is named `{name}`")
            })?;
            place(table, rest, whole, value)
        }
        Item::Table(table) => place(table, rest, whole, value),
        Item::Value(Value::InlineTable(inline)) => {
            let mut below = inline.clone().into_table();
            place(&mut below, rest, whole, value)?;
            *inline = below.into_inline_table();
            Ok(())
        }
        _ => Err(not_a_table()),
    }
}

fn problem(text: &str, message: String, help: Option<String>) -> Problem {
    let span = 0..text.len();
    Problem { origin: "--set".to_owned(), text: text.to_owned(), span, message, help }
}
