//! Scenarios: what is rehearsed, checked and ready to run.
//!
//! [`mod@file`] holds the types of the TOML file; a [`Scenario`] is made from it once everything that
//! can be known beforehand is known to hold.

pub mod file;
pub mod problem;
pub mod set;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::file::{RunFile, ScenarioFile, TuneFile};
use self::problem::Problem;
use crate::fakes::ai::AiConfig;
use crate::fakes::documents;
use crate::fakes::fault::FaultRule;
use crate::fakes::latency::{Latency, LatencyFile};
use crate::fakes::world::WorldConfig;
use crate::pipeline::config::Config;
use crate::price::{self, Price};
use crate::rng::Seed;
use crate::units::{Ratio, Whole};

/// Virtual zero, unless a scenario says otherwise.
const START: &str = "2026-01-05T09:00:00Z";
/// OpenAI's model, where a scenario has no `[openai]`.
const OPENAI_MODEL: &str = "gpt-6-luna";
/// The longest virtual time of a run, unless a scenario says otherwise.
const DEADLINE_S: u64 = 864_000;
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
    pub config: Config,
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
}

impl Scenario {
    /// Reads a scenario file, with settings on top of it.
    pub fn read(path: &Path, settings: &[String]) -> Result<Self, Problem> {
        let origin = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| Problem {
            origin: origin.clone(),
            text: String::new(),
            span: 0..0,
            message: format!("cannot read the file: {error}"),
            help: None,
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("."));
        let plain = Self::parse(&name, &origin, &text, folder)?;
        if settings.is_empty() { Ok(plain) } else { plain.with(settings, folder) }
    }

    /// The same with settings on top. Files that it names are relative to `folder`, those of the
    /// settings to where the program runs.
    pub fn with(&self, settings: &[String], folder: &Path) -> Result<Self, Problem> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let text = set::apply(&self.text, settings, &cwd)?;
        Self::parse(&self.name, &format!("{}{WITH_SETTINGS}", self.file()), &text, folder)
    }

    /// The same in another world: that of this seed.
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
    pub fn parse(name: &str, origin: &str, text: &str, folder: &Path) -> Result<Self, Problem> {
        let reader = Reader { origin, text, folder };
        let not_toml = |error| problem::of_toml(origin, text, &error);
        text.parse::<toml::Table>().map_err(not_toml)?;
        let question = reader.question()?;
        let file: ScenarioFile = toml::from_str(text).map_err(not_toml)?;
        reader.scenario(name, question, &file)
    }

    /// A problem with a part of this scenario's text.
    pub fn problem(&self, span: Range<usize>, message: String, help: Option<String>) -> Problem {
        Problem { origin: self.origin.clone(), text: self.text.clone(), span, message, help }
    }
}

