//! The league as a table and as data.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use crate::pipeline::config::LimiterKind;
use crate::report::draw::{Picture, PlotError};
use crate::report::format;
use crate::report::table::markdown;
use crate::study::league::{BASE, LeagueResults, LimiterResult, Scaled, SeedResult, WorldResult};
use crate::study::measure::metric::{Metric, Unit};
use crate::units::{Share, float};

/// The version of the files' form.
const FORMAT_VERSION: u64 = 3;

/// A ratio in thousandths, as it is said.
fn milli(value: Option<u64>) -> String {
    value.map_or("DNF".to_owned(), |value| format!("{:.3}", float(value) / 1000.0))
}

pub(crate) fn percent(share: Share) -> String {
    share.value().map_or("-".to_owned(), |value| format!("{:.1} %", value * 100.0))
}

/// A number of tenths.
fn tenths(value: u64) -> String {
    format!("{}.{}", format::count(value / 10), value % 10)
}

pub(crate) fn over_bound(cell: &LimiterResult) -> String {
    match cell.finished() {
        finished if finished == cell.outcomes.len() => milli(cell.over_bound_milli()),
        finished => format!("DNF ({finished} of {})", cell.outcomes.len()),
    }
}

/// How much longer than the bound, on average.
fn regret(cell: &LimiterResult) -> String {
    if cell.finished() < cell.outcomes.len() {
        return "-".to_owned();
    }
    format::amount(cell.mean(SeedResult::regret_ms), Unit::Millis)
}

/// What a share counts, for each seed on average.
fn per_seed(share: Share, seeds: usize) -> String {
    let per_seed = (share.num * 10).checked_div(seeds as u64).unwrap_or(0);
    if share.den == 0 { "-".to_owned() } else { tenths(per_seed) }
}

/// The columns of a row.
pub(crate) fn columns(cell: &LimiterResult) -> Vec<String> {
    let refused = cell.share(|outcome| outcome.rate_limited);
    let seeds = cell.outcomes.len();
    vec![
        cell.kind.name().to_owned(),
        over_bound(cell),
        regret(cell),
        percent(refused),
        per_seed(refused, seeds),
        per_seed(cell.share(|outcome| outcome.warm.unwrap_or(NOTHING)), seeds),
        percent(cell.share(|outcome| outcome.fallback)),
        format::amount(cell.mean(|outcome| outcome.cost_usd_micros), Unit::UsdMicros),
    ]
}

const NOTHING: Share = Share { num: 0, den: 0 };

pub(crate) const HEADINGS: [&str; 8] = [
    "limiter",
    "makespan/bound",
    "regret",
    "429 of calls",
    "429s a seed",
    "429s warm",
    "fallback",
    "cost",
];

/// How the limiter that learns scales.
fn scaling(out: &mut String, scaled: &[Scaled]) {
    if scaled.is_empty() {
        return;
    }
    out.push_str(
        "\n## How it scales\n\n`quota` alone: more pages at one quota, then more quota for as many pages; sliding \
         windows of a minute, with hints.\n\n",
    );
    let rows: Vec<Vec<String>> = scaled
        .iter()
        .map(|Scaled { requests, pages, outcomes }| {
            let (kind, outcomes) = (LimiterKind::Quota, outcomes.clone());
            let cell = LimiterResult { kind, outcomes };
            let refused = cell.share(|outcome| outcome.rate_limited);
            vec![
                format!("{} RPM, {} pages", format::count(*requests), format::count(*pages)),
                over_bound(&cell),
                regret(&cell),
                percent(refused),
                per_seed(refused, cell.outcomes.len()),
            ]
        })
        .collect();
    let headings = ["job", "makespan/bound", "regret", "429 of calls", "429s a seed"];
    out.push_str(&markdown(&headings, &rows));
}

/// Of what a shared quota gave out, how much came to each limiter.
fn shares(out: &mut String, cells: &[LimiterResult]) {
    let of = |cell: &LimiterResult| {
        let (theirs, ours) = cell.outcomes.iter().fold((0, 0), |(theirs, ours), outcome| {
            let admitted = outcome.rate_limited.den - outcome.rate_limited.num;
            (theirs + outcome.neighbour, ours + admitted)
        });
        let share = Share { num: ours, den: ours + theirs };
        (theirs > 0).then(|| format!("{} {}", cell.kind.name(), percent(share)))
    };
    let all: Vec<String> = cells.iter().filter_map(of).collect();
    if !all.is_empty() {
        let _ = write!(out, "\nOf what both were given, ours was: {}.\n", all.join(", "));
    }
}

