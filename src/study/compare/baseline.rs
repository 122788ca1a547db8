//! The figures that were accepted: a small text file that a pull request shows line by line.
//!
//! It is written once, and anew only when somebody says so. The means of the first time stay in it,
//! so that a slow decay in many small steps remains visible.

use serde::{Deserialize, Serialize};

use super::Recordings;
use super::recorded::{Cell, RecordedRun};
use crate::study::metric;

/// The version of the file's form.
const FORMAT_VERSION: u64 = 1;
/// So many digits of a digest are enough to see that logs differ.
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

/// Reads a baseline.
pub fn read(text: &str) -> Result<Recordings, String> {
    let read: Baseline = toml::from_str(text).map_err(|error| error.to_string())?;
    if read.format_version != FORMAT_VERSION {
        return Err(format!("got format_version {}, wanted {FORMAT_VERSION}", read.format_version));
    }
    for (name, one) in &read.scenario {
        for (run, recorded) in &one.run {
            let seeds = one.seeds.len();
            let figures =
                recorded.figures.iter().map(|(figure, values)| (figure.as_str(), values.len()));
            let lists = figures.chain([("events_sha256", recorded.events_sha256.len())]);
            let odd = lists.into_iter().find(|(_, length)| *length != seeds);
            if let Some((figure, length)) = odd {
                return Err(format!(
                    "got {length} values of `{figure}` in the run `{run}` of `{name}`, wanted one for each of {seeds} seeds"
                ));
            }
        }
    }
    Ok(read.scenario)
}

/// The file with these recordings in the place of those of the same name.
pub fn write(before: &Recordings, new: &Recordings) -> Result<String, String> {
    let mut all = before.clone();
    for (name, recorded) in new {
        let mut recorded = recorded.clone();
        // Of another world, another weather or other seeds the means say nothing of these.
        let known = before.get(name).filter(|known| known.has_met_the_same_as(&recorded));
        for (run, now) in &mut recorded.run {
            now.figures.retain(|figure, _| metric::better(figure).is_some());
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
    let mean = |cells: &Vec<Cell>| {
        let known: Vec<u64> = cells.iter().filter_map(|cell| cell.0).collect();
        // TOML has no larger numbers.
        super::mean_milli(&known).min(i64::MAX as u64)
    };
    run.figures.iter().map(|(name, cells)| (name.clone(), mean(cells))).collect()
}
