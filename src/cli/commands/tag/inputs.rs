//! What the arguments of `tag` and the environment come to: the job, the settings, the services, the tags.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::environment::{address, check_variables, has_secret, secret, site, variable};
use super::named_job::{check_site, named};
use super::state;
use super::topic::is_of_file;
use crate::cli::args::TagArgs;
use crate::cli::error::{CliError, Problems};
use crate::cli::outputs;
use crate::cli::outputs::{Kind, Output};
use crate::cli::terminal::note;
use crate::pipeline::complaint::Listening;
use crate::pipeline::config::{Profile, Settings, SettingsError, SettingsPatch};
use crate::pipeline::event::Observer;
use crate::pipeline::http::HttpTransport;
use crate::pipeline::job::{Job, PageQuery, PageSelection};
use crate::pipeline::page::PageId;
use crate::pipeline::page_filter::PageFilter;
use crate::pipeline::provider::{Provider, ProviderApi};
use crate::pipeline::store::{JobRecord, SqliteStore, StoreError};
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{Parts, Site};
use crate::price;
use crate::rng::Seed;
use crate::sim::scenario::default_taxonomy;
use crate::sim::scenario::diagnostic::did_you_mean;
use crate::sim::scenario::env_file::Variables;

const GEMINI: &str = "https://generativelanguage.googleapis.com";
const OPENAI: &str = "https://api.openai.com";

/// The job that the arguments describe, at this site.
pub(crate) fn job(
    args: &TagArgs,
    site: &str,
    store: Option<&Arc<SqliteStore>>,
) -> Result<Job, CliError> {
    let filter = PageFilter {
        limit: args.limit,
        sample_ppm: args.sample,
        include: args.include.clone(),
        exclude: args.exclude.clone(),
    };
    let prunable = if args.prune { written(site, store)? } else { BTreeMap::new() };
    let what = selection(args, site, store)?;
    Ok(Job { task: args.task.clone(), what, filter, prunable })
}

/// The labels that earlier jobs gave to pages of this site. Without them nothing can be pruned.
fn written(
    site: &str,
    store: Option<&Arc<SqliteStore>>,
) -> Result<BTreeMap<PageId, BTreeSet<String>>, CliError> {
    let store = needed(store, "--prune")?;
    store.written(site).map_err(|error| unread(store, "--prune", &error))
}

/// The store that this option reads what earlier jobs wrote down in.
fn needed<'a>(
    store: Option<&'a Arc<SqliteStore>>,
    option: &str,
) -> Result<&'a Arc<SqliteStore>, CliError> {
    store.ok_or_else(|| CliError::Usage {
        message: format!("{option}: there is no store"),
        help: "it reads what earlier jobs wrote down; see --store".to_owned(),
    })
}

fn unread(store: &SqliteStore, option: &str, error: &StoreError) -> CliError {
    CliError::Usage {
        message: format!("{option}: {}: {error}", store.path().display()),
        help: "it reads what earlier jobs wrote down; see --store".to_owned(),
    }
}

/// The pages that the arguments name, each once, in one way or another.
fn selection(
    args: &TagArgs,
    site: &str,
    store: Option<&Arc<SqliteStore>>,
) -> Result<PageSelection, CliError> {
    if let Some(name) = &args.failed {
        let store = needed(store, "--failed")?;
        let failed = retried_job(name, site, store).and_then(|job| {
            store.failed(&job).map_err(|error| unread(store, "--failed", &error))
        })?;
        if failed.is_empty() {
            note(&format!("no page of {name} has failed"));
        }
        return Ok(PageSelection::Pages(failed.into_keys().collect()));
    }
    let spaces = each_once(&args.spaces);
    let queries: Vec<String> = args
        .cql
        .iter()
        .map(|cql| format!("({cql})"))
        .chain(args.changed_since.iter().map(|since| format!("lastmodified >= {since}")))
        .collect();
    Ok(match queries.as_slice() {
        [] if spaces.is_empty() => {
            PageSelection::Pages(each_once(&args.pages).into_iter().map(PageId).collect())
        }
        [] => PageSelection::Spaces(spaces),
        queries => PageSelection::Found(PageQuery { spaces, cql: queries.join(" and ") }),
    })
}

