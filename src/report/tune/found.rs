//! How a grid was found that nobody named, and what its best comes to on other seeds.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::report::format::{amount, count};
use crate::report::table::markdown;
use crate::study::measure::metric::Unit;
use crate::study::tune::Tuned;
use crate::study::tune::coordinate_descent::FoundGrid;
use crate::study::tune::held_out::{HeldOut, HeldOutRow};
use crate::units::float;

/// What was searched, which of the best values are the last that were tried, and what the best comes to
/// on other seeds.
pub(crate) fn found(found: &FoundGrid, tuned: &Tuned, held_out: Option<&HeldOut>) -> String {
    let FoundGrid { settings, simulations, .. } = found;
    let edges = tuned.best().map(|best| found.edges(tuned, best)).unwrap_or_default();
    let mut out = format!(
        "\nNobody named this grid: it was found after {} settings and {} simulations.\n",
        count(*settings as u64),
        count(*simulations as u64)
    );
    if !edges.is_empty() {
        let edges: Vec<String> =
            edges.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let _ = writeln!(
            out,
            "The best lies on an edge of what was tried: {}. With --set more values can be named.",
            edges.join(", ")
        );
    }
    if let Some(held_out) = held_out {
        out.push_str(&table(held_out));
    }
    out
}

fn table(HeldOut { seeds, rows }: &HeldOut) -> String {
    let bound = rows.first().and_then(|best| best.bound_milli);
    let mut out = format!(
        "\nOn seeds {} to {}, which the search has not seen, in the mean:\n\n",
        seeds.start(),
        seeds.end()
    );
    let headings =
        ["setting", "makespan", "of the bound", "cost", "by the fallback", "pages mistagged"];
    let row = |row: &HeldOutRow| {
        let factor = row.makespan_milli.zip(row.bound_milli).filter(|(_, bound)| *bound > 0);
        let factor = factor.map(|(ms, bound)| format!("{:.2} times", float(ms) / float(bound)));
        let share = row.fallback_milli.map(|milli| amount(milli / 1000, Unit::Ratio));
        let mistagged = row.mistagged_milli.map(|milli| format!("{:.1}", float(milli) / 1000.0));
        vec![
            row.name.to_owned(),
            shown(row.makespan_milli, Unit::Millis),
            factor.unwrap_or_else(none),
            shown(row.cost_milli, Unit::UsdMicros),
            share.unwrap_or_else(none),
            mistagged.unwrap_or_else(none),
        ]
    };
    out.push_str(&markdown(&headings, &rows.iter().map(row).collect::<Vec<_>>()));
    let time = |at: usize| rows.get(at).and_then(|row| row.makespan_milli);
    if time(0).zip(time(1)).is_some_and(|(best, own)| best >= own) {
        out.push_str("\nOn these seeds the best is no faster than the scenario as it is.\n");
    }
    if let Some(bound) = bound {
        let _ = writeln!(
            out,
            "\nNo setting could take less than {} with the primary alone.",
            shown(Some(bound), Unit::Millis)
        );
    }
    out
}

fn none() -> String {
    "-".to_owned()
}

/// A mean in thousandths of its unit.
fn shown(milli: Option<u64>, unit: Unit) -> String {
    milli.map_or_else(none, |milli| amount(milli.saturating_add(500) / 1000, unit))
}

/// What settings come to on other seeds, as JSON.
pub(crate) fn held_out_row(row: &HeldOutRow) -> Value {
    json!({
        "setting": row.name,
        "makespan_ms_milli": row.makespan_milli,
        "bound_makespan_ms_milli": row.bound_milli,
        "cost_usd_micros_milli": row.cost_milli,
        "fallback_ratio_ppm_milli": row.fallback_milli,
        "pages_mistagged_milli": row.mistagged_milli,
        "pages_failed_milli": row.failed_milli,
    })
}

/// The same as JSON: means in thousandths of each metric's unit, shares in thousands of millionths.
pub(crate) fn found_json(found: &FoundGrid, tuned: &Tuned, held_out: Option<&HeldOut>) -> Value {
    let edges = tuned.best().map(|best| found.edges(tuned, best)).unwrap_or_default();
    let edge = |(key, value): &(String, String)| json!({ "key": key, "value": value });
    json!({
        "settings": found.settings,
        "simulations": found.simulations,
        "edges": edges.iter().map(edge).collect::<Vec<_>>(),
        "held_out": held_out.map(|held_out| json!({
            "seeds": [held_out.seeds.start(), held_out.seeds.end()],
            "rows": held_out.rows.iter().map(held_out_row).collect::<Vec<_>>(),
        })),
    })
}
