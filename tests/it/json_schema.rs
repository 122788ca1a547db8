//! The JSON Schema that `tagspace schema` prints: it takes what `validate` takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};
use tagspace::Metric;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::verdict::target_syntax;

use crate::cli::tagspace;
use crate::common::PLAIN;

fn schema() -> Value {
    serde_json::from_slice(&tagspace(Path::new("."), &["schema"]).stdout).unwrap()
}

/// What a schema says about a value, for the keywords that this schema uses.
struct Validator {
    root: Value,
}

impl Validator {
    fn new() -> Self {
        Self { root: schema() }
    }

    fn takes(&self, text: &str) -> bool {
        self.fits(&self.root, &serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap())
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let Some(keywords) = schema.as_object() else { return schema == &json!(true) };
        keywords.iter().all(|(keyword, said)| self.holds(keywords, keyword, said, value))
    }

    fn holds(
        &self,
        keywords: &serde_json::Map<String, Value>,
        keyword: &str,
        said: &Value,
        value: &Value,
    ) -> bool {
        let list = || said.as_array().unwrap();
        match keyword {
            "$schema" | "$defs" | "title" | "description" | "examples" | "default" | "format" => {
                true
            }
            "$ref" => {
                let path = said.as_str().unwrap().strip_prefix('#').unwrap();
                self.fits(self.root.pointer(path).unwrap(), value)
            }
            "type" => said.as_str().is_some_and(|name| is_a(name, value)),
            "const" => said == value,
            "enum" => list().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= said.as_f64().unwrap()),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= said.as_u64().unwrap())
            }
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(said.as_str().unwrap()).unwrap().is_match(text)),
            "items" => {
                value.as_array().is_none_or(|items| items.iter().all(|item| self.fits(said, item)))
            }
            "required" => value.as_object().is_none_or(|table| {
                list().iter().all(|key| table.contains_key(key.as_str().unwrap()))
            }),
            "properties" => value.as_object().is_none_or(|table| {
                let known = said.as_object().unwrap();
                table.iter().all(|(key, value)| {
                    known.get(key).is_none_or(|schema| self.fits(schema, value))
                })
            }),
            "additionalProperties" => value.as_object().is_none_or(|table| {
                let known: BTreeSet<&String> = keywords
                    .get("properties")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(|known| known.keys())
                    .collect();
                table.iter().all(|(key, value)| known.contains(key) || self.fits(said, value))
            }),
            "allOf" => list().iter().all(|schema| self.fits(schema, value)),
            "anyOf" => list().iter().any(|schema| self.fits(schema, value)),
            "oneOf" => list().iter().filter(|schema| self.fits(schema, value)).count() == 1,
            other => panic!("the schema has a keyword that this test does not know: {other}"),
        }
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no type of TOML: {other}"),
    }
}

#[test]
fn the_shipped_scenarios_fit() {
    let validator = Validator::new();
    for entry in fs::read_dir("scenarios").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            assert!(validator.takes(&fs::read_to_string(&path).unwrap()), "{}", path.display());
        }
    }
    assert!(validator.takes(PLAIN));
}

/// Whether the reader takes a text too; targets are read elsewhere.
fn is_read(text: &str) -> bool {
    Scenario::parse("one", "one.toml", text, Path::new(".")).is_ok()
}

