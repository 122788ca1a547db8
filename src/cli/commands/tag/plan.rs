//! `tagspace plan`: what `tag` would do with the same arguments, without an AI call.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::inputs::{TagInputs, check, job, state_path};
use super::verdict::{Ended, status};
use super::watcher::Unwatched;
use super::{answers, state};
use crate::cli::ExitStatus;
use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::outputs::Failures;
use crate::cli::terminal::print;
use crate::pipeline::complaint::Listening;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::RunEnd;
use crate::pipeline::http::HttpTransport;
use crate::pipeline::store::SqliteStore;
use crate::pipeline::survey::{Calls, Survey};
use crate::pipeline::{Parts, Pipeline};
use crate::price;
use crate::report::format;
use crate::sim::recorder::Log;
use crate::study::measure::metric::Unit;

/// Reads the space, and prints what tagging it would take.
pub(crate) fn plan(args: &TagArgs) -> Result<ExitStatus, CliError> {
    if args.apply.is_some() {
        return Err(CliError::Usage {
            message: "expected a space or pages, found --apply".to_owned(),
            help: "`tagspace tag --apply` without --write says what it would do".to_owned(),
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
        Planned::Plan { text, .. } => {
            print(&text);
            Ok(failures.turn(ExitStatus::Met))
        }
        Planned::Ended(status) => Ok(status),
    }
}

/// What became of a plan.
pub(super) enum Planned {
    /// It is made: as figures, and as a table.
    Plan { survey: Survey, text: String },
    /// It could not be made, or was not waited for.
    Ended(ExitStatus),
}

/// Reads the space, or as far as it is let.
pub(super) async fn survey(
    args: &TagArgs,
    inputs: TagInputs,
    store: Option<&Arc<SqliteStore>>,
    interrupt: &Interrupt,
    failures: &Failures,
) -> Result<Planned, CliError> {
    let transport = Listening::new(HttpTransport::new()?, &inputs.site, &inputs.providers);
    let (site, model) = (inputs.site.base.clone(), inputs.providers[0].model.clone());
    let pipeline = Pipeline::new(Parts {
        store: store.map(|store| answers::answers(store, args.fresh)),
        ..inputs.parts(&transport, Arc::new(Unwatched(failures.clone())))
    });
    if let Some(path) = &state_path(args) {
        pipeline.recall(&state::read(path));
    }
    let control = Control { cancel: interrupt.stop.clone(), ..Control::default() };
    let result = pipeline.survey(job(args), control).await;
    let is_stopped = interrupt.stop.is_cancelled();
    let failure = match result {
        Ok(_) if is_stopped => return Ok(Planned::Ended(ExitStatus::Interrupted)),
        Ok(survey) => {
            let text = text(&survey, &model, &site);
            return Ok(Planned::Plan { survey, text });
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

/// The plan as a table.
fn text(survey: &Survey, model: &str, site: &str) -> String {
    let Survey { least, most, .. } = survey;
    let mut text = format!("{} listed at {site}\n", format::counted(survey.listed, "page"));
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<16}{value}");
    };
    if survey.unreadable > 0 {
        row("without text", format::counted(survey.unreadable, "page"));
    }
    row(
        "answered",
        format!(
            "{}: their answers are kept, and cost nothing",
            format::counted(survey.answered, "page")
        ),
    );
    row("same text", format!("{}: asked about once", format::counted(survey.same_text, "page")));
    row("to ask", format!("{} of {model}", format::counted(survey.to_ask(), "page")));
    if least.calls > 0 {
        let full = format!("{} at least", format::count(least.calls));
        let of = survey.pages_of_a_call;
        row(
            "AI calls",
            format!(
                "{full}, with {of} pages in each; {} with each page alone",
                format::count(most.calls)
            ),
        );
        let (input, output) =
            (format::count(least.input_tokens), format::count(least.output_tokens));
        row("tokens", format!("about {input} in and {output} out, in the fewest calls"));
        row("cost", cost(model, least, most));
        row("time", time(survey));
    }
    let labels = match (survey.answered, survey.labels_unknown) {
        (0, _) => "as the answers say".to_owned(),
        (_, 0) => format!(
            "{} to add to {} that are answered; to others as their answers say",
            format::count(survey.labels_to_add),
            format::counted(survey.pages_to_label, "page")
        ),
        (_, unknown) => {
            format!("those of {} are read when they are written", format::counted(unknown, "page"))
        }
    };
    row("labels", labels);
    row("never written", "titles, texts, and labels outside the taxonomy".to_owned());
    text
}

fn cost(model: &str, least: &Calls, most: &Calls) -> String {
    let Some(price) = price::of(model) else { return format!("no price of {model} is known") };
    let of = |calls: &Calls| {
        format::amount(price.usd_micros(calls.input_tokens, calls.output_tokens), Unit::UsdMicros)
    };
    format!("about {} in the fewest calls, {} with each page alone", of(least), of(most))
}

fn time(survey: &Survey) -> String {
    match survey.least_time {
        None => "not known: no quota was learned yet".to_owned(),
        Some(Duration::ZERO) => "no wait, by the quota that was learned".to_owned(),
        Some(time) => {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            format!("{} at least, by the quota that was learned", format::millis(ms))
        }
    }
}
