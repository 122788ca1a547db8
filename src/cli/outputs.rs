//! The files that a command writes as it goes: `--state`, `--events` and `--log`.
//!
//! A file that is something else is never replaced, and no two options may name one file. Writing
//! is tried until it fails once; a failure is told at the end and changes nothing else.

use std::fs::{File, FileType, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use parking_lot::Mutex;
use tracing_subscriber::fmt::writer::MakeWriterExt;

use super::error::CliError;
use super::quota_file::{is_state, text};
use super::terminal::note;
use super::{ExitStatus, platform};

/// What a file is recognised by: the length of a first line is far below this.
const FIRST_LINE_BYTES: u64 = 64 * 1024;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What was learned of quotas.
    State,
    /// The event log.
    Events,
    /// The log for humans.
    Log,
}

/// A file that an option names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<'a> {
    pub(super) kind: Kind,
    pub(super) path: &'a Path,
}

impl Kind {
    fn option(self) -> &'static str {
        match self {
            Self::State => "--state",
            Self::Events => "--events",
            Self::Log => "--log",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::State => "a file with what was learned of quotas",
            Self::Events => "an event log of tagspace",
            Self::Log => "a log of tagspace",
        }
    }
}

/// Checks that the outputs are files of their own, none of them one of `others`, which options name as
/// well, and that none of them is something else now.
pub(super) fn check(
    outputs: &[Output<'_>],
    others: &[(&'static str, &Path)],
) -> Result<(), CliError> {
    let mut named: Vec<(&str, Identity)> = vec![
        ("standard output", Identity::of(Path::new("/dev/stdout"))),
        ("standard error", Identity::of(Path::new("/dev/stderr"))),
    ];
    named.extend(others.iter().map(|(option, path)| (*option, Identity::of(path))));
    for Output { kind, path } in outputs {
        let option = kind.option();
        let refuse = |what: String| CliError::Usage {
            message: format!("{option} {}: {what}", path.display()),
            help: "nothing was changed; choose another file".to_owned(),
        };
        foreign(*kind, path).map_or(Ok(()), |what| Err(refuse(what)))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if *kind != Kind::State && folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(refuse("expected a folder that is there, found none".to_owned()));
        }
        let identity = Identity::of(path);
        let is_same = |other: &Identity| *other == identity && identity != Identity::Stream;
        if let Some((other, _)) = named.iter().find(|(_, other)| is_same(other)) {
            return Err(refuse(format!("this is also the file of {other}")));
        }
        named.push((option, identity));
    }
    Ok(())
}

/// What is at this path, if it must not be replaced by a file of this kind.
pub(super) fn foreign(kind: Kind, path: &Path) -> Option<String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let is_link = fs::symlink_metadata(path).is_ok();
            let is_bad = kind == Kind::State && is_link;
            return is_bad.then(|| "this link leads to no file".to_owned());
        }
        Err(error) => return Some(format!("cannot be looked at: {error}")),
    };
    let kind_of_file = metadata.file_type();
    if kind_of_file.is_file() {
        return is_recognised(kind, path, &metadata).map_or_else(
            |error| Some(format!("cannot be read: {error}")),
            |is_ours| (!is_ours).then(|| format!("expected {}, found something else", kind.noun())),
        );
    }
    let is_fine = match kind {
        Kind::State => is_null(path),
        Kind::Events | Kind::Log => platform::is_stream(kind_of_file),
    };
    (!is_fine).then(|| format!("expected a file, found {}", what(kind_of_file)))
}

fn what(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "a device, a socket or a pipe" }
}

/// Whether this is the place where everything is lost.
pub(super) fn is_null(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| path == Path::new("/dev/null"))
}

