//! The league as a table, as data and as a picture.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use crate::report::format;
use crate::report::plot::{self, PlotError};
use crate::study::league::{Cell, Outcome, Played, name};
use crate::units::{Share, float};

/// The version of the files' form.
const FORMAT_VERSION: u64 = 1;

/// A ratio in thousandths, as it is said.
fn milli(value: Option<u64>) -> String {
    value.map_or("DNF".to_owned(), |value| format!("{:.3}", float(value) / 1000.0))
}

fn percent(share: Share) -> String {
    share.value().map_or("-".to_owned(), |value| format!("{:.1} %", value * 100.0))
}

/// The columns of a row: the kind, its time over the bound, 429s, fallbacks, cost.
fn columns(cell: &Cell) -> [String; 6] {
    let refused = cell.share(|outcome| outcome.rate_limited);
    let seeds = cell.outcomes.len() as u64;
    let per_seed = (refused.num * 10).checked_div(seeds).unwrap_or(0);
    let over = match cell.finished() {
        finished if finished == cell.outcomes.len() => milli(cell.over_bound_milli()),
        finished => format!("DNF ({finished} of {seeds})"),
    };
    [
        name(cell.kind),
        over,
        percent(refused),
        if refused.den == 0 {
            "-".to_owned()
        } else {
            format!("{}.{}", format::count(per_seed / 10), per_seed % 10)
        },
        percent(cell.share(|outcome| outcome.fallback)),
        format::amount(
            cell.mean(|outcome| outcome.cost_usd_micros),
            crate::study::metric::Unit::UsdMicros,
        ),
    ]
}

const HEADINGS: [&str; 6] =
    ["limiter", "makespan/bound", "429 of calls", "429s a seed", "fallback", "cost"];

/// The tables, in Markdown, which reads as well in a terminal.
pub fn text(league: &[Played], seeds: u64) -> String {
    let mut out = format!(
        "# The league of limiters\n\n{} fields, {seeds} seeds each. Time over the bound and 429s: the \
         primary alone, with attempts enough; DNF: some seeds did not finish. Fallback and cost: with \
         four attempts and the fallback.\n",
        league.len()
    );
    for Played { field, cells } in league {
        let rows: Vec<[String; 6]> = cells.iter().map(columns).collect();
        let width = |column: usize| {
            let of_rows = rows.iter().map(|row| row[column].chars().count());
            of_rows.chain([HEADINGS[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        let more = if field.settings.is_empty() {
            String::new()
        } else {
            format!(", `{}`", field.settings.join("`, `"))
        };
        let _ = write!(
            out,
            "\n## {}\n\n{} pages, `gemini.quota={}`{more}\n\n",
            field.name, field.pages, field.quota
        );
        let mut line = |cells: &[String], fill: char| {
            out.push('|');
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let missing = width - cell.chars().count();
                let pad: String = std::iter::repeat_n(fill, missing).collect();
                let _ = if column == 0 {
                    write!(out, " {cell}{pad} |")
                } else {
                    write!(out, " {pad}{cell} |")
                };
            }
            out.push('\n');
        };
        line(&HEADINGS.map(str::to_owned), ' ');
        line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>(), '-');
        for row in &rows {
            line(row, ' ');
        }
    }
    out
}

fn share(share: Share) -> Value {
    json!({"num": share.num, "den": share.den})
}

/// Everything, as integers.
pub fn json(league: &[Played], seeds: u64) -> Value {
    let outcome = |(seed, outcome): (u64, &Outcome)| {
        json!({
            "seed": seed,
            "finished": outcome.finished,
            "makespan_ms": outcome.makespan_ms,
            "bound_makespan_ms": outcome.bound_ms,
            "rate_limited_ratio": share(outcome.rate_limited),
            "early_calls": outcome.early_calls,
            "fallback_ratio": share(outcome.fallback),
            "cost_usd_micros": outcome.cost_usd_micros,
        })
    };
    let cell = |cell: &Cell| {
        let outcomes: Vec<Value> = (1..).zip(&cell.outcomes).map(outcome).collect();
        json!({
            "limiter": name(cell.kind),
            "makespan_over_bound_milli": cell.over_bound_milli(),
            "outcomes": outcomes,
        })
    };
    let field = |played: &Played| {
        json!({
            "field": played.field.name,
            "group": played.field.group.name(),
            "pages": played.field.pages,
            "quota": played.field.quota,
            "settings": played.field.settings,
            "limiters": played.cells.iter().map(cell).collect::<Vec<_>>(),
        })
    };
    json!({
        "format_version": FORMAT_VERSION,
        "seeds": seeds,
        "fields": league.iter().map(field).collect::<Vec<_>>(),
    })
}

/// A row for every limiter in every field.
pub fn csv(league: &[Played], to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    to.write_record([
        "field",
        "limiter",
        "seeds",
        "finished",
        "makespan_over_bound_milli",
        "rate_limited",
        "calls",
        "fallback_prompts",
        "prompts",
        "cost_usd_micros",
    ])?;
    for Played { field, cells } in league {
        for cell in cells {
            let refused = cell.share(|outcome| outcome.rate_limited);
            let fallback = cell.share(|outcome| outcome.fallback);
            let over = cell.over_bound_milli().map_or(String::new(), |over| over.to_string());
            let cost = cell.mean(|outcome| outcome.cost_usd_micros).to_string();
            to.write_record([
                field.name.to_owned(),
                name(cell.kind),
                cell.outcomes.len().to_string(),
                cell.finished().to_string(),
                over,
                refused.num.to_string(),
                refused.den.to_string(),
                fallback.num.to_string(),
                fallback.den.to_string(),
                cost,
            ])?;
        }
    }
    to.flush()?;
    Ok(())
}

/// 429s against time over the bound, a panel for each field.
pub fn picture(league: &[Played]) -> Result<String, PlotError> {
    plot::league::draw(league)
}
