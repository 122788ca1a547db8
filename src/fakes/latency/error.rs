//! What is wrong with a latency, and the units of measurements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A latency that does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LatencyError {
    /// A key that the distribution needs is missing.
    #[error("dist = \"{dist}\" needs `{key}`, such as {wanted}")]
    Missing {
        /// The distribution.
        dist: &'static str,
        /// The key.
        key: &'static str,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A key of another distribution.
    #[error("`{key}` does not go with dist = \"{dist}\": it belongs to \"{owner}\"")]
    Unused {
        /// The distribution.
        dist: &'static str,
        /// The key.
        key: &'static str,
        /// The distribution that uses the key.
        owner: &'static str,
    },
    /// Both a list and a file of measurements.
    #[error("expected `quantiles_ms` or `csv`, found both")]
    TwoSources,
    /// A unit without a file of measurements.
    #[error("expected `unit` with `csv`, found it without")]
    UnitOfNothing,
    /// The bounds are the wrong way round.
    #[error("expected min_ms at most max_ms, found {what} from {min_ms} to {max_ms}")]
    Bounds {
        /// Of what.
        what: &'static str,
        /// The lower bound.
        min_ms: u64,
        /// The upper bound.
        max_ms: u64,
    },
    /// A file of measurements could not be used.
    #[error("read the latencies in {path}: {reason}")]
    Csv {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// The unit of measured latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
}
