//! Folders and files: room for them before anything is played, and files that appear as a whole.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::CliError;
use super::platform;

/// Makes a folder, in which files can be made.
pub(super) fn make_folder(out: &Path) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|source| io_error("create", out, source))?;
    // A file to try it out would stay after a kill.
    platform::check_folder(out).map_err(|error| io_error("write into", out, error))
}

/// Where runs write unless something else is said. It is no place for what is committed.
const OUT: &str = "reports/out";

/// Makes a folder for runs. One that is made within `reports/out` is ignored by git.
pub(super) fn make_out(out: &Path) -> Result<(), CliError> {
    let is_new = !out.exists();
    make_folder(out)?;
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if is_new && whole(out).starts_with(whole(Path::new(OUT))) {
        replace(&out.join(".gitignore"), b"*\n")?;
    }
    Ok(())
}

/// Makes sure that a file that is there can be written.
pub(super) fn check_writable(path: &Path) -> Result<(), CliError> {
    // A pipe or a device is opened when there is something to write.
    if !path.is_file() {
        return Ok(());
    }
    let opened = OpenOptions::new().append(true).open(path);
    opened.map(drop).map_err(|source| CliError::Usage {
        message: format!("{}: cannot be written: {source}", path.display()),
        help: "make it writable, or name another file".to_owned(),
    })
}

/// Writes a file as a whole: beside it, then in its place, so that a full disk or a kill leaves the
/// earlier one. What is no regular file is written into.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let is_other = fs::metadata(path).is_ok_and(|found| !found.is_file());
    if is_other {
        return fs::write(path, bytes).map_err(|source| io_error("write", path, source));
    }
    // What a link names is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let _lock = lock(folder.unwrap_or(Path::new(".")))?;
    replace_locked(&target, bytes)
}

/// The same in a folder that is locked already.
pub(super) fn replace_locked(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The same name every time, so that what a kill has left is written over.
    let part = path.with_file_name(format!(".{name}.part"));
    let found = fs::metadata(path);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        if let Ok(found) = &found {
            file.set_permissions(found.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&part, path)
    });
    written.map_err(|source| {
        let _ = fs::remove_file(&part);
        io_error("write", path, source)
    })
}

/// Waits until no other command works in a folder, and keeps others away until it is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, CliError> {
    let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| io_error("lock", folder, source))
}

/// Makes room for files that are written when all is done. They are not in the folders of the
/// reports, which are replaced as wholes, and are none of those that were read.
pub(super) fn make_room<'a>(
    files: impl Iterator<Item = &'a Path>,
    reports: &[PathBuf],
    read: &[PathBuf],
) -> Result<(), CliError> {
    let mut known = BTreeSet::new();
    let refused = |file: &Path, what: &str, help: &str| {
        let message = format!("{} cannot be written{what}", file.display());
        Err(CliError::Usage { message, help: help.to_owned() })
    };
    for file in files {
        let is_folder = file.is_dir() || file.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder {
            return refused(file, ": it is a folder", "name a file in it");
        }
        let is_in = |report: &PathBuf| real(file).starts_with(real(report));
        if reports.iter().any(is_in) {
            let help = "that folder is replaced as a whole; name a file outside it";
            return refused(file, ": it lies in the folder of a scenario's report", help);
        }
        if read.iter().any(|read| real(file) == real(read)) {
            let help = "it would be written over; name another file";
            return refused(file, ": this command reads it", help);
        }
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        check_writable(file)?;
        if !known.insert(real(file)) {
            let help = "the second would be written over the first";
            return refused(file, " twice", help);
        }
    }
    Ok(())
}

/// The one name of a file or folder, which may be still to be made.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = |above: &Path| {
        let rest = path.strip_prefix(above).ok()?;
        Some(fs::canonicalize(above).ok()?.join(rest))
    };
    path.ancestors().find_map(found).unwrap_or_else(|| path.clone())
}

pub(super) fn io_error(what: &str, path: &Path, source: io::Error) -> CliError {
    CliError::Io { what: format!("{what} {}", path.display()), source }
}
