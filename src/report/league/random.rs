//! The random league as tables and as data.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use crate::pipeline::config::LimiterKind;
use crate::report::format;
use crate::report::table::markdown;
use crate::study::league::SeedResult;
use crate::study::league::random::{AgainstRivals, BetterRival, Family, RandomResult, ratio_milli};
use crate::study::measure::metric::{Metric, Unit};
use crate::units::{Share, float};

use super::text::percent;

/// The version of the file's form.
const FORMAT_VERSION: u64 = 1;
/// Worlds in a list of the worst, and in one of those in which a rival is better.
const WORST: usize = 10;
const MOST_BETTER: usize = 60;

/// The tables, in Markdown.
pub fn text(results: &[RandomResult]) -> String {
    let mut out = String::from("# The random league of limiters\n\n");
    out.push_str(&tables(results));
    let worst = worst(results);
    if !worst.rows.is_empty() {
        out.push_str("\n## Where `quota` does worst\n\n");
        out.push_str(&markdown(&WORST_HEADINGS, &worst.rows));
        let _ = write!(out, "\n```console\n{}\n```\n", worst.commands.join("\n"));
    }
    let better = better(results);
    let _ = write!(out, "\n## Where a rival is clearly better\n\n{}\n", better.said);
    if !better.rows.is_empty() {
        let _ = write!(out, "\n{}", markdown(&BETTER_HEADINGS, &better.rows));
    }
    out
}

/// What the figures of these tables are.
pub(crate) const MEANING: &str = "Each world is drawn from its number: a family of services, as often as people meet it, \
     then quota, window, hint, latencies and job. The figures are the time over the fastest of cubic, aimd and sre that \
     lost no page in the same world and weather; ∞: pages were lost. The primary alone, with attempts enough; a page \
     is a call.";

/// A table of how limiters, or families, stand.
pub(crate) struct Standings {
    /// What a row is about.
    of: &'static str,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Standings {
    pub(crate) fn headings(&self) -> Vec<&'static str> {
        let figures = ["trials", "lost pages", "p50", "p90", "p99", "worst", "429 of calls"];
        [&[self.of], &figures[..], &["429s to cubic's"]].concat()
    }

    fn row(name: &str, results: &[&RandomResult], kind: LimiterKind) -> Vec<String> {
        let standing = AgainstRivals::of(results.iter().copied(), kind);
        let cubic = AgainstRivals::of(results.iter().copied(), LimiterKind::Cubic).refused.num;
        let mut row = vec![name.to_owned()];
        row.extend(columns(&standing));
        row.push(relative(standing.refused.num, cubic));
        row
    }
}

/// How each limiter stands, and the one that learns in each family.
pub(crate) fn standings(results: &[RandomResult]) -> [Standings; 2] {
    let all: Vec<&RandomResult> = results.iter().collect();
    let kinds = RandomResult::kinds();
    let of_kind = kinds.iter().map(|kind| Standings::row(kind.name(), &all, *kind));
    let of_family = Family::ALL.iter().map(|family| {
        let within: Vec<&RandomResult> =
            results.iter().filter(|one| one.world.family == *family).collect();
        Standings::row(family.name(), &within, LimiterKind::Quota)
    });
    [
        Standings { of: "limiter", rows: of_kind.collect() },
        Standings { of: "family", rows: of_family.collect() },
    ]
}

/// What the tables say, in a sentence.
pub(crate) fn finding(results: &[RandomResult]) -> String {
    let own = AgainstRivals::of(results.iter(), LimiterKind::Quota);
    let cubic = AgainstRivals::of(results.iter(), LimiterKind::Cubic);
    format!(
        "Over {} that nobody chose{}, quota takes {} times the best rival in the middle and {} in 9 of 10, at {} of cubic's 429s",
        format::counted(worlds(results).len(), "world"),
        seeds_each(results),
        times(own.percentile_milli(50)),
        times(own.percentile_milli(90)),
        relative(own.refused.num, cubic.refused.num)
    )
}

