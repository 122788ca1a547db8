//! A scenario as far as it could be read, and all that is wrong with it.

use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::scenario::env_file::Reached;
use crate::sim::scenario::scenario::Scenario;

/// A scenario as far as it could be read, and all that is wrong with it.
#[derive(Debug)]
pub struct Examined {
    /// The scenario. If there are problems, other values stand in for what is wrong, and it must not be run.
    pub scenario: Option<Scenario>,
    /// What is wrong, in the order of the places in the file.
    pub problems: Vec<Diagnostic>,
    /// Whether the names of all runs are known: if not, nothing can be said of what names one.
    pub has_all_runs: bool,
    /// Which runs the variables of `--env-file` reached.
    pub reached: Option<Reached>,
}

impl Examined {
    pub(super) fn nothing(problems: Vec<Diagnostic>) -> Self {
        Self { scenario: None, problems, has_all_runs: false, reached: None }
    }

    /// The scenario, or the first of its problems.
    pub(super) fn first(self) -> Result<Scenario, Diagnostic> {
        match (self.scenario, self.problems.into_iter().next()) {
            (Some(scenario), None) => Ok(scenario),
            (_, Some(problem)) => Err(problem),
            (None, None) => Err(Diagnostic {
                origin: String::new(),
                text: "".into(),
                span: 0..0,
                message: "the scenario could not be read".to_owned(),
                help: None,
            }),
        }
    }
}
