//! The profiles: named sets of all settings.
//!
//! `before`, `documented` and `conservative` are the states that the plan describes: they ignore
//! retry hints and use one schedule for all errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named set of all keys.
///
/// ```
/// use tagspace::Profile;
///
/// assert_eq!(Profile::Before.settings().most_pages(), 1);
/// assert_eq!(Profile::Documented.settings().most_pages(), 5);
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[schemars(description = "A named set of all keys.")]
pub enum Profile {
    /// The state that the plan starts from: 5 calls in flight, one page per call, no cache, one
    /// retry after a second.
    Before,
    /// The plan as written: 3 calls in flight, adaptive up to 10, 5 pages per call, a cache of
    /// 1,000 entries, 3 retries.
    Documented,
    /// The plan's rollback: one call in flight, one page per call, no cache.
    Conservative,
    /// What is known to work best: a limiter that keeps the quota, and batches that suit it.
    ///
    /// Of 48 settings it loses least in the worst of six worlds of 500 pages, with at most four
    /// refusals: 5.8 % of the time of the best there, as 32 calls in flight and 20 pages do as well:
    /// `tagspace tune scenarios/{medium,free-tier,hinted-quota,learned-quota,bursts-503,malformed}.toml
    /// --set pipeline.profile=recommended --set space.pages=500
    /// --set 'pipeline.batch_size=5,10,20,"auto"' --set pipeline.limiter=halving,aimd,sre,quota
    /// --set pipeline.concurrency=8,16,32 --require 'pages_failed == 0'
    /// --require 'rate_limited <= 4' --seeds 1..=8`.
    Recommended,
}

impl Profile {
    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
