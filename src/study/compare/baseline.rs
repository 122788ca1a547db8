//! The figures that were accepted: a small text file that a pull request shows line by line.
//!
//! It is written once, and anew only when somebody says so. The means of the first time stay in it,
//! so that a slow decay in many small steps remains visible.

use serde::{Deserialize, Serialize};

use super::Recordings;
use super::recorded::{RecordedRun, SeedValue};
use crate::study::measure::figure::Figure;

/// The version of the file's form.
const FORMAT_VERSION: u64 = 1;
/// The digits of a digest that are enough to see that logs differ.
const DIGITS: usize = 12;
/// How the file begins.
const HEAD: &str = "\
# Accepted figures: `tagspace run ... --baseline NAME` compares with them, and only `--bless` writes
# them anew. A list has a number for each seed, \"none\" where it has no value; shares are millionths,
# money millionths of a dollar.
# `first_mean_milli` are the means when they were accepted for the first time, in thousandths.
";

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    format_version: u64,
    #[serde(default)]
    scenario: Recordings,
}

/// The largest figure: every JSON reader keeps it exact, and a thousand times as much is no
/// overflow.
const LARGEST: u64 = 9_007_199_254_740_991;

/// Reads a baseline.
pub fn read(text: &str) -> Result<Recordings, String> {
    let read: Baseline = toml::from_str(text).map_err(|error| error.to_string())?;
    if read.format_version != FORMAT_VERSION {
        return Err(format!(
            "expected format_version {FORMAT_VERSION}, found {}",
            read.format_version
        ));
    }
    for (name, one) in &read.scenario {
        let mut seeds: Vec<u64> = one.seeds.clone();
        seeds.sort_unstable();
        let twice = seeds.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0]));
        if let Some(twice) = twice {
            return Err(format!("expected each seed of `{name}` once, found {twice} twice"));
        }
        for (run, recorded) in &one.run {
            if let Some((figure, found, most)) = too_large(recorded) {
                let line = line_of(text, figure, found);
                return Err(format!(
                    "{line}expected at most {most} for `{figure}` in the run `{run}` of `{name}`, found {found}"
                ));
            }
            let seeds = one.seeds.len();
            let figures =
                recorded.figures.iter().map(|(figure, values)| (figure.as_str(), values.len()));
            let lists = figures.chain([("events_sha256", recorded.events_sha256.len())]);
            let odd = lists.into_iter().find(|(_, length)| *length != seeds);
            if let Some((figure, length)) = odd {
                return Err(format!(
                    "expected a value of `{figure}` for each of {seeds} seeds in the run `{run}` of `{name}`, found {length}"
                ));
            }
        }
    }
    Ok(read.scenario)
}

/// The first figure that is too large, with the largest that it may be.
fn too_large(run: &RecordedRun) -> Option<(&str, u64, u64)> {
    let figures = run.figures.iter().flat_map(|(figure, values)| {
        let known = values.iter().filter_map(|cell| cell.0);
        known.map(move |value| (figure.as_str(), value, LARGEST))
    });
    let means =
        run.first_mean_milli.iter().map(|(figure, mean)| (figure.as_str(), *mean, LARGEST * 1000));
    figures.chain(means).find(|(_, found, most)| found > most)
}

/// Where a number of a figure stands, as the beginning of a message.
fn line_of(text: &str, figure: &str, number: u64) -> String {
    let number = number.to_string();
    let is_it = |line: &str| {
        let line: String = line.chars().filter(|letter| *letter != '_').collect();
        line.contains(&number) && line.contains(&figure.replace('_', ""))
    };
    let at = text.lines().position(is_it);
    at.map_or_else(String::new, |at| format!("line {}: ", at + 1))
}

/// The file with these recordings in the place of those of the same name.
pub fn write(before: &Recordings, new: &Recordings) -> Result<String, String> {
    let mut all = before.clone();
    for (name, recorded) in new {
        let mut recorded = recorded.clone();
        // Of another world, another weather or other seeds the means say nothing of these.
        let known = before.get(name).filter(|known| known.has_met_the_same_as(&recorded));
        for (run, now) in &mut recorded.run {
            now.figures.retain(|figure, _| Figure::find(figure).and_then(Figure::better).is_some());
            for value in now.figures.values_mut().flatten() {
                value.0 = value.0.map(|value| value.min(LARGEST));
            }
            for digest in &mut now.events_sha256 {
                digest.truncate(DIGITS);
            }
            let first = known.and_then(|known| known.run.get(run));
            now.first_mean_milli = means(now);
            if let Some(first) = first {
                now.first_mean_milli.extend(first.first_mean_milli.clone());
            }
        }
        all.insert(name.clone(), recorded);
    }
    let baseline = Baseline { format_version: FORMAT_VERSION, scenario: all };
    let text = toml::to_string(&baseline).map_err(|error| error.to_string())?;
    Ok(format!("{HEAD}{text}"))
}

fn means(run: &RecordedRun) -> std::collections::BTreeMap<String, u64> {
    let mean = |cells: &Vec<SeedValue>| {
        let known: Vec<u64> = cells.iter().filter_map(|cell| cell.0).collect();
        crate::study::compare::rules::mean_milli(&known)
    };
    run.figures.iter().map(|(name, cells)| (name.clone(), mean(cells))).collect()
}
