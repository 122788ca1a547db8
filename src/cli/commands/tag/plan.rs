//! `tagspace plan`: what `tag` would do with the same arguments, without an AI call.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inputs::{TagInputs, check, job, state_path};
use super::prospect::Surveyor;
use super::verdict::{Ended, status};
use super::{answers, prospect, state};
use crate::cli::ExitStatus;
use crate::cli::args::{PagesFormat, TagArgs};
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::jobs::runner;
use crate::cli::outputs::Failures;
use crate::cli::terminal::{note, print};
use crate::pipeline::complaint::Listening;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Observer, RunEnd};
use crate::pipeline::http::HttpTransport;
use crate::pipeline::store::SqliteStore;
use crate::pipeline::survey::Survey;
use crate::pipeline::{Parts, Pipeline};
use crate::report::format::amount;
use crate::report::plan::{Basis, Plan, json, text};
use crate::sim::recorder::Log;
use crate::study::forecast::{CallLatency, PageSample, Prospect};
use crate::study::measure::metric::Unit;

/// With as many pages a rehearsal takes seconds, which is said.
const LONG_PAGES: u64 = 1_000;

/// Reads the space, and prints what tagging it would take.
pub(crate) fn plan(args: &TagArgs) -> Result<ExitStatus, CliError> {
    if args.apply.is_some() {
        return Err(CliError::Usage {
            message: "expected a space or pages, found --apply".to_owned(),
            help: "`tagspace tag --apply` without --write says what it would do".to_owned(),
        });
    }
    if args.format == PagesFormat::Csv {
        return Err(CliError::Usage {
            message: "expected --format text or json, found csv".to_owned(),
            help: "a plan has no rows; `tagspace tag --format csv` prints one for each page"
                .to_owned(),
        });
    }
    let inputs = TagInputs::read(args)?;
    check(args)?;
    let store = answers::store(args)?;
    let failures = Failures::default();
    let interrupt = Interrupt::listen("stopping")?;
    interrupt.exit_at_second();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| CliError::Io { what: "set up the runtime".to_owned(), source })?;
    match runtime.block_on(survey(args, inputs, store.as_ref(), &interrupt, &failures))? {
        Planned::Plan(plan) => {
            print(&match args.format {
                PagesFormat::Json => json(&plan),
                PagesFormat::Text | PagesFormat::Csv => text(&plan),
            });
            Ok(failures.turn(ExitStatus::Met))
        }
        Planned::Ended(status) => Ok(status),
    }
}

/// What became of a plan.
pub(super) enum Planned {
    /// It is made.
    Plan(Box<Plan>),
    /// It could not be made, or was not waited for.
    Ended(ExitStatus),
}

/// Reads the space, or as far as it is let, and plays the job.
pub(super) async fn survey(
    args: &TagArgs,
    inputs: TagInputs,
    store: Option<&Arc<SqliteStore>>,
    interrupt: &Interrupt,
    failures: &Failures,
) -> Result<Planned, CliError> {
    let transport = Listening::new(HttpTransport::new()?, &inputs.site, &inputs.providers);
    let site = inputs.site.base.clone();
    let surveyor = Arc::new(Surveyor::new(failures.clone()));
    let pipeline = Pipeline::new(Parts {
        store: answers::answers(store, args)?,
        ..inputs.clone().parts(&transport, Arc::clone(&surveyor) as Arc<dyn Observer>)
    });
    if let Some(path) = &state_path(args) {
        pipeline.recall(&state::read(path));
    }
    let control = Control { cancel: interrupt.stop.clone(), ..Control::default() };
    let mut pages = PageSample::default();
    let job = job(args, &site, store)?;
    let result = pipeline.survey_each(job, control, |page| pages.push(page)).await;
    let is_stopped = interrupt.stop.is_cancelled();
    let failure = match result {
        Ok(_) if is_stopped => return Ok(Planned::Ended(ExitStatus::Interrupted)),
        Ok(survey) => {
            let prospect = prospect::of(&inputs, pages, &pipeline.memory(), store, &surveyor);
            return rehearsed(survey, prospect, site, args, interrupt).await;
        }
        Err(failure) => failure,
    };
    Ok(Planned::Ended(status(&Ended {
        result: Err::<RunEnd, PipelineError>(failure),
        log: Log::default(),
        is_stopped,
        transport,
        site,
        origins: BTreeMap::new(),
    })))
}

/// The options that end the run before its pages are done.
fn bounds(args: &TagArgs) -> Vec<String> {
    let calls = args.max_calls.map(|calls| format!("--max-calls {calls}"));
    let cost =
        args.max_cost.map(|micros| format!("--max-cost {}", amount(micros, Unit::UsdMicros)));
    calls.into_iter().chain(cost).collect()
}

/// The plan with what playing the job comes to; a plan is of use without it.
async fn rehearsed(
    survey: Survey,
    prospect: Prospect,
    site: String,
    args: &TagArgs,
    interrupt: &Interrupt,
) -> Result<Planned, CliError> {
    let primary = &prospect.providers[0];
    let basis = Basis {
        quotas: primary.quotas.clone(),
        calls: primary.latency.as_ref().map_or(0, CallLatency::calls),
        closed_ms: primary.closed_ms,
        fallback: prospect.providers.get(1).map(|fallback| fallback.model.clone()),
        bounds: bounds(args),
    };
    let model = primary.model.clone();
    if prospect.pages.len() >= LONG_PAGES {
        note("rehearsing the job with these pages");
    }
    let (runner, stop) = (runner(None)?, interrupt.stop.clone());
    let played = tokio::task::spawn_blocking(move || prospect.forecast(&runner, &stop)).await;
    if interrupt.stop.is_cancelled() {
        return Ok(Planned::Ended(ExitStatus::Interrupted));
    }
    let played = played.map_err(|error| error.to_string());
    let played = played.and_then(|played| played.map_err(|error| error.to_string()));
    let forecast = played.unwrap_or_else(|why| {
        note(&format!("warning: the job could not be rehearsed: {why}"));
        None
    });
    let (prunes, probed_ppm) = (args.prune, args.probe);
    let plan = Plan { survey, forecast, basis, model, site, prunes, probed_ppm };
    Ok(Planned::Plan(Box::new(plan)))
}
