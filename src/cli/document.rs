//! A document about all scenarios of a run, to which each adds its part.

use std::fmt::Write;
use std::{fs, io};

use serde_json::{Map, Value};

use super::args::Format;
use crate::report::ci::{Closing, Replay, annotations, benchmark, junit, summary};
use crate::report::compare;
use crate::report::run::trace::TraceFile;
use crate::report::run::{csv, json, realtime_check};
use crate::sim::scenario::Scenario;
use crate::study::experiment::realtime_check::RealTimeVerdict;
use crate::study::measure::metric::Better;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;

/// What a scenario came to.
pub(super) struct Part<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) judged: &'a JudgedScenario,
    /// The report without colours.
    pub(super) text: &'a str,
    /// How to repeat it with a seed.
    pub(super) replay: Replay<'a>,
    /// What each seed came to, if there are many.
    pub(super) series: Option<&'a Series>,
}

/// A document in the making.
#[derive(Debug)]
pub(super) enum Document {
    /// The reports for people.
    Text(String),
    /// The reports as a list.
    Reports(Vec<Value>),
    /// The figures as one table.
    Table(Vec<u8>),
    /// The event logs.
    Logs(Vec<u8>),
    /// A trace for Perfetto.
    Trace(TraceFile<Vec<u8>>),
    /// JUnit XML.
    Junit(Vec<junit::Suite>),
    /// A step summary.
    Summary(Vec<summary::Part>),
    /// Annotations.
    Annotations {
        /// What stops the gate, and what was not judged or played.
        closing: Vec<String>,
        /// The missed targets.
        targets: Vec<String>,
    },
    /// Bencher's metric format.
    Bmf(Map<String, Value>),
    /// github-action-benchmark, in one direction.
    Tracked(Better, Vec<Value>),
}

impl Document {
    /// A document of this format without a part.
    pub(super) fn of(format: Format) -> Self {
        match format {
            Format::Text => Self::Text(String::new()),
            Format::Json => Self::Reports(Vec::new()),
            Format::Csv => Self::Table(Vec::new()),
            Format::Jsonl => Self::Logs(Vec::new()),
            Format::Trace => Self::Trace(TraceFile::new(Vec::new())),
            Format::Junit => Self::Junit(Vec::new()),
            Format::Markdown => Self::Summary(Vec::new()),
            Format::Github => Self::Annotations { closing: Vec::new(), targets: Vec::new() },
            Format::Bmf => Self::Bmf(Map::new()),
            Format::Smaller => Self::Tracked(Better::Smaller, Vec::new()),
            Format::Bigger => Self::Tracked(Better::Bigger, Vec::new()),
        }
    }

    /// Adds a scenario.
    pub(super) fn add(&mut self, part: &Part<'_>) -> io::Result<()> {
        let Part { scenario, judged, text, replay, series } = *part;
        match self {
            Self::Text(all) => *all = format!("{all}{text}\n"),
            Self::Reports(reports) => reports.push(match series {
                Some(series) => json::series(scenario, series),
                None => json::report(scenario, judged),
            }),
            Self::Table(rows) => {
                let mut table = Vec::new();
                match series {
                    Some(series) => csv::series(scenario, series, &mut table)?,
                    None => csv::runs(scenario, judged, &mut table)?,
                }
                let header = table.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let is_first = rows.is_empty();
                rows.extend_from_slice(if is_first { &table } else { &table[header..] });
            }
            Self::Logs(lines) => {
                for run in &judged.runs {
                    run.log.write(&mut *lines)?;
                }
            }
            Self::Trace(trace) => trace.add(scenario, judged)?,
            Self::Junit(suites) => suites.push(junit::suite(scenario, judged, series, replay)),
            Self::Summary(parts) => parts.push(summary::part(scenario, judged, series, replay)),
            Self::Annotations { targets, .. } => {
                let file = fs::read_to_string(scenario.file());
                // Without the file the lines are those of the text that was run.
                let original = file.unwrap_or_else(|_| scenario.text.clone());
                targets.extend(annotations::of(scenario, judged, &original));
            }
            Self::Bmf(runs) => runs.extend(benchmark::bmf(scenario, judged, series)),
            Self::Tracked(better, entries) => {
                entries.extend(benchmark::entries(scenario, judged, series, *better));
            }
        }
        Ok(())
    }

