//! `tagspace tag` from its arguments to its exit code.

use std::convert::Infallible;
use std::io;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::answers;
use super::consent;
use super::endpoint;
use super::inputs::{TagInputs, check, job, state_path};
use super::job::OpenJob;
use super::probe::Probing;
use super::prospect;
use super::report_place::{ReportPlace, RunFacts};
use super::session::{LiveFiles, LiveSession};
use super::state;
use super::topic::topic;
use super::verdict::{Ended, status};
use super::watcher::{Watched, Watcher};
use crate::cli::ExitStatus;
use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::terminal::note;
use crate::pipeline::allowance::Allowance;
use crate::pipeline::complaint::Listening;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Observer, RunEnd};
use crate::pipeline::http::HttpTransport;
use crate::pipeline::job::Job;
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::pipeline::{Parts, Pipeline, log};
use crate::price;
use crate::report::{format, live_status};
use crate::sim::recorder::Log;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;

/// How much of what was learned of quotas a kill may lose.
const KEPT_EVERY: Duration = Duration::from_millis(100);

/// Tags a space, or pages of it. Whatever can be wrong with arguments and files is found before
/// anything is asked of a service.
pub(crate) fn tag(args: &TagArgs) -> Result<ExitStatus, CliError> {
    let inputs = TagInputs::read(args)?;
    let state = state_path(args);
    check(args)?;
    let store = answers::store(args)?;
    let answers = answers::answers(store.as_ref(), args)?;
    let place = ReportPlace::of(args)?;
    let session = LiveSession::begin()?;
    let metrics = session.runtime.block_on(endpoint::listen(args.metrics))?;
    if let Some(status) = consent::seek(args, &inputs, &session, store.as_ref())? {
        return Ok(status);
    }
    let asked = job(args, &inputs.site.base, store.as_ref())?;
    let open = match store.as_ref().filter(|_| args.write) {
        Some(store) => OpenJob::begin(store, &inputs.site.base, args, &topic(&asked.what))?,
        None => None,
    };
    let LiveSession { failures, interrupt, runtime } = session;
    let LiveFiles { events, log: _log } = LiveFiles::open(args, &failures)?;
    let transport = HttpTransport::new()?;
    let transport = Listening::new(transport, &inputs.site, &inputs.providers);
    let patience_s = inputs.config.patience_shown_s();
    let site = inputs.site.base.clone();
    let origins = inputs.providers.iter().map(|p| (p.name.clone(), p.origin.clone())).collect();
    let lanes = inputs.providers.iter().map(|p| (p.name.clone(), prospect::lane_name(p))).collect();
    let facts = RunFacts::of(&inputs);
    let probed = inputs.clone();
    let (result, Watched { log, .. }, memory) = runtime.block_on(async {
        let watcher = Arc::new(Watcher::new(args, &facts.models, events, failures.clone()));
        let pipeline = Pipeline::new(Parts {
            store: answers,
            journal: open.as_ref().map(OpenJob::journal),
            ..inputs.parts(&transport, Arc::clone(&watcher) as Arc<dyn Observer>)
        });
        if let Some(path) = &state {
            pipeline.recall(&state::read(path));
        }
        let result = tokio::select! {
            biased;
            result = played(&pipeline, asked, args, &interrupt, &watcher) => result,
            never = keep_learned(&pipeline, &watcher, state.as_deref()) => match never {},
            never = endpoint::serve(metrics, &watcher) => match never {},
            never = watcher.show(&pipeline, &interrupt.stop) => match never {},
        };
        keep_all(state.as_deref(), pipeline.memory());
        (result, watcher.finish(), pipeline.memory())
    });
    let is_stopped = interrupt.stop.is_cancelled();
    let figures = report(args, &facts, &log, patience_s);
    if let Some(share_ppm) = args.probe.filter(|_| matches!(result, Ok(RunEnd::Completed))) {
        let (transport, interrupt, failures) = (&transport, &interrupt, failures.clone());
        let probing = Probing { args, inputs: probed, transport, interrupt, failures, memory };
        keep_all(state.as_deref(), runtime.block_on(probing.play(&log, share_ppm)));
    }
    // Whatever an aborted run has left behind is not waited for.
    runtime.shutdown_background();
    if let Some(store) = &store {
        prospect::keep(store, &lanes, &log);
    }
    let page = place.and_then(|place| place.write(&facts, log.clone(), figures));
    let status = status(&Ended { result, log, is_stopped, transport, site, origins });
    if let Some(open) = open {
        open.finish(status);
    }
    if let Some(page) = page {
        note(&format!("report in {}", page.display()));
    }
    Ok(failures.turn(status))
}

/// Keeps what is known of quotas at the end.
fn keep_all(state: Option<&Path>, known: LearnedQuotas) {
    if let Some(path) = state {
        state::write(path, known);
    }
}

/// Keeps what is known of quotas as they are used and learned.
async fn keep_learned(pipeline: &Pipeline, watcher: &Watcher, state: Option<&Path>) -> Infallible {
    let Some(path) = state else { return std::future::pending().await };
    loop {
        watcher.quotas_change().await;
        state::keep(path, pipeline.memory());
        sleep(KEPT_EVERY).await;
    }
}

/// Carries the job through, or as far as it is let.
async fn played(
    pipeline: &Pipeline,
    job: Job,
    args: &TagArgs,
    interrupt: &Interrupt,
    watcher: &Arc<Watcher>,
) -> Result<RunEnd, PipelineError> {
    let shown = Arc::clone(watcher);
    let control = Control {
        progress: Some(Arc::new(move |progress| shown.progress(progress))),
        cancel: interrupt.stop.clone(),
        allowance: Allowance { calls: args.max_calls, usd_micros: args.max_cost },
    };
    let checked_and_run = async {
        for cause in pipeline.check(&job.what, &interrupt.stop).await? {
            note(&format!("warning: only the fallback is of use: {cause}"));
        }
        pipeline.run(job, control).await
    };
    tokio::select! {
        biased;
        () = interrupt.abort.cancelled() => {
            watcher.abort();
            Ok(RunEnd::Cancelled)
        }
        result = checked_and_run => result,
    }
}

/// Sums up what was done.
fn report(args: &TagArgs, facts: &RunFacts, log: &Log, patience_s: Option<u64>) -> Figures {
    let figures = Figures::of(log, &price::of_models(&facts.models)).of_real_services();
    let summary = format::summary(&figures);
    log::summary(log.entries.last().map_or(0, |entry| entry.t_ms), &summary);
    let mode = if args.write { "labels written" } else { "dry run, no label written" };
    let patience = patience_s.map_or(String::new(), |s| format!("; patience {s} s"));
    if io::stderr().is_terminal() {
        note(&format!("{} ({mode}{patience})", live_status::ended(&figures)));
    } else {
        note(&format!("{summary} ({mode}{patience})"));
    }
    if figures.number(Metric::Pages) == 0 && (args.cql.is_some() || args.changed_since.is_some()) {
        note("no page was found by --cql and --changed-since");
    }
    figures
}
