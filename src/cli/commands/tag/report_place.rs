//! The report of a live run: its events, its figures and its page, in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::environment::variable;
use super::inputs::{TagInputs, each_once};
use super::state;
use crate::cli::args::TagArgs;
use crate::cli::disk;
use crate::cli::error::CliError;
use crate::cli::terminal::note;
use crate::price;
use crate::report::folder;
use crate::report::folder::Folder;
use crate::report::page;
use crate::report::page::SavedRun;
use crate::report::run::json;
use crate::sim::recorder::Log;
use crate::study::compare::settings;
use crate::study::compare::settings::Keys;
use crate::study::measure::figures::Figures;
use crate::study::measure::spending;
use crate::study::verdict::judge;

/// Where the report of a run is written.
pub(crate) struct ReportPlace {
    folder: PathBuf,
    name: String,
}

/// What a run was: its settings, and the model of each provider.
pub(crate) struct RunFacts {
    pub(crate) settings: Keys,
    pub(crate) models: Keys,
}

impl RunFacts {
    /// Of a run with these inputs.
    pub(crate) fn of(inputs: &TagInputs) -> Self {
        let providers = inputs.providers.iter();
        Self {
            settings: settings::of_config(&inputs.config),
            models: providers.map(|one| (one.name.clone(), one.model.clone())).collect(),
        }
    }
}

impl ReportPlace {
    /// Where the arguments say, or in the user's folder for state; nothing where nothing is kept. A place
    /// that was asked for must be usable.
    pub(crate) fn of(args: &TagArgs) -> Result<Option<Self>, CliError> {
        let name = noun(args);
        if let Some(out) = &args.out {
            disk::make_folder(out)?;
            folder::check(&out.join(&name), &name)?;
            return Ok(Some(Self { folder: out.join(&name), name }));
        }
        if args.no_state {
            return Ok(None);
        }
        let folder = state::folder(variable).map(|folder| folder.join("reports").join(&name));
        Ok(folder.map(|folder| Self { folder, name }))
    }

    /// Writes the report, and gives the path of its page. What fails is told and changes nothing else.
    pub(crate) fn write(&self, facts: &RunFacts, log: Log, figures: Figures) -> Option<PathBuf> {
        if log.entries.is_empty() {
            return None;
        }
        match self.try_write(facts, log, figures) {
            Ok(page) => Some(page),
            Err(error) => {
                note(&format!("warning: no report is kept: {error}"));
                None
            }
        }
    }

    fn try_write(&self, facts: &RunFacts, log: Log, figures: Figures) -> Result<PathBuf, CliError> {
        let above = self.folder.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(above).map_err(|source| disk::io_error("create", above, source))?;
        let folder = Folder::begin(&self.folder, &self.name)?;
        folder.live(&log)?;
        let prices = price::of_models(&facts.models);
        let spent = spending::of_answers(&facts.models, &prices, &log);
        let run = judge::live(figures, log);
        let report = json::live(&self.name, &facts.settings, &facts.models, &run);
        let saved = SavedRun { run, settings: facts.settings.clone(), spent };
        folder.page(&page::saved(&self.name, vec![saved]))?;
        for failed in folder.finish(&report)? {
            note(&format!("warning: {failed}"));
        }
        Ok(self.folder.join("report.html"))
    }
}

/// More keys are counted, and not named: a name of a file has an end.
const MOST_NAMED: usize = 3;

/// What jobs and reports are called after: the keys of their spaces, as the name of a folder.
pub(crate) fn noun(args: &TagArgs) -> String {
    if args.spaces.is_empty() {
        return "pages".to_owned();
    }
    let is_plain = |letter: char| letter.is_alphanumeric() || ['-', '_', '~'].contains(&letter);
    let keys = each_once(&args.spaces);
    let keys = match keys.len() {
        ..=MOST_NAMED => keys.join("_"),
        many => format!("{}_and_{}_more", keys[0], many - 1),
    };
    keys.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect()
}