    /// Adds a scenario that was not played, or not to its end.
    pub(super) fn add_unplayed(&mut self, scenario: &Scenario, outcome: Outcome, why: &str) {
        match self {
            Self::Text(all) => {
                let _ = writeln!(all, "{}  {}  {why}\n", outcome.words(), scenario.name);
            }
            Self::Reports(reports) => reports.push(json::unplayed(scenario, outcome, why)),
            Self::Summary(parts) => parts.push(summary::unplayed(scenario, outcome, why)),
            // The others have it from the closing, or no place for what has no figures.
            Self::Table(_)
            | Self::Logs(_)
            | Self::Trace(_)
            | Self::Junit(_)
            | Self::Annotations { .. }
            | Self::Bmf(_)
            | Self::Tracked(..) => {}
        }
    }

    /// Adds what came of a scenario besides its targets.
    pub(super) fn close(&mut self, scenario: &Scenario, closing: &Closing<'_>) {
        match self {
            Self::Text(all) => {
                if let Some(compared) = closing.compared {
                    let said = compare::headline_of(compared, usize::MAX);
                    let verdict = compared.verdict.name().to_uppercase();
                    let (name, base) = (&scenario.name, closing.base);
                    let said = if compared.verdict.is_failure() {
                        format!(": {said}")
                    } else {
                        String::new()
                    };
                    let _ = writeln!(all, "{verdict}  {name} against {base}{said}\n");
                }
                if let Some(why) = closing.uncompared {
                    let _ = writeln!(all, "NOT COMPARED  {}: {why}\n", scenario.name);
                }
                for diverged in closing.diverged {
                    let _ = writeln!(all, "{diverged}\n");
                }
                for (_, verdict, said) in
                    closing.real_time.into_iter().flat_map(realtime_check::said)
                {
                    if verdict != RealTimeVerdict::Agrees {
                        let _ = writeln!(
                            all,
                            "{}  {}: {said}\n",
                            realtime_check::words(verdict),
                            scenario.name
                        );
                    }
                }
            }
            Self::Reports(reports) => {
                let own = |report: &&mut Value| report["name"] == scenario.name;
                let is_unplayed =
                    closing.unplayed.is_some() && closing.outcome != Outcome::Interrupted;
                if let Some(report) = reports.iter_mut().find(own).filter(|_| !is_unplayed) {
                    json::close(report, closing);
                }
            }
            Self::Junit(suites) => suites.extend(junit::closing(scenario, closing)),
            Self::Summary(parts) => parts.iter_mut().for_each(|part| part.close(scenario, closing)),
            Self::Annotations { closing: all, .. } => {
                let file = fs::read_to_string(scenario.file());
                let original = file.unwrap_or_else(|_| scenario.text.clone());
                all.extend(annotations::closing(scenario, closing, &original));
            }
            Self::Table(_) | Self::Logs(_) | Self::Trace(_) | Self::Bmf(_) | Self::Tracked(..) => {}
        }
    }

    /// All of it.
    pub(super) fn bytes(self) -> Vec<u8> {
        let pretty = |value: &Value| {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            (text + "\n").into_bytes()
        };
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Table(bytes) | Self::Logs(bytes) => bytes,
            // Writing into memory does not fail.
            Self::Trace(trace) => trace.finish().unwrap_or_default(),
            Self::Reports(values) | Self::Tracked(_, values) => pretty(&Value::Array(values)),
            Self::Bmf(runs) => pretty(&Value::Object(runs)),
            Self::Junit(suites) => junit::document(&suites).into_bytes(),
            Self::Summary(parts) => summary::document(&parts).into_bytes(),
            Self::Annotations { closing, targets } => {
                annotations::document(&[closing, targets].concat()).into_bytes()
            }
        }
    }
}
