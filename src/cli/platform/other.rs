//! What other systems do.

use std::fs::{FileType, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Whether files can be made in a folder, without making one.
pub(in crate::cli) fn check_folder(folder: &Path) -> io::Result<()> {
    let is_readonly = std::fs::metadata(folder)?.permissions().readonly();
    if is_readonly { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
}

/// Whether a file has no rights for its group and for others: nothing is known of that here.
pub(in crate::cli) fn is_private(_: &Metadata) -> bool {
    true
}

/// Whether it is a device or a pipe, which may be written to by many.
pub(in crate::cli) fn is_stream(kind: FileType) -> bool {
    !kind.is_file() && !kind.is_dir()
}

/// Numbers that tell a file from every other one, where the system has them.
pub(in crate::cli) fn numbers(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Makes an empty file; one that is there stays as it is.
pub(in crate::cli) fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path).map(drop)
}

/// There is no such signal: the program ends by itself.
pub(in crate::cli) fn ask_to_end(_: u32) {}

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
