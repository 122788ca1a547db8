//! Figures for services that keep them over time: Bencher's metric format, and the two custom forms
//! of github-action-benchmark, which knows one direction for a whole file.

use serde_json::{Map, Value, json};

use crate::sim::scenario::Scenario;
use crate::study::figures::Value as Figure;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::metric::{METRICS, Metric, Shape, Unit};
use crate::units::float;

/// In which direction a figure becomes better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Smaller,
    /// More is better.
    Bigger,
}

/// The figures that have a direction.
const TRACKED: [(&str, Better); 12] = [
    ("makespan", Better::Smaller),
    ("ai_calls", Better::Smaller),
    ("rate_limited", Better::Smaller),
    ("rate_limited_ratio", Better::Smaller),
    ("fallback_ratio", Better::Smaller),
    ("pages_failed", Better::Smaller),
    ("pages_mistagged", Better::Smaller),
    ("wasted_calls", Better::Smaller),
    ("cost", Better::Smaller),
    ("pages_per_minute", Better::Bigger),
    ("cache_hit_ratio", Better::Bigger),
    ("efficiency", Better::Bigger),
];

fn tracked() -> impl Iterator<Item = (&'static Metric, Better)> {
    let single = METRICS.iter().filter(|metric| metric.shape == Shape::Single);
    single.filter_map(|metric| {
        let known = TRACKED.iter().find(|(name, _)| *name == metric.name)?;
        Some((metric, known.1))
    })
}

/// A figure as a number in its unit; shares in percent.
fn number(run: &JudgedRun, metric: &Metric) -> Option<f64> {
    match run.figures.get(metric.name)? {
        Figure::Number(number) if metric.unit == Unit::UsdMicros => {
            Some(float(*number) / 1_000_000.0)
        }
        Figure::Number(number) => Some(float(*number)),
        Figure::Share(share) => share.value().map(|share| share * 100.0),
        _ => None,
    }
}

fn unit(metric: &Metric) -> &'static str {
    match metric.unit {
        Unit::Count => "count",
        Unit::Ratio => "%",
        Unit::Millis => "ms",
        Unit::UsdMicros => "USD",
    }
}

fn named(scenario: &Scenario, run: &JudgedRun) -> String {
    format!("{}/{}", scenario.name, run.name)
}

/// Bencher's metric format: for each run its measures.
pub fn bmf(scenario: &Scenario, judged: &JudgedScenario) -> Map<String, Value> {
    let measures = |run: &JudgedRun| -> Map<String, Value> {
        let measure = |(metric, _): (&'static Metric, Better)| {
            let value = number(run, metric)?;
            Some((metric.key.to_owned(), json!({"value": value})))
        };
        tracked().filter_map(measure).collect()
    };
    judged.runs.iter().map(|run| (named(scenario, run), Value::Object(measures(run)))).collect()
}

/// The entries of github-action-benchmark for figures of this direction.
pub fn entries(scenario: &Scenario, judged: &JudgedScenario, better: Better) -> Vec<Value> {
    let of_run = |run: &JudgedRun| -> Vec<Value> {
        let wanted = tracked().filter(|(_, direction)| *direction == better);
        let entry = |metric: &'static Metric| {
            Some(json!({
                "name": format!("{} {}", named(scenario, run), metric.name),
                "unit": unit(metric),
                "value": number(run, metric)?,
                "extra": format!("seed {}", scenario.world.seed.0),
            }))
        };
        wanted.filter_map(|(metric, _)| entry(metric)).collect()
    };
    judged.runs.iter().flat_map(of_run).collect()
}
