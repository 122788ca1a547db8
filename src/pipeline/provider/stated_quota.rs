//! What a provider says about its quotas, in headers or in a refusal.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Requests.
    Requests,
    /// Input tokens.
    Tokens,
}

/// How a quota's window gives back what was taken of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Each amount so long after it was taken.
    Sliding,
    /// All at once, at fixed times.
    Fixed,
    /// Evenly, like a bucket into which it drips.
    Bucket,
}

/// One quota, as far as it was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// What it counts.
    pub dimension: Dimension,
    /// Whether it is one of a day; else of a window of seconds or minutes.
    pub of_day: bool,
    /// How much it allows.
    pub limit: Option<u64>,
    /// What is left of it.
    pub left: Option<Remainder>,
}

/// What is left of a quota, as an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remainder {
    /// How much may still be taken.
    pub amount: u64,
    /// The time until all of the quota is there again.
    pub reset: Duration,
}

impl Stated {
    /// A quota of this name and no more.
    pub fn of(dimension: Dimension) -> Self {
        Self { dimension, of_day: false, limit: None, left: None }
    }
}

/// Of several limits on the same thing, the least.
pub(crate) fn binding(quotas: &[Stated]) -> BTreeMap<Dimension, Option<u64>> {
    let mut least: BTreeMap<Dimension, Option<u64>> = BTreeMap::new();
    for Stated { dimension, limit, .. } in quotas {
        let known = least.entry(*dimension).or_insert(*limit);
        *known = known.iter().chain(limit).min().copied();
    }
    least
}

/// The limits that headers in OpenAI's form state. Gateways send them for other models as well.
pub(super) fn of_headers(headers: &HeaderMap) -> Vec<Stated> {
    let of = |dimension, what: &str| {
        let limit = headers.get(format!("x-ratelimit-limit-{what}"))?.to_str().ok()?;
        let limit = Some(limit.trim().parse().ok()?);
        Some(Stated { limit, ..Stated::of(dimension) })
    };
    let named = [(Dimension::Requests, "requests"), (Dimension::Tokens, "tokens")];
    named.into_iter().filter_map(|(dimension, what)| of(dimension, what)).collect()
}
