//! A scenario, checked and ready to run.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::diagnostic::Diagnostic;
use super::file::TuneFile;
use crate::fakes::content::documents::Source;
use crate::fakes::world::WorldConfig;
use crate::pipeline::config::{Settings, SettingsPatch};
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::price::Price;
use crate::rng::Seed;
use crate::units::Ratio;

/// What follows the file in the origin of a scenario with settings on top.
pub(super) const WITH_SETTINGS: &str = " with --set";

/// A scenario that can be run.
///
/// ```
/// use std::path::Path;
/// use tagspace::Scenario;
///
/// let text = "# Is it quick?\nschema = 1\nseed = 1\n[space]\npages = 5\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n";
/// let scenario = Scenario::parse("quick", "quick.toml", text, Path::new("."));
/// assert_eq!(scenario.map_err(|problem| problem.to_string())?.question, "Is it quick?");
/// # Ok::<(), String>(())
/// ```
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
    /// What the pipeline knows of quotas before the first run, by the names of its providers. No file
    /// says it.
    pub known: LearnedQuotas,
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
    /// The keys that make them: the profile, and what is set on top.
    #[serde(skip)]
    pub patch: SettingsPatch,
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

impl Scenario {
    /// The same in another world: the one of this seed.
    #[must_use]
    pub fn seeded(&self, seed: u64) -> Self {
        let mut scenario = self.clone();
        scenario.world.seed = Seed(seed);
        scenario
    }

    /// The same with this run alone and those that it follows in its session: a fresh run before it
    /// changes nothing about it. The whole scenario, where it has no such run.
    #[must_use]
    pub fn only(&self, run: &str) -> Self {
        let mut scenario = self.clone();
        if let Some(at) = scenario.runs.iter().position(|known| known.name == run) {
            scenario.runs.truncate(at + 1);
            let first = scenario.runs.iter().rposition(|run| run.fresh).unwrap_or(0);
            scenario.runs.drain(..first);
        }
        scenario
    }

    /// The file that it was read from, whatever was set on top.
    pub fn file(&self) -> &str {
        self.origin.strip_suffix(WITH_SETTINGS).unwrap_or(&self.origin)
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
    let names: Vec<String> = world.documents.iter().map(Source::name).collect();
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
