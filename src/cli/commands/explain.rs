//! `tagspace explain`: the events behind a metric's worst value, and what is odd about a run.

use crate::cli::ExitStatus;
use crate::cli::args::ExplainArgs;
use crate::cli::commands::metrics;
use crate::cli::error::CliError;
use crate::cli::saved_report::SavedReport;
use crate::cli::terminal::print;
use crate::report::diagnosis::{chain as text, text as anomalies};
use crate::study::diagnosis::chain;
use crate::study::verdict::judge::JudgedRun;

/// Prints the chain of a metric, or what is odd.
pub(crate) fn explain(args: &ExplainArgs) -> Result<ExitStatus, CliError> {
    let metric = args.metric.as_deref().map(metrics::find).transpose()?;
    let runs = runs(args)?;
    let Some(metric) = metric else {
        let lines = anomalies::lines(&runs);
        let told = if lines.is_empty() { "nothing is odd".to_owned() } else { lines.join("\n") };
        print(&format!("{told}\n"));
        return Ok(ExitStatus::Met);
    };
    let run = chosen(args, &runs)?;
    match chain::worst(&run.log, metric) {
        Some(worst) => {
            let events = chain::events(&run.log, &worst.of);
            print(&text::text(run, metric, &worst, &events));
        }
        None => {
            print(&format!(
                "{}, run `{}`: nothing of the kind happened\n",
                metric.name(),
                run.name
            ));
        }
    }
    Ok(ExitStatus::Met)
}

fn runs(args: &ExplainArgs) -> Result<Vec<JudgedRun>, CliError> {
    Ok(match SavedReport::read(&args.path, args.files.as_deref())? {
        SavedReport::Live(live) => live.runs.into_iter().map(|one| one.run).collect(),
        SavedReport::Scenario(one) => {
            if let Some(series) = &one.series {
                let seed = series.worst().or_else(|| series.played.first().map(|one| one.seed));
                let seed = args.path.join("seeds").join(seed.unwrap_or_default().to_string());
                return Err(CliError::Usage {
                    message: format!(
                        "{}: expected a single run to explain, found many seeds",
                        args.path.display()
                    ),
                    help: format!("name one of its seeds, such as {}", seed.display()),
                });
            }
            one.judged.runs
        }
    })
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
