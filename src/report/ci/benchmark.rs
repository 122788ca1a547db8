//! Figures for services that keep them over time: Bencher's metric format, and the two custom forms
//! of github-action-benchmark, which knows one direction for a whole file.

use serde_json::{Map, Value, json};

use crate::sim::scenario::Scenario;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::{Better, Unit};
use crate::study::measure::value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::seeds::{Series, Spread};
use crate::units::float;

/// A measure's name for machines: the figure's, with the unit of its value.
fn slug(figure: Figure) -> String {
    let suffix = match figure.metric.unit() {
        Unit::Count => "",
        Unit::Ratio => "_percent",
        Unit::Millis => "_ms",
        Unit::UsdMicros => "_usd",
    };
    format!("{}{suffix}", figure.to_string().replace(' ', "_"))
}

/// A figure in its unit, shares in percent: of many seeds the median, with the least and the most.
struct Measured {
    value: f64,
    range: Option<(f64, f64)>,
}

fn measured(run: (usize, &JudgedRun), series: Option<&Series>, figure: Figure) -> Option<Measured> {
    let scaled = |integer: u64| match figure.metric.unit() {
        Unit::UsdMicros => float(integer) / 1_000_000.0,
        Unit::Ratio => float(integer) / 10_000.0,
        Unit::Count | Unit::Millis => float(integer),
    };
    let Some(series) = series else {
        let value = match run.1.figures.get(figure.metric)? {
            // A latency that leaves pages out is not comparable with one that does not.
            value::Value::Distribution(samples) if samples.partial().is_some() => return None,
            // As exactly as it was counted.
            value::Value::Share(share) => share.value()? * 100.0,
            _ => scaled(run.1.figures.integer(figure)?),
        };
        return Some(Measured { value, range: None });
    };
    if series.partial(run.0, figure.metric) > 0 {
        return None;
    }
    let Spread { least, median, most, .. } = series.spread(run.0, figure)?;
    Some(Measured { value: scaled(median), range: Some((scaled(least), scaled(most))) })
}

fn unit(figure: Figure) -> &'static str {
    match figure.metric.unit() {
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
pub fn bmf(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
) -> Map<String, Value> {
    let measures = |run: (usize, &JudgedRun)| -> Map<String, Value> {
        let measure = |figure: Figure| {
            let Measured { value, range } = measured(run, series, figure)?;
            let mut measure = json!({"value": value});
            if let Some((least, most)) = range {
                measure["lower_value"] = json!(least);
                measure["upper_value"] = json!(most);
            }
            Some((slug(figure), measure))
        };
        Figure::TRACKED.iter().copied().filter_map(measure).collect()
    };
    let runs = judged.runs.iter().enumerate();
    runs.map(|run| (named(scenario, run.1), Value::Object(measures(run)))).collect()
}

/// The entries of github-action-benchmark for figures of this direction.
pub fn entries(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
    better: Better,
) -> Vec<Value> {
    let extra = series.map_or(format!("seed {}", scenario.world.seed.0), |series| {
        format!("median of {} seeds", series.played.len())
    });
    let of_run = |run: (usize, &JudgedRun)| -> Vec<Value> {
        let wanted = Figure::TRACKED.iter().copied().filter(|one| one.better() == Some(better));
        let entry = |figure: Figure| {
            let Measured { value, range } = measured(run, series, figure)?;
            let mut entry = json!({
                "name": format!("{} {}", named(scenario, run.1), figure),
                "unit": unit(figure),
                "value": value,
                "extra": extra,
            });
            if let Some((least, most)) = range {
                entry["range"] = json!(format!("{least} to {most}"));
            }
            Some(entry)
        };
        wanted.filter_map(entry).collect()
    };
    judged.runs.iter().enumerate().flat_map(of_run).collect()
}
