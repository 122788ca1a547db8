//! `report.json`: the verdict, the figures and the targets of a scenario, for machines.
//!
//! Integers carry their unit in the key; a share is `{"num", "den"}`; what has no samples is
//! `null`. Nothing in it depends on the machine, the clock or the transport.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::report::ci::Closing;
use crate::report::diagnosis::text::{CountedAnomaly, counted};
use crate::report::run::realtime_check;
use crate::report::{compare, limitations};
use crate::sim::scenario::{Scenario, overrides};
use crate::study::compare::settings;
use crate::study::compare::settings::Keys;
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::quota_usage;
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::{Series, Spread};
use crate::study::verdict::target::JudgedTarget;

/// The version of this form.
pub const FORMAT_VERSION: u64 = 1;

/// How much of each quota was used at most.
fn quota_use(scenario: &Scenario, run: &JudgedRun) -> Json {
    let peaks = quota_usage::of(scenario, &run.log).into_iter().map(|peak| {
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

/// Adds the scenario's text, with its seed and what was set on top, and the command that repeats it:
/// what the page is made of anew.
pub fn add_origin(report: &mut Json, scenario: &Scenario, command: &str) {
    let seed = format!("seed={}", scenario.world.seed.0);
    let text = overrides::apply(&scenario.text, &[seed], Path::new("."));
    report["scenario"] = json!(text.unwrap_or_else(|_| scenario.text.clone()));
    report["replay"] = json!(command);
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
        "world": settings::of_world(scenario),
        "runs": runs,
        "not_represented": limitations::not_represented(judged.is_from_outside()),
    });
    if let Some(weather) = scenario.world.weather {
        report["weather"] = json!(weather);
    }
    report
}

/// The report on a scenario with many seeds: of each figure the range over the seeds that have it, of
/// each target the worst seed.
pub fn series(scenario: &Scenario, series: &Series) -> Json {
    let spread = |run: usize, figure: Figure| {
        let Spread { least, median, most, seeds } = series.spread(run, figure)?;
        Some(json!({"min": least, "median": median, "max": most, "seeds": seeds}))
    };
    let stats = |run: usize, metric: Metric| {
        let of =
            |stat: &Stat| Some((stat.to_string(), spread(run, Figure::stat_of(metric, *stat))?));
        let mut all: Map<String, Json> = metric.stats().iter().filter_map(of).collect();
        let partial = series.partial(run, metric);
        if partial > 0 {
            all.insert("partial_in_seeds".to_owned(), json!(partial));
        }
        (metric.key().to_owned(), Json::Object(all))
    };
    let metric = |run: usize, metric: Metric| match (metric.shape(), metric.unit()) {
        (Shape::Single, Unit::Ratio) => {
            Some((format!("{}_ppm", metric.key()), spread(run, metric.into())?))
        }
        (Shape::Single, _) => Some((metric.key().to_owned(), spread(run, metric.into())?)),
        (Shape::Distribution | Shape::Level, _) => Some(stats(run, metric)),
    };
    let runs = series.judged.runs.iter().enumerate().map(|(at, run)| {
        let metrics = Metric::ALL.iter().filter_map(|one| metric(at, *one));
        json!({
            "name": run.name,
            "patience_s": patience_s(scenario, &run.name),
            "settings": settings_of(scenario, &run.name),
            "metrics": metrics.collect::<Map<_, _>>(),
            "anomalies": anomalies(series, &run.name),
            "targets": run.targets.iter().map(target).collect::<Vec<_>>(),
        })
    });
    let seeds = series.played.iter().map(|one| {
        let met = one.runs.iter().flat_map(|run| &run.targets).all(|target| target.met);
        let digests: Vec<&str> = one.runs.iter().map(|run| run.events_sha256.as_str()).collect();
        json!({"seed": one.seed, "all_met": met, "events_sha256": digests})
    });
    let mut report = whole(scenario, &series.judged, ("seeds", seeds.collect()), &runs.collect());
    if !series.not_played.is_empty() {
        report["seeds_not_played"] = json!(series.not_played.len());
    }
    report
}

/// What is odd about a run of a series: in how many seeds, and what was seen in the first of them.
fn anomalies(series: &Series, run: &str) -> Json {
    let of_run = counted(series).into_iter().filter(|odd| odd.run == run);
    let one = |odd: CountedAnomaly<'_>| {
        json!({
            "kind": odd.first.kind, "seeds": odd.seeds, "first_seed": odd.first_seed,
            "seen": odd.first.seen,
        })
    };
    of_run.map(one).collect()
}