/// Turns a file into a scenario; knows where its text came from.
struct Reader<'a> {
    origin: &'a str,
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            origin: self.origin.to_owned(),
            text: self.text.to_owned(),
            span,
            message: message.into(),
            help: None,
        }
    }

    fn question(&self) -> Result<String, Problem> {
        let mut lines = self.text.lines();
        let comment = lines.next().and_then(|line| line.trim().strip_prefix('#')).map(str::trim);
        match comment {
            Some(question) if !question.is_empty() => Ok(question.to_owned()),
            _ => {
                let got = if self.text.trim().is_empty() { "an empty file" } else { "no question" };
                let end = self.text.lines().next().map_or(0, str::len);
                let mut problem = self.problem(
                    0..end,
                    format!(
                        "got {got}, wanted a first line with the scenario's question: `# Does ...?`"
                    ),
                );
                problem.help =
                    Some("`tagspace new NAME` writes a scenario to start from".to_owned());
                Err(problem)
            }
        }
    }

    fn scenario(
        &self,
        name: &str,
        question: String,
        file: &ScenarioFile,
    ) -> Result<Scenario, Problem> {
        let start = match &file.start {
            None => START.parse::<Timestamp>().expect("a constant"),
            Some(start) => start.get_ref().parse().map_err(|_| {
                let got = start.get_ref();
                self.problem(
                    start.span(),
                    format!("got `{got}`, wanted a moment such as `{START}`"),
                )
            })?,
        };
        let taxonomy = self.taxonomy(file.taxonomy.clone())?;
        let mut space = file.space.get_ref().clone();
        let mut documents = Vec::new();
        if let Some(dir) = &space.dir {
            let dir = self.folder.join(dir);
            documents = self.documents(&dir, file.space.span())?;
            space.dir = Some(dir);
        }
        let seed = Seed(file.seed.get());
        let confluence = file.confluence.get_ref();
        let confluence_latency =
            self.latency(confluence.latency.as_ref(), 180, file.confluence.span())?;
        self.check_faults(&confluence.fault, file.confluence.span())?;
        let mut prices = BTreeMap::new();
        let gemini_latency = self.ai("gemini", &file.gemini, &mut prices)?;
        let openai = match &file.openai {
            Some(openai) => {
                Some((openai.get_ref().clone(), self.ai("openai", openai, &mut prices)?))
            }
            None => None,
        };
        let has_fallback = openai.is_some();
        // A service that the scenario does not name is there for clients that know of it anyway.
        let openai = openai.unwrap_or_else(|| (AiConfig::plain(OPENAI_MODEL), Latency::fixed(800)));
        let world = WorldConfig {
            seed,
            weather: file.weather.map(Whole::get),
            start,
            taxonomy,
            space,
            documents,
            confluence: (confluence.clone(), confluence_latency),
            gemini: (file.gemini.get_ref().clone(), gemini_latency),
            openai,
        };
        let runs = self.runs(&file.run, &file.pipeline)?;
        let targets = self.targets(file, &runs)?;
        let listed: Vec<_> = targets.iter().map(|t| (&t.run, &t.metric, &t.limit)).collect();
        Ok(Scenario {
            name: name.to_owned(),
            origin: self.origin.to_owned(),
            text: self.text.to_owned(),
            question,
            deadline_s: file.deadline_s.map_or(DEADLINE_S, Whole::get),
            world_digest: world_digest(&world, &runs, has_fallback),
            config_digest: digest(&runs.iter().map(|run| &run.config).collect::<Vec<_>>()),
            targets_digest: digest(&listed),
            world,
            has_start: file.start.is_some(),
            runs,
            targets,
            tune: file.tune.clone(),
            prices,
            has_fallback,
        })
    }

    fn taxonomy(
        &self,
        written: Option<BTreeMap<String, Vec<String>>>,
    ) -> Result<Vec<(String, Vec<String>)>, Problem> {
        let Some(written) = written else { return Ok(default_taxonomy()) };
        let fits = |name: &str| !name.is_empty() && !name.contains([',', ':', '\n', ' ']);
        for (category, tags) in &written {
            let bad = std::iter::once(category).chain(tags).find(|name| !fits(name));
            if let Some(bad) = bad {
                let at = self.text.find(bad.as_str()).unwrap_or(0);
                let message = format!(
                    "got the tag or category `{bad}`, wanted no space, comma or colon in it"
                );
                return Err(self.problem(at..at + bad.len(), message));
            }
        }
        Ok(written.into_iter().collect())
    }

    fn documents(&self, dir: &Path, span: Range<usize>) -> Result<Vec<PathBuf>, Problem> {
        let span = self.text.find("dir").map_or(span, |at| at..at + 3);
        let shown = dir.display();
        let found = documents::find(dir).map_err(|error| {
            self.problem(span.clone(), format!("cannot read the folder {shown}: {error}"))
        })?;
        if found.is_empty() {
            let message = format!("got no HTML file below {shown}, wanted at least one");
            return Err(self.problem(span, message));
        }
        Ok(found)
    }

    fn latency(
        &self,
        written: Option<&LatencyFile>,
        default_ms: u64,
        span: Range<usize>,
    ) -> Result<Latency, Problem> {
        let Some(written) = written else { return Ok(Latency::fixed(default_ms)) };
        let inner = self.text.get(span.clone()).and_then(|part| part.find("latency"));
        let at =
            inner.map_or(span.clone(), |at| span.start + at..span.start + at + "latency".len());
        written.resolve(self.folder).map_err(|error| self.problem(at, error.to_string()))
    }

    fn ai(
        &self,
        provider: &str,
        service: &serde_spanned::Spanned<AiConfig>,
        prices: &mut BTreeMap<String, Price>,
    ) -> Result<Latency, Problem> {
        let config = service.get_ref();
        self.check_faults(&config.fault, service.span())?;
        if let Some((key, message)) = config.quota_problem() {
            // The span of a table is that of its heading.
            let start = service.span().start;
            let at = self.text.get(start..).and_then(|rest| rest.find(key)).unwrap_or(0) + start;
            return Err(self.problem(at..at + key.len(), message));
        }
        let stated = config.price.map(|p| Price { input: p.input_usd, output: p.output_usd });
        let Some(price) = stated.or_else(|| price::of(&config.model)) else {
            let at = self.text.find(&config.model).unwrap_or(service.span().start);
            let mut problem = self.problem(
                at..at + config.model.len(),
                format!(
                    "got the model `{}` without a price, wanted one of the price table or `price`",
                    config.model
                ),
            );
            let known: Vec<&str> = price::models().collect();
            let nearest = problem::did_you_mean(&config.model, known.iter().copied());
            let rest = format!(
                "known: {}; or add price = {{ input_usd = 0.3, output_usd = 2.5 }}",
                known.join(", ")
            );
            problem.help =
                Some(nearest.map_or_else(|| rest.clone(), |nearest| format!("{nearest} {rest}")));
            return Err(problem);
        };
        prices.insert(provider.to_owned(), price);
        self.latency(config.latency.as_ref(), 800, service.span())
    }

    fn check_faults(&self, rules: &[FaultRule], span: Range<usize>) -> Result<(), Problem> {
        match rules.iter().find_map(FaultRule::problem) {
            Some(message) => {
                let at = self.text.find("fault]]").unwrap_or(span.start);
                Err(self.problem(at..at + "fault".len(), message))
            }
            None => Ok(()),
        }
    }

    fn runs(
        &self,
        written: &[RunFile],
        base: &serde_spanned::Spanned<crate::pipeline::config::Overrides>,
    ) -> Result<Vec<Run>, Problem> {
        let resolve = |overrides: &crate::pipeline::config::Overrides, span: Range<usize>| {
            overrides.resolve().map_err(|error| self.problem(span, error.to_string()))
        };
        if written.is_empty() {
            let config = resolve(base.get_ref(), base.span())?;
            return Ok(vec![Run {
                name: "run".to_owned(),
                config,
                changed_ratio: Ratio::ZERO,
                start_after_s: 0,
                pages: None,
                cancel_at_s: None,
                fresh: true,
            }]);
        }
        let mut runs: Vec<Run> = Vec::new();
        for (index, run) in written.iter().enumerate() {
            let name = run.name.get_ref();
            let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(fits) {
                let wanted = "wanted letters, digits, `-`, `_` and `.`";
                let message = format!("got the run name `{name}`, {wanted}");
                return Err(self.problem(run.name.span(), message));
            }
            if runs.iter().any(|known| known.name == *name) {
                let message = format!("got the run name `{name}` twice, wanted each once");
                return Err(self.problem(run.name.span(), message));
            }
            let own = run.pipeline.get_ref();
            let span =
                if run.pipeline.span().is_empty() { base.span() } else { run.pipeline.span() };
            runs.push(Run {
                name: name.clone(),
                config: resolve(&own.over(base.get_ref()), span)?,
                changed_ratio: run.changed_ratio,
                start_after_s: run.start_after_s.get(),
                pages: run.pages.map(Whole::get),
                cancel_at_s: run.cancel_at_s.map(Whole::get),
                fresh: run.fresh || index == 0,
            });
        }
        Ok(runs)
    }

    fn targets(&self, file: &ScenarioFile, runs: &[Run]) -> Result<Vec<TargetText>, Problem> {
        let mut targets = Vec::new();
        for (run, metrics) in &file.targets {
            let name = run.get_ref();
            if !runs.iter().any(|known| known.name == *name) {
                let known: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
                let message = format!(
                    "got targets for the run `{name}`, which never happens, wanted one of: {}",
                    known.join(", ")
                );
                let mut problem = self.problem(run.span(), message);
                problem.help = problem::did_you_mean(name, known);
                return Err(problem);
            }
            for (metric, limits) in metrics {
                for limit in limits.all_in(self.text) {
                    targets.push(TargetText {
                        run: name.clone(),
                        metric: metric.get_ref().clone(),
                        metric_span: metric.span(),
                        limit: limit.get_ref().clone(),
                        limit_span: limit.span(),
                    });
                }
            }
        }
        // In the order in which they are written.
        targets.sort_by_key(|target| (target.limit_span.start, target.metric_span.start));
        Ok(targets)
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
fn world_digest(world: &WorldConfig, runs: &[Run], has_fallback: bool) -> String {
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

fn digest(value: &impl Serialize) -> String {
    let canonical = serde_json::to_vec(value).unwrap_or_default();
    base16ct::lower::encode_string(&Sha256::digest(&canonical))
}