/// The tables, in Markdown, which reads as well in a terminal.
pub fn text(results: &LeagueResults) -> String {
    let LeagueResults { fields, scaled, random, seeds } = results;
    let mut out = "# The league of limiters\n".to_owned();
    if !random.is_empty() {
        let _ = write!(out, "\n## Worlds that are drawn\n\n{}", super::random::tables(random));
    }
    let _ = write!(
        out,
        "\n## Fields\n\n{} fields, {seeds} seeds each. Time over the bound, regret (how much longer \
         than the bound) and 429s: the primary alone, with attempts enough; DNF: some seeds did not finish. 429s \
         warm: of a second job, half an hour later, a seed. Fallback and cost: with four attempts and the \
         fallback.\n\nEvery field is this world with what its heading names; a page is a call.\n\n```toml\n{BASE}```\n",
        fields.len()
    );
    for WorldResult { field, cells } in fields {
        let more = if field.settings.is_empty() {
            String::new()
        } else {
            format!(", `{}`", field.settings.join("`, `"))
        };
        let start = if field.starts_s > 0 {
            format!(", from second {} on", field.starts_s)
        } else {
            String::new()
        };
        let _ = write!(
            out,
            "\n### {}\n\n{} pages, `gemini.quota={}`{more}{start}\n\n",
            field.name, field.pages, field.quota
        );
        out.push_str(&markdown(&HEADINGS, &cells.iter().map(columns).collect::<Vec<_>>()));
        shares(&mut out, cells);
    }
    scaling(&mut out, scaled);
    out
}

fn share(share: Share) -> Value {
    json!({"num": share.num, "den": share.den})
}

/// Everything, as integers.
pub fn json(results: &LeagueResults) -> Value {
    let LeagueResults { fields, scaled, random, seeds } = results;
    let outcome = |(seed, outcome): (u64, &SeedResult)| {
        json!({
            "seed": seed,
            "finished": outcome.finished,
            (Metric::Makespan.key()): outcome.makespan_ms,
            (Metric::BoundMakespan.key()): outcome.bound_ms,
            (Metric::RateLimitedRatio.key()): share(outcome.rate_limited),
            (Metric::EarlyCalls.key()): outcome.early_calls,
            (Metric::FallbackRatio.key()): share(outcome.fallback),
            (Metric::Cost.key()): outcome.cost_usd_micros,
            "warm_rate_limited_ratio": outcome.warm.map(share),
            "neighbour_admitted": outcome.neighbour,
        })
    };
    let cell = |cell: &LimiterResult| {
        let outcomes: Vec<Value> = (1..).zip(&cell.outcomes).map(outcome).collect();
        json!({
            "limiter": cell.kind.name(),
            "makespan_over_bound_milli": cell.over_bound_milli(),
            "outcomes": outcomes,
        })
    };
    let field = |played: &WorldResult| {
        json!({
            "field": played.field.name,
            "group": played.field.group.name(),
            "pages": played.field.pages,
            "quota": played.field.quota,
            "settings": played.field.settings,
            "starts_s": played.field.starts_s,
            "limiters": played.cells.iter().map(cell).collect::<Vec<_>>(),
        })
    };
    let step = |step: &Scaled| {
        let outcomes: Vec<Value> = (1..).zip(&step.outcomes).map(outcome).collect();
        json!({"requests": step.requests, "pages": step.pages, "outcomes": outcomes})
    };
    json!({
        "format_version": FORMAT_VERSION,
        "seeds": seeds,
        "fields": fields.iter().map(field).collect::<Vec<_>>(),
        "scale": scaled.iter().map(step).collect::<Vec<_>>(),
        "random": super::random::json(random),
    })
}

/// The 429s of the warm jobs; nothing where none was played.
fn warm(cell: &LimiterResult) -> String {
    let warm = cell.share(|outcome| outcome.warm.unwrap_or(NOTHING));
    if warm.den == 0 { String::new() } else { warm.num.to_string() }
}

/// A row for every limiter in every field.
pub fn csv(league: &[WorldResult], to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    to.write_record([
        "field",
        "limiter",
        "seeds",
        "finished",
        "makespan_over_bound_milli",
        Metric::RateLimited.key(),
        "calls",
        "fallback_prompts",
        Metric::Prompts.key(),
        Metric::Cost.key(),
        Metric::Regret.key(),
        "warm_rate_limited",
    ])?;
    for WorldResult { field, cells } in league {
        for cell in cells {
            let refused = cell.share(|outcome| outcome.rate_limited);
            let fallback = cell.share(|outcome| outcome.fallback);
            let over = cell.over_bound_milli().map_or(String::new(), |over| over.to_string());
            let cost = cell.mean(|outcome| outcome.cost_usd_micros).to_string();
            to.write_record([
                field.name.to_owned(),
                cell.kind.name().to_owned(),
                cell.outcomes.len().to_string(),
                cell.finished().to_string(),
                over,
                refused.num.to_string(),
                refused.den.to_string(),
                fallback.num.to_string(),
                fallback.den.to_string(),
                cost,
                cell.mean(SeedResult::regret_ms).to_string(),
                warm(cell),
            ])?;
        }
    }
    to.flush()?;
    Ok(())
}

/// 429s against time over the bound, a panel for each field.
pub fn picture(league: &[WorldResult]) -> Result<Picture, PlotError> {
    super::plot::draw(league)
}
