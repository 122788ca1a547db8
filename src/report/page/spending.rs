//! Tokens and cost, by service and model.

use std::collections::{BTreeMap, BTreeSet};

use maud::html;

use super::chrome::{Section, table};
use crate::price::Price;
use crate::report::format;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::spending::Spending;
use crate::study::verdict::judge::JudgedRun;
use crate::units::float;

/// The section, of runs and what each was billed for; nothing where nothing was billed.
pub(super) fn section(runs: &[JudgedRun], spent: &[Vec<Spending>]) -> Option<Section> {
    let mut rows = Vec::new();
    let mut heading = None;
    for (run, spent) in runs.iter().zip(spent) {
        let pages = run.figures.number(Metric::Pages).max(1);
        let whose = if runs.len() > 1 { format!("{}, ", run.name) } else { String::new() };
        let all = total(spent);
        for one in spent {
            rows.push(row(format!("{whose}{} {}", one.service, one.model), one, pages));
        }
        if spent.len() > 1 {
            rows.push(row(format!("{whose}all of it"), &all, pages));
        }
        heading = all.usd_micros.map(|cost| {
            let before = runs.first().filter(|first| first.name != run.name);
            let before = before.and_then(|first| {
                let was = first.figures.integer(Figure::of(Metric::Cost)).filter(|was| *was > 0)?;
                Some(format!(", {:.2} times the cost of {}", float(cost) / float(was), first.name))
            });
            let whose = whose.replace(", ", ": ");
            format!(
                "{whose}{} in all{}; {} for a thousand pages",
                dollars(Some(cost)),
                before.unwrap_or_default(),
                dollars(Some(cost.saturating_mul(1000) / pages))
            )
        });
    }
    let headings = [
        "model",
        "calls billed",
        "input tokens",
        "output tokens",
        "cost",
        "input per 1,000 pages of the run",
        "output",
        "cost",
    ];
    let heading = heading.unwrap_or_else(|| "Tokens, at prices that are not known".to_owned());
    let change = change(runs, spent);
    let body = html! {
        @if let Some(change) = change { p { (change) } }
        @if let Some(prices) = prices(spent) { p { (prices) } }
        (table(&headings, &rows))
    };
    (!rows.is_empty()).then_some(Section { id: "cost", heading, body })
}

/// By how much each model became dearer or cheaper from the first run to the last.
fn change(runs: &[JudgedRun], spent: &[Vec<Spending>]) -> Option<String> {
    let ([first, .., last], [before, .., after]) = (runs, spent) else { return None };
    let of = |all: &[Spending], model: &str| {
        all.iter().find(|one| one.model == model).map_or(Some(0), |one| one.usd_micros)
    };
    let models: BTreeSet<&str> = before.iter().chain(after).map(|one| one.model.as_str()).collect();
    let part = |model: &str| {
        let (was, is) = (of(before, model)?, of(after, model)?);
        let (sign, by) = if is < was { ("−", was - is) } else { ("+", is - was) };
        Some(format!("{model} {sign}{}", format::amount(by, Unit::UsdMicros)))
    };
    let parts: Vec<String> = models.into_iter().filter_map(part).collect();
    Some(format!("From {} to {}: {}.", first.name, last.name, parts.join(", ")))
}

/// What all models billed together.
fn total(spent: &[Spending]) -> Spending {
    let sum = |of: fn(&Spending) -> u64| spent.iter().map(of).fold(0, u64::saturating_add);
    let mut costs = spent.iter().map(|one| one.usd_micros);
    Spending {
        service: String::new(),
        model: String::new(),
        calls: sum(|one| one.calls),
        input_tokens: sum(|one| one.input_tokens),
        output_tokens: sum(|one| one.output_tokens),
        usd_micros: costs.try_fold(0_u64, |sum, usd| Some(sum.saturating_add(usd?))),
        price: None,
    }
}

fn dollars(micros: Option<u64>) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format::amount(micros, Unit::UsdMicros))
}

/// A row of the table: all of it, and for a thousand pages.
fn row(name: String, one: &Spending, pages: u64) -> Vec<String> {
    let each = |amount: u64| amount.saturating_mul(1000) / pages;
    vec![
        name,
        format::count(one.calls),
        format::count(one.input_tokens),
        format::count(one.output_tokens),
        dollars(one.usd_micros),
        format::count(each(one.input_tokens)),
        format::count(each(one.output_tokens)),
        dollars(one.usd_micros.map(each)),
    ]
}

/// What a million tokens of each model cost, where the price is known.
fn prices(spent: &[Vec<Spending>]) -> Option<String> {
    let mut known: BTreeMap<&str, Price> = BTreeMap::new();
    for one in spent.iter().flatten() {
        known.extend(one.price.map(|price| (one.model.as_str(), price)));
    }
    let said = |(model, price): (&str, Price)| {
        format!("{model} ${:.2} and ${:.2}", price.input.get(), price.output.get())
    };
    let said: Vec<String> = known.into_iter().map(said).collect();
    (!said.is_empty()).then(|| format!("A million tokens in and out cost: {}.", said.join(", ")))
}
