//! The event log of a run: everything that happened, with its virtual time.
//!
//! The log is the only source of every figure. Its canonical form is one JSON object a line; the
//! SHA-256 of the lines is the run's digest.

mod entries;
pub mod entry;

use std::io;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::Instant;

pub use self::entries::{Entries, Iter};
use crate::fakes::world_event::WorldEvent;
use crate::pipeline::event::{Event, Observer};
use crate::pipeline::log;
use crate::sim::recorder::entry::{Entry, What};

/// From whose side a log was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vantage {
    /// The pipeline's own.
    #[default]
    Client,
    /// The services': waits, limits and caches of the client cannot be seen.
    Server,
}

/// The log of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The run's name.
    pub run: String,
    /// From whose side it was written.
    pub vantage: Vantage,
    /// Its entries, in order.
    pub entries: Entries,
}

/// A log could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What stands in a line.
    #[error("line {number}: expected an event, found something else: {error}")]
    Line {
        /// The line, from 1.
        number: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            error @ ReadError::Line { .. } => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

#[derive(Serialize)]
struct LogLine<'a> {
    t_ms: u64,
    run: &'a str,
    #[serde(flatten)]
    what: &'a What,
}

impl Log {
    /// The events of the pipeline, in order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.entries.iter().filter_map(|entry| match entry.what {
            What::Event(event) => Some(event),
            What::World(_) => None,
        })
    }

    /// Reads the canonical form of runs, one after the other. A last line that was cut off is left out.
    pub fn read(source: impl BufRead) -> Result<Vec<Self>, ReadError> {
        #[derive(Deserialize)]
        struct WrittenEntry {
            t_ms: u64,
            run: String,
            #[serde(flatten)]
            what: What,
        }
        let mut logs: Vec<Self> = Vec::new();
        let mut lines = source.split(b'\n').zip(1..).peekable();
        while let Some((line, number)) = lines.next() {
            let WrittenEntry { t_ms, run, what } = match serde_json::from_slice(&line?) {
                Ok(entry) => entry,
                Err(_) if lines.peek().is_none() && !logs.is_empty() => break,
                Err(error) => return Err(ReadError::Line { number, error }),
            };
            if logs.last().is_none_or(|log| log.run != run) {
                logs.push(Self { run, ..Self::default() });
            }
            let Some(log) = logs.last_mut() else { break };
            // In files a server's log is known by its start, which names no limit.
            if matches!(what, What::Event(Event::RunStarted { limit: None, .. })) {
                log.vantage = Vantage::Server;
            }
            log.entries.push(&Entry { t_ms, what });
        }
        Ok(logs)
    }

    /// Writes the canonical form.
    pub fn write(&self, mut target: impl Write) -> io::Result<()> {
        for entry in &self.entries {
            self.write_entry(&entry, &mut target)?;
        }
        Ok(())
    }

    fn write_entry(&self, entry: &Entry, target: &mut impl Write) -> io::Result<()> {
        let line = LogLine { t_ms: entry.t_ms, run: &self.run, what: &entry.what };
        serde_json::to_writer(&mut *target, &line)?;
        target.write_all(b"\n")
    }

    /// The canonical form of one entry, without its line end.
    pub fn line(&self, entry: &Entry) -> String {
        let mut line = Vec::new();
        // Writing into memory does not fail.
        let _ = self.write_entry(entry, &mut line);
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// The SHA-256 of the canonical form, in hexadecimal.
    pub fn sha256(&self) -> String {
        struct Hash(Sha256);
        impl Write for Hash {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut hash = io::BufWriter::new(Hash(Sha256::new()));
        // Hashing does not fail either.
        let _ = self.write(&mut hash);
        let hash = hash.into_inner().map(|hash| hash.0.finalize()).unwrap_or_default();
        base16ct::lower::encode_string(&hash)
    }

    /// The first entry in which two logs differ, as lines; the end of a log is `None`.
    pub fn first_difference(
        &self,
        other: &Self,
    ) -> Option<(usize, Option<String>, Option<String>)> {
        let longest = self.entries.len().max(other.entries.len());
        let (mut own, mut others) = (self.entries.iter(), other.entries.iter());
        let index = (0..longest).find(|_| own.next() != others.next())?;
        let line = |log: &Self| log.entries.get(index).map(|entry| log.line(&entry));
        Some((index, line(self), line(other)))
    }
}

/// Takes events and records, and stamps them with the virtual time since `epoch`.
#[derive(Debug)]
pub struct Recorder {
    log: Mutex<Log>,
    epoch: Instant,
    steps: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder whose time starts now; it counts every step into `steps`.
    pub fn new(steps: Arc<AtomicU64>) -> Self {
        Self { log: Mutex::new(Log::default()), epoch: Instant::now(), steps }
    }

    /// The moment at which the world began.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Virtual milliseconds since the world began.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Adds what the fakes recorded.
    pub fn add(&self, records: Vec<WorldEvent>) {
        let mut log = self.log.lock();
        let t_ms = self.now_ms();
        for record in records {
            log.entries.push(&Entry { t_ms, what: What::World(record) });
        }
        self.step();
    }

    /// Counts a step, for the watchdog.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// The log so far, which starts anew.
    pub fn take(&self) -> Log {
        std::mem::take(&mut *self.log.lock())
    }
}

impl Observer for Recorder {
    fn observe(&self, event: Event) {
        let mut log = self.log.lock();
        let t_ms = self.now_ms();
        log::write(t_ms, &event);
        log.entries.push(&Entry { t_ms, what: What::Event(event) });
        self.step();
    }
}
