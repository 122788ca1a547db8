//! The grid: which keys are varied, and over which values.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use crate::sim::scenario::file::MAX_SEED;

/// A key that is varied, or set to one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The dotted key of a scenario.
    pub key: String,
    /// Its values as they are written, in order.
    pub values: Vec<String>,
}

/// A range has no more values than this.
const MAX_VALUES: u64 = 1024;
/// More settings than anybody can read.
const MOST_SETTINGS: u128 = 10_000;
/// Simulations that take about ten hours on two cores.
const MOST_TRIALS: u128 = 2_000_000;
/// The seeds unless others are named.
pub const SEEDS: RangeInclusive<u64> = 1..=16;
/// Why luck is not varied.
pub const SAME_LUCK: &str = "every setting is played with the same seeds, such as --seeds 1..=16";
/// What to do about a grid that is too large.
pub const VARY_LESS: &str =
    "vary less at once: a coarse grid first, and a fine one around its best";

/// Refuses a grid that nobody could wait for, or read.
pub fn check_size(
    axes: &[Axis],
    seeds: &RangeInclusive<u64>,
    scenarios: usize,
) -> Result<(), String> {
    let settings =
        axes.iter().fold(1_u128, |all, axis| all.saturating_mul(axis.values.len() as u128));
    let each = seeds.clone().count() as u128 * scenarios as u128;
    let trials = settings.saturating_mul(each);
    if settings <= MOST_SETTINGS && trials <= MOST_TRIALS {
        return Ok(());
    }
    Err(format!(
        "expected at most {MOST_SETTINGS} settings and {MOST_TRIALS} simulations, found {settings} and {trials}"
    ))
}

impl Axis {
    /// Reads `key=value`, `key=1,2,5` or `key=1..=16`. Commas within brackets, braces and quotes
    /// belong to a value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = "expected a key and its values, such as pipeline.batch_size=5,10,20 or pipeline.concurrency=1..=16";
        let (key, values) =
            text.split_once('=').ok_or_else(|| format!("{wanted}, found `{text}`"))?;
        let (key, values) = (key.trim().to_owned(), values.trim());
        if key.is_empty() || values.is_empty() {
            return Err(format!("{wanted}, found `{text}`"));
        }
        let mut read = Vec::new();
        for value in split(values) {
            if read.len() as u128 > MOST_SETTINGS {
                return Err(format!("expected at most {MOST_SETTINGS} values of `{key}`"));
            }
            match value.split_once("..").filter(|(from, _)| from.parse::<u64>().is_ok()) {
                Some((from, to)) => read.extend(range(text, from, to)?),
                None if value.is_empty() => {
                    return Err(format!("{wanted}, found an empty value in `{text}`"));
                }
                None => read.push(value.to_owned()),
            }
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = read.iter().find(|value| !seen.insert(value.as_str())) {
            return Err(format!("expected each value once, found `{twice}` twice in `{text}`"));
        }
        Ok(Self { key, values: read })
    }
}

impl Axis {
    /// Whether it is the weather that is varied, and not the pipeline or its world.
    pub fn is_luck(&self) -> bool {
        ["seed", "weather"].contains(&self.key.as_str())
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.values.join(","))
    }
}

/// Seeds such as `1..=16`, or one.
pub fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wanted = || {
        format!("expected seeds such as 1..=16: ascending, at most 10000 of them, found `{text}`")
    };
    let (first, last) = text.split_once("..=").unwrap_or((text, text));
    let (first, last) =
        first.trim().parse().ok().zip(last.trim().parse().ok()).ok_or_else(wanted)?;
    let is_fine = first <= last && last <= MAX_SEED && last - first < 10_000;
    if is_fine { Ok(first..=last) } else { Err(wanted()) }
}

/// The numbers of `from..=to`.
fn range(text: &str, from: &str, to: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("expected a range such as 1..=16, found `{from}..{to}` in `{text}`");
    let to = to.strip_prefix('=').ok_or_else(wrong)?;
    let (first, last): (u64, u64) = from.parse().ok().zip(to.parse().ok()).ok_or_else(wrong)?;
    if first > last || last - first >= MAX_VALUES {
        return Err(format!(
            "expected an ascending range of at most {MAX_VALUES} numbers, found `{from}..={to}` in `{text}`"
        ));
    }
    Ok((first..=last).map(|number| number.to_string()).collect())
}

/// Splits at the commas that stand outside of brackets, braces and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_u32, None);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// All combinations of values, the last axis fastest: for each point, which value of each axis.
pub fn points(axes: &[Axis]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        points
            .iter()
            .flat_map(|point| {
                (0..axis.values.len()).map(|value| {
                    let mut point = point.clone();
                    point.push(value);
                    point
                })
            })
            .collect()
    })
}

/// The settings of a point, as `--set` takes them.
pub fn settings(axes: &[Axis], point: &[usize]) -> Vec<String> {
    let chosen = axes.iter().zip(point);
    chosen.map(|(axis, value)| format!("{}={}", axis.key, axis.values[*value])).collect()
}
