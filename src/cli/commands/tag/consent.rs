//! What a person at a terminal is asked before a run: whether to go on with the plan.

use std::io;
use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use super::inputs::TagInputs;
use super::plan::{Planned, survey};
use super::session::LiveSession;
use crate::cli::ExitStatus;
use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::terminal::{ask, note};
use crate::pipeline::store::SqliteStore;
use crate::pipeline::survey::Survey;
use crate::report::plan::text;

/// Shows the plan and asks at a terminal; elsewhere the run begins at once. Without consent it gives the exit
/// code with which the command ends.
pub(super) fn seek(
    args: &TagArgs,
    inputs: &TagInputs,
    session: &LiveSession,
    store: Option<&Arc<SqliteStore>>,
) -> Result<Option<ExitStatus>, CliError> {
    let is_watched = io::stdin().is_terminal() && io::stderr().is_terminal();
    if args.yes || !is_watched {
        return Ok(None);
    }
    let LiveSession { interrupt, failures, runtime, .. } = session;
    note("reading the pages for the plan");
    let planned = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupt.abort.cancelled() => Ok(Planned::Ended(ExitStatus::Interrupted)),
            planned = survey(args, inputs.clone(), store, interrupt, failures) => planned,
        }
    })?;
    let plan = match planned {
        Planned::Plan(plan) => plan,
        Planned::Ended(status) => return Ok(Some(status)),
    };
    note(text(&plan).trim_end());
    let survey = plan.survey;
    if changes_nothing(&survey, args) {
        return Ok(None);
    }
    ask(&question(&survey, args));
    let answer = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupt.stop.cancelled() => None,
            line = typed() => Some(line),
        }
    });
    let is_given =
        answer.is_some_and(|line| ["y", "yes"].contains(&line.trim().to_lowercase().as_str()));
    if !is_given {
        note("\nno model was asked, and no label was written");
    }
    Ok((!is_given).then_some(ExitStatus::Interrupted))
}

/// Whether the run costs nothing and writes nothing. What may be pruned is known when pages are written.
fn changes_nothing(survey: &Survey, args: &TagArgs) -> bool {
    let is_labelled = survey.labels_to_add == 0 && survey.labels_unknown == 0;
    survey.to_ask() == 0 && ((is_labelled && !args.prune) || !args.write)
}

fn question(survey: &Survey, args: &TagArgs) -> String {
    let written = if args.prune { "written and removed" } else { "written" };
    match (survey.to_ask() > 0, args.write) {
        (true, true) => format!(
            "The models are asked, which costs money, and labels are {written}. Go on? [y/N] "
        ),
        (true, false) => {
            "The models are asked, which costs money; nothing is written. Go on? [y/N] ".to_owned()
        }
        (false, _) => format!("No model is asked; labels are {written}. Go on? [y/N] "),
    }
}

/// The line that is typed next; empty at the end of the input. The thread that reads it is not waited for.
async fn typed() -> String {
    let (told, line) = oneshot::channel();
    let read = move || {
        let mut line = String::new();
        // What cannot be read is no consent.
        let _ = io::stdin().lock().read_line(&mut line);
        drop(told.send(line));
    };
    if thread::Builder::new().name("tagspace-consent".to_owned()).spawn(read).is_err() {
        return String::new();
    }
    line.await.unwrap_or_default()
}
