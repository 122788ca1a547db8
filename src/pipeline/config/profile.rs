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
    /// A limiter that keeps the quota, 32 calls in flight at first, and batches that suit both.
    ///
    /// It buys few refusals with some time. Of 36 settings in six worlds of 500 pages, `sre` with 20 pages a
    /// call loses least in the worst of them: 12.6 % of the time of the best there. This profile loses 6 to 16 %
    /// in two worlds and 62.8 % in bursts-503, where `sre` has most answers before the 503s begin; in
    /// free-tier 3 calls are refused instead of 18:
    /// `tagspace tune scenarios/{medium,free-tier,hinted-quota,learned-quota,bursts-503,malformed}.toml
    /// --set pipeline.profile=recommended --set space.pages=500 --set pipeline.max_batch_size=20
    /// --set 'pipeline.batch_size=10,20,"auto"' --set pipeline.limiter=aimd,sre,cubic,quota
    /// --set pipeline.concurrency=16,32,64 --require 'pages_failed == 0' --seeds 1..=8`.
    Recommended,
}

impl Profile {
    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
