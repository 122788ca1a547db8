//! A trial: one simulation that a study asks for.

use std::path::Path;

use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::scenario::{Scenario, overrides};
use crate::sim::{Options, SimError, Transport};
use crate::study::verdict::judge;
use crate::study::verdict::judge::{JudgeError, JudgedScenario};

/// A text of the program's own that is a scenario, with settings on top, and a seed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial {
    /// The name of the scenario.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What is set on top, as `--set` takes it.
    pub settings: Vec<String>,
    /// The seed.
    pub seed: u64,
}

impl Trial {
    /// The same with one more setting.
    #[must_use]
    pub fn with(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// The same with more text, such as one more run.
    #[must_use]
    pub fn followed_by(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// The same with another seed.
    #[must_use]
    pub fn seeded(&self, seed: u64) -> Self {
        Self { seed, ..self.clone() }
    }

    /// The scenario that is played.
    pub fn scenario(&self) -> Result<Scenario, TrialError> {
        let folder = Path::new(".");
        let unread = |problem| TrialError::Scenario(Box::new(problem));
        let text = overrides::apply(&self.text, &self.settings, folder).map_err(unread)?;
        let scenario = Scenario::parse(&self.name, &self.name, &text, folder).map_err(unread)?;
        Ok(scenario.seeded(self.seed))
    }

    /// Plays it in memory; nothing if a run does not end within its virtual time.
    pub fn play(&self) -> Result<Option<JudgedScenario>, TrialError> {
        Ok(play(&self.scenario()?)?)
    }

    /// The same without the bound, which takes a third of the time.
    pub fn measure(&self) -> Result<Option<JudgedScenario>, TrialError> {
        Ok(measure(&self.scenario()?)?)
    }
}

/// A trial of the program's own cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It is no scenario.
    #[error("a world of the program is no scenario; this is a bug of tagspace: {0}")]
    Scenario(#[source] Box<Diagnostic>),
    /// A run could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// Plays a scenario in memory, without its targets.
pub fn play_to_end(scenario: &Scenario) -> Result<JudgedScenario, JudgeError> {
    judge::run(scenario, &[], &Options { transport: Transport::Direct, ..Options::default() })
}

/// The same; nothing if a run does not end within its virtual time.
pub fn play(scenario: &Scenario) -> Result<Option<JudgedScenario>, JudgeError> {
    ended(play_to_end(scenario))
}

/// The same without the bound, which takes a third of the time.
pub fn measure(scenario: &Scenario) -> Result<Option<JudgedScenario>, JudgeError> {
    let options = Options { transport: Transport::Direct, ..Options::default() };
    ended(judge::measure(scenario, &options))
}

/// What was judged; nothing if a run did not end within its virtual time.
pub fn ended(
    judged: Result<JudgedScenario, JudgeError>,
) -> Result<Option<JudgedScenario>, JudgeError> {
    match judged {
        Ok(judged) => Ok(Some(judged)),
        Err(JudgeError::Sim(SimError::Deadline { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
