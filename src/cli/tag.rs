//! `tagspace tag`: a real space. Credentials come from the environment and are shown to nobody.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::args::TagArgs;
use super::watcher::Watcher;
use super::{CliError, ExitStatus, note, run, state};
use crate::pipeline::config::Overrides;
use crate::pipeline::control::Control;
use crate::pipeline::event::RunEnd;
use crate::pipeline::job::{Job, What};
use crate::pipeline::live::LiveTransport;
use crate::pipeline::log;
use crate::pipeline::page::PageId;
use crate::pipeline::provider::{Provider, Secret, Wire};
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{Parts, Pipeline, Site};
use crate::price;
use crate::report::format;
use crate::rng::Seed;
use crate::sim::recorder::Log;
use crate::sim::scenario::default_taxonomy;
use crate::study::figures::Figures;

/// Tags a space, or pages of it.
pub(super) fn tag(args: &TagArgs) -> Result<ExitStatus, CliError> {
    let parts = |watcher: Arc<Watcher>| -> Result<Parts, CliError> {
        let transport = LiveTransport::new().map_err(|error| CliError::Live(error.to_string()))?;
        let mut overrides = Overrides { profile: Some(args.profile), ..Overrides::default() };
        let usage = |error: crate::pipeline::config::ConfigError| CliError::Usage {
            message: error.to_string(),
            help: "set or unset the TAG_SPACE_ variables".to_owned(),
        };
        overrides.read_env(variable).map_err(usage)?;
        overrides.dry_run = Some(!args.write);
        let mut providers =
            vec![provider("gemini", Wire::Gemini, &args.model, "GEMINI_API_KEY", GEMINI)?];
        if variable("OPENAI_API_KEY").is_some() {
            let fallback =
                provider("openai", Wire::OpenAi, &args.fallback_model, "OPENAI_API_KEY", OPENAI)?;
            providers.push(fallback);
        }
        Ok(Parts {
            config: overrides.resolve().map_err(usage)?,
            taxonomy: Taxonomy::new(taxonomy(args)?),
            site: Site {
                base: address("CONFLUENCE_URL", &required("CONFLUENCE_URL", SITE)?)?,
                user: required("CONFLUENCE_USER", "you@example.com")?,
                token: Secret::new(required("CONFLUENCE_API_TOKEN", "an API token")?),
            },
            providers,
            transport: Arc::new(transport),
            observer: watcher,
            seed: Seed(0),
        })
    };
    let what = match &args.space {
        Some(key) => What::Space(key.clone()),
        None => What::Pages(args.pages.iter().copied().map(PageId).collect()),
    };
    let job = Job { task: args.task.clone(), what };
    let state = state_path(args);
    let memory = state.as_deref().map(state::read).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| CliError::Io { what: "set up the runtime".to_owned(), source })?;
    let subscriber =
        args.log.as_deref().map(|path| run::subscriber(path, run::Stamp::WallClock)).transpose()?;
    let _guard = subscriber.as_ref().map(tracing::dispatcher::set_default);
    let (result, watcher, patience_s) = runtime.block_on(async {
        let watcher = Arc::new(Watcher::new(&args.task, args.events.as_deref())?);
        let parts = parts(Arc::clone(&watcher))?;
        let patience_s = parts.config.patience_shown_s();
        let pipeline = Pipeline::new(parts);
        pipeline.recall(&memory);
        let started = Instant::now();
        let shown = Arc::clone(&watcher);
        let control = Control {
            progress: Some(Arc::new(move |progress| shown.progress(progress))),
            ..Control::default()
        };
        let aborted = second_ctrl_c(control.cancel.clone());
        let result = tokio::select! {
            biased;
            () = aborted => Ok(RunEnd::Cancelled),
            result = pipeline.run(job, control) => result,
        };
        if let Some(path) = &state {
            state::write(path, memory, pipeline.memory(), started.elapsed());
        }
        Ok::<_, CliError>((result, watcher, patience_s))
    })?;
    report(args, &watcher.finish()?, patience_s);
    match result {
        Ok(RunEnd::Completed) => Ok(ExitStatus::Met),
        Ok(RunEnd::Cancelled) => Ok(ExitStatus::Interrupted),
        Ok(RunEnd::Failed) => Ok(ExitStatus::Internal),
        Err(error) => Err(CliError::Live(error.to_string())),
    }
}

