//! Makes a scenario of a file, and checks all that its types do not.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_spanned::Spanned;
use toml::de::DeTable;

use super::diagnostic::Finding;
use super::file::{RunFile, ScenarioFile};
use super::recover::Recovered;
use super::scenario::{digest, world_digest};
use super::tree::{Step, path};
use super::{
    Examined, Run, Scenario, TargetText, default_taxonomy, depth, diagnostic, recover, tree,
};
use crate::fakes::content::documents;
use crate::fakes::latency::{Latency, LatencyFile};
use crate::fakes::llm::AiConfig;
use crate::fakes::world::WorldConfig;
use crate::pipeline::config::{Profile, Settings, SettingsPatch};
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::pipeline::taxonomy::Taxonomy;
use crate::price;
use crate::price::Price;
use crate::rng::Seed;
use crate::units::{Ratio, Whole};

/// Virtual zero, unless a scenario says otherwise.
const START: &str = "2026-01-05T09:00:00Z";
/// OpenAI's model, where a scenario has no `[openai]`.
const OPENAI_MODEL: &str = "gpt-6-luna";
/// The longest virtual time of a run, unless a scenario says otherwise.
const DEADLINE_S: u64 = 864_000;

/// Makes a scenario of a text, and tells all that is wrong with it.
pub(super) fn examine(name: &str, origin: &str, text: &str, folder: &Path) -> Examined {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let nothing = |finding| Examined::nothing(diagnostic::of_findings(origin, text, vec![finding]));
    if let Some(at) = depth::too_deep(text) {
        let message = format!("expected at most {} levels, found more", depth::MOST_LEVELS);
        return nothing(Finding { span: at..at + 1, message, help: None });
    }
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => return nothing(diagnostic::of_toml(&error)),
    };
    let root = document.get_ref().clone();
    let question = question(text);
    if let (Err(finding), true) = (&question, root.is_empty()) {
        return nothing(finding.clone());
    }
    let mut recovered = recover::read(document);
    let mut findings = std::mem::take(&mut recovered.findings);
    for finding in &mut findings {
        one_pair_of_brackets(text, finding);
    }
    let question = question.unwrap_or_else(|finding| {
        findings.push(finding);
        String::new()
    });
    let file = recovered.file.take();
    let mut reader = Reader { text, folder, root, recovered, findings };
    let has_all_runs = reader.recovered.has_all_runs();
    let scenario = file.map(|file| reader.scenario(name, origin, question, file));
    let problems = diagnostic::of_findings(origin, text, reader.findings);
    Examined { scenario, problems, has_all_runs, reached: None }
}

/// Says what makes a list of a table whose heading has two pairs of brackets.
fn one_pair_of_brackets(text: &str, finding: &mut Finding) {
    let before = &text[..finding.span.start];
    let found = text.get(finding.span.clone()).unwrap_or_default();
    let name = found.strip_prefix("[[").and_then(|found| found.strip_suffix("]]"));
    if let (Some(name), true, true) =
        (name, before.ends_with('\n'), finding.message == "expected a table, found a list")
    {
        finding.help = Some(format!("one pair of brackets makes a table: `[{name}]`"));
    }
}

/// The question that the first line of a text asks.
fn question(text: &str) -> Result<String, Finding> {
    let comment = text.lines().next().and_then(|line| line.trim().strip_prefix('#'));
    match comment.map(str::trim) {
        Some(question) if !question.is_empty() => Ok(question.to_owned()),
        _ => {
            let got = if text.trim().is_empty() { "an empty file" } else { "no question" };
            let message = format!(
                "expected a first line with the scenario's question: `# Does ...?`, found {got}"
            );
            let help = "`tagspace new NAME` writes a scenario to start from".to_owned();
            let end = text.lines().next().map_or(0, str::len);
            Err(Finding { span: 0..end, message, help: Some(help) })
        }
    }
}

/// Turns a file into a scenario; what is wrong is noted, and something else stands in for it.
pub(super) struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    root: DeTable<'a>,
    pub(super) recovered: Recovered,
    findings: Vec<Finding>,
}

/// A path below a table.
pub(super) fn below(table: &[Step], keys: &[&str]) -> Vec<Step> {
    [table, &path(keys)].concat()
}

