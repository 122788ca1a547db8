//! The best settings that are known, as JSON and as CSV.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::report::tune::held_out_row;
use crate::study::best_known::{BestKnown, KnownSettings};

/// All as JSON.
pub(crate) fn json(all: &[BestKnown]) -> Value {
    json!({ "schema": 1, "scenarios": all.iter().map(one_json).collect::<Vec<_>>() })
}

/// One of them: means in thousandths of each metric's unit.
pub(crate) fn one_json(one: &BestKnown) -> Value {
    json!({
        "scenario": one.known.scenario,
        "run": one.known.run,
        "settings": one.known.settings,
        "over_bound_milli": one.over_bound_milli(),
        "calm_over_bound_milli": one.calm_over_bound_milli,
        "rows": one.rows.iter().map(held_out_row).collect::<Vec<_>>(),
    })
}

/// The settings of a report that was written as JSON, or what is wrong with it.
pub(crate) fn known(text: &str) -> Result<Vec<KnownSettings>, String> {
    #[derive(Deserialize)]
    struct Written {
        schema: u64,
        scenarios: Vec<KnownSettings>,
    }
    let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match written.schema {
        1 => Ok(written.scenarios),
        other => Err(format!("expected schema 1, found {other}")),
    }
}

/// A line for each setting of each scenario.
pub(crate) fn csv(all: &[BestKnown], target: impl std::io::Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(target);
    writer.write_record([
        "scenario",
        "run",
        "setting",
        "makespan_ms_milli",
        "bound_makespan_ms_milli",
        "cost_usd_micros_milli",
        "fallback_ratio_ppm_milli",
        "pages_mistagged_milli",
        "pages_failed_milli",
    ])?;
    let cell = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    for one in all {
        for row in &one.rows {
            writer.write_record([
                one.known.scenario.clone(),
                one.known.run.clone(),
                row.name.to_owned(),
                cell(row.makespan_milli),
                cell(row.bound_milli),
                cell(row.cost_milli),
                cell(row.fallback_milli),
                cell(row.mistagged_milli),
                cell(row.failed_milli),
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}
