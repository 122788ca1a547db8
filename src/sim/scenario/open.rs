//! Opens scenarios: from files and texts, with settings on top.

use std::path::Path;

use super::diagnostic::Diagnostic;
use super::env_file::Variables;
use crate::sim::scenario::examined::Examined;
use crate::sim::scenario::scenario::{Scenario, WITH_SETTINGS};

/// What is set on top of scenario files.
#[derive(Debug, Clone, Default)]
pub struct OuterSettings {
    /// The variables of `--env-file`.
    pub variables: Option<Variables>,
    /// The values of `--set`.
    pub set: Vec<String>,
}

impl Scenario {
    /// Reads a scenario file, with settings on top of it.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self, Diagnostic> {
        Self::examine(path, &OuterSettings { variables: None, set: settings.to_vec() }).first()
    }

    /// Reads a scenario file, with settings on top of it, and tells all that is wrong with it.
    pub fn examine(path: &Path, settings: &OuterSettings) -> Examined {
        let text = match super::bytes::read(path) {
            Ok(text) => text,
            Err(problem) => return Examined::nothing(vec![problem]),
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("."));
        let plain = super::reader::examine(&name, &path.display().to_string(), &text, folder);
        let OuterSettings { variables, set } = settings;
        if !plain.problems.is_empty() || (variables.is_none() && set.is_empty()) {
            return plain;
        }
        let Some(scenario) = plain.scenario else { return plain };
        let (text, reached) = match variables {
            Some(variables) => {
                let (text, reached) = variables.apply(&scenario);
                (text, Some(reached))
            }
            None => (scenario.text.clone(), None),
        };
        match scenario.set(&text, set, folder) {
            Ok(examined) => Examined { reached, ..examined },
            Err(problem) => Examined::nothing(vec![problem]),
        }
    }

    /// The same with settings on top. Files that it names are relative to `folder`, those of the
    /// settings to where the program runs.
    pub fn with(&self, settings: &[String], folder: &Path) -> Result<Self, Diagnostic> {
        self.set(&self.text, settings, folder)?.first()
    }

    /// This text of it, with settings on top.
    fn set(&self, text: &str, settings: &[String], folder: &Path) -> Result<Examined, Diagnostic> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let text = super::overrides::apply(text, settings, &cwd)?;
        let origin = format!("{}{WITH_SETTINGS}", self.file());
        Ok(super::reader::examine(&self.name, &origin, &text, folder))
    }

    /// Makes a scenario of a text. Files that it names are relative to `folder`.
    pub fn parse(name: &str, origin: &str, text: &str, folder: &Path) -> Result<Self, Diagnostic> {
        super::reader::examine(name, origin, text, folder).first()
    }
}
