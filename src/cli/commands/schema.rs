//! `tagspace schema`: the JSON Schema of scenario files.
//!
//! The types of a file know its tables and numbers. What they do not know is added here, so that an
//! editor completes it: which keys a latency has with each `dist`, and which metrics have targets,
//! with what limits.

use serde_json::{Map, Value, json};

use crate::cli::ExitStatus;
use crate::cli::terminal::print;
use crate::sim::scenario::file::ScenarioFile;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;

/// The shapes of a latency, with the keys that belong to each.
const SHAPES: [(&str, &[&str]); 4] = [
    ("fixed", &["ms"]),
    ("uniform", &["min_ms", "max_ms"]),
    ("lognormal", &["median_ms", "sigma"]),
    ("empirical", &["quantiles_ms", "csv", "column", "unit"]),
];

/// A decimal number.
const NUMBER: &str = r"[0-9]+(\.[0-9]*)?";
/// A limit that is a part of what another run comes to.
const RELATIVE: &str = r"([0-9]+(\.[0-9]*)? *%|[0-9]+ */ *[0-9]+) +of +[^ ]+";
/// In how many of the seeds a target must be met.
const SEEDS: &str = r"( +in +>= *[0-9]+(\.[0-9]*)? *% *of seeds)?";

/// Prints the schema.
pub(crate) fn schema() -> ExitStatus {
    let mut schema = schemars::schema_for!(ScenarioFile).to_value();
    without_null(&mut schema);
    if let Some(latency) = schema.pointer_mut("/$defs/LatencyFile") {
        *latency = by_shape(latency);
    }
    add_targets(&mut schema);
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    print(&(text + "\n"));
    ExitStatus::Met
}

/// TOML has no null: what is not set is left out.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice != &json!({ "type": "null" }));
            }
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// A latency as one of four tables: each `dist` has its own keys, and those that all have.
fn by_shape(latency: &Value) -> Value {
    let all = latency["properties"].as_object().cloned().unwrap_or_default();
    let is_owned = |key: &str| SHAPES.iter().any(|(_, keys)| keys.contains(&key));
    let tables = SHAPES.map(|(dist, keys)| {
        let has = |key: &str| keys.contains(&key) || !is_owned(key);
        let mut properties: Map<String, Value> =
            all.iter().filter(|(key, _)| has(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        properties.insert("dist".to_owned(), json!({ "const": dist }));
        let mut table = json!({ "title": dist, "type": "object", "additionalProperties": false });
        if dist == "empirical" {
            properties["quantiles_ms"]["minItems"] = json!(1);
            table["required"] = json!(["dist"]);
            table["oneOf"] = json!([
                { "required": ["quantiles_ms"], "properties": { "unit": false } },
                { "required": ["csv"] }
            ]);
        } else {
            table["required"] = [&["dist"], keys].concat().into();
        }
        table["properties"] = Value::Object(properties);
        table
    });
    json!({ "description": latency["description"], "oneOf": tables })
}

/// The targets of a run, by metric.
fn add_targets(schema: &mut Value) {
    let mut metrics = Map::new();
    for metric in Metric::ALL.iter().copied() {
        let kind = kind(metric);
        schema["$defs"][&kind] = json!({
            "pattern": pattern(metric),
            "anyOf": [{ "type": "string" }, { "$ref": format!("#/$defs/{kind}Table") }],
        });
        schema["$defs"][format!("{kind}Table")] = table(metric);
        let limits = json!({
            "description": metric.doc(),
            "pattern": pattern(metric),
            "examples": examples(metric),
            "anyOf": [
                { "type": "string" },
                { "$ref": format!("#/$defs/{kind}Table") },
                { "type": "array", "items": { "$ref": format!("#/$defs/{kind}") } },
            ],
        });
        for name in [metric.name(), metric.key()] {
            metrics.insert(name.to_owned(), limits.clone());
        }
    }
    schema["properties"]["targets"]["additionalProperties"] = json!({
        "description": "What must hold of this run, by metric.",
        "type": "object",
        "properties": metrics,
        "additionalProperties": false,
    });
    for unused in ["OneOrMany", "Limit", "LimitTable"] {
        schema["$defs"].as_object_mut().map(|defs| defs.remove(unused));
    }
}

/// The table form of a limit on a metric.
fn table(metric: Metric) -> Value {
    let limit =
        json!({ "type": "string", "pattern": pattern(metric), "examples": examples(metric) });
    let mut table = json!({
        "type": "object",
        "properties": { "limit": limit },
        "required": ["limit"],
        "additionalProperties": false,
    });
    if let Some(coverage) = metric.covers() {
        let description = "What the limit looks at (default: a latency that covers all).";
        table["properties"]["over"] =
            json!({ "description": description, "enum": [coverage.ended] });
    }
    table
}

/// The name of the limits that a metric takes.
fn kind(metric: Metric) -> String {
    let unit = match metric.unit() {
        Unit::Count => "Count",
        Unit::Ratio => "Share",
        Unit::Millis => "Time",
        Unit::UsdMicros => "Cost",
    };
    let shape = match metric.shape() {
        Shape::Single => "",
        Shape::Distribution => "Statistic",
        Shape::Level => "Level",
    };
    let over = metric.covers().map_or(String::new(), |coverage| {
        let (first, rest) = coverage.ended.split_at(1);
        format!("Over{}{rest}", first.to_uppercase())
    });
    format!("{unit}{shape}Limit{over}")
}

/// What a limit on a metric looks like.
fn pattern(metric: Metric) -> String {
    let limit = |stats: &[Stat], unit| {
        let stats = match stats {
            [] => String::new(),
            stats => format!("({}) *", Stat::join(stats, "|")),
        };
        format!("{stats}(<=|>=|==|<|>) *({}|{RELATIVE})", value(unit))
    };
    let limits = match metric.shape() {
        Shape::Single | Shape::Level => limit(metric.stats(), metric.unit()),
        Shape::Distribution => {
            let (counts, others): (Vec<Stat>, Vec<Stat>) =
                metric.stats().iter().partition(|stat| **stat == Stat::Count);
            format!("({}|{})", limit(&others, metric.unit()), limit(&counts, Unit::Count))
        }
    };
    format!("^ *{limits}{SEEDS} *$")
}

fn value(unit: Unit) -> String {
    match unit {
        Unit::Count => r"[0-9]+(\.0*)?".to_owned(),
        Unit::Ratio => r"(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?) *%".to_owned(),
        Unit::Millis => format!("{NUMBER} *(ms|s|m|h)"),
        Unit::UsdMicros => format!(r"\$ *{NUMBER}"),
    }
}

/// Limits that a metric may have.
fn examples(metric: Metric) -> Vec<String> {
    let value = match metric.unit() {
        Unit::Count => "20",
        Unit::Ratio => "60%",
        Unit::Millis => "45s",
        Unit::UsdMicros => "$0.20",
    };
    let stats: &[&str] = match metric.shape() {
        Shape::Single => &[""],
        Shape::Distribution => &["p95 ", "max ", "p50 "],
        Shape::Level => &["max ", "final ", "min "],
    };
    let mut examples: Vec<String> = stats.iter().map(|stat| format!("{stat}<= {value}")).collect();
    let first = stats.first().copied().unwrap_or_default();
    examples.push(format!("{first}>= {value}"));
    examples.push(format!("{first}<= {value} in >= 90% of seeds"));
    examples.push(format!("{first}<= 10% of before"));
    examples.push(format!("{first}<= 1/5 of before"));
    examples
}
