//! Parts: the share of the trials that one of many processes plays, in a file of its own.
//!
//! The first line is the whole study, so that parts of different studies are told apart and
//! that whoever joins them needs nothing else. Each further line is a trial. A file that was cut off
//! in the middle of a line goes on with the trial of that line.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::grid::Axis;
use super::trials::{Results, TrialId, TrialResult, kept};
use super::{Objective, StudySpec, grid, trials};
use crate::sim::scenario::Scenario;
use crate::study::measure::metric::Metric;
use crate::study::verdict::target_syntax;

/// The version of the file's form.
const FORMAT_VERSION: u64 = 1;

/// The most parts that a study is played in.
pub const MOST_SHARDS: u64 = 10_000;

/// Which of how many parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// The trials of this part: every so manieth.
    pub fn trials(self, specs: &[StudySpec]) -> Vec<TrialId> {
        let all = trials::all(specs).into_iter().enumerate();
        all.filter(|(at, _)| self.of(*at) == self.index).map(|(_, trial)| trial).collect()
    }

    /// The index of the part that the trial at this place of the list belongs to.
    fn of(self, at: usize) -> u64 {
        at as u64 % self.count.max(1) + 1
    }

    /// The parts of which a trial is missing: each with the number of its trials, and how many of
    /// them were played.
    pub fn missing(self, specs: &[StudySpec], results: &Results) -> Vec<(u64, usize, usize)> {
        let mut parts: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for (at, trial) in trials::all(specs).iter().enumerate() {
            let (all, played) = parts.entry(self.of(at)).or_default();
            *all += 1;
            *played += usize::from(results.contains_key(trial));
        }
        let missing = parts.into_iter().filter(|(_, (all, played))| played < all);
        missing.map(|(index, (all, played))| (index, all, played)).collect()
    }

    /// The name of its file.
    pub fn file(self) -> String {
        format!("{}-of-{}.jsonl", self.index, self.count)
    }
}

/// A study as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenStudy {
    name: String,
    file: String,
    text: String,
    /// What the text refers to is in it as well, such as tables of latencies.
    world_digest: String,
    folder: PathBuf,
    axes: Vec<(String, Vec<String>)>,
    seeds: (u64, u64),
    objective: String,
    require: Vec<String>,
    run: String,
}

/// The first line of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format_version: u64,
    /// Which part it is.
    pub shard: Shard,
    /// What makes all parts of one study alike: with the version of the world's rules.
    pub digest: String,
    #[serde(rename = "questions")]
    specs: Vec<WrittenStudy>,
}

/// A line of a part.
#[derive(Debug, Serialize, Deserialize)]
struct ShardLine {
    #[serde(flatten)]
    trial: TrialId,
    /// By the name of each metric.
    outcome: Option<BTreeMap<String, u64>>,
    met: Vec<bool>,
}

impl ShardLine {
    fn of(trial: TrialId, result: &TrialResult) -> Self {
        let named = |metrics: &BTreeMap<Metric, u64>| {
            metrics.iter().map(|(metric, value)| (metric.name().to_owned(), *value)).collect()
        };
        Self { trial, outcome: result.outcome.as_ref().map(named), met: result.met.clone() }
    }

    fn result(self) -> Result<TrialResult, String> {
        let known = |name: &str| kept().find(|figure| figure.metric.name() == name);
        let metric = |(name, value): (String, u64)| match known(&name) {
            Some(figure) => Ok((figure.metric, value)),
            None => Err(format!("expected a metric that is one number, found `{name}`")),
        };
        let outcome = self.outcome.map(|metrics| metrics.into_iter().map(metric).collect());
        Ok(TrialResult { outcome: outcome.transpose()?, met: self.met })
    }
}

impl Header {
    /// The digest of a part of these studies.
    pub fn of(specs: &[StudySpec], shard: Shard) -> Self {
        let specs: Vec<WrittenStudy> = specs.iter().map(written).collect();
        let digest = digest(shard, &specs);
        Self { format_version: FORMAT_VERSION, shard, digest, specs }
    }

    /// What is asked.
    pub fn specs(&self) -> Result<Vec<StudySpec>, String> {
        let specs: Vec<StudySpec> = self.specs.iter().map(read).collect::<Result<_, _>>()?;
        if self.digest != digest(self.shard, &self.specs) {
            return Err("the first line was edited, or written by another version".to_owned());
        }
        Ok(specs)
    }

    /// Checks what can be known without the scenarios.
    fn check(&self) -> Result<(), String> {
        let Shard { index, count } = self.shard;
        if !(1..=MOST_SHARDS).contains(&count) || !(1..=count).contains(&index) {
            return Err(format!(
                "expected part 1 to N of N, at most {MOST_SHARDS}, found part {index} of {count}"
            ));
        }
        let first = self.specs.first().ok_or("expected at least one study, found none")?;
        for (at, spec) in self.specs.iter().enumerate() {
            let name = &spec.name;
            if self.specs[..at].iter().any(|known| known.name == *name) {
                return Err(format!("expected each scenario once, found `{name}` twice"));
            }
            if spec.axes != first.axes || spec.seeds != first.seeds {
                return Err(format!("expected one grid, found another for `{name}`"));
            }
        }
        let (from, to) = first.seeds;
        grid::seeds(&format!("{from}..={to}"))?;
        if let Some((key, _)) = first.axes.iter().find(|(_, values)| values.is_empty()) {
            return Err(format!("expected values for `{key}`, found none"));
        }
        let axes: Vec<Axis> = first.axes.iter().map(axis).collect();
        grid::check_size(&axes, &(from..=to), self.specs.len())
    }