/// These values without those that were there before.
pub(super) fn each_once<T: Clone + PartialEq>(values: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for value in values {
        if !once.contains(value) {
            once.push(value.clone());
        }
    }
    once
}

/// The job of this name at this site, whose failed pages can be tried again.
pub(super) fn retried_job(
    name: &str,
    site: &str,
    store: &SqliteStore,
) -> Result<JobRecord, CliError> {
    let jobs = store.jobs().map_err(|error| unread(store, "--failed", &error))?;
    let job = named(name, &jobs)?;
    check_site(job, site)?;
    if is_of_file(job) {
        return Err(CliError::Usage {
            message: format!(
                "--failed: expected a job that asked models, found {name}, of --apply"
            ),
            help: "`tagspace tag --apply` with the same file and --write goes on with it"
                .to_owned(),
        });
    }
    Ok(job.clone())
}

/// What arguments and environment come to.
#[derive(Clone)]
pub(crate) struct TagInputs {
    pub(crate) config: Settings,
    pub(super) taxonomy: Taxonomy,
    pub(crate) site: Site,
    pub(crate) providers: Vec<Provider>,
}

impl TagInputs {
    pub(crate) fn read(args: &TagArgs) -> Result<Self, CliError> {
        let overrides = settings(args)?;
        let site = site(args.allow_http)?;
        let mut providers = vec![provider(ProviderApi::Gemini, args)?];
        if has_secret("OPENAI_API_KEY") {
            providers.push(provider(ProviderApi::OpenAi, args)?);
        }
        let config = resolved(&overrides)?;
        let asked = if config.fallback { providers.len() } else { 1 };
        let mut asked = providers.iter().take(asked);
        let unpriced = asked.find(|provider| price::of(&provider.model).is_none());
        if let Some(provider) = unpriced.filter(|_| args.max_cost.is_some()) {
            return Err(CliError::Usage {
                message: format!("--max-cost: no price of the model {} is known", provider.model),
                help: format!(
                    "known: {}; or bound the calls with --max-calls",
                    price::models().collect::<Vec<_>>().join(", ")
                ),
            });
        }
        let taxonomy = Taxonomy::new(taxonomy(args)?);
        Ok(Self { config, taxonomy, site, providers })
    }

    pub(crate) fn parts(
        self,
        transport: &Arc<Listening<HttpTransport>>,
        observer: Arc<dyn Observer>,
    ) -> Parts {
        let Self { config, taxonomy, site, providers } = self;
        let transport = Arc::clone(transport);
        let (store, journal, seed) = (None, None, Seed(0));
        Parts { config, taxonomy, site, providers, transport, observer, store, journal, seed }
    }
}

/// What these settings come to.
pub(super) fn resolved(overrides: &SettingsPatch) -> Result<Settings, CliError> {
    overrides.resolve().map_err(|error| CliError::Usage {
        message: error.to_string(),
        help: "change the TAG_SPACE_ variables, --env-file or --set".to_owned(),
    })
}

/// The settings that the environment, `--env-file` and `--set` make together, the later over the
/// earlier.
pub(super) fn settings(args: &TagArgs) -> Result<SettingsPatch, CliError> {
    check_variables()?;
    let mut patch = SettingsPatch { profile: Some(Profile::Recommended), ..Default::default() };
    patch.read_env(variable).map_err(|error| CliError::Usage {
        // No value of the environment is shown.
        message: match error {
            SettingsError::Variable { name, wanted, .. } => {
                format!("read {name}: expected {wanted}")
            }
            error => error.to_string(),
        },
        help: "change or unset this variable".to_owned(),
    })?;
    let variables = args.env_file.as_ref().map(|path| Variables::read(path, true)).transpose();
    let variables = variables.map_err(|all| CliError::Problems(Problems(all)))?;
    patch.take(variables.unwrap_or_default().patch);
    patch.profile = args.profile.or(patch.profile);
    for setting in &args.set {
        set(&mut patch, setting)?;
    }
    if patch.dry_run.is_some() {
        return Err(CliError::Usage {
            message: "expected settings that `tag` has, found dry_run in a variable or in --set"
                .to_owned(),
            help: "without --write nothing is written".to_owned(),
        });
    }
    patch.dry_run = Some(!args.write);
    Ok(patch)
}

