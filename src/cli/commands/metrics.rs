//! `tagspace metrics`: every metric that targets, reports and comparisons have.

use std::fmt::Write;

use crate::cli::ExitStatus;
use crate::cli::args::MetricsArgs;
use crate::cli::error::CliError;
use crate::cli::terminal::print;
use crate::sim::scenario::diagnostic::did_you_mean;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;

/// Prints the table, or one metric with an example of a target.
pub(crate) fn metrics(args: &MetricsArgs) -> Result<ExitStatus, CliError> {
    let Some(name) = &args.name else {
        print(&table());
        return Ok(ExitStatus::Met);
    };
    print(&one(find(name)?));
    Ok(ExitStatus::Met)
}

/// The metric of this name.
pub(crate) fn find(name: &str) -> Result<Metric, CliError> {
    Metric::find(name).ok_or_else(|| CliError::Usage {
        message: format!("expected a metric, found `{name}`"),
        help: help(name),
    })
}

fn help(name: &str) -> String {
    let names = Metric::ALL.iter().map(|metric| metric.name());
    let near = did_you_mean(name, names).map_or(String::new(), |near| format!("{near} "));
    format!("{near}`tagspace metrics` lists them")
}

fn table() -> String {
    let width = Metric::ALL.iter().map(|metric| metric.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for metric in Metric::ALL {
        let (name, unit) = (metric.name(), unit(*metric));
        let _ = writeln!(text, "{name:<width$}  {unit:<5}  {}", metric.doc());
    }
    let distribution = Stat::join(Stat::OF_DISTRIBUTIONS, ", ");
    let level = Stat::join(Stat::OF_LEVELS, ", ");
    let _ = write!(
        text,
        "\nLatencies and waits have statistics ({distribution}), and so have concurrency and in_flight\n\
         ({level}): `page_latency = \"p95 <= 45s\"`. `tagspace metrics NAME` shows one metric.\n"
    );
    text
}

fn one(metric: Metric) -> String {
    let (name, key, doc) = (metric.name(), metric.key(), metric.doc());
    let limit = match metric.unit() {
        Unit::Count => "<= 20",
        Unit::Ratio => ">= 60%",
        Unit::Millis => "<= 45s",
        Unit::UsdMicros => "<= $0.20",
    };
    let example = match metric.shape() {
        Shape::Single => format!("{name} = \"{limit}\""),
        Shape::Distribution => format!("{name} = \"p95 {limit}\""),
        Shape::Level => format!("{name} = \"max {limit}\""),
    };
    let stats = Stat::join(metric.stats(), ", ");
    let stats = if stats.is_empty() { stats } else { format!("statistics: {stats}\n") };
    let served = if metric.is_seen_from_outside() { "yes" } else { "no" };
    format!(
        "{name}: {doc}\n\nunit: {}\nin files: {key}\n{stats}seen by `serve`: {served}\na target: {example}\n",
        unit(metric)
    )
}

fn unit(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Count => "count",
        Unit::Ratio => "%",
        Unit::Millis => "time",
        Unit::UsdMicros => "$",
    }
}