fn is_recognised(kind: Kind, path: &Path, metadata: &Metadata) -> io::Result<bool> {
    if metadata.len() == 0 {
        return Ok(true);
    }
    if kind == Kind::State {
        return Ok(is_state(&text(path)?));
    }
    let mut start = Vec::new();
    File::open(path)?.take(FIRST_LINE_BYTES).read_to_end(&mut start)?;
    let start = String::from_utf8_lossy(&start);
    let line = start.lines().next().unwrap_or_default();
    if kind == Kind::Events {
        return Ok(line.starts_with("{\"t_ms\":") && line.contains("\"run\":"));
    }
    let levels = ["ERROR", "WARN", "INFO", "DEBUG"];
    // The level stands first, or after the time.
    let has_level = line.split_whitespace().take(2).any(|word| levels.contains(&word));
    Ok(has_level && line.contains(" t_ms="))
}

/// What tells one file from another.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A file that is there: its device and its number.
    File(u64, u64),
    /// One that is not there yet.
    Place(PathBuf),
    /// A device or a pipe, which may be written to by many.
    Stream,
}

impl Identity {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => match platform::numbers(&metadata) {
                Some((device, number)) => Self::File(device, number),
                None => Self::Place(fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())),
            },
            Ok(_) => Self::Stream,
            Err(_) => {
                let target = fs::read_link(path).unwrap_or_default();
                let folder = path.parent().unwrap_or(Path::new(""));
                let path = if target.as_os_str().is_empty() {
                    path.to_path_buf()
                } else {
                    folder.join(target)
                };
                let absolute = std::path::absolute(&path).unwrap_or(path);
                let folder = absolute.parent().and_then(|folder| fs::canonicalize(folder).ok());
                let place = folder.zip(absolute.file_name()).map(|(at, name)| at.join(name));
                Self::Place(place.unwrap_or(absolute))
            }
        }
    }
}

/// What could not be written, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    fn add(&self, path: &Path, error: &io::Error) {
        self.add_told(format!("write {}: {error}", path.display()));
    }

    /// Adds what could not be done, and why.
    pub(super) fn add_told(&self, failure: String) {
        let mut failures = self.0.lock();
        if !failures.contains(&failure) {
            failures.push(failure);
        }
    }

    /// Tells them; a success is none then.
    pub(super) fn turn(&self, status: ExitStatus) -> ExitStatus {
        match self.told() {
            Some(failure) => {
                note(&format!("error: {failure}"));
                if status == ExitStatus::Met { ExitStatus::Internal } else { status }
            }
            None => status,
        }
    }

    /// One sentence about all of them, if there is one.
    fn told(&self) -> Option<String> {
        let failures = self.0.lock();
        (!failures.is_empty()).then(|| failures.join("; "))
    }
}

/// A file that takes what is written until that fails once, and what comes after as well.
#[derive(Debug)]
pub(super) struct Sink {
    path: PathBuf,
    file: Option<File>,
    failures: Failures,
}

impl Sink {
    /// Empties the file, or makes it.
    pub(super) fn create(path: &Path, failures: &Failures) -> Result<Self, CliError> {
        let file = File::create(path)
            .map_err(|source| CliError::Io { what: format!("write {}", path.display()), source })?;
        Ok(Self { path: path.to_path_buf(), file: Some(file), failures: failures.clone() })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            self.failures.add(&self.path, &error);
            self.file = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Which times a log for humans shows besides those of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// None: events are in virtual time.
    Nothing,
    /// The time of day, in UTC.
    WallClock,
}

/// A log for humans in this file.
pub(super) fn subscriber(
    path: &Path,
    stamp: Stamp,
    failures: &Failures,
) -> Result<tracing::Dispatch, CliError> {
    // Of the standard library, because `tracing` writes through it.
    let sink = std::sync::Mutex::new(Sink::create(path, failures)?);
    // Libraries log addresses and more; only what the pipeline says is known to hold no secret.
    let own = sink.with_filter(|line| line.target().starts_with("tagspace"));
    let log = tracing_subscriber::fmt()
        .with_target(false)
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(own);
    Ok(match stamp {
        Stamp::Nothing => tracing::Dispatch::new(log.without_time().finish()),
        Stamp::WallClock => tracing::Dispatch::new(log.finish()),
    })
}
