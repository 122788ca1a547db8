//! What Unix does.

use std::fs::{FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::Access;
use rustix::process::{Pid, Signal as Asked, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are listened to, with their numbers on every Unix.
const SIGNALS: [(SignalKind, u32); 3] =
    [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)];

/// Whether files can be made in a folder, without making one.
pub(in crate::cli) fn check_folder(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Whether a file has no rights for its group and for others.
pub(in crate::cli) fn is_private(file: &Metadata) -> bool {
    const GROUP_AND_OTHERS: u32 = 0o100;
    file.mode().is_multiple_of(GROUP_AND_OTHERS)
}

/// Whether it is a device or a pipe, which may be written to by many.
pub(in crate::cli) fn is_stream(kind: FileType) -> bool {
    kind.is_char_device() || kind.is_fifo()
}

/// Numbers that tell a file from every other one, where the system has them.
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such numbers")]
pub(in crate::cli) fn numbers(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Makes an empty file that its owner alone may read; one that is there stays as it is.
pub(in crate::cli) fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Asks a program to end in good order, where the system can.
pub(in crate::cli) fn ask_to_end(id: u32) {
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
