//! Tokens and cost, by service and model.

use super::chrome::{Section, table};
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
        let each = |tokens: u64| format::count(tokens.saturating_mul(1000) / pages);
        let dollars = |micros: Option<u64>| {
            micros.map_or_else(|| "-".to_owned(), |micros| format::amount(micros, Unit::UsdMicros))
        };
        for one in spent {
            rows.push(vec![
                format!("{whose}{} {}", one.service, one.model),
                format::count(one.calls),
                format::count(one.input_tokens),
                format::count(one.output_tokens),
                dollars(one.usd_micros),
                each(one.input_tokens),
                each(one.output_tokens),
                dollars(one.usd_micros.map(|micros| micros.saturating_mul(1000) / pages)),
            ]);
        }
        if spent.len() > 1 {
            let sum = |of: fn(&Spending) -> u64| spent.iter().map(of).fold(0, u64::saturating_add);
            let usd = spent
                .iter()
                .map(|one| one.usd_micros)
                .try_fold(0_u64, |sum, usd| Some(sum.saturating_add(usd?)));
            let all_cost = usd.map(|micros| micros.saturating_mul(1000) / pages);
            rows.push(vec![
                format!("{whose}all of it"),
                format::count(sum(|one| one.calls)),
                format::count(sum(|one| one.input_tokens)),
                format::count(sum(|one| one.output_tokens)),
                dollars(usd),
                each(sum(|one| one.input_tokens)),
                each(sum(|one| one.output_tokens)),
                dollars(all_cost),
            ]);
        }
        let mut cost = spent.iter().map(|one| one.usd_micros);
        let cost = cost.try_fold(0_u64, |sum, usd| Some(sum.saturating_add(usd?)));
        heading = cost.map(|cost| {
            let thousand = cost.saturating_mul(1000) / pages;
            let first = runs.first().filter(|_| runs.len() > 1);
            let before = first.filter(|first| first.name != run.name).and_then(|first| {
                let was = first.figures.integer(Figure::of(Metric::Cost)).filter(|was| *was > 0)?;
                Some(format!(", {:.2} times that of {}", float(cost) / float(was), first.name))
            });
            format!(
                "{whose}{} in all{}; {} for a thousand pages",
                format::amount(cost, Unit::UsdMicros),
                before.unwrap_or_default(),
                format::amount(thousand, Unit::UsdMicros)
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
    (!rows.is_empty()).then(|| Section { id: "cost", heading, body: table(&headings, &rows) })
}
