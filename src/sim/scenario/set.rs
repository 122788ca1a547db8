//! `--set key=value` and `--env-file`: changes on top of a scenario file.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, Value};

use super::problem::Problem;
use crate::pipeline::config::Overrides;

/// Puts `key=value` pairs into a scenario's text. Keys are dotted; a run is named
/// (`run.second.changed_ratio`). What is no TOML value is taken as a string. A folder that is set
/// comes with all its files: the file's own `space.pages` no longer caps them.
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
        place(document.as_table_mut(), key, key, value)
            .map_err(|message| problem(setting, message, None))?;
    }
    Ok(document.to_string())
}

/// The settings that a file of the plan's environment variables makes.
pub fn from_env_file(path: &Path, text: &str) -> Result<Vec<String>, Problem> {
    let mut pairs = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            let wanted = "wanted lines of the form NAME=value";
            return Err(problem(
                &path.display().to_string(),
                format!("got `{line}`, {wanted}"),
                None,
            ));
        };
        let value = value.split(" #").next().unwrap_or("").trim();
        pairs.push((name.trim().to_owned(), value.trim_matches(['"', '\'']).to_owned()));
    }
    let mut overrides = Overrides::default();
    let variable = |name: &str| {
        pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    overrides
        .read_env(variable)
        .map_err(|error| problem(&path.display().to_string(), error.to_string(), None))?;
    let set = serde_json::to_value(&overrides).unwrap_or_default();
    let set = set.as_object().cloned().unwrap_or_default();
    Ok(set.into_iter().map(|(key, value)| format!("pipeline.{key}={value}")).collect())
}

fn place(table: &mut Table, key: &str, whole: &str, value: Value) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        table.insert(key, Item::Value(value));
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