/// The numbers of the worlds.
fn worlds(results: &[RandomResult]) -> BTreeSet<u64> {
    results.iter().map(|one| one.world.number).collect()
}

/// How many kinds of weather each world has, where that is more than one.
fn seeds_each(results: &[RandomResult]) -> String {
    match results.len() / worlds(results).len().max(1) {
        0 | 1 => String::new(),
        seeds => format!(", with {seeds} seeds each"),
    }
}

/// Both tables, in Markdown.
pub(crate) fn tables(results: &[RandomResult]) -> String {
    let [standings, families] = standings(results);
    let mut out = format!("{}. {MEANING}\n\n", finding(results));
    out.push_str(&markdown(&standings.headings(), &standings.rows));
    out.push_str("\n`quota` in each family:\n\n");
    out.push_str(&markdown(&families.headings(), &families.rows));
    out
}

fn columns(standing: &AgainstRivals) -> Vec<String> {
    let of = |milli: Option<u64>| if standing.played == 0 { "-".to_owned() } else { times(milli) };
    let percentile = |percent| of(standing.percentile_milli(percent));
    vec![
        standing.played.to_string(),
        standing.unfinished.to_string(),
        percentile(50),
        percentile(90),
        percentile(99),
        of(standing.percentile_milli(100)),
        percent(standing.refused),
    ]
}

/// A ratio in thousandths; nothing has no end.
fn times(milli: Option<u64>) -> String {
    milli.map_or("∞".to_owned(), |milli| format!("{:.2}", float(milli) / 1000.0))
}

fn relative(own: u64, other: u64) -> String {
    if other == 0 { "-".to_owned() } else { format!("{:.3}", float(own) / float(other)) }
}

fn seconds(outcome: &SeedResult) -> String {
    if outcome.finished {
        format::amount(outcome.makespan_ms, Unit::Millis)
    } else {
        "lost pages".to_owned()
    }
}

/// A row for a world: its number and family, with the weather's seed where that is another one, and what
/// came of it.
fn row(result: &RandomResult, cells: Vec<String>) -> Vec<String> {
    let (world, seed) = (&result.world, result.seed);
    let seed = if seed == world.number { String::new() } else { format!(", seed {seed}") };
    let mut row = vec![format!("{} {}{seed}", world.number, world.family.name())];
    row.extend(cells);
    row.push(format!("{} pages, {}", world.pages, described(&world.service)));
    row
}

/// The service's keys but for its latency.
fn described(service: &[String]) -> String {
    let keys = service.iter().filter_map(|key| key.strip_prefix("gemini."));
    let keys: Vec<&str> = keys.filter(|key| !key.starts_with("latency")).collect();
    keys.join(", ")
}

pub(crate) const WORST_HEADINGS: [&str; 5] =
    ["world", "over the best rival", "time", "429s", "service"];
pub(crate) const BETTER_HEADINGS: [&str; 5] = ["world", "rival", "its time", "`quota`", "service"];

/// The worlds in which the limiter that learns does worst, each with the command that shows it.
pub(crate) struct WorstWorlds {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) commands: Vec<String>,
}

pub(crate) fn worst(results: &[RandomResult]) -> WorstWorlds {
    let kind = LimiterKind::Quota;
    let mut ranked: Vec<(u64, &RandomResult)> = results
        .iter()
        .filter_map(|result| {
            let lost = result.of(kind).is_some_and(|own| !own.finished);
            let rival = BetterRival::in_result(result).is_some();
            let ratio = if lost && rival { Some(u64::MAX) } else { ratio_milli(result, kind) };
            Some((ratio?, result))
        })
        .collect();
    ranked.sort_by_key(|(ratio, result)| (Reverse(*ratio), result.world.number));
    ranked.truncate(WORST);
    let rows = ranked.iter().map(|(ratio, result)| {
        let own = result.of(kind);
        let ratio = times(Some(*ratio).filter(|ratio| *ratio != u64::MAX));
        let refused = own.map_or(0, |own| own.rate_limited.num);
        row(result, vec![ratio, own.map_or_else(String::new, seconds), refused.to_string()])
    });
    let commands = ranked.iter().map(|(_, result)| {
        let (number, seed) = (result.world.number, result.seed);
        format!(
            "$ tagspace league --show {number} > world.toml && tagspace run world.toml --seed {seed}"
        )
    });
    WorstWorlds { rows: rows.collect(), commands: commands.collect() }
}

