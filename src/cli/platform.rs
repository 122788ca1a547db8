//! What systems do differently: signals, rights, and what tells one file from another.

use std::fs::{FileType, Metadata};
use std::io;
use std::path::Path;

#[cfg(not(unix))]
pub(super) use self::other::CtrlC as Signals;
#[cfg(unix)]
pub(super) use self::unix::Signals;

/// Whether files can be made in a folder, without making one.
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return unix::check_folder(folder);
    #[cfg(not(unix))]
    return other::check_folder(folder);
}

/// Whether it is a device or a pipe, which may be written to by many.
pub(super) fn is_stream(kind: FileType) -> bool {
    #[cfg(unix)]
    return unix::is_stream(kind);
    #[cfg(not(unix))]
    return other::is_stream(kind);
}

/// Numbers that tell a file from every other one, where the system has them.
pub(super) fn numbers(metadata: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    return unix::numbers(metadata);
    #[cfg(not(unix))]
    return other::numbers(metadata);
}

/// Asks a program to end in good order, where the system can.
pub(super) fn ask_to_end(id: u32) {
    #[cfg(unix)]
    unix::ask_to_end(id);
    #[cfg(not(unix))]
    other::ask_to_end(id);
}

#[cfg(unix)]
mod unix {
    use std::fs::{FileType, Metadata};
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::path::Path;

    use rustix::fs::Access;
    use rustix::process::{Pid, Signal as Asked, kill_process};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signals that are listened to, with their numbers on every Unix.
    const SIGNALS: [(SignalKind, u32); 3] =
        [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)];

    pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
        Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
    }

    pub(super) fn is_stream(kind: FileType) -> bool {
        kind.is_char_device() || kind.is_fifo()
    }

    #[expect(clippy::unnecessary_wraps, reason = "other systems have no such numbers")]
    pub(super) fn numbers(metadata: &Metadata) -> Option<(u64, u64)> {
        Some((metadata.dev(), metadata.ino()))
    }

    pub(super) fn ask_to_end(id: u32) {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            // It may have ended already.
            let _ = kill_process(pid, Asked::TERM);
        }
    }

    /// Ctrl-C (SIGINT), SIGTERM and SIGHUP, but for those that were ignored when the program started.
    #[derive(Debug)]
    pub(in crate::cli) struct Signals([Option<Signal>; 3]);

    impl Signals {
        /// Listens from now on; inside a tokio runtime.
        pub(in crate::cli) fn listen() -> io::Result<Self> {
            let ignored = ignored();
            let mut signals = [None, None, None];
            for (slot, (kind, number)) in signals.iter_mut().zip(SIGNALS) {
                if ignored & (1 << (number - 1)) == 0 {
                    *slot = Some(signal(kind)?);
                }
            }
            Ok(Self(signals))
        }

        /// Ends when one of them arrives.
        pub(in crate::cli) async fn told(&mut self) {
            let [interrupt, terminate, hangup] = &mut self.0;
            tokio::select! {
                biased;
                () = arrival(interrupt) => {}
                () = arrival(terminate) => {}
                () = arrival(hangup) => {}
            }
        }
    }

    async fn arrival(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }

    /// The signals that this process ignores, as a bit mask. Linux tells; elsewhere none is known to
    /// be.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }
}

#[cfg(not(unix))]
mod other {
    use std::fs::{FileType, Metadata};
    use std::io;
    use std::path::Path;

    pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
        let is_readonly = std::fs::metadata(folder)?.permissions().readonly();
        if is_readonly { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    pub(super) fn is_stream(kind: FileType) -> bool {
        !kind.is_file() && !kind.is_dir()
    }

    pub(super) fn numbers(_: &Metadata) -> Option<(u64, u64)> {
        None
    }

    /// There is no such signal: the program ends by itself.
    pub(super) fn ask_to_end(_: u32) {}

    /// Ctrl-C.
    #[derive(Debug)]
    pub(in crate::cli) struct CtrlC;

    impl CtrlC {
        /// Listens from now on; inside a tokio runtime.
        pub(in crate::cli) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// Ends when it arrives.
        pub(in crate::cli) async fn told(&mut self) {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
