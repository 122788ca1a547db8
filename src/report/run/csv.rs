//! `runs.csv` and `timeline.csv`: figures and states as tables.

use std::io::Write;

use crate::sim::recorder::Log;
use crate::sim::scenario::Scenario;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;
use crate::study::measure::timeline;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::seeds::Series;

/// Behind the statistics of a latency: of how many pages or batches it is, where some are left out.
const OVER: &str = "over";

/// A row for each run, a column for each figure; an empty cell has no samples.
pub fn runs(scenario: &Scenario, judged: &JudgedScenario, target: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(target);
    writer.write_record(header())?;
    for run in &judged.runs {
        let (seed, digest) = (scenario.world.seed.0, run.events_sha256());
        writer.write_record(row(scenario, seed, (&run.name, &run.figures), digest))?;
    }
    writer.flush()?;
    Ok(())
}

/// The same of every seed.
pub fn series(scenario: &Scenario, series: &Series, target: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(target);
    writer.write_record(header())?;
    for one in &series.played {
        for run in &one.runs {
            let digest = run.events_sha256.clone();
            writer.write_record(row(scenario, one.seed, (&run.name, &run.figures), digest))?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn header() -> Vec<String> {
    let mut header = vec!["scenario".to_owned(), "seed".to_owned(), "run".to_owned()];
    for metric in Metric::ALL {
        let (key, stats) = (metric.key(), metric.stats().iter());
        match (metric.shape(), metric.unit()) {
            (Shape::Single, Unit::Ratio) => {
                header.extend([format!("{key}_num"), format!("{key}_den")]);
            }
            (Shape::Single, _) => header.push(key.to_owned()),
            (Shape::Distribution, _) => {
                header.extend(stats.map(|stat| format!("{key}_{stat}")));
                header.push(format!("{key}_{OVER}"));
            }
            (Shape::Level, _) => header.extend(stats.map(|stat| format!("{key}_{stat}"))),
        }
    }
    header.push("events_sha256".to_owned());
    header
}

fn row(
    scenario: &Scenario,
    seed: u64,
    (name, figures): (&str, &Figures),
    digest: String,
) -> Vec<String> {
    let mut row = vec![scenario.name.clone(), seed.to_string(), name.to_owned()];
    for metric in Metric::ALL {
        let value = figures.get(*metric);
        let cell = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        match (metric.shape(), metric.unit(), value) {
            (Shape::Single, Unit::Ratio, Some(Value::Share(share))) => {
                row.extend([share.num.to_string(), share.den.to_string()]);
            }
            (Shape::Single, Unit::Ratio, _) => row.extend([String::new(), String::new()]),
            (Shape::Single, _, Some(Value::Number(number))) => row.push(number.to_string()),
            (Shape::Distribution, _, Some(Value::Distribution(samples))) => {
                row.extend(metric.stats().iter().map(|stat| cell(samples.stat(*stat))));
                row.push(cell(samples.partial().map(|partial| partial.den)));
            }
            (Shape::Level, _, Some(Value::Level { min, max, last })) => {
                row.extend([min, max, last].map(u64::to_string));
            }
            (Shape::Single, _, _) => row.push(String::new()),
            (Shape::Distribution, _, _) => {
                row.extend(empty(metric.stats()));
                row.push(String::new());
            }
            (Shape::Level, _, _) => row.extend(empty(metric.stats())),
        }
    }
    row.push(digest);
    row
}

/// As many empty cells as there are statistics.
fn empty(stats: &[Stat]) -> Vec<String> {
    vec![String::new(); stats.len()]
}

/// A row for each moment at which a run's state changed.
pub fn timeline<'a>(logs: impl Iterator<Item = &'a Log>, target: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(target);
    writer.write_record([
        "run",
        "t_ms",
        "limit",
        Metric::InFlight.name(),
        Metric::AiCalls.name(),
        Metric::RateLimited.name(),
        "calls_failed",
        "backoffs",
        Metric::Fallbacks.name(),
        "pages_listed",
        Metric::PagesTagged.name(),
        Metric::PagesCached.name(),
        Metric::PagesFailed.name(),
        Metric::CacheHits.name(),
        Metric::CacheMisses.name(),
    ])?;
    for log in logs {
        for row in timeline::each_row(log) {
            let numbers = [
                row.in_flight,
                row.ai_calls,
                row.rate_limited,
                row.calls_failed,
                row.backoffs,
                row.fallbacks,
                row.pages_listed,
                row.pages_tagged,
                row.pages_cached,
                row.pages_failed,
                row.cache_hits,
                row.cache_misses,
            ];
            let limit = row.limit.as_ref().map(u64::to_string).unwrap_or_default();
            let first = [log.run.clone(), row.t_ms.to_string(), limit];
            writer.write_record(first.into_iter().chain(numbers.iter().map(u64::to_string)))?;
        }
    }
    writer.flush()?;
    Ok(())
}
