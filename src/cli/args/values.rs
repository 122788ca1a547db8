//! The values of arguments: how they are read, and what there is to choose from.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use jiff::civil::Date;

use crate::pipeline::config::Profile;
use crate::quantity::{millis, percent_ppm};
pub(super) use crate::study::tune::shard::MOST_SHARDS;
use crate::study::tune::shard::Shard;

/// A time such as `500ms`, `60s`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = format!("expected a time such as 500ms, 60s, 2m or 1h, found `{text}`");
    millis(text).filter(|ms| *ms > 0).map(Duration::from_millis).ok_or(wanted)
}

/// A date, or a time ago, as Confluence's query language writes it.
pub(super) fn since(text: &str) -> Result<String, String> {
    let is_date = text.len() == "2026-11-01".len() && text.parse::<Date>().is_ok();
    if is_date {
        return Ok(format!("\"{text}\""));
    }
    let number = text.strip_suffix(['h', 'd', 'w']).unwrap_or_default();
    let is_ago = number.chars().all(|digit| digit.is_ascii_digit())
        && number.parse::<u16>().is_ok_and(|number| number > 0);
    is_ago.then(|| format!("now(\"-{text}\")")).ok_or_else(|| {
        let units = "hours, days or weeks ago: 12h, 7d, 4w";
        format!("expected a date such as 2026-11-01, or {units}, found `{text}`")
    })
}

/// A query whose brackets close, so that it stays within those that are put around it.
pub(super) fn cql(text: &str) -> Result<String, String> {
    let (mut open, mut quote) = (0_i32, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(begun), letter) if begun == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => open += 1,
            (None, ')') => open -= 1,
            _ => {}
        }
        if open < 0 {
            break;
        }
    }
    if text.trim().is_empty() {
        return Err("expected a query such as 'label = runbook', found none".to_owned());
    }
    if open != 0 || quote.is_some() {
        return Err(format!("expected brackets and quotes that close, found `{text}`"));
    }
    Ok(text.to_owned())
}

/// A share of pages, which is never none.
pub(super) fn sample(text: &str) -> Result<u64, String> {
    match percent(text)? {
        0 => Err(format!("expected more than 0%, found `{text}`")),
        ppm => Ok(ppm),
    }
}

pub(super) fn profile(text: &str) -> Result<Profile, String> {
    let named = serde_json::from_value(serde_json::Value::from(text));
    named.map_err(|_| {
        format!("expected before, documented, conservative or recommended, found `{text}`")
    })
}

pub(super) fn speed(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|speed| (1..=1000).contains(speed));
    found.ok_or_else(|| format!("expected a whole number from 1 to 1000, found `{text}`"))
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let text = if text == "localhost" { "127.0.0.1" } else { text };
    text.parse()
        .map_err(|_| format!("expected an IP address such as 127.0.0.1 or 0.0.0.0, found `{text}`"))
}

/// How requests reach the fakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportArg {
    /// Real HTTP against wiremock.
    Wire,
    /// A call in memory.
    Direct,
}

/// What is to be as small as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectiveArg {
    /// The makespan.
    Fastest,
    /// The cost.
    Cheapest,
    /// The AI calls.
    FewestCalls,
}

/// Whose time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockArg {
    /// Virtual time, in which waiting takes none.
    Virtual,
    /// Real time.
    Real,
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Paired where there are enough seeds.
    Auto,
    /// The logs must be the same.
    Exact,
    /// No figure may become worse.
    Paired,
}

/// A form of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// For people.
    Text,
    /// A page for people, in one file.
    Html,
    /// For machines.
    Json,
    /// For $GITHUB_STEP_SUMMARY.
    Markdown,
    /// JUnit XML: a suite for each scenario, a failing case for each figure that became worse.
    Junit,
    /// GitHub annotations, an error for each scenario that became worse.
    Github,
}

/// A form of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// A list of the scenarios' `report.json`.
    Json,
    /// `runs.csv` of all scenarios.
    Csv,
    /// The event logs.
    Jsonl,
    /// A trace for Perfetto (ui.perfetto.dev).
    Trace,
    /// JUnit XML: a suite for each scenario, a case for each target.
    Junit,
    /// Markdown for $GITHUB_STEP_SUMMARY.
    Markdown,
    /// GitHub annotations, an error for each missed target at its line.
    Github,
    /// Bencher's metric format.
    Bmf,
    /// github-action-benchmark, customSmallerIsBetter.
    Smaller,
    /// github-action-benchmark, customBiggerIsBetter.
    Bigger,
}

/// How the pages of a live run are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PagesFormat {
    /// For people: a line a page with its labels, `+` before those that it gets, and its title.
    Text,
    /// A row a page with all that is known of it, for spreadsheets and --apply.
    Csv,
    /// The same as a list of objects.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// If standard output is a terminal, and the environment does not object.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorArg {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// What `new` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FromArg {
    /// The tags that may be given, by category.
    Taxonomy,
}

/// A share such as `1%`, in millionths.
pub(super) fn percent(text: &str) -> Result<u64, String> {
    let share = percent_ppm(text.trim()).filter(|ppm| *ppm <= 1_000_000);
    share.ok_or_else(|| format!("expected a share such as 1% or 0.5%, found `{text}`"))
}

/// An amount of US dollars, in millionths.
pub(super) fn usd(text: &str) -> Result<u64, String> {
    let wanted = || format!("expected US dollars such as 5.00, found `{text}`");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > 6 {
        return Err(wanted());
    }
    let micros: u64 = format!("{part:0<6}").parse().map_err(|_| wanted())?;
    let whole: u64 = whole.parse().map_err(|_| wanted())?;
    whole.checked_mul(1_000_000).and_then(|sum| sum.checked_add(micros)).ok_or_else(wanted)
}

/// The same of a chance, which is never none.
pub(super) fn chance(text: &str) -> Result<u64, String> {
    match percent(text)? {
        0 => Err(format!(
            "expected more than 0%, found `{text}`: at 0% no change can ever be significant"
        )),
        ppm => Ok(ppm),
    }
}

/// Which part of how many: `3/16`, counted from 1.
pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let wanted = || format!("expected a part such as 3/16, counted from 1, found `{text}`");
    let (index, count) = text.split_once('/').ok_or_else(wanted)?;
    let (index, count) = index.parse().ok().zip(count.parse().ok()).ok_or_else(wanted)?;
    if (1..=count).contains(&index) && count <= MOST_SHARDS {
        Ok(Shard { index, count })
    } else {
        Err(wanted())
    }
}

/// The name of a baseline, which is the stem of a file.
pub(super) fn baseline(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !text.is_empty() && !text.starts_with('.') && text.chars().all(fits);
    let wanted = "expected a name of letters, digits, `-`, `_` and `.`, such as main";
    if is_name { Ok(text.to_owned()) } else { Err(format!("{wanted}, found `{text}`")) }
}

pub(super) fn output<F: ValueEnum>(text: &str) -> Result<(F, PathBuf), String> {
    let wanted = || {
        let all = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = all.map(|value| value.get_name().to_owned()).collect();
        format!("expected FORMAT=PATH with one of {}, found `{text}`", names.join(", "))
    };
    let (format, path) = text.split_once('=').ok_or_else(wanted)?;
    let format = F::from_str(format, false).map_err(|_| wanted())?;
    if path.is_empty() || path == "-" {
        return Err(format!("expected a file, found `{text}`: --format is for standard output"));
    }
    Ok((format, PathBuf::from(path)))
}
