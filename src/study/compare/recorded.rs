//! What was recorded of a scenario, as far as it is compared: digests, and figures seed by seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::settings;
use super::settings::Keys;
use crate::sim::scenario::Scenario;
use crate::study::compare::settings::{Changed, changed};
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::study::verdict::seeds::PlayedSeed;

/// A scenario with some seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What makes its world.
    pub world_digest: String,
    /// What was under test.
    pub config_digest: String,
    /// Another weather than the seeds have, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weather: Option<u64>,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// What makes its world, key by key.
    #[serde(default, skip_serializing_if = "Keys::is_empty")]
    pub world: Keys,
    /// Its runs by name.
    pub run: BTreeMap<String, RecordedRun>,
}

/// A run with some seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRun {
    /// The digest of each seed's log.
    pub events_sha256: Vec<String>,
    /// Of each figure the integer of each seed, as far as it has one: shares in millionths.
    pub figures: BTreeMap<String, Vec<SeedValue>>,
    /// The means when a baseline was accepted for the first time, in thousandths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_mean_milli: BTreeMap<String, u64>,
    /// The settings of the pipeline, by the keys of `[pipeline]`.
    #[serde(default, skip_serializing_if = "Keys::is_empty")]
    pub settings: Keys,
}

/// The value of a figure in a seed; in files a number, or `"none"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedValue(pub Option<u64>);

/// How a seed without a value is written.
const NONE: &str = "none";

impl Serialize for SeedValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // TOML has no larger numbers.
            Some(value) => serializer.serialize_i64(i64::try_from(value).unwrap_or(i64::MAX)),
            None => serializer.serialize_str(NONE),
        }
    }
}

impl<'de> Deserialize<'de> for SeedValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number that is not negative, or \"none\"")]
        enum WrittenValue {
            Number(u64),
            Text(String),
        }
        match WrittenValue::deserialize(deserializer)? {
            WrittenValue::Number(value) => Ok(Self(Some(value))),
            WrittenValue::Text(text) if text == NONE => Ok(Self(None)),
            WrittenValue::Text(text) => Err(serde::de::Error::custom(format!(
                "expected a number or \"none\", found `{text}`"
            ))),
        }
    }
}

/// One seed as it was written into a `report.json`.
struct Report {
    world_digest: String,
    config_digest: String,
    weather: Option<u64>,
    seed: u64,
    world: Keys,
    runs: Vec<ReportedRun>,
}

/// A run as it was written there.
struct ReportedRun {
    name: String,
    digest: String,
    settings: Keys,
    figures: BTreeMap<Figure, u64>,
}

impl Report {
    fn of(report: &Json) -> Option<Self> {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let run = |run: &Json| {
            let metrics = run.get("metrics")?;
            let integer = |figure: Figure| {
                let value = metrics.get(figure.metric.key())?;
                let number = match (figure.stat, value.get("num"), value.get("den")) {
                    // A latency that leaves pages out is not comparable with one that does not.
                    (Some(stat), ..) if stat != Stat::Count && value.get("over").is_some() => {
                        return None;
                    }
                    (Some(stat), ..) => value.get(stat.name())?.as_u64()?,
                    (None, Some(num), Some(den)) => {
                        num.as_u64()?.checked_mul(1_000_000)?.checked_div(den.as_u64()?)?
                    }
                    (None, ..) => value.as_u64()?,
                };
                Some((figure, number))
            };
            Some(ReportedRun {
                name: text(run.get("name")?)?,
                digest: text(run.get("events_sha256")?)?,
                settings: keys(run.get("settings")),
                figures: Figure::all().filter_map(integer).collect(),
            })
        };
        Some(Self {
            world_digest: text(report.get("world_digest")?)?,
            config_digest: text(report.get("config_digest")?)?,
            weather: report.get("weather").and_then(Json::as_u64),
            seed: report.get("seed")?.as_u64()?,
            world: keys(report.get("world")),
            runs: report.get("runs")?.as_array()?.iter().map(run).collect::<Option<_>>()?,
        })
    }
}

