//! `tagspace tag --apply`: the labels of a dry run's CSV, as a person has left it. No model is asked, so
//! that nothing is paid; each page is looked up before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::answers;
use super::environment::site;
use super::inputs::{check, resolved, settings, taxonomy};
use super::job::OpenJob;
use super::page_rows::RowTotals;
use super::session::{LiveFiles, LiveSession};
use super::topic::topic_of_file;
use super::verdict::{Ended, status};
use super::watcher::{Watched, Watcher};
use crate::cli::ExitStatus;
use crate::cli::args::TagArgs;
use crate::cli::error::{CliError, Problems};
use crate::cli::interrupt::Interrupt;
use crate::cli::terminal::note;
use crate::pipeline::allowance::Allowance;
use crate::pipeline::complaint::Listening;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Observer, RunEnd};
use crate::pipeline::http::HttpTransport;
use crate::pipeline::job::PageSelection;
use crate::pipeline::page::PageId;
use crate::pipeline::taxonomy::{Taxonomy, label};
use crate::pipeline::{Parts, Pipeline, Stray};
use crate::report::changes::read;
use crate::report::changes::read::ChangesFile;
use crate::report::format;
use crate::rng::Seed;
use crate::sim::scenario::bytes;
use crate::sim::scenario::diagnostic::{did_you_mean, first, in_order};

/// What a file came to.
enum Applied {
    Ended(RunEnd),
    /// Nothing was written, because of these pages.
    Strays(BTreeMap<PageId, Stray>),
}

/// Changes labels as a file says. Whatever can be wrong with arguments and files is found before anything
/// is asked of a service, and what is wrong with pages before anything is written.
pub(crate) fn apply(args: &TagArgs, changes: &Path) -> Result<ExitStatus, CliError> {
    let config = resolved(&settings(args)?)?;
    let site = site(args.allow_http)?;
    let taxonomy = Taxonomy::new(taxonomy(args)?);
    let text = bytes::read(changes).map_err(|problem| problems(vec![problem]))?;
    let file = read::read(&changes.display().to_string(), &text).map_err(problems)?;
    if !args.new_labels {
        check_labels(&file, &taxonomy)?;
    }
    check(args)?;
    let store = if args.write { answers::store(args)? } else { None };
    let digest = base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()));
    let job = match &store {
        Some(store) => OpenJob::begin(store, &site.base, args, &topic_of_file(&digest))?,
        None => None,
    };
    let LiveSession { failures, interrupt, runtime } = LiveSession::begin()?;
    let LiveFiles { events, log: _log } = LiveFiles::open(args, &failures)?;
    let transport = Listening::new(HttpTransport::new()?, &site, &[]);
    let address = site.base.clone();
    let (applied, watched) = runtime.block_on(async {
        let watcher = Arc::new(Watcher::new(args, &BTreeMap::new(), events, failures.clone()));
        let pipeline = Pipeline::new(Parts {
            config,
            taxonomy,
            site,
            providers: Vec::new(),
            transport: Arc::clone(&transport) as _,
            observer: Arc::clone(&watcher) as Arc<dyn Observer>,
            store: None,
            journal: job.as_ref().map(OpenJob::journal),
            seed: Seed(0),
        });
        let applied = tokio::select! {
            biased;
            applied = carried_out(&pipeline, args, &file, &interrupt, &watcher) => applied,
            never = watcher.show(&pipeline, &interrupt.stop) => match never {},
        };
        let is_astray = matches!(applied, Ok(Applied::Strays(_)));
        (applied, (!is_astray).then(|| watcher.finish()))
    });
    // Whatever an aborted run has left behind is not waited for.
    runtime.shutdown_background();
    let result = match applied {
        Ok(Applied::Strays(strays)) => return Err(astray(&file, &strays, args)),
        Ok(Applied::Ended(end)) => Ok(end),
        Err(error) => Err(error),
    };
    let Watched { log, totals } = watched.unwrap_or_default();
    note(&summary(changes, args, totals));
    let (is_stopped, site, origins) = (interrupt.stop.is_cancelled(), address, BTreeMap::new());
    let status = status(&Ended { result, log, is_stopped, transport, site, origins });
    if let Some(job) = job {
        job.finish(status);
    }
    Ok(failures.turn(status))
}

