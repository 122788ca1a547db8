//! `--set key=value`: changes on top of a scenario file.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::depth;
use super::depth::MOST_LEVELS;
use super::diagnostic::Diagnostic;

/// Puts `key=value` pairs into a scenario's text. Keys are dotted; a run is named
/// (`run.second.changed_ratio`). What is no TOML value is taken as a string. A key of `pipeline` is
/// set for every run, also for those that have settings of their own. A folder that is set comes
/// with all its files: the file's own `space.pages` no longer caps them.
pub fn apply(text: &str, settings: &[String], cwd: &Path) -> Result<String, Diagnostic> {
    // What is no TOML is told with its place by whoever reads it next.
    if depth::too_deep(text).is_some() {
        return Ok(text.to_owned());
    }
    let Ok(mut document) = text.parse::<DocumentMut>() else { return Ok(text.to_owned()) };
    for setting in settings {
        let wanted = "`key=value` with a dotted key, such as `pipeline.batch_size=10`";
        let Some((key, text)) = setting.split_once('=') else {
            return Err(problem(setting, format!("expected {wanted}, found `{setting}`")));
        };
        if key.matches('.').count() >= MOST_LEVELS || depth::too_deep(text).is_some() {
            let message = format!("expected at most {MOST_LEVELS} levels, found more");
            return Err(problem(setting, message));
        }
        let key = key.trim();
        let mut value = value(text);
        if key == "space.dir"
            && let Some(dir) = value.as_str()
        {
            value = Value::from(cwd.join(dir).to_string_lossy().into_owned());
            document.get_mut("space").and_then(Item::as_table_like_mut).map(|s| s.remove("pages"));
        }
        let set = match key.strip_prefix("pipeline.") {
            Some(key) => set_in_runs(&mut document, key, &value),
            None => Ok(()),
        };
        set.and_then(|()| place(document.as_table_mut(), key, value))
            .map_err(|message| problem(setting, format!("`{key}` cannot be set: {message}")))?;
    }
    Ok(document.to_string())
}

/// A value as it is written behind a `=`; what is no TOML is a string.
pub(super) fn value(text: &str) -> Value {
    let text = text.trim();
    text.parse().unwrap_or_else(|_| Value::from(text))
}

/// Sets a key of the pipeline in the runs that have a `pipeline` of their own.
fn set_in_runs(document: &mut DocumentMut, key: &str, value: &Value) -> Result<(), String> {
    let runs = document.get_mut("run").and_then(Item::as_array_of_tables_mut);
    for run in runs.into_iter().flat_map(ArrayOfTables::iter_mut) {
        let own = run.get_mut("pipeline").and_then(Item::as_table_like_mut);
        if let Some(own) = own.filter(|own| takes(*own, key)) {
            place(own, key, value.clone())?;
        }
    }
    Ok(())
}

/// Whether a key that is set for all runs is set in the table of one. A profile replaces a profile: in
/// a table that names none it would hide the keys of all runs.
pub(super) fn takes(own: &dyn TableLike, key: &str) -> bool {
    key != "profile" || own.contains_key(key)
}

/// The `pipeline` of a run, if it has one of its own.
pub(super) fn own_pipeline<'a>(
    document: &'a mut DocumentMut,
    run: &str,
) -> Option<&'a mut dyn TableLike> {
    let run = match document.get_mut("run")? {
        Item::ArrayOfTables(runs) => {
            let mut runs = runs.iter_mut();
            let run = runs.find(|known| named(*known) == Some(run))?;
            run as &mut dyn TableLike
        }
        Item::Value(Value::Array(runs)) => {
            let runs = runs.iter_mut().filter_map(Value::as_inline_table_mut);
            let mut runs = runs.map(|run| run as &mut dyn TableLike);
            runs.find(|known| named(*known) == Some(run))?
        }
        _ => return None,
    };
    run.get_mut("pipeline")?.as_table_like_mut()
}

fn named(table: &dyn TableLike) -> Option<&str> {
    table.get("name").and_then(Item::as_str)
}

/// Sets a key of a table. What stands before the key, such as the question, stays.
pub(super) fn put(table: &mut dyn TableLike, key: &str, value: Value) {
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// Sets a dotted key, and makes the tables on the way.
fn place(mut table: &mut dyn TableLike, key: &str, value: Value) -> Result<(), String> {
    let mut rest = key;
    // Within an inline table all tables are.
    let mut is_inline = false;
    while let Some((first, below)) = rest.split_once('.') {
        let no_table = || format!("`{first}` holds no keys");
        rest = below;
        let empty = || {
            if is_inline { Item::Value(InlineTable::new().into()) } else { toml_edit::table() }
        };
        let item = table.entry(first).or_insert_with(empty);
        is_inline |= item.is_value();
        table = match item {
            Item::ArrayOfTables(tables) => {
                let (name, below) = below.split_once('.').ok_or_else(no_table)?;
                rest = below;
                entry(tables, name)
                    .ok_or_else(|| format!("no entry of `{first}` is named `{name}`"))?
            }
            other => other.as_table_like_mut().ok_or_else(no_table)?,
        };
    }
    put(table, rest, value);
    Ok(())
}

/// The entry of a list with this name, or at this position.
fn entry<'a>(tables: &'a mut ArrayOfTables, name: &str) -> Option<&'a mut Table> {
    let index = name.parse().unwrap_or(usize::MAX);
    let mut found = tables.iter_mut().enumerate();
    let (_, table) =
        found.find(|(position, table)| *position == index || named(*table) == Some(name))?;
    Some(table)
}

fn problem(text: &str, message: String) -> Diagnostic {
    let (origin, span) = ("--set".to_owned(), 0..text.len());
    Diagnostic { origin, text: text.into(), span, message, help: None }
}