/// A figure that can be compared: a latency that leaves pages out cannot.
fn comparable(figures: &Figures, figure: Figure) -> Option<u64> {
    match figures.get(figure.metric)? {
        Value::Distribution(samples)
            if samples.partial().is_some() && figure.stat != Some(Stat::Count) =>
        {
            None
        }
        _ => figures.integer(figure),
    }
}

/// The keys of a report; none where an earlier version wrote it.
fn keys(written: Option<&Json>) -> Keys {
    written.and_then(|keys| Keys::deserialize(keys).ok()).unwrap_or_default()
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
        let runs = first.runs.iter().enumerate().map(|(at, run)| {
            let each: Vec<_> =
                reports.iter().map(|report| report.runs.get(at)).collect::<Option<_>>()?;
            let digests = each.iter().map(|run| run.digest.clone()).collect();
            let of = |figure: Figure, seed: usize| each.get(seed)?.figures.get(&figure).copied();
            Some((run.name.clone(), RecordedRun::new(digests, run.settings.clone(), of)))
        });
        Some(Self {
            world_digest: first.world_digest.clone(),
            config_digest: first.config_digest.clone(),
            weather: first.weather,
            seeds: reports.iter().map(|report| report.seed).collect(),
            world: first.world.clone(),
            run: runs.collect::<Option<_>>()?,
        })
    }

    /// Of what was just played.
    pub fn of_played(scenario: &Scenario, played: &[PlayedSeed]) -> Self {
        let runs = scenario.runs.iter().enumerate().map(|(at, run)| {
            let each: Vec<_> = played.iter().filter_map(|one| one.runs.get(at)).collect();
            let digests = each.iter().map(|run| run.events_sha256.clone()).collect();
            let of = |figure: Figure, seed: usize| comparable(&each.get(seed)?.figures, figure);
            (run.name.clone(), RecordedRun::new(digests, settings::of_config(&run.config), of))
        });
        Self {
            world_digest: scenario.world_digest.clone(),
            config_digest: scenario.config_digest.clone(),
            weather: scenario.world.weather,
            seeds: played.iter().map(|one| one.seed).collect(),
            world: settings::of_world(scenario),
            run: runs.collect(),
        }
    }
}

impl RecordedRun {
    /// Figures that no seed has are left out.
    fn new(
        events_sha256: Vec<String>,
        settings: Keys,
        of: impl Fn(Figure, usize) -> Option<u64>,
    ) -> Self {
        let seeds = events_sha256.len();
        let values = |figure: Figure| {
            let cells: Vec<SeedValue> =
                (0..seeds).map(|seed| SeedValue(of(figure, seed))).collect();
            cells.iter().any(|cell| cell.0.is_some()).then_some(cells)
        };
        let figures =
            Figure::all().filter_map(|figure| Some((figure.to_string(), values(figure)?)));
        Self {
            events_sha256,
            figures: figures.collect(),
            first_mean_milli: BTreeMap::new(),
            settings,
        }
    }

    /// A figure in the seed at this place, if it has one.
    pub fn value(&self, figure: Figure, place: usize) -> Option<u64> {
        self.figures.get(&figure.to_string())?.get(place)?.0
    }
}

/// In which settings two recordings differ. A change that all common runs have is named once.
pub fn changed_settings(base: &Recorded, new: &Recorded) -> Vec<Changed> {
    let mut by_key: BTreeMap<(String, String, String), Vec<&String>> = BTreeMap::new();
    let pairs: Vec<_> = base
        .run
        .iter()
        .filter_map(|(name, base)| Some((name, &base.settings, &new.run.get(name)?.settings)))
        // Earlier versions did not keep them.
        .filter(|(_, base, new)| !base.is_empty() && !new.is_empty())
        .collect();
    for (name, base, new) in &pairs {
        for Changed { key, base, new, .. } in changed(base, new) {
            by_key.entry((key, base, new)).or_default().push(name);
        }
    }
    let mut all = Vec::new();
    for ((key, base, new), runs) in by_key {
        if runs.len() == pairs.len() {
            all.push(Changed { run: None, key, base, new });
            continue;
        }
        for run in runs {
            let (key, base, new) = (key.clone(), base.clone(), new.clone());
            all.push(Changed { run: Some(run.clone()), key, base, new });
        }
    }
    all
}
