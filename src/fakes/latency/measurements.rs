//! Measured latencies: a column of a CSV file, in milliseconds or in seconds.

use std::path::Path;

use super::{LatencyError, Unit};
use crate::units::whole;

/// The longest latency that a file may have: one day.
const LONGEST_MS: f64 = 86_400_000.0;
/// A column of fractions below this is taken for seconds: hardly any service answers in fewer
/// milliseconds, and hardly any takes longer in seconds.
const SECONDS_AT_MOST: f64 = 100.0;

/// The latencies of a column, in milliseconds.
pub(super) fn read(
    path: &Path,
    column: &str,
    unit: Option<Unit>,
) -> Result<Vec<u64>, LatencyError> {
    let fail = |reason: String| LatencyError::Csv { path: path.display().to_string(), reason };
    let mut reader = csv::Reader::from_path(path).map_err(|error| fail(error.to_string()))?;
    let headers = reader.headers().map_err(|error| fail(error.to_string()))?;
    let Some(index) = headers.iter().position(|header| header.trim() == column) else {
        let got: Vec<&str> = headers.iter().collect();
        return Err(fail(format!("expected the column `{column}`, found {}", got.join(", "))));
    };
    let (ms, wanted) = match unit {
        Some(Unit::S) => (1000.0, "seconds from 0 to 86400"),
        Some(Unit::Ms) | None => (1.0, "milliseconds from 0 to 86400000"),
    };
    let mut values = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| fail(error.to_string()))?;
        let got = record.get(index).unwrap_or("").trim();
        let value = got.parse::<f64>().ok();
        let value = value.filter(|value| (0.0..=LONGEST_MS).contains(&(value * ms)));
        values.push(
            value.ok_or_else(|| {
                fail(format!("expected {wanted}, found `{got}` in row {}", row + 2))
            })?,
        );
    }
    if values.is_empty() {
        return Err(fail("expected at least one row, found none".to_owned()));
    }
    if unit.is_none() && looks_like_seconds(&values) {
        return Err(fail(format!(
            "expected milliseconds, found fractions below {SECONDS_AT_MOST}, which look like seconds: \
             state unit = \"s\", or unit = \"ms\" if they are milliseconds"
        )));
    }
    Ok(values.into_iter().map(|value| whole(value * ms)).collect())
}

/// Whether values are small, and some of them no whole numbers.
fn looks_like_seconds(values: &[f64]) -> bool {
    values.iter().all(|value| *value < SECONDS_AT_MOST)
        && values.iter().any(|value| libm::floor(*value) < *value)
}