impl Reader<'_> {
    /// Notes a problem with what is at a path, unless something there is known to be wrong.
    pub(super) fn note(
        &mut self,
        about: &[Step],
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) {
        if !self.recovered.is_wrong(about) {
            self.findings.push(Finding { span, message, help });
        }
    }

    /// The place of a key.
    pub(super) fn key(&self, at: &[Step]) -> Option<Range<usize>> {
        Some(tree::places(&self.root, at)?.0)
    }

    /// The place of a text, within its quotes.
    fn word(&self, at: &[Step]) -> Option<Range<usize>> {
        let (_, span) = tree::places(&self.root, at)?;
        let is_quoted = self.text.get(span.clone())?.starts_with(['"', '\'']);
        Some(if is_quoted && span.len() > 2 { span.start + 1..span.end - 1 } else { span })
    }

    fn scenario(
        &mut self,
        name: &str,
        origin: &str,
        question: String,
        file: ScenarioFile,
    ) -> Scenario {
        self.combinations(&file);
        let start = self.start(file.start.as_ref());
        let taxonomy = self.taxonomy(file.taxonomy.clone());
        let mut space = file.space.get_ref().clone();
        let mut documents = Vec::new();
        if let Some(dir) = &space.dir {
            let dir = self.folder.join(dir);
            let files = self.documents(&dir, file.space.span());
            documents = files.into_iter().map(documents::Source::File).collect();
            space.dir = Some(dir);
        }
        let confluence = file.confluence.get_ref();
        let at = path(&["confluence"]);
        let confluence_latency =
            self.latency(confluence.latency.as_ref(), 180, &at, file.confluence.span());
        let mut prices = BTreeMap::new();
        let gemini_latency = self.ai("gemini", &file.gemini, &mut prices);
        let openai = file
            .openai
            .as_ref()
            .map(|openai| (openai.get_ref().clone(), self.ai("openai", openai, &mut prices)));
        let has_fallback = openai.is_some();
        // A service that the scenario does not name is there for clients that know of it anyway.
        let openai = openai.unwrap_or_else(|| (AiConfig::plain(OPENAI_MODEL), Latency::fixed(800)));
        let world = WorldConfig {
            seed: Seed(file.seed.get()),
            weather: file.weather.map(Whole::get),
            start,
            taxonomy,
            space,
            documents,
            confluence: (confluence.clone(), confluence_latency),
            gemini: (file.gemini.get_ref().clone(), gemini_latency),
            openai,
        };
        let runs = self.runs(&file.run, &file.pipeline);
        let targets = self.targets(&file, &runs);
        Scenario {
            name: name.to_owned(),
            origin: origin.to_owned(),
            text: self.text.to_owned(),
            question,
            deadline_s: file.deadline_s.map_or(DEADLINE_S, Whole::get),
            world_digest: world_digest(&world, &runs, has_fallback),
            config_digest: digest(&runs.iter().map(|run| &run.config).collect::<Vec<_>>()),
            targets_digest: targets_digest(&targets),
            world,
            has_start: file.start.is_some(),
            runs,
            targets,
            tune: file.tune,
            prices,
            has_fallback,
            known: LearnedQuotas::default(),
        }
    }

    fn start(&mut self, written: Option<&Spanned<String>>) -> Timestamp {
        let start = START.parse::<Timestamp>().expect("a constant");
        let Some(written) = written else { return start };
        written.get_ref().parse().unwrap_or_else(|_| {
            let got = written.get_ref();
            let message = format!("expected a moment such as `{START}`, found `{got}`");
            self.note(&path(&["start"]), written.span(), message, None);
            start
        })
    }

    fn taxonomy(
        &mut self,
        written: Option<BTreeMap<String, Vec<String>>>,
    ) -> Vec<(String, Vec<String>)> {
        let Some(written) = written else { return default_taxonomy() };
        let categories: Vec<_> = written.into_iter().collect();
        for problem in Taxonomy::problems(&categories) {
            let mut at = path(&["taxonomy"]);
            let mut span = self.key(&at);
            if let Some(category) = problem.category() {
                at.push(Step::Key(category.to_owned()));
                span = self.key(&at);
            }
            if let Some(index) = problem.tag() {
                // The order of a list is kept, and so are its gaps.
                let list: Vec<&str> = ["taxonomy"].into_iter().chain(problem.category()).collect();
                let index = self.recovered.kept(&list, index + 1).pop().unwrap_or(index);
                at.push(Step::Entry(index));
                span = self.word(&at);
            }
            self.note(&at, span.unwrap_or_default(), problem.to_string(), None);
        }
        self.one_word_each(&categories);
        categories
    }

    /// The fakes find words in texts: a name of several would be found nowhere.
    fn one_word_each(&mut self, categories: &[(String, Vec<String>)]) {
        for (category, tags) in categories {
            let list = ["taxonomy", category.as_str()];
            if category.contains(' ') {
                let at = path(&list);
                let span = self.key(&at).unwrap_or_default();
                self.note(
                    &at,
                    span,
                    format!("expected a category of one word, found `{category}`"),
                    None,
                );
            }
            for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| tag.contains(' ')) {
                let index = self.recovered.kept(&list, index + 1).pop().unwrap_or(index);
                let at = [path(&list), vec![Step::Entry(index)]].concat();
                let span = self.word(&at).unwrap_or_default();
                self.note(&at, span, format!("expected a tag of one word, found `{tag}`"), None);
            }
        }
    }

    fn documents(&mut self, dir: &Path, span: Range<usize>) -> Vec<PathBuf> {
        let at = path(&["space", "dir"]);
        let span = self.key(&at).unwrap_or(span);
        let shown = dir.display();
        match documents::find(dir) {
            Ok(found) if found.is_empty() => {
                let message = format!("expected at least one HTML file below {shown}, found none");
                self.note(&at, span, message, None);
                Vec::new()
            }
            Ok(found) => found,
            Err(error) => {
                self.note(&at, span, format!("cannot read the folder {shown}: {error}"), None);
                Vec::new()
            }
        }
    }

    fn latency(
        &mut self,
        written: Option<&LatencyFile>,
        default_ms: u64,
        service: &[Step],
        span: Range<usize>,
    ) -> Latency {
        let Some(written) = written else { return Latency::fixed(default_ms) };
        let at = below(service, &["latency"]);
        written.resolve(self.folder).unwrap_or_else(|error| {
            let span = self.key(&at).unwrap_or(span);
            self.note(&at, span, error.to_string(), None);
            Latency::fixed(default_ms)
        })
    }

    fn ai(
        &mut self,
        provider: &str,
        service: &Spanned<AiConfig>,
        prices: &mut BTreeMap<String, Price>,
    ) -> Latency {
        let config = service.get_ref();
        let at = path(&[provider]);
        if let Some((keys, message)) = config.quota_problem() {
            let span = self.key(&below(&at, keys)).unwrap_or(service.span());
            let neighbour = below(&at, &["neighbour"]);
            if keys.len() > 1 || !self.recovered.is_wrong(&neighbour) {
                self.note(&below(&at, &["quota"]), span, message, None);
            }
        }
        let stated = config.price.map(|p| Price { input: p.input_usd, output: p.output_usd });
        match stated.or_else(|| price::of(&config.model)) {
            Some(price) => drop(prices.insert(provider.to_owned(), price)),
            None => self.no_price(&at, &config.model, service.span()),
        }
        self.latency(config.latency.as_ref(), 800, &at, service.span())
    }

    fn no_price(&mut self, service: &[Step], model: &str, span: Range<usize>) {
        let at = below(service, &["model"]);
        if self.recovered.is_wrong(&below(service, &["price"])) {
            return;
        }
        let known: Vec<&str> = price::models().collect();
        let rest = format!(
            "known: {}; or add price = {{ input_usd = 0.3, output_usd = 2.5 }}",
            known.join(", ")
        );
        let help = match diagnostic::did_you_mean(model, known.iter().copied()) {
            Some(nearest) => format!("{nearest} {rest}"),
            None => rest,
        };
        let message =
            format!("the model `{model}` has no price: expected one of the price table or `price`");
        let span = self.word(&at).unwrap_or(span);
        self.note(&at, span, message, Some(help));
    }

    fn runs(&mut self, written: &[RunFile], base: &Spanned<SettingsPatch>) -> Vec<Run> {
        if written.is_empty() {
            return vec![Run {
                name: "run".to_owned(),
                config: self.config(&SettingsPatch::default(), base.get_ref(), &[], base.span()),
                patch: patch(&SettingsPatch::default(), base.get_ref()),
                changed_ratio: Ratio::ZERO,
                start_after_s: 0,
                pages: None,
                cancel_at_s: None,
                fresh: true,
            }];
        }
        let mut runs: Vec<Run> = Vec::new();
        let kept = self.recovered.kept(&["run"], written.len());
        for (run, index) in written.iter().zip(kept) {
            let at = [Step::Key("run".to_owned()), Step::Entry(index)];
            let name = run.name.get_ref();
            let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(fits) {
                let wanted = "expected a run name of letters, digits, `-`, `_` and `.`";
                let message = format!("{wanted}, found `{name}`");
                self.note(&below(&at, &["name"]), run.name.span(), message, None);
            }
            if runs.iter().any(|known| known.name == *name) {
                let message = format!("expected each run name once, found `{name}` twice");
                self.note(&below(&at, &["name"]), run.name.span(), message, None);
                continue;
            }
            let own = run.pipeline.get_ref();
            let span =
                if run.pipeline.span().is_empty() { base.span() } else { run.pipeline.span() };
            runs.push(Run {
                name: name.clone(),
                config: self.config(own, base.get_ref(), &at, span),
                patch: patch(own, base.get_ref()),
                changed_ratio: run.changed_ratio,
                start_after_s: run.start_after_s.get(),
                pages: run.pages.map(Whole::get),
                cancel_at_s: run.cancel_at_s.map(Whole::get),
                fresh: run.fresh || runs.is_empty(),
            });
        }
        runs
    }

    /// The settings of a run, its own over those of all; those of a profile, where they do not fit.
    fn config(
        &mut self,
        own: &SettingsPatch,
        base: &SettingsPatch,
        run: &[Step],
        span: Range<usize>,
    ) -> Settings {
        own.over(base).resolve().unwrap_or_else(|error| {
            let is_wrong = |at: &[Step]| self.recovered.is_wrong(&below(at, &["pipeline"]));
            // What is wrong below may be why it does not fit, unless it does not fit alone.
            let is_known = is_wrong(run) || is_wrong(&[]) && own.resolve() != Err(error.clone());
            if !is_known {
                let place = |at: &[Step]| self.key(&below(at, &["pipeline", error.key()?]));
                let span = place(run).or_else(|| place(&[])).unwrap_or(span);
                self.findings.push(Finding { span, message: error.to_string(), help: None });
            }
            SettingsPatch::default().resolve().expect("a profile holds together")
        })
    }

    fn targets(&mut self, file: &ScenarioFile, runs: &[Run]) -> Vec<TargetText> {
        let mut targets = Vec::new();
        for (run, metrics) in &file.targets {
            let name = run.get_ref();
            if !runs.iter().any(|known| known.name == *name) {
                let known: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
                let message = format!(
                    "expected targets of a run, one of: {}, found `{name}`",
                    known.join(", ")
                );
                let help = diagnostic::did_you_mean(name, known);
                if self.recovered.has_all_runs() {
                    self.findings.push(Finding { span: run.span(), message, help });
                }
                continue;
            }
            for (metric, limits) in metrics {
                for limit in limits.all() {
                    let limit_span = limit.limit.span();
                    let over_span = limit.over.as_ref().map_or(limit_span.clone(), Spanned::span);
                    targets.push(TargetText {
                        run: name.clone(),
                        metric: metric.get_ref().clone(),
                        metric_span: metric.span(),
                        limit: limit.limit.get_ref().clone(),
                        limit_span,
                        over: limit.over.as_ref().map(|over| over.get_ref().clone()),
                        over_span,
                    });
                }
            }
        }
        // In the order in which they are written.
        targets.sort_by_key(|target| (target.limit_span.start, target.metric_span.start));
        targets
    }
}

/// The keys of a run with the profile that they are set on.
fn patch(own: &SettingsPatch, base: &SettingsPatch) -> SettingsPatch {
    let patch = own.over(base);
    SettingsPatch { profile: patch.profile.or(Some(Profile::Documented)), ..patch }
}

/// A digest of what must hold.
fn targets_digest(targets: &[TargetText]) -> String {
    let limit = |target: &TargetText| match &target.over {
        Some(over) => format!("{} over {over}", target.limit),
        None => target.limit.clone(),
    };
    let listed: Vec<_> = targets.iter().map(|t| (&t.run, &t.metric, limit(t))).collect();
    digest(&listed)
}
