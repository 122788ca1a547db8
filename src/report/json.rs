//! `report.json`: the verdict, the figures and the targets of a scenario, for machines.
//!
//! Integers carry their unit in the key; a share is `{"num", "den"}`; what has no samples is
//! `null`. Nothing in it depends on the machine, the clock or the transport.

use serde_json::{Map, Value as Json, json};

use crate::report::trust;
use crate::sim::scenario::Scenario;
use crate::study::figures::{Figures, Value};
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::metric::{DISTRIBUTION_STATS, METRICS, Metric, Shape, Unit};
use crate::study::quota_use;
use crate::study::series::{Series, Spread};
use crate::study::target::Judged;

/// The version of this form.
const FORMAT_VERSION: u64 = 1;

/// How much of each quota was used at most.
fn quota_use(scenario: &Scenario, run: &JudgedRun) -> Json {
    let peaks = quota_use::of(scenario, &run.log).into_iter().map(|peak| {
        json!({
            "model": peak.model, "what": peak.what, "peak": peak.used, "limit": peak.limit,
            "refused": peak.refused
        })
    });
    peaks.collect()
}

/// The report on a scenario.
pub fn report(scenario: &Scenario, judged: &JudgedScenario) -> Json {
    let runs = judged.runs.iter().map(|judged| run(scenario, judged)).collect();
    whole(scenario, judged, ("seed", json!(scenario.world.seed.0)), &runs)
}

/// The report with its runs, of a seed or of many.
fn whole(
    scenario: &Scenario,
    judged: &JudgedScenario,
    (seed_key, seed): (&str, Json),
    runs: &Json,
) -> Json {
    let verdict = judged.verdict();
    let mut report = json!({
        "format_version": FORMAT_VERSION,
        "verdict": verdict.name(),
        "exit_code": verdict.exit_code(),
        "name": scenario.name,
        "question": scenario.question,
        seed_key: seed,
        "world_digest": scenario.world_digest,
        "config_digest": scenario.config_digest,
        "targets_digest": scenario.targets_digest,
        "runs": runs,
        "not_represented": trust::not_represented(judged.is_from_outside()),
    });
    if let Some(weather) = scenario.world.weather {
        report["weather"] = json!(weather);
    }
    report
}

/// The report on a scenario with many seeds: of each figure the range, of each target the worst seed.
pub fn series(scenario: &Scenario, series: &Series) -> Json {
    let spread = |run: usize, metric: &Metric| {
        let Spread { least, median, most } = series.spread(run, metric.name)?;
        let key = if metric.unit == Unit::Ratio {
            format!("{}_ppm", metric.key)
        } else {
            metric.key.to_owned()
        };
        Some((key, json!({"min": least, "median": median, "max": most})))
    };
    let runs = series.judged.runs.iter().enumerate().map(|(at, run)| {
        let single = METRICS.iter().filter(|metric| metric.shape == Shape::Single);
        json!({
            "name": run.name,
            "patience_s": patience_s(scenario, &run.name),
            "metrics": single.filter_map(|metric| spread(at, metric)).collect::<Map<_, _>>(),
            "targets": run.targets.iter().map(target).collect::<Vec<_>>(),
        })
    });
    let seeds = series.played.iter().map(|one| {
        let met = one.runs.iter().flat_map(|run| &run.targets).all(|target| target.met);
        let digests: Vec<&str> = one.runs.iter().map(|run| run.events_sha256.as_str()).collect();
        json!({"seed": one.seed, "all_met": met, "events_sha256": digests})
    });
    whole(scenario, &series.judged, ("seeds", seeds.collect()), &runs.collect())
}

/// How long a run waits for a closed gate, where that decides about the fallback.
fn patience_s(scenario: &Scenario, run: &str) -> Option<u64> {
    scenario.runs.iter().find(|one| one.name == run)?.config.patience_shown_s()
}

fn run(scenario: &Scenario, run: &JudgedRun) -> Json {
    json!({
        "name": run.name,
        "end": run.end,
        "patience_s": patience_s(scenario, &run.name),
        "metrics": metrics(&run.figures),
        "quota_use": quota_use(scenario, run),
        "targets": run.targets.iter().map(target).collect::<Vec<_>>(),
        "events_sha256": run.events_sha256(),
    })
}

/// Every figure under its key.
pub fn metrics(figures: &Figures) -> Json {
    let entries = METRICS.iter().map(|metric| {
        let value = figures.get(metric.name).map_or(Json::Null, |value| match value {
            Value::Number(number) => json!(number),
            Value::Share(share) => json!(share),
            Value::Level { min, max, last } => json!({"min": min, "max": max, "final": last}),
            Value::Distribution(samples) => {
                let stats = DISTRIBUTION_STATS.iter();
                Json::Object(
                    stats.map(|stat| ((*stat).to_owned(), json!(samples.stat(stat)))).collect(),
                )
            }
        });
        (metric.key.to_owned(), value)
    });
    Json::Object(entries.collect::<Map<_, _>>())
}

fn target(judged: &Judged) -> Json {
    let target = &judged.target;
    let value = match judged.share {
        Some(share) => json!(share),
        None => json!(judged.value),
    };
    let mut out = json!({
        "metric": target.metric.key,
        "stat": target.stat,
        "compare": target.compare.sign(),
        "limit": target.text,
        "value": value,
        "margin": judged.margin,
        "met": judged.is_judged.then_some(judged.met),
        "line": target.line,
    });
    if let Some(over) = judged.over {
        out["met_in_seeds"] = json!({"num": over.met, "den": over.seeds});
        out["worst_seed"] = json!(over.worst);
    }
    out
}
