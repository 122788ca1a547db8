//! What a pipeline has learned of its providers' quotas, for the next one.
//!
//! It holds no credentials: keys are told apart by a short fingerprint, because each has quotas of
//! its own. Times are relative: whoever keeps it adds the time that has passed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pipeline::provider::stated_quota::Dimension;

/// What is known, by provider, origin, model and the key's fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedQuotas {
    /// The quotas of each.
    pub providers: BTreeMap<String, Vec<LearnedQuota>>,
    /// For how many milliseconds they take nothing at all, where they said so: a day that is used
    /// up, or a stated wait.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closed_ms: BTreeMap<String, u64>,
}

/// One quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedQuota {
    /// What it counts.
    pub dimension: Dimension,
    /// How much a window allows.
    pub limit: u64,
    /// How long a window is.
    pub window_ms: u64,
    /// For a bucket: the time of one unit, in thousandths of a millisecond.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_us: Option<u64>,
    /// For a bucket: what it holds at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub burst: Option<u64>,
    /// For a window that begins anew at fixed times: how long ago it did so last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub begun_ms_ago: Option<u64>,
    /// Whether the limit was inferred, not stated.
    pub inferred: bool,
    /// Whether refused calls use it up.
    pub refused_count: bool,
    /// How long ago this was known.
    #[serde(default)]
    pub stated_ms_ago: u64,
    /// What was taken within the last window: how long ago, and how much.
    pub taken: Vec<(u64, u64)>,
}

impl LearnedQuotas {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty() && self.closed_ms.is_empty()
    }

    /// The same some milliseconds later: what no window holds any more is left out.
    #[must_use]
    pub fn after(mut self, passed_ms: u64) -> Self {
        for quota in self.providers.values_mut().flatten() {
            let window_ms = quota.window_ms;
            quota.stated_ms_ago = quota.stated_ms_ago.saturating_add(passed_ms);
            let begun =
                quota.begun_ms_ago.map(|ago| ago.saturating_add(passed_ms) % window_ms.max(1));
            quota.begun_ms_ago = begun;
            let aged =
                quota.taken.iter().map(|(ago, amount)| (ago.saturating_add(passed_ms), *amount));
            quota.taken = aged.filter(|(ago, _)| *ago < window_ms).collect();
        }
        self.closed_ms.values_mut().for_each(|wait| *wait = wait.saturating_sub(passed_ms));
        self.closed_ms.retain(|_, wait| *wait > 0);
        self
    }
}
