//! Documents about all scenarios together, of which each scenario is a part.

use std::fs;

use serde_json::Value;

use super::args::Format;
use crate::report::ci::benchmark::{self, Better};
use crate::report::ci::{annotations, junit, summary};
use crate::report::json;
use crate::sim::scenario::Scenario;
use crate::study::judge::JudgedScenario;

impl Format {
    /// Whether it is one document about all scenarios, and not one text after another.
    pub(super) fn is_of_all(self) -> bool {
        !matches!(self, Self::Text | Self::Csv | Self::Jsonl)
    }
}

/// The parts of all documents, scenario by scenario.
#[derive(Debug, Default)]
pub(super) struct Documents {
    reports: Vec<Value>,
    suites: Vec<junit::Suite>,
    summaries: Vec<summary::Part>,
    annotations: Vec<String>,
    bmf: serde_json::Map<String, Value>,
    smaller: Vec<Value>,
    bigger: Vec<Value>,
}

impl Documents {
    /// Adds a scenario.
    pub(super) fn add(&mut self, scenario: &Scenario, judged: &JudgedScenario, replay: &str) {
        self.reports.push(json::report(scenario, judged));
        self.suites.push(junit::suite(scenario, judged, replay));
        self.summaries.push(summary::part(scenario, judged, replay));
        let file = scenario.origin.split(" with ").next().unwrap_or(&scenario.origin);
        // Without the file the lines are those of the text that was run.
        let original = fs::read_to_string(file).unwrap_or_else(|_| scenario.text.clone());
        self.annotations.extend(annotations::of(scenario, judged, &original));
        self.bmf.extend(benchmark::bmf(scenario, judged));
        self.smaller.extend(benchmark::entries(scenario, judged, Better::Smaller));
        self.bigger.extend(benchmark::entries(scenario, judged, Better::Bigger));
    }

    /// A document.
    pub(super) fn document(&self, format: Format) -> String {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
        match format {
            Format::Junit => junit::document(&self.suites),
            Format::Markdown => summary::document(&self.summaries),
            Format::Github => annotations::document(&self.annotations),
            Format::Bmf => pretty(&Value::Object(self.bmf.clone())),
            Format::Smaller => pretty(&Value::Array(self.smaller.clone())),
            Format::Bigger => pretty(&Value::Array(self.bigger.clone())),
            Format::Json | Format::Text | Format::Csv | Format::Jsonl => {
                pretty(&Value::Array(self.reports.clone()))
            }
        }
    }
}
