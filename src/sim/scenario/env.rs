//! `--env-file`: the plan's environment variables on top of scenario files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml_edit::{DocumentMut, Item};

use super::problem::{Problem, did_you_mean};
use super::set;
use super::{Scenario, bytes};
use crate::pipeline::config::{ConfigError, Overrides, VARIABLES};

/// The variables of a file, as settings of the pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// The settings, as `--set` takes them.
    pub settings: Vec<String>,
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
    /// Reads a file of variables.
    pub fn read(path: &Path, in_all_runs: bool) -> Result<Self, Problem> {
        let text = bytes::read(path).map_err(|problem| {
            let help = "--env-file takes a file with lines such as TAG_SPACE_BATCH_SIZE=10";
            let help = problem.help.clone().unwrap_or_else(|| help.to_owned());
            Problem { help: Some(help), ..problem }
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Ok(Self { settings: from_env_file(path, text)?, in_all_runs })
    }

    /// Puts the variables into a scenario's text, except into the runs whose own pipeline names a
    /// profile.
    pub(super) fn apply(&self, scenario: &Scenario) -> (String, Reached) {
        let mut reached = Reached::default();
        let Ok(mut document) = scenario.text.parse::<DocumentMut>() else {
            return (scenario.text.clone(), reached);
        };
        for run in &scenario.runs {
            let own = set::own_pipeline(&mut document, &run.name);
            let profile = own.and_then(|own| own.get("profile")?.as_str().map(str::to_owned));
            match profile.filter(|_| !self.in_all_runs) {
                Some(profile) => reached.left.push((run.name.clone(), profile)),
                None => reached.changed.push(run.name.clone()),
            }
        }
        for setting in &self.settings {
            let Some((key, value)) = setting.split_once('=') else { continue };
            let Some(key) = key.strip_prefix("pipeline.") else { continue };
            let value = set::value(value);
            for run in &reached.changed {
                if let Some(own) = set::own_pipeline(&mut document, run) {
                    own.insert(key, Item::Value(value.clone()));
                }
            }
            let all = document.entry("pipeline").or_insert_with(toml_edit::table);
            if let Some(all) = all.as_table_like_mut() {
                set::put(all, key, value);
            }
        }
        (document.to_string(), reached)
    }
}

/// The settings that a file of the plan's environment variables makes.
pub fn from_env_file(path: &Path, text: &str) -> Result<Vec<String>, Problem> {
    let mut pairs = Vec::new();
    let mut spans = BTreeMap::new();
    let wrong = |span: Range<usize>, message, help| Problem {
        origin: path.display().to_string(),
        text: text.into(),
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
