//! `tagspace explain`: the events behind a metric's worst value, and what is odd about a run.

use crate::cli::ExitStatus;
use crate::cli::args::ExplainArgs;
use crate::cli::commands::metrics;
use crate::cli::error::CliError;
use crate::cli::saved_report;
use crate::cli::saved_report::SavedReport;
use crate::cli::terminal::print;
use crate::report::diagnosis::{chain as text, text as anomalies};
use crate::study::diagnosis::chain;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::JudgedRun;
use crate::units::Share;

/// Prints the chain of a metric, or what is odd.
pub(crate) fn explain(args: &ExplainArgs) -> Result<ExitStatus, CliError> {
    let metric = args.metric.as_deref().map(metrics::find).transpose()?;
    let runs = runs(args)?;
    let Some(metric) = metric else {
        let runs = match &args.run {
            Some(_) => vec![chosen(args, &runs)?.clone()],
            None => runs,
        };
        print(&format!("{}\n", odd(&runs)));
        return Ok(ExitStatus::Met);
    };
    let run = chosen(args, &runs)?;
    let (name, value) = (metric.name(), run.figures.get(metric));
    let is_none = matches!(value, Some(Value::Number(0) | Value::Share(Share { num: 0, .. })));
    match chain::worst(&run.log, metric).filter(|_| !is_none) {
        Some(worst) => {
            let events = chain::events(&run.log, &worst.of);
            print(&text::text(run, metric, &worst, &events));
        }
        None if is_none => print(&format!("{name}, run `{}`: 0\n", run.name)),
        None => {
            print(&format!("{name}, run `{}`: no event tells what stands behind it\n", run.name));
        }
    }
    Ok(ExitStatus::Met)
}

/// What is odd, or why that is not known.
fn odd(runs: &[JudgedRun]) -> String {
    let lines = anomalies::lines(runs);
    if !lines.is_empty() {
        lines.join("\n")
    } else if runs.iter().all(JudgedRun::is_from_outside) {
        "not looked for: a client's waits cannot be seen from the services' side".to_owned()
    } else {
        "nothing is odd".to_owned()
    }
}

fn runs(args: &ExplainArgs) -> Result<Vec<JudgedRun>, CliError> {
    let runs: Vec<JudgedRun> = match SavedReport::read(&args.path, args.files.as_deref())? {
        SavedReport::Live(live) => live.runs.into_iter().map(|one| one.run).collect(),
        SavedReport::Scenario(one) => {
            if let Some(series) = &one.series {
                return Err(saved_report::many_seeds(&args.path, series));
            }
            one.judged.runs
        }
    };
    if runs.is_empty() {
        return Err(saved_report::no_events(&args.path));
    }
    Ok(runs)
}

fn chosen<'a>(args: &ExplainArgs, runs: &'a [JudgedRun]) -> Result<&'a JudgedRun, CliError> {
    let found = match &args.run {
        Some(name) => runs.iter().find(|run| run.name == *name),
        None => runs.last(),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        CliError::Usage {
            message: format!(
                "expected a run, one of: {}, found `{}`",
                known.join(", "),
                args.run.as_deref().unwrap_or("none")
            ),
            help: "--run names a run of the scenario".to_owned(),
        }
    })
}
