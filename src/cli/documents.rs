//! The documents of a run: what goes to standard output and into the files of `-o`.

use std::path::{Path, PathBuf};

use super::args::{Format, RunArgs};
use super::document::{Document, Part};
use super::error::CliError;
use super::outputs::Output;
use super::terminal::print;
use super::{disk, outputs};
use crate::report::ci::Closing;
use crate::sim::scenario::Scenario;
use crate::study::verdict::outcome::Outcome;

/// The documents of a run in the making.
pub(super) struct Documents<'a> {
    /// Whether each scenario is shown as soon as it is done.
    is_shown: bool,
    /// With their files; without one it goes to standard output.
    documents: Vec<(Option<&'a Path>, Document)>,
}

impl<'a> Documents<'a> {
    /// Makes room for all files: what cannot be written is known before anything is played.
    /// `reports` are the folders that will be replaced, `read` the files that are read.
    pub(super) fn new(
        args: &'a RunArgs,
        reports: &[PathBuf],
        read: &[PathBuf],
    ) -> Result<Self, CliError> {
        let files = args.output.iter().map(|(_, path)| path.as_path()).chain(args.log.as_deref());
        disk::make_room(files, reports, read)?;
        let log = args.log.as_deref().map(|path| Output { kind: outputs::Kind::Log, path });
        outputs::check(log.as_slice(), &[])?;
        let files = args.output.iter();
        let files = files.map(|(format, path)| (Some(path.as_path()), Document::of(*format)));
        let stdout = (None, Document::of(args.format));
        let is_printed = !args.quiet && args.format != Format::Text;
        Ok(Self {
            is_shown: !args.quiet && args.format == Format::Text,
            documents: files.chain(is_printed.then_some(stdout)).collect(),
        })
    }

    /// Adds a scenario, and shows it.
    pub(super) fn add(&mut self, part: &Part<'_>, shown: &str) -> Result<(), CliError> {
        if self.is_shown {
            print(&format!("{shown}\n"));
        }
        for (_, document) in &mut self.documents {
            document
                .add(part)
                .map_err(|source| CliError::Io { what: "make the report".to_owned(), source })?;
        }
        Ok(())
    }

    /// Adds a scenario that was not played, or not to its end.
    pub(super) fn add_unplayed(&mut self, scenario: &Scenario, outcome: Outcome, why: &str) {
        for (_, document) in &mut self.documents {
            document.add_unplayed(scenario, outcome, why);
        }
    }

    /// Adds what came of a scenario besides its targets.
    pub(super) fn close(&mut self, scenario: &Scenario, closing: &Closing<'_>) {
        for (_, document) in &mut self.documents {
            document.close(scenario, closing);
        }
    }

    /// Writes all of them, also if one cannot be written; gives the first error.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let mut result = Ok(());
        for (path, document) in self.documents {
            let bytes = document.bytes();
            match path {
                Some(path) => result = result.and(disk::replace(path, &bytes)),
                None => print(&String::from_utf8_lossy(&bytes)),
            }
        }
        result
    }
}
