//! What ends a command early, and with which exit status.

use std::io;

use thiserror::Error;

use super::exit::ExitStatus;
use crate::pipeline::http::SetUpError;
use crate::report::folder::FilesError;
use crate::sim::SimError;
use crate::sim::scenario::diagnostic::Diagnostic;
use crate::sim::serve::ListenError;
use crate::study::experiment::runner::PoolError;
use crate::study::experiment::trial::TrialError;
use crate::study::tune::TuneError;
use crate::study::verdict::judge::JudgeError;

/// What ends a command early.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    Problems(Problems),
    #[error("{message}\n  help: {help}")]
    Usage { message: String, help: String },
    #[error("error: {0}")]
    Judge(#[from] JudgeError),
    #[error("error: {0}")]
    Sim(#[from] SimError),
    #[error("error: {0}")]
    Files(#[from] FilesError),
    #[error("error: {what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("error: {0}")]
    Pool(#[from] PoolError),
    #[error("error: {0}")]
    Client(#[from] SetUpError),
    #[error("error: {0}")]
    Serve(#[from] ListenError),
    #[error("error: {0}")]
    Trial(#[source] TrialError),
    #[error("error: {0}")]
    Tune(#[source] TuneError),
    #[error("interrupted")]
    Interrupted,
}

/// All problems of the scenarios that were read.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Vec<Diagnostic>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl CliError {
    /// The exit status that it leads to.
    pub(super) fn status(&self) -> ExitStatus {
        match self {
            Self::Problems(_) | Self::Usage { .. } | Self::Files(FilesError::NotOurs { .. }) => {
                ExitStatus::Usage
            }
            Self::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Internal,
        }
    }
}

impl From<TuneError> for CliError {
    fn from(error: TuneError) -> Self {
        match error {
            TuneError::Problem(problem) => Self::Problems(Problems(vec![*problem])),
            TuneError::Judge(error) => Self::Judge(error),
            error @ TuneError::NoSuchRun { .. } => Self::Usage {
                message: error.to_string(),
                help: "--run names one of the scenario's [[run]] tables".to_owned(),
            },
            TuneError::Io { path, source } => {
                Self::Io { what: format!("write {}", path.display()), source }
            }
            error @ (TuneError::Differs { .. } | TuneError::NotReplayed { .. }) => {
                Self::Tune(error)
            }
        }
    }
}

impl From<TrialError> for CliError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Judge(error) => Self::Judge(error),
            error @ TrialError::Scenario(_) => Self::Trial(error),
        }
    }
}

/// Words as a shell takes them.
pub(super) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    // Only a word with a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words).unwrap_or_default()
}