    /// What is wrong with a line, if something is.
    fn problem(&self, line: &ShardLine) -> Option<String> {
        let TrialId { spec, point, seed } = line.trial;
        let Some(asked) = self.specs.get(spec) else {
            return Some(format!("expected a question below {}, found {spec}", self.specs.len()));
        };
        let points = asked.axes.iter().map(|(_, values)| values.len()).product::<usize>();
        let seeds = asked.seeds.1 - asked.seeds.0 + 1;
        if point >= points {
            return Some(format!("expected a cell below {points}, found {point}"));
        }
        if seed as u64 >= seeds {
            return Some(format!("expected a seed below {seeds}, found {seed}"));
        }
        let (met, all) = (line.met.len(), asked.require.len());
        (met != all).then(|| format!("expected {all} requirements in `met`, found {met}"))
    }
}

/// What makes all parts of one study alike.
fn digest(shard: Shard, specs: &[WrittenStudy]) -> String {
    let canonical =
        serde_json::to_vec(&(crate::fakes::VERSION, env!("CARGO_PKG_VERSION"), shard.count, specs));
    base16ct::lower::encode_string(&Sha256::digest(canonical.unwrap_or_default()))
}

fn axis((key, values): &(String, Vec<String>)) -> Axis {
    Axis { key: key.clone(), values: values.clone() }
}

fn written(spec: &StudySpec) -> WrittenStudy {
    let scenario = &spec.scenario;
    let require = spec.require.iter().map(|one| format!("{} {}", one.metric.name(), one.text));
    WrittenStudy {
        name: scenario.name.clone(),
        file: scenario.file().to_owned(),
        text: scenario.text.clone(),
        world_digest: scenario.world_digest.clone(),
        folder: spec.folder.clone(),
        axes: spec.axes.iter().map(|axis| (axis.key.clone(), axis.values.clone())).collect(),
        seeds: (*spec.seeds.start(), *spec.seeds.end()),
        objective: spec.objective.name().to_owned(),
        require: require.collect(),
        run: spec.run.clone(),
    }
}

fn read(written: &WrittenStudy) -> Result<StudySpec, String> {
    let WrittenStudy { name, file, text, world_digest, folder, axes, .. } = written;
    let WrittenStudy { seeds, objective, require, run, .. } = written;
    let scenario =
        Scenario::parse(name, file, text, folder).map_err(|problem| problem.to_string())?;
    if scenario.world_digest != *world_digest {
        return Err(format!(
            "the world of {name} is another one here than where its shards were played"
        ));
    }
    let wrong = || format!("expected a known one, found the objective `{objective}`");
    let require = require.iter().map(|text| target_syntax::in_one_piece(run, text));
    if scenario.runs.iter().all(|known| known.name != *run) {
        return Err(format!("expected a run of {name}, found `{run}`"));
    }
    Ok(StudySpec {
        scenario,
        folder: folder.clone(),
        axes: axes.iter().map(axis).collect(),
        seeds: seeds.0..=seeds.1,
        objective: Objective::named(objective).ok_or_else(wrong)?,
        require: require.collect::<Result<_, _>>()?,
        run: run.clone(),
    })
}

/// Writes the first line.
pub fn write_header(header: &Header, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, header)?;
    to.write_all(b"\n")
}

/// Writes a trial.
pub fn write_trial(trial: TrialId, result: &TrialResult, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &ShardLine::of(trial, result))?;
    to.write_all(b"\n")
}

/// Reads a part: its first line, and the trials that were written to their end.
pub fn read_part(text: &str) -> Result<(Header, Results), String> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let first = lines.next().ok_or("expected the study in the first, found no whole line")?;
    let header: Header = serde_json::from_str(first)
        .map_err(|error| format!("the first line is no study: {error}"))?;
    if header.format_version != FORMAT_VERSION {
        return Err(format!(
            "expected format_version {FORMAT_VERSION}, found {}",
            header.format_version
        ));
    }
    header.check()?;
    let mut results = Results::new();
    for (at, line) in (2..).zip(lines) {
        let line: ShardLine = serde_json::from_str(line)
            .map_err(|error| format!("line {at} is no trial: {error}"))?;
        if let Some(problem) = header.problem(&line) {
            return Err(format!("line {at}: {problem}"));
        }
        let trial = line.trial;
        let result = line.result().map_err(|problem| format!("line {at}: {problem}"))?;
        if results.get(&trial).is_some_and(|known| *known != result) {
            return Err(format!("line {at}: a trial is there twice, with other figures"));
        }
        results.insert(trial, result);
    }
    Ok((header, results))
}