/// The worlds in which a rival is clearly better.
pub(crate) struct BetterRivals {
    pub(crate) said: String,
    pub(crate) rows: Vec<Vec<String>>,
}

pub(crate) fn better(results: &[RandomResult]) -> BetterRivals {
    let all: Vec<BetterRival<'_>> = results.iter().filter_map(BetterRival::in_result).collect();
    let mut by_family: BTreeMap<Family, usize> = BTreeMap::new();
    for one in &all {
        *by_family.entry(one.result.world.family).or_default() += 1;
    }
    let counts = by_family.iter().map(|(family, count)| format!("{} {count}", family.name()));
    let counts: Vec<String> = counts.collect();
    let said = if all.is_empty() {
        "A rival is clearly better in no trial.".to_owned()
    } else {
        format!(
            "A rival is clearly better in {}: it loses no page, and quota does, or takes a tenth and two seconds \
             longer at as many 429s (one more at most). By family: {}.",
            format::counted(all.len(), "trial"),
            counts.join(", ")
        )
    };
    let rows = all.iter().take(MOST_BETTER).map(|one| {
        let cell = |outcome: &SeedResult| {
            format!("{}, {} 429s", seconds(outcome), outcome.rate_limited.num)
        };
        row(one.result, vec![one.rival.name().to_owned(), cell(one.theirs), cell(one.ours)])
    });
    BetterRivals { said, rows: rows.collect() }
}

fn share(share: Share) -> Value {
    json!({"num": share.num, "den": share.den})
}

/// Everything, as integers.
pub fn json(results: &[RandomResult]) -> Value {
    let kinds = RandomResult::kinds();
    let one = |result: &RandomResult| {
        let limiters = kinds.iter().zip(&result.outcomes).map(|(kind, outcome)| {
            json!({
                "limiter": kind.name(),
                "finished": outcome.finished,
                (Metric::Makespan.key()): outcome.makespan_ms,
                (Metric::RateLimitedRatio.key()): share(outcome.rate_limited),
                (Metric::EarlyCalls.key()): outcome.early_calls,
                "over_best_rival_milli": ratio_milli(result, *kind),
            })
        });
        json!({
            "world": result.world.number,
            "seed": result.seed,
            "family": result.world.family.name(),
            "pages": result.world.pages,
            "settings": result.world.service,
            "limiters": limiters.collect::<Vec<_>>(),
        })
    };
    json!({
        "format_version": FORMAT_VERSION,
        "worlds": results.iter().map(one).collect::<Vec<_>>(),
    })
}

/// A row for every limiter in every world.
pub fn csv(results: &[RandomResult], to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    to.write_record([
        "world",
        "seed",
        "family",
        "limiter",
        "finished",
        Metric::Makespan.key(),
        "over_best_rival_milli",
        Metric::RateLimited.key(),
        "calls",
        Metric::EarlyCalls.key(),
    ])?;
    let kinds = RandomResult::kinds();
    for result in results {
        for (kind, outcome) in kinds.iter().zip(&result.outcomes) {
            let ratio = ratio_milli(result, *kind).map_or(String::new(), |ratio| ratio.to_string());
            to.write_record([
                result.world.number.to_string(),
                result.seed.to_string(),
                result.world.family.name().to_owned(),
                kind.name().to_owned(),
                outcome.finished.to_string(),
                outcome.makespan_ms.to_string(),
                ratio,
                outcome.rate_limited.num.to_string(),
                outcome.rate_limited.den.to_string(),
                outcome.early_calls.to_string(),
            ])?;
        }
    }
    to.flush()?;
    Ok(())
}
