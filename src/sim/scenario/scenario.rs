//! A scenario, checked and ready to run.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::diagnostic::Diagnostic;
use super::env_file::{Reached, Variables};
use super::file::TuneFile;
use crate::fakes::world::WorldConfig;
use crate::pipeline::config::Settings;
use crate::price::Price;
use crate::rng::Seed;
use crate::units::Ratio;

/// What follows the file in the origin of a scenario with settings on top.
const WITH_SETTINGS: &str = " with --set";

/// A scenario that can be run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name: the stem of its file.
    pub name: String,
    /// Where it was read from, as given.
    pub origin: String,
    /// The text that it was made from, with what was set on top.
    pub text: String,
    /// The question that its first line asks.
    pub question: String,
    /// The world that it plays in.
    pub world: WorldConfig,
    /// Whether its virtual zero is stated.
    pub has_start: bool,
    /// The longest virtual time of a run, in seconds.
    pub deadline_s: u64,
    /// Its runs, in order.
    pub runs: Vec<Run>,
    /// What must hold, as written.
    pub targets: Vec<TargetText>,
    /// What `tagspace tune` varies, as written.
    pub tune: Option<TuneFile>,
    /// What each provider charges.
    pub prices: BTreeMap<String, Price>,
    /// Whether it has a fallback provider.
    pub has_fallback: bool,
    /// What makes its world, as a digest.
    pub world_digest: String,
    /// What is under test, as a digest.
    pub config_digest: String,
    /// What must hold, as a digest.
    pub targets_digest: String,
}

/// A run of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The pipeline's settings in it.
    pub config: Settings,
    /// The share of pages that changed before it.
    pub changed_ratio: Ratio,
    /// How long it starts after the end of the run before.
    pub start_after_s: u64,
    /// How many pages the space has from now on.
    pub pages: Option<u64>,
    /// When it is cancelled, from its start.
    pub cancel_at_s: Option<u64>,
    /// Whether world and pipeline start anew.
    pub fresh: bool,
}

/// A limit as it is written, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetText {
    /// The run that it is about.
    pub run: String,
    /// The metric that it is about.
    pub metric: String,
    /// Where the metric's name stands.
    pub metric_span: Range<usize>,
    /// The limit.
    pub limit: String,
    /// Where the limit stands.
    pub limit_span: Range<usize>,
    /// The pages that it looks at, if it says so.
    pub over: Option<String>,
    /// Where that stands; where the limit does, if it says nothing.
    pub over_span: Range<usize>,
}

/// What is set on top of scenario files.
#[derive(Debug, Clone, Default)]
pub struct OuterSettings {
    /// The variables of `--env-file`.
    pub variables: Option<Variables>,
    /// The values of `--set`.
    pub set: Vec<String>,
}

/// A scenario as far as it could be read, and all that is wrong with it.
#[derive(Debug)]
pub struct Examined {
    /// The scenario. If there are problems, other values stand in for what is wrong, and it must not be run.
    pub scenario: Option<Scenario>,
    /// What is wrong, in the order of the places in the file.
    pub problems: Vec<Diagnostic>,
    /// Whether the names of all runs are known: if not, nothing can be said of what names one.
    pub has_all_runs: bool,
    /// Which runs the variables of `--env-file` reached.
    pub reached: Option<Reached>,
}

impl Examined {
    pub(super) fn nothing(problems: Vec<Diagnostic>) -> Self {
        Self { scenario: None, problems, has_all_runs: false, reached: None }
    }

    /// The scenario, or the first of its problems.
    fn first(self) -> Result<Scenario, Diagnostic> {
        match (self.scenario, self.problems.into_iter().next()) {
            (Some(scenario), None) => Ok(scenario),
            (_, Some(problem)) => Err(problem),
            (None, None) => Err(Diagnostic {
                origin: String::new(),
                text: "".into(),
                span: 0..0,
                message: "the scenario could not be read".to_owned(),
                help: None,
            }),
        }
    }
}