/// Looks the pages up and changes their labels, or as far as it is let.
async fn carried_out(
    pipeline: &Pipeline,
    args: &TagArgs,
    file: &ChangesFile,
    interrupt: &Interrupt,
    watcher: &Arc<Watcher>,
) -> Result<Applied, PipelineError> {
    let shown = Arc::clone(watcher);
    let control = Control {
        progress: Some(Arc::new(move |progress| shown.progress(progress))),
        cancel: interrupt.stop.clone(),
        allowance: Allowance::default(),
    };
    let looked_up_and_changed = async {
        let stop = &interrupt.stop;
        let pages: Vec<PageId> = file.changes.iter().map(|change| change.page).collect();
        let strays = pipeline.look_up(pages.clone(), &args.spaces, stop).await?;
        if !strays.is_empty() {
            return Ok(Applied::Strays(strays));
        }
        if stop.is_cancelled() {
            return Ok(Applied::Ended(RunEnd::Cancelled));
        }
        pipeline.check(&PageSelection::Pages(pages), stop).await?;
        let end = pipeline.apply(args.task.clone(), file.changes.clone(), control).await?;
        Ok(Applied::Ended(end))
    };
    tokio::select! {
        biased;
        () = interrupt.abort.cancelled() => {
            watcher.abort();
            Ok(Applied::Ended(RunEnd::Cancelled))
        }
        result = looked_up_and_changed => result,
    }
}

fn problems(all: Vec<crate::sim::scenario::diagnostic::Diagnostic>) -> CliError {
    CliError::Problems(Problems(all))
}

/// Refuses labels that neither the taxonomy has nor the dry run has seen: they may be typing errors, and a
/// label that is written once is offered to everybody from then on.
fn check_labels(file: &ChangesFile, taxonomy: &Taxonomy) -> Result<(), CliError> {
    let tags = taxonomy.categories().iter().flat_map(|(_, tags)| tags);
    let known: BTreeSet<String> = tags.map(|tag| label(tag)).collect();
    let mut found = Vec::new();
    for change in &file.changes {
        let is_new = |label: &&String| !known.contains(*label) && !file.seen.contains(*label);
        for new in change.added.iter().filter(is_new) {
            let near = did_you_mean(new, known.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!("{near} "));
            let help = format!(
                "{near}if the dry run had a --taxonomy, name it here as well; --new-labels lets all \
                 labels pass"
            );
            let message = format!(
                "expected a label of the taxonomy, or one that the dry run has seen, found `{new}`"
            );
            found.push(file.problem_of_label(change.page, new, message, &help));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(problems(first(in_order(found)))) }
}

/// What is wrong with pages that cannot be changed.
fn astray(file: &ChangesFile, strays: &BTreeMap<PageId, Stray>, args: &TagArgs) -> CliError {
    let spaces = args.spaces.join(", ");
    let problem = |(page, stray): (&PageId, &Stray)| {
        let message = match stray {
            Stray::Unseen => format!("expected a page of the site, found no page {page}"),
            Stray::Elsewhere => {
                format!("expected a page of the space {spaces}, found {page}, which is of another")
            }
        };
        let help = "nothing was written: delete the row, or look at CONFLUENCE_URL, CONFLUENCE_USER and \
                    the key of the space";
        file.problem_of(*page, message, help)
    };
    problems(first(in_order(strays.iter().map(problem).collect())))
}

/// What was done, or would be.
fn summary(changes: &Path, args: &TagArgs, totals: RowTotals) -> String {
    let RowTotals { changed, right, added, removed } = totals;
    let (verb, mode) =
        if args.write { ("", "labels written") } else { ("to be ", "dry run, no label written") };
    format!(
        "{}: labels {verb}added {}, {verb}removed {}, on {}; {} already right; no AI call ({mode})",
        changes.display(),
        format::count(added),
        format::count(removed),
        format::counted(changed, "page"),
        format::counted(right, "page")
    )
}
