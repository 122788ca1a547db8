//! The signals that end a command: Ctrl-C (SIGINT), SIGTERM and SIGHUP.
//!
//! The first asks the command to stop in good order, the second to stop at once. A signal that was
//! ignored when the program started (as `nohup` ignores SIGHUP) stays ignored.

use std::thread;

use tokio_util::sync::CancellationToken;

use super::ExitStatus;
use super::error::CliError;
use super::platform::Signals;
use super::terminal::note;

/// Told when a signal arrives.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    /// Cancelled by the first signal.
    pub(super) stop: CancellationToken,
    /// Cancelled by the second signal.
    pub(super) abort: CancellationToken,
}

impl Interrupt {
    /// Listens until the process ends; `said` is printed to standard error at the first signal.
    pub(super) fn listen(said: &'static str) -> Result<Self, CliError> {
        let failed = |source| CliError::Io { what: "listen to signals".to_owned(), source };
        let interrupt = Self::default();
        let told = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(failed)?;
        let mut signals = {
            let _entered = runtime.enter();
            Signals::listen().map_err(failed)?
        };
        let wait = move || {
            runtime.block_on(async {
                signals.told().await;
                note(said);
                told.stop.cancel();
                signals.told().await;
                told.abort.cancel();
                // Whatever comes after is too late to change anything.
                std::future::pending::<()>().await;
            });
        };
        let spawned = thread::Builder::new().name("tagspace-signals".to_owned()).spawn(wait);
        spawned.map_err(failed)?;
        Ok(interrupt)
    }

    /// Lets the second signal end the process, for a command that has nothing left to lose.
    pub(super) fn exit_at_second(&self) {
        exit_when(self.abort.clone());
    }

    /// Lets the first signal end the process, for a command that keeps nothing in memory that it
    /// would have to write.
    pub(super) fn exit_at_first() -> Result<(), CliError> {
        exit_when(Self::listen("interrupted")?.stop);
        Ok(())
    }
}

/// Ends the process when a token is cancelled.
#[expect(clippy::exit, reason = "the command was told, and may be busy")]
fn exit_when(cancelled: CancellationToken) {
    let wait = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(cancelled.cancelled());
            std::process::exit(i32::from(ExitStatus::Interrupted.code()));
        }
    };
    // Without a thread the command ends by itself.
    drop(thread::Builder::new().name("tagspace-exit".to_owned()).spawn(wait));
}