/// A scenario that was not played, or not to its end.
pub fn unplayed(scenario: &Scenario, outcome: Outcome, why: &str) -> Json {
    json!({
        "format_version": FORMAT_VERSION,
        "verdict": outcome.name(),
        "exit_code": outcome.exit_code(),
        "reason": why,
        "name": scenario.name,
        "question": scenario.question,
        "runs": [],
    })
}

/// The report on a run against real services: which space, with which settings, and the models by
/// service.
pub fn live(name: &str, settings: &Keys, models: &Keys, run: &JudgedRun) -> Json {
    json!({
        "format_version": FORMAT_VERSION,
        "verdict": Outcome::NotJudged.name(),
        "name": name,
        "models": models,
        "runs": [{
            "name": run.name,
            "end": run.end,
            "settings": settings,
            "metrics": metrics(&run.figures),
            "anomalies": run.anomalies,
        }],
    })
}

/// Puts what a scenario came to as a whole into its report.
pub fn close(report: &mut Json, closing: &Closing<'_>) {
    report["verdict"] = json!(closing.outcome.name());
    report["exit_code"] = json!(closing.outcome.exit_code());
    let reasons = closing.reasons();
    if !reasons.is_empty() {
        report["reasons"] = json!(reasons);
    }
    if let Some(compared) = closing.compared {
        report["comparison"] = compare::scenario_json(compared, &[]);
    }
    if let Some(why) = closing.uncompared {
        report["not_compared"] = json!(why);
    }
    if !closing.diverged.is_empty() {
        report["differs_from_itself"] = json!(closing.diverged);
    }
    if let Some(real_time) = closing.real_time {
        report["real_time"] = realtime_check::json(real_time);
    }
}

/// The settings of a run, by the keys of `[pipeline]`.
fn settings_of(scenario: &Scenario, run: &str) -> Option<Keys> {
    let run = scenario.runs.iter().find(|one| one.name == run)?;
    Some(settings::of_config(&run.config))
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
        "settings": settings_of(scenario, &run.name),
        "metrics": metrics(&run.figures),
        "quota_use": quota_use(scenario, run),
        "anomalies": run.anomalies,
        "targets": run.targets.iter().map(target).collect::<Vec<_>>(),
        "events_sha256": run.events_sha256(),
    })
}

/// Every figure under its key.
pub fn metrics(figures: &Figures) -> Json {
    let entries = Metric::ALL.iter().map(|metric| {
        let value = figures.get(*metric).map_or(Json::Null, |value| match value {
            Value::Number(number) => json!(number),
            Value::Share(share) => json!(share),
            Value::Level { min, max, last } => json!({"min": min, "max": max, "final": last}),
            Value::Distribution(samples) => {
                let stat = |stat: &Stat| (stat.to_string(), json!(samples.stat(*stat)));
                let mut all: Map<String, Json> = metric.stats().iter().map(stat).collect();
                if let Some(partial) = samples.partial() {
                    all.insert("over".to_owned(), json!(partial));
                }
                Json::Object(all)
            }
        });
        (metric.key().to_owned(), value)
    });
    Json::Object(entries.collect::<Map<_, _>>())
}

fn target(judged: &JudgedTarget) -> Json {
    let target = &judged.target;
    let value = match judged.share {
        Some(share) => json!(share),
        None => json!(judged.value),
    };
    let mut out = json!({
        "metric": target.metric.key(),
        "stat": target.stat.map(Stat::name),
        "compare": target.compare.sign(),
        "limit": target.text,
        "limit_value": judged.limit,
        "value": value,
        "margin": judged.margin,
        "met": judged.is_judged.then_some(judged.met),
        "line": target.line,
    });
    if let Some(reason) = &judged.reason {
        out["reason"] = json!(reason);
    }
    if let Some(partial) = judged.partial {
        out["over"] = json!(partial);
    }
    if let Some(over) = judged.over {
        out["met_in_seeds"] = json!({"num": over.met, "den": over.seeds});
        out["worst_seed"] = json!(over.worst);
    }
    out
}
