//! A folder that appears as a whole, in the place of an earlier one.
//!
//! Each writer has a folder of its own beside the final one (`.NAME.PID-N.part`) and holds a lock on it. When
//! the content is complete, both folders change places in one step (`renameat2` with
//! `RENAME_EXCHANGE`), so that a kill at any instant leaves the earlier content or the new one.
//! Where the file system cannot exchange, two renames do it: the earlier folder becomes
//! `.NAME.PID-N.old` first. [`Swap::begin`] undoes a swap that was cut in between, and removes what
//! writers that are gone have left.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

/// The names that a report's folder may hold; `true` stands for a folder.
pub(super) type IsOurs = fn(name: &str, is_folder: bool) -> bool;

/// A folder in the making.
#[derive(Debug)]
pub(super) struct Swap {
    whole: PathBuf,
    part: PathBuf,
    /// Held until the folder is in its place: nobody else removes it before.
    lock: File,
    is_ours: IsOurs,
    is_done: bool,
}

/// The number of folders that this process has begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

impl Swap {
    /// Begins a folder that will stand at `whole`. Its parent folder must exist.
    pub(super) fn begin(whole: &Path, is_ours: IsOurs) -> io::Result<Self> {
        let (parent, name) = split(whole)?;
        recover(&parent, &name, is_ours)?;
        loop {
            let number = BEGUN.fetch_add(1, Ordering::Relaxed);
            let part = parent.join(format!(".{name}.{}-{number}.part", std::process::id()));
            match fs::create_dir(&part) {
                Ok(()) => {}
                // The number of a process that is gone.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            // Another process may have taken it for a leftover before it was locked.
            let locked = File::open(&part).and_then(|lock| lock.lock().map(|()| lock));
            match locked {
                Ok(lock) if part.is_dir() => {
                    let whole = whole.to_path_buf();
                    return Ok(Self { whole, part, lock, is_ours, is_done: false });
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The folder to write into.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Puts the folder in its place, and removes what stood there. Gives what could not be removed.
    pub(super) fn finish(mut self) -> io::Result<Option<PathBuf>> {
        self.is_done = true;
        let earlier = loop {
            match exchange(&self.part, &self.whole) {
                // The part is what stood there before.
                Ok(()) => break Some(self.part.clone()),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    match fs::rename(&self.part, &self.whole) {
                        Ok(()) => break None,
                        // Another process was quicker.
                        Err(error) if is_occupied(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(error) if is_unsupported(&error) => {
                    let old = self.part.with_extension("old");
                    match fs::rename(&self.whole, &old) {
                        Ok(()) => {}
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                    match fs::rename(&self.part, &self.whole) {
                        Ok(()) => break Some(old),
                        Err(error) if is_occupied(&error) => remove(&old)?,
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        };
        // What somebody has put there meanwhile is nobody's to remove.
        let is_left = |earlier: &PathBuf| {
            let is_foreign = foreign(earlier, self.is_ours).is_ok_and(|found| found.is_some());
            is_foreign || remove(earlier).is_err()
        };
        let left = earlier.filter(is_left);
        let _ = self.lock.unlock();
        Ok(left)
    }
}

impl Drop for Swap {
    /// A folder that is given up leaves nothing behind.
    fn drop(&mut self) {
        if !self.is_done {
            let _ = remove(&self.part);
        }
    }
}

/// Finishes or undoes what a process that is gone has left of a swap, and removes its leftovers. One
/// that holds anything but names of ours stays.
fn recover(parent: &Path, name: &str, is_ours: IsOurs) -> io::Result<()> {
    let mut left = Vec::new();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let of = path.file_name().and_then(|found| leftover(found.to_str()?, name));
        left.extend(of.map(|kind| (kind, path)));
    }
    left.sort();
    let whole = parent.join(name);
    for (kind, path) in left {
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            // Its writer was quicker.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match lock.try_lock() {
            Ok(()) => {}
            // Its writer is at work.
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if kind == Leftover::Old && !whole.exists() {
            match fs::rename(&path, &whole) {
                Ok(()) => continue,
                Err(error) if is_occupied(&error) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
        }
        if foreign(&path, is_ours)?.is_none() {
            remove(&path)?;
        }
    }
    Ok(())
}

/// What a swap that was cut can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leftover {
    /// The folder that stood there before.
    Old,
    /// A folder in the making, or what was exchanged for it.
    Part,
}

/// What a name in the parent folder is of `name`, if anything: `.NAME.PID-N.part` or `.old`, or
/// `.NAME.part`, as earlier versions wrote it.
fn leftover(found: &str, name: &str) -> Option<Leftover> {
    let rest = found.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('.')?;
    let (writer, kind) = rest.rsplit_once('.').unwrap_or(("0-0", rest));
    let (process, number) = writer.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match kind {
        _ if !is_number(process) || !is_number(number) => None,
        "old" => Some(Leftover::Old),
        "part" => Some(Leftover::Part),
        _ => None,
    }
}

/// The first thing in a folder, at any depth, that no report has.
pub(super) fn foreign(folder: &Path, is_ours: IsOurs) -> io::Result<Option<String>> {
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let name = entry.file_name();
            if !name.to_str().is_some_and(|name| is_ours(name, kind.is_dir())) {
                return Ok(Some(name.to_string_lossy().into_owned()));
            }
            if kind.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(None)
}

fn split(whole: &Path) -> io::Result<(PathBuf, String)> {
    let name = whole.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name =
        name.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "no name of a folder"))?;
    let parent = whole.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")).to_path_buf(), name))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        // Two processes may remove the same leftover.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What keeps a folder from being replaced: it, or a folder in it, cannot be written, or it belongs
/// to another user in a folder in which only the owner may remove (the sticky bit).
#[cfg(unix)]
pub(super) fn obstacle(folder: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::Access;
    const STICKY: u32 = 0o1000;
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        if rustix::fs::access(&folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
            return Ok(Some(format!("cannot be changed ({} is not writable)", folder.display())));
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    let (parent, _) = split(folder)?;
    let (above, own) = (fs::metadata(&parent)?, fs::metadata(folder)?);
    let user = rustix::process::geteuid();
    let is_owner = |uid: u32| rustix::process::Uid::from_raw(uid) == user;
    let is_kept = above.mode() & STICKY != 0
        && !user.is_root()
        && !is_owner(own.uid())
        && !is_owner(above.uid());
    Ok(is_kept.then(|| "belongs to another user".to_owned()))
}

/// What keeps a folder from being replaced, as far as this system tells.
#[cfg(not(unix))]
pub(super) fn obstacle(_: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// Whether a folder stands where another was to be put.
fn is_occupied(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists)
}

/// Lets two folders change places in one step.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(io::Error::from)
}

/// Lets two folders change places in one step, which this system cannot.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether it is the file system that cannot exchange.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}