/// Sets what one `--set` says.
fn set(patch: &mut SettingsPatch, setting: &str) -> Result<(), CliError> {
    let usage = |message: String, help: String| CliError::Usage { message, help };
    let Some((key, value)) = setting.split_once('=') else {
        let message =
            format!("expected `key=value`, such as batch_size=10, found `--set {setting}`");
        return Err(usage(message, "the keys are those of a scenario's [pipeline]".to_owned()));
    };
    let key = key.trim();
    let key = key.strip_prefix("pipeline.").unwrap_or(key);
    if !SettingsPatch::KEYS.contains(&key) {
        let known = SettingsPatch::KEYS;
        let nearest = did_you_mean(key, known.iter().copied()).map(|near| format!("{near} "));
        let help = format!("{}known: {}", nearest.unwrap_or_default(), known.join(", "));
        return Err(usage(format!("expected a key of [pipeline], found `--set {setting}`"), help));
    }
    patch.set(key, value).map_err(|wanted| {
        let help = "the keys and values are those of a scenario's [pipeline]".to_owned();
        usage(format!("expected {wanted}, found `--set {setting}`"), help)
    })
}

/// The file that keeps what is learned, if one does.
pub(crate) fn state_path(args: &TagArgs) -> Option<PathBuf> {
    if args.no_state {
        return None;
    }
    args.state.clone().or_else(|| state::usual_path(variable).and_then(state::usable))
}

/// Checks the files that are to be written.
pub(crate) fn check(args: &TagArgs) -> Result<(), CliError> {
    let named = [(Kind::State, &args.state), (Kind::Events, &args.events), (Kind::Log, &args.log)];
    let named = named.iter().filter_map(|(kind, path)| Some((*kind, path.as_deref()?)));
    let named: Vec<Output<'_>> = named.map(|(kind, path)| Output { kind, path }).collect();
    let others =
        [("--taxonomy", &args.taxonomy), ("--store", &args.store), ("--apply", &args.apply)];
    let others = others.iter().filter_map(|(option, path)| Some((*option, path.as_deref()?)));
    outputs::check(&named, &others.collect::<Vec<_>>())
}

fn provider(wire: ProviderApi, args: &TagArgs) -> Result<Provider, CliError> {
    let (name, model, key, variable_of_base, origin) = match wire {
        ProviderApi::Gemini => {
            ("gemini", &args.model, "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", GEMINI)
        }
        ProviderApi::OpenAi => {
            ("openai", &args.fallback_model, "OPENAI_API_KEY", "OPENAI_BASE_URL", OPENAI)
        }
    };
    let base = variable(variable_of_base).unwrap_or_else(|| origin.to_owned());
    let base = address(variable_of_base, &base, origin, args.allow_http)?;
    Ok(Provider {
        name: name.to_owned(),
        wire,
        model: model.to_owned(),
        origin: base.trim_end_matches("/v1").to_owned(),
        key: secret(key, "an API key")?,
    })
}

/// The tags that the arguments name, or the usual ones.
pub(super) fn taxonomy(args: &TagArgs) -> Result<Vec<(String, Vec<String>)>, CliError> {
    #[derive(Deserialize)]
    struct File {
        taxonomy: BTreeMap<String, Vec<String>>,
    }
    let Some(path) = &args.taxonomy else { return Ok(default_taxonomy()) };
    let usage = |message: String| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "expected a [taxonomy] table such as doc = [\"guide\", \"runbook\"]".to_owned(),
    };
    let text = fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|error| usage(error.message().to_owned()))?;
    let categories: Vec<(String, Vec<String>)> = file.taxonomy.into_iter().collect();
    Taxonomy::check(&categories).map_err(|error| usage(error.to_string()))?;
    Ok(categories)
}