#[test]
fn a_latency_has_the_keys_of_its_dist() {
    let validator = Validator::new();
    for (latency, fits) in [
        (r#"{ dist = "fixed", ms = 1 }"#, true),
        (
            r#"{ dist = "fixed", ms = 1, load_factor = 0.1, tail = { ratio = 0.1, min_ms = 1, max_ms = 2 } }"#,
            true,
        ),
        (r#"{ dist = "uniform", min_ms = 1, max_ms = 2 }"#, true),
        (r#"{ dist = "lognormal", median_ms = 1, sigma = 0.5 }"#, true),
        (r#"{ dist = "empirical", quantiles_ms = [1, 2] }"#, true),
        (r#"{ dist = "fixed" }"#, false),
        (r#"{ dist = "uniform", min_ms = 1 }"#, false),
        (r#"{ dist = "lognormal", sigma = 0.5 }"#, false),
        (r#"{ dist = "empirical" }"#, false),
        (r#"{ dist = "empirical", quantiles_ms = [] }"#, false),
        (r#"{ dist = "empirical", quantiles_ms = [1], csv = "a.csv" }"#, false),
        (r#"{ dist = "empirical", quantiles_ms = [1], unit = "s" }"#, false),
        (r#"{ dist = "fixed", ms = 1, unit = "s" }"#, false),
        (r#"{ dist = "fixed", ms = 1, median_ms = 2 }"#, false),
        (r#"{ dist = "fixed", ms = 1, tail = { ratio = 0.1 } }"#, false),
        (r#"{ dist = "fixd", ms = 1 }"#, false),
        ("{ ms = 1 }", false),
        (r#"[{ dist = "fixed", ms = 1 }]"#, false),
        (r#"["fixed", 1]"#, false),
        ("20", false),
    ] {
        let text = PLAIN.replacen(r#"{ dist = "fixed", ms = 10 }"#, latency, 1);
        assert_eq!((validator.takes(&text), is_read(&text)), (fits, fits), "{latency}");
    }
    // A file of measurements is there or not; the schema cannot know.
    for (more, fits) in [("column = \"ms\"", true), ("unit = \"s\"", true), ("unit = \"m\"", false)]
    {
        let csv = format!(r#""empirical", csv = "a.csv", {more}"#);
        let text = PLAIN.replacen(r#""fixed", ms = 10"#, &csv, 1);
        assert_eq!(validator.takes(&text), fits, "{more}");
    }
}

#[test]
fn troubles_and_quotas_fit_as_they_are_read() {
    let validator = Validator::new();
    for (table, fits) in [
        ("spell = { every_s = 60, min_s = 1, max_s = 9, reply = { latency_factor = 2 } }", true),
        (
            "spell = [{ every_s = 60, min_s = 1, max_s = 9, reply = { status = 503 }, ratio = 0.5 }]",
            true,
        ),
        ("spell = { every_s = 60, min_s = 1, reply = { latency_factor = 2 } }", false),
        ("spell = { every_s = 0, min_s = 1, max_s = 9, reply = { latency_factor = 2 } }", false),
        ("spell = 60", false),
        ("fault = [{ when = { pages = [3], page_ratio = 2 }, reply = { status = 500 } }]", false),
        ("fault = [{ when = { pages = [3] }, reply = { kind = \"billing\" } }]", true),
        ("fault = [{ when = { pages = [0] }, reply = { kind = \"billing\" } }]", false),
        ("fault = [{ when = { page_ratio = 0.01 }, reply = { kind = \"bill\" } }]", false),
        (
            "quota = { requests = 9, used = { requests = 0 }, looseness = 0.5, hint = \"time-only\" }",
            true,
        ),
        ("quota = { requests = 9, used = 3 }", false),
        ("quota = { requests = 9, looseness = 1.5 }", false),
    ] {
        let text = PLAIN.replacen("[openai]", &format!("{table}\n[openai]"), 1);
        assert_eq!((validator.takes(&text), is_read(&text)), (fits, fits), "{table}");
    }
    for (table, fits) in [
        ("nulls = { title_ratio = 0.1 }", true),
        ("nulls = { id_ratio = 0.1 }", false),
        ("rate_limit = { requests = 1, per_s = 1, hint = \"reset\" }", true),
        ("rate_limit = { requests = 1, per_s = 1, hint = \"time-only\" }", false),
        ("fault = [{ when = { operations = [\"add-labels\"] }, reply = { status = 409 } }]", true),
        ("fault = [{ when = { operations = [\"other\"] }, reply = { status = 409 } }]", false),
        ("spell = { every_s = 60, min_s = 1, max_s = 9, reply = { status = 503 } }", true),
    ] {
        let text = PLAIN.replacen("[gemini]", &format!("{table}\n[gemini]"), 1);
        assert_eq!((validator.takes(&text), is_read(&text)), (fits, fits), "{table}");
    }
}

#[test]
fn what_the_reader_refuses_does_not_fit() {
    let validator = Validator::new();
    for (from, to) in [
        ("schema = 1", "schema = 2"),
        ("seed = 7", "seed = -7"),
        ("seed = 7", "seed = 42.0"),
        ("seed = 7\n", ""),
        ("seed = 7", "seed = 7\nsed = 7"),
        ("pages = 20", "pages = \"many\""),
        ("pages = 20", "duplicate_ratio = 1.5"),
        ("[confluence]", "[[confluence]]"),
        ("[confluence]", "[confluense]"),
        ("model = \"gemini-3.5-flash-lite\"\n", ""),
        ("profile = \"documented\"", "profile = \"documentd\""),
        ("profile = \"documented\"", "batch_size = \"large\""),
        ("[openai]", "quota = [150, 60]\n[openai]"),
        ("[openai]", "quota = { requests = 0 }\n[openai]"),
        ("[openai]", "[[gemini.fault]]\nreply = { status = 200 }\n[openai]"),
        ("[pipeline]", "[[run]]\nchanged_ratio = 0.1\n[pipeline]"),
    ] {
        assert!(PLAIN.contains(from), "{from}");
        let text = PLAIN.replacen(from, to, 1);
        assert_eq!((validator.takes(&text), is_read(&text)), (false, false), "{to}");
    }
}

#[test]
fn targets_fit_by_metric_and_statistic() {
    let validator = Validator::new();
    for (target, fits) in [
        ("ai_calls = \"<= 20\"", true),
        ("ai_calls = \"<=20\"", true),
        ("ai_calls = [\"<= 20\", \">= 3\"]", true),
        ("ai_calls = { limit = \"<= 20\" }", true),
        ("page_latency = { limit = \"p95 <= 5s\", over = \"tagged\" }", true),
        ("page_latency = [\"max <= 1h\", { limit = \"p95 <= 5.5s\", over = \"tagged\" }]", true),
        ("page_latency = \"count == 20\"", true),
        ("concurrency = \"final >= 3\"", true),
        ("cache_hit_ratio = \">= 60%\"", true),
        ("cache_hit_ratio = \">= 99.5 %\"", true),
        ("cost = \"< $0.20\"", true),
        ("makespan = \"<= 15s in >= 95% of seeds\"", true),
        ("makespan_ms = \"<= 800ms\"", true),
        ("makespan = \"<= 10% of before\"", true),
        ("ai_calls = \"<= 1/5 of before\"", true),
        ("page_latency = \"p95 <= 10% of before in >= 90% of seeds\"", true),
        ("ai_latency = { limit = \"max <= 5s\", over = \"answered\" }", true),
        ("ai_latency = { limit = \"max <= 5s\", over = \"tagged\" }", false),
        ("makespan = { limit = \"<= 5s\", over = \"tagged\" }", false),
        ("ai_call = \"<= 20\"", false),
        ("ai_calls = 20", false),
        ("ai_calls = \"20\"", false),
        ("ai_calls = \"<= many\"", false),
        ("ai_calls = \"p95 <= 20\"", false),
        ("ai_calls = { limit = \"<= 20\", ove = \"tagged\" }", false),
        ("ai_calls = { over = \"tagged\" }", false),
        ("ai_calls = [[\"<= 20\"]]", false),
        ("makespan = \"<= 60\"", false),
        ("page_latency = \"<= 5s\"", false),
        ("page_latency = \"count <= 5s\"", false),
        ("page_latency = [\"p95 <= 5s\", 3]", false),
        ("concurrency = \"p95 <= 3\"", false),
        ("cache_hit_ratio = \">= 0.6\"", false),
        ("cache_hit_ratio = \">= 101%\"", false),
        ("cost = \"<= 2\"", false),
        ("makespan = \"<= 15s in 95% of seeds\"", false),
    ] {
        let text = format!("{PLAIN}[targets.run]\n{target}\n");
        assert_eq!(validator.takes(&text), fits, "{target}");
    }
}

#[test]
fn the_schema_and_the_reader_of_targets_agree() {
    let validator = Validator::new();
    let runs = "[[run]]\nname = \"before\"\n[[run]]\nname = \"run\"\n[targets.run]\n";
    for metric in Metric::ALL {
        let limits = &validator.root["properties"]["targets"]["additionalProperties"];
        let examples = limits["properties"][metric.name()]["examples"].as_array().unwrap();
        let all = examples.iter().map(|example| format!("{{ limit = {example} }}"));
        let over = |over| format!("{{ limit = {}, over = \"{over}\" }}", examples[0]);
        for limit in all.chain(["tagged", "answered", "all"].map(over)) {
            let text = format!("{PLAIN}{runs}{} = {limit}\n", metric.name());
            let scenario = Scenario::parse("one", "one.toml", &text, Path::new(".")).unwrap();
            let is_read = target_syntax::of(&scenario).is_ok();
            assert_eq!(validator.takes(&text), is_read, "{} = {limit}", metric.name());
            assert!(is_read || limit.contains("over"), "{} = {limit}", metric.name());
        }
    }
}

#[test]
fn every_metric_is_described_with_examples_that_fit() {
    let validator = Validator::new();
    let metrics = &validator.root["properties"]["targets"]["additionalProperties"];
    assert_eq!(metrics["additionalProperties"], false);
    for metric in Metric::ALL {
        for name in [metric.name(), metric.key()] {
            let limit = &metrics["properties"][name];
            assert_eq!(limit["description"], metric.doc());
            let examples = limit["examples"].as_array().unwrap();
            assert!(examples.len() >= 3, "{name}");
            for example in examples {
                assert!(validator.fits(limit, example), "{name} {example}");
            }
        }
    }
    let latency = &metrics["properties"]["page_latency"]["examples"][0];
    assert_eq!(latency, "p95 <= 45s");
}
