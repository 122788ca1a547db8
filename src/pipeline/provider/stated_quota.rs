//! What a provider says about its quotas, in headers or in a refusal.

use std::collections::BTreeMap;

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
}

impl Stated {
    /// A quota of this name and no more.
    pub fn of(dimension: Dimension) -> Self {
        Self { dimension, of_day: false, limit: None }
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

/// What headers in OpenAI's form say about the quotas of requests and tokens. Gateways send them for
/// other models as well.
pub(super) fn of_headers(headers: &HeaderMap) -> Vec<Stated> {
    let number = |name: String| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    let of = |dimension, what: &str| {
        let limit = number(format!("x-ratelimit-limit-{what}"))?;
        Some(Stated { limit: Some(limit), ..Stated::of(dimension) })
    };
    let named = [(Dimension::Requests, "requests"), (Dimension::Tokens, "tokens")];
    named.into_iter().filter_map(|(dimension, what)| of(dimension, what)).collect()
}