impl Scenario {
    /// Reads a scenario file, with settings on top of it.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self, Diagnostic> {
        Self::examine(path, &OuterSettings { variables: None, set: settings.to_vec() }).first()
    }

    /// Reads a scenario file, with settings on top of it, and tells all that is wrong with it.
    pub fn examine(path: &Path, settings: &OuterSettings) -> Examined {
        let text = match super::bytes::read(path) {
            Ok(text) => text,
            Err(problem) => return Examined::nothing(vec![problem]),
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("."));
        let plain = super::reader::examine(&name, &path.display().to_string(), &text, folder);
        let OuterSettings { variables, set } = settings;
        if !plain.problems.is_empty() || (variables.is_none() && set.is_empty()) {
            return plain;
        }
        let Some(scenario) = plain.scenario else { return plain };
        let (text, reached) = match variables {
            Some(variables) => {
                let (text, reached) = variables.apply(&scenario);
                (text, Some(reached))
            }
            None => (scenario.text.clone(), None),
        };
        match scenario.set(&text, set, folder) {
            Ok(examined) => Examined { reached, ..examined },
            Err(problem) => Examined::nothing(vec![problem]),
        }
    }

    /// The same with settings on top. Files that it names are relative to `folder`, those of the
    /// settings to where the program runs.
    pub fn with(&self, settings: &[String], folder: &Path) -> Result<Self, Diagnostic> {
        self.set(&self.text, settings, folder)?.first()
    }

    /// This text of it, with settings on top.
    fn set(&self, text: &str, settings: &[String], folder: &Path) -> Result<Examined, Diagnostic> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let text = super::overrides::apply(text, settings, &cwd)?;
        let origin = format!("{}{WITH_SETTINGS}", self.file());
        Ok(super::reader::examine(&self.name, &origin, &text, folder))
    }

    /// The same in another world: the one of this seed.
    #[must_use]
    pub fn seeded(&self, seed: u64) -> Self {
        let mut scenario = self.clone();
        scenario.world.seed = Seed(seed);
        scenario
    }

    /// The file that it was read from, whatever was set on top.
    pub fn file(&self) -> &str {
        self.origin.strip_suffix(WITH_SETTINGS).unwrap_or(&self.origin)
    }

    /// Makes a scenario of a text. Files that it names are relative to `folder`.
    pub fn parse(name: &str, origin: &str, text: &str, folder: &Path) -> Result<Self, Diagnostic> {
        super::reader::examine(name, origin, text, folder).first()
    }

    /// A problem with a part of this scenario's text.
    pub fn problem(&self, span: Range<usize>, message: String, help: Option<String>) -> Diagnostic {
        Diagnostic {
            origin: self.origin.clone(),
            text: self.text.as_str().into(),
            span,
            message,
            help,
        }
    }
}

/// The tags of a scenario that names none.
pub fn default_taxonomy() -> Vec<(String, Vec<String>)> {
    let categories = [
        ("doc", ["guide", "runbook", "specification", "reference", "policy", "report"]),
        ("domain", ["billing", "payments", "identity", "search", "logistics", "analytics"]),
        ("kb", ["faq", "troubleshooting", "onboarding", "glossary", "migration", "backup"]),
        ("tool", ["postgres", "kubernetes", "kafka", "grafana", "terraform", "jenkins"]),
    ];
    let owned = |tags: [&str; 6]| tags.into_iter().map(str::to_owned).collect();
    categories.into_iter().map(|(name, tags)| (name.to_owned(), owned(tags))).collect()
}

/// A digest over everything that the pipeline meets, in its parsed form.
pub(super) fn world_digest(world: &WorldConfig, runs: &[Run], has_fallback: bool) -> String {
    let names: Vec<String> =
        world.documents.iter().map(|path| path.display().to_string()).collect();
    let mut space = world.space.clone();
    space.dir = None;
    let weather: Vec<_> = runs
        .iter()
        .map(|run| (run.changed_ratio, run.start_after_s, run.pages, run.cancel_at_s, run.fresh))
        .collect();
    digest(&(
        crate::fakes::VERSION,
        world.start.to_string(),
        (&world.taxonomy, &space, names),
        (&world.confluence, &world.gemini, has_fallback.then_some(&world.openai)),
        weather,
    ))
}

pub(super) fn digest(value: &impl Serialize) -> String {
    let canonical = serde_json::to_vec(value).unwrap_or_default();
    base16ct::lower::encode_string(&Sha256::digest(&canonical))
}
