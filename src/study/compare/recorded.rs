//! What was recorded of a scenario, as far as it is compared: digests, and figures seed by seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::sim::scenario::Scenario;
use crate::study::metric::{DISTRIBUTION_STATS, LEVEL_STATS, METRICS, Metric, Shape};
use crate::study::series::Played;

/// A scenario with some seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What makes its world.
    pub world_digest: String,
    /// What was under test.
    pub config_digest: String,
    /// Another weather than that of the seeds, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weather: Option<u64>,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// Its runs by name.
    pub run: BTreeMap<String, RecordedRun>,
}

/// A run with some seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRun {
    /// The digest of each seed's log.
    pub events_sha256: Vec<String>,
    /// Of each figure the integer of each seed, where every seed has one: shares in millionths.
    pub figures: BTreeMap<String, Vec<u64>>,
    /// The means when a baseline was accepted for the first time, in thousandths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_mean_milli: BTreeMap<String, u64>,
}

/// The figures that are integers, by name: of distributions and levels with the statistic.
pub fn names() -> impl Iterator<Item = (&'static Metric, Option<&'static str>, String)> {
    METRICS.iter().flat_map(|metric| {
        let stats: Vec<Option<&'static str>> = match metric.shape {
            Shape::Single => vec![None],
            Shape::Distribution => DISTRIBUTION_STATS.iter().copied().map(Some).collect(),
            Shape::Level => LEVEL_STATS.iter().copied().map(Some).collect(),
        };
        stats.into_iter().map(move |stat| {
            let name =
                stat.map_or(metric.name.to_owned(), |stat| format!("{} {stat}", metric.name));
            (metric, stat, name)
        })
    })
}

/// One seed as it was written into a `report.json`.
struct Report {
    world_digest: String,
    config_digest: String,
    weather: Option<u64>,
    seed: u64,
    runs: Vec<(String, String, BTreeMap<String, u64>)>,
}

impl Report {
    fn of(report: &Json) -> Option<Self> {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let run = |run: &Json| {
            let metrics = run.get("metrics")?;
            let figure = |(metric, stat, name): (&'static Metric, Option<&str>, String)| {
                let value = metrics.get(metric.key)?;
                let number = match (stat, value.get("num"), value.get("den")) {
                    (Some(stat), ..) => value.get(stat)?.as_u64()?,
                    (None, Some(num), Some(den)) => {
                        num.as_u64()?.checked_mul(1_000_000)?.checked_div(den.as_u64()?)?
                    }
                    (None, ..) => value.as_u64()?,
                };
                Some((name, number))
            };
            let digest = text(run.get("events_sha256")?)?;
            Some((text(run.get("name")?)?, digest, names().filter_map(figure).collect()))
        };
        Some(Self {
            world_digest: text(report.get("world_digest")?)?,
            config_digest: text(report.get("config_digest")?)?,
            weather: report.get("weather").and_then(Json::as_u64),
            seed: report.get("seed")?.as_u64()?,
            runs: report.get("runs")?.as_array()?.iter().map(run).collect::<Option<_>>()?,
        })
    }
}

impl Recorded {
    /// Whether both have met the same: the same world, weather and seeds.
    pub fn has_met_the_same_as(&self, other: &Self) -> bool {
        let met = |one: &Self| (one.world_digest.clone(), one.weather, one.seeds.clone());
        met(self) == met(other)
    }

    /// Of the `report.json` of each seed; nothing if one of them is no report, or they are not of one
    /// scenario.
    pub fn of_reports(reports: &[Json]) -> Option<Self> {
        let mut reports: Vec<Report> = reports.iter().map(Report::of).collect::<Option<_>>()?;
        reports.sort_by_key(|report| report.seed);
        let first = reports.first()?;
        let is_one = |report: &Report| {
            let world = |report: &Report| (report.world_digest.clone(), report.weather);
            world(report) == world(first) && report.config_digest == first.config_digest
        };
        if !reports.iter().all(is_one) {
            return None;
        }
        let runs = first.runs.iter().enumerate().map(|(at, (name, ..))| {
            let each: Vec<_> =
                reports.iter().map(|report| report.runs.get(at)).collect::<Option<_>>()?;
            let digests = each.iter().map(|(_, digest, _)| digest.clone()).collect();
            let figures = each.iter().map(|(.., figures)| figures).collect::<Vec<_>>();
            Some((
                name.clone(),
                RecordedRun::new(digests, |name, seed| figures.get(seed)?.get(name).copied()),
            ))
        });
        Some(Self {
            world_digest: first.world_digest.clone(),
            config_digest: first.config_digest.clone(),
            weather: first.weather,
            seeds: reports.iter().map(|report| report.seed).collect(),
            run: runs.collect::<Option<_>>()?,
        })
    }

    /// Of what was just played.
    pub fn of_played(scenario: &Scenario, played: &[Played]) -> Self {
        let runs = scenario.runs.iter().enumerate().map(|(at, run)| {
            let each: Vec<_> = played.iter().filter_map(|one| one.runs.get(at)).collect();
            let digests = each.iter().map(|run| run.events_sha256.clone()).collect();
            let figures = |name: &str, seed: usize| each.get(seed)?.figures.integer(name);
            (run.name.clone(), RecordedRun::new(digests, figures))
        });
        Self {
            world_digest: scenario.world_digest.clone(),
            config_digest: scenario.config_digest.clone(),
            weather: scenario.world.weather,
            seeds: played.iter().map(|one| one.seed).collect(),
            run: runs.collect(),
        }
    }
}

impl RecordedRun {
    fn new(events_sha256: Vec<String>, of: impl Fn(&str, usize) -> Option<u64>) -> Self {
        let seeds = events_sha256.len();
        let values =
            |name: &str| (0..seeds).map(|seed| of(name, seed)).collect::<Option<Vec<u64>>>();
        let figures = names().filter_map(|(.., name)| Some((name.clone(), values(&name)?)));
        Self { events_sha256, figures: figures.collect(), first_mean_milli: BTreeMap::new() }
    }
}
