//! What a live run needs beside its pipeline: files for its log and events, a way to stop it, a runtime.

use tokio::runtime::{Builder, Runtime};
use tracing::dispatcher::{DefaultGuard, set_default};

use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::outputs::{Failures, Sink, Stamp, subscriber};

/// A live run in this process.
pub(super) struct LiveSession {
    /// What could not be written so far.
    pub(super) failures: Failures,
    pub(super) interrupt: Interrupt,
    pub(super) runtime: Runtime,
}

/// The files that it writes while it goes on.
pub(super) struct LiveFiles {
    /// Where the event log goes, if it is asked for.
    pub(super) events: Option<Sink>,
    /// Lets what is logged go to its file for as long as it lives.
    pub(super) log: Option<DefaultGuard>,
}

impl LiveSession {
    /// Listens for signals.
    pub(super) fn begin() -> Result<Self, CliError> {
        let interrupt = Interrupt::listen(
            "stopping: what is in flight is finished, the rest is left; once more to abort",
        )?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|source| CliError::Io { what: "set up the runtime".to_owned(), source })?;
        Ok(Self { failures: Failures::default(), interrupt, runtime })
    }
}

impl LiveFiles {
    /// Opens the files that the arguments name: what they held is gone.
    pub(super) fn open(args: &TagArgs, failures: &Failures) -> Result<Self, CliError> {
        let log = args.log.as_deref();
        let log = log.map(|path| subscriber(path, Stamp::WallClock, failures)).transpose()?;
        let events = args.events.as_ref().map(|path| Sink::create(path, failures)).transpose()?;
        Ok(Self { events, log: log.as_ref().map(set_default) })
    }
}
