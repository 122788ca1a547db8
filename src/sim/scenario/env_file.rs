//! `--env-file`: the plan's environment variables on top of scenario files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{DocumentMut, Item};

use super::diagnostic::{Diagnostic, did_you_mean};
use super::{Scenario, bytes, diagnostic, overrides};
use crate::pipeline::config::{PREFIX, SettingsPatch, key_of, variable_of};

/// The variables of a file, as settings of the pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    /// The settings.
    pub patch: SettingsPatch,
    /// Whether runs whose own pipeline names a profile are set, too.
    pub in_all_runs: bool,
}

/// Which runs of a scenario the variables reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// The names of the runs that were set.
    pub changed: Vec<String>,
    /// The names of the others, with the profile that each names.
    pub left: Vec<(String, String)>,
}

impl Variables {
    /// Reads a file of variables, or tells all that is wrong with it.
    pub fn read(path: &Path, in_all_runs: bool) -> Result<Self, Vec<Diagnostic>> {
        let text = bytes::read(path).map_err(|problem| {
            let help = "--env-file takes a file with lines such as TAG_SPACE_BATCH_SIZE=10";
            let help = problem.help.clone().unwrap_or_else(|| help.to_owned());
            vec![Diagnostic { help: Some(help), ..problem }]
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Ok(Self { patch: from_env_file(path, text)?, in_all_runs })
    }

    /// Puts the variables into a scenario's text, except into the runs whose own pipeline names a
    /// profile.
    pub(super) fn apply(&self, scenario: &Scenario) -> (String, Reached) {
        let mut reached = Reached::default();
        let Ok(mut document) = scenario.text.parse::<DocumentMut>() else {
            return (scenario.text.clone(), reached);
        };
        for run in &scenario.runs {
            let own = overrides::own_pipeline(&mut document, &run.name);
            let profile = own.and_then(|own| own.get("profile")?.as_str().map(str::to_owned));
            match profile.filter(|_| !self.in_all_runs) {
                Some(profile) => reached.left.push((run.name.clone(), profile)),
                None => reached.changed.push(run.name.clone()),
            }
        }
        for (key, value) in self.patch.written() {
            let value = overrides::value(&value);
            for run in &reached.changed {
                let own = overrides::own_pipeline(&mut document, run);
                if let Some(own) = own.filter(|own| overrides::takes(*own, key)) {
                    own.insert(key, Item::Value(value.clone()));
                }
            }
            let all = document.entry("pipeline").or_insert_with(toml_edit::table);
            if let Some(all) = all.as_table_like_mut() {
                overrides::put(all, key, value);
            }
        }
        (document.to_string(), reached)
    }
}

/// The settings that a file of variables makes, or all that is wrong with it.
pub fn from_env_file(path: &Path, text: &str) -> Result<SettingsPatch, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    // Of a variable that is written twice the last one counts.
    let mut written = BTreeMap::new();
    let origin = path.display().to_string();
    // Whatever is no setting may be a credential.
    let whole: Arc<str> = hidden(text).into();
    let wrong = |span: Range<usize>, message: String, help: Option<String>| Diagnostic {
        origin: origin.clone(),
        text: Arc::clone(&whole),
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
            let message = "expected a line of the form NAME=value".to_owned();
            problems.push(wrong(span, message, None));
            continue;
        };
        let name = name.trim();
        if let Err((message, help)) = known(name) {
            problems.push(wrong(span, message, Some(help)));
            continue;
        }
        let value = value.split(" #").next().unwrap_or("").trim();
        written.insert(name.to_owned(), (span, value.trim_matches(['"', '\'']).to_owned()));
    }
    let mut overrides = SettingsPatch::default();
    for (name, (span, value)) in written {
        let only = |asked: &str| (asked == name).then(|| value.clone());
        if let Err(error) = overrides.read_env(only) {
            problems.push(wrong(span, error.to_string(), None));
        }
    }
    if !problems.is_empty() {
        return Err(diagnostic::in_order(problems));
    }
    Ok(overrides)
}

/// The text with a star for every byte of what is no setting.
fn hidden(text: &str) -> String {
    let line = |line: &str| {
        let named = line.split_once('=');
        let name = named.map_or("", |(name, _)| name.trim().trim_start_matches("export ").trim());
        if key_of(name).is_some() || line.trim_start().starts_with('#') {
            return line.to_owned();
        }
        let shown = named.map_or(0, |(name, _)| name.len() + 1);
        let (shown, rest) = line.split_at(shown);
        let stars = |letter: char| match letter {
            '\n' | '\r' => letter.to_string(),
            letter => "*".repeat(letter.len_utf8()),
        };
        format!("{shown}{}", rest.chars().map(stars).collect::<String>())
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Refuses a variable that looks like one of ours and sets nothing, with what it may have been.
pub fn known(name: &str) -> Result<(), (String, String)> {
    if !name.starts_with(PREFIX) || key_of(name).is_some() {
        return Ok(());
    }
    let message = format!("expected a known variable, found `{name}`");
    let known: Vec<String> = SettingsPatch::KEYS.iter().map(|key| variable_of(key)).collect();
    let nearest = did_you_mean(name, known.iter().map(String::as_str));
    let all = format!("known: {}", known.join(", "));
    Err((message, nearest.map_or_else(|| all.clone(), |nearest| format!("{nearest} {all}"))))
}