/// The file that keeps what is learned, if one does.
fn state_path(args: &TagArgs) -> Option<PathBuf> {
    if args.no_state {
        return None;
    }
    args.state.clone().or_else(|| state::usual_path(variable))
}

/// The first Ctrl-C cancels the run, and this ends with the second.
async fn second_ctrl_c(cancel: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        note("stopping: what is in flight is finished, the rest is left; Ctrl-C again to abort");
        cancel.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            return;
        }
    }
    // Without signals the run ends by itself.
    std::future::pending::<()>().await;
}

const SITE: &str = "https://acme.atlassian.net/wiki";
const GEMINI: &str = "https://generativelanguage.googleapis.com";
const OPENAI: &str = "https://api.openai.com";

#[expect(clippy::disallowed_methods, reason = "live use is configured by the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str, example: &str) -> Result<String, CliError> {
    variable(name).ok_or_else(|| CliError::Usage {
        message: format!("got no {name}, wanted {example}"),
        help: "live use needs CONFLUENCE_URL, CONFLUENCE_USER, CONFLUENCE_API_TOKEN and GEMINI_API_KEY; \
               OPENAI_API_KEY is the fallback's"
            .to_owned(),
    })
}

/// An address without the slash at its end.
fn address(name: &str, got: &str) -> Result<String, CliError> {
    if got.contains('@') {
        return Err(CliError::Usage {
            message: format!("got {name} with credentials in it, wanted an address without"),
            help: "credentials have variables of their own".to_owned(),
        });
    }
    let uri = got.parse::<http::Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
    });
    match uri {
        Some(_) => Ok(got.trim_end_matches('/').to_owned()),
        None => Err(CliError::Usage {
            message: format!("got {name}={got}, wanted an address such as {SITE}"),
            help: "http or https, a host, perhaps a path, no query".to_owned(),
        }),
    }
}

fn provider(
    name: &str,
    wire: Wire,
    model: &str,
    key: &str,
    origin: &str,
) -> Result<Provider, CliError> {
    let name_of_base = match wire {
        Wire::Gemini => "GOOGLE_GEMINI_BASE_URL",
        Wire::OpenAi => "OPENAI_BASE_URL",
    };
    let base = variable(name_of_base).unwrap_or_else(|| origin.to_owned());
    let base = address(name_of_base, &base)?;
    Ok(Provider {
        name: name.to_owned(),
        wire,
        model: model.to_owned(),
        origin: base.trim_end_matches("/v1").to_owned(),
        key: Secret::new(required(key, "an API key")?),
    })
}

fn taxonomy(args: &TagArgs) -> Result<Vec<(String, Vec<String>)>, CliError> {
    #[derive(Deserialize)]
    struct File {
        taxonomy: BTreeMap<String, Vec<String>>,
    }
    let Some(path) = &args.taxonomy else { return Ok(default_taxonomy()) };
    let usage = |message: String| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "wanted a [taxonomy] table such as doc = [\"guide\", \"runbook\"]".to_owned(),
    };
    let text = fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|error| usage(error.message().to_owned()))?;
    Ok(file.taxonomy.into_iter().collect())
}

/// Sums up what was done.
fn report(args: &TagArgs, log: &Log, patience_s: Option<u64>) {
    let models = [("gemini", &args.model), ("openai", &args.fallback_model)];
    let prices =
        models.into_iter().filter_map(|(name, model)| Some((name.to_owned(), price::of(model)?)));
    let figures = format::summary(&Figures::of(log, &prices.collect()).of_real_services());
    log::summary(log.entries.last().map_or(0, |entry| entry.t_ms), &figures);
    let mode = if args.write { "labels written" } else { "dry run, no label written" };
    let patience = patience_s.map_or(String::new(), |s| format!("; patience {s} s"));
    note(&format!("{figures} ({mode}{patience})"));
}
