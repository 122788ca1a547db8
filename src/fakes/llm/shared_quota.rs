//! The quota of a model as its clients share it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Leeway, Quota, QuotaConfig, Refusal, Remaining};
use crate::rng::Draw;
use crate::units::{Count, Ratio, Whole};

/// Another client of the same account: it uses the quota of the model under test as well, evenly
/// and whatever we do. It does not come again with a call that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeighbourConfig {
    /// How many calls it sends in `per_s` seconds, the first at virtual zero.
    pub requests: Count,
    /// Seconds (default: 60).
    #[serde(default = "minute")]
    pub per_s: Whole<1, 86_400>,
    /// The input tokens of each (default: 500).
    #[serde(default = "usual")]
    pub tokens: Count,
}

fn minute() -> Whole<1, 86_400> {
    Whole::new(60).expect("60 lies within 1 to 86400")
}

fn usual() -> Count {
    Count::new(500).expect("500 is a count")
}

/// What a neighbour's calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Visits {
    pub(super) admitted: u64,
    pub(super) refused: u64,
}

/// A quota with whoever else uses it.
#[derive(Debug)]
pub(super) struct Meter {
    quota: Quota,
    neighbour: Option<NeighbourConfig>,
    /// How many calls the neighbour has sent, and in how many groups.
    sent: u64,
    groups: u64,
    /// The length of the quota's window.
    window_ms: u64,
    looseness: Option<Ratio>,
}

/// A window never holds more groups of a neighbour's calls than this.
const GROUPS_OF_WINDOW: u64 = 1_000_000;
/// Groups of one size. After each such number of them a group spans one millisecond more, so that
/// the work grows with the root of the time.
const GROUPS_OF_GRAIN: u64 = 1_000_000;

impl Meter {
    pub(super) fn new(
        quota: Quota,
        config: &QuotaConfig,
        neighbour: Option<NeighbourConfig>,
    ) -> Self {
        let (window_ms, looseness) = (config.per_s.get() * 1000, config.looseness);
        Self { quota, neighbour, sent: 0, groups: 0, window_ms, looseness }
    }

    /// Lets the neighbour send what it has to send up to now. Calls of the same millisecond are taken
    /// in one go, which comes to the same; those of several milliseconds only where the groups of
    /// one millisecond would be too many to count.
    pub(super) fn visit(&mut self, now_ms: u64, calendar: &Calendar) -> Visits {
        let mut visits = Visits::default();
        let Some(NeighbourConfig { requests, per_s, tokens }) = self.neighbour else {
            return visits;
        };
        let (requests, per_ms) = (u128::from(requests.get()), u128::from(per_s.get()) * 1000);
        let time = |call: u64| u64::try_from(u128::from(call) * per_ms / requests);
        let sent_by = |at_ms: u64| {
            let sent = ((u128::from(at_ms) + 1) * requests).div_ceil(per_ms);
            u64::try_from(sent).unwrap_or(u64::MAX)
        };
        let until = sent_by(now_ms);
        while self.sent < until {
            let at_ms = time(self.sent).unwrap_or(u64::MAX);
            let grain_ms =
                (self.window_ms / GROUPS_OF_WINDOW).max(1 + self.groups / GROUPS_OF_GRAIN);
            let last_ms = at_ms.saturating_add(grain_ms - 1).min(now_ms);
            let calls = sent_by(last_ms).saturating_sub(self.sent).max(1);
            let admitted = self.quota.admit_many(at_ms, calls, tokens.get(), calendar);
            visits.admitted = visits.admitted.saturating_add(admitted);
            visits.refused = visits.refused.saturating_add(calls - admitted);
            self.sent = self.sent.saturating_add(calls);
            self.groups += 1;
        }
        visits
    }

    /// Takes a call of this many input tokens, or says why not, the longest wait first. `luck` is
    /// drawn for the call, and decides how exactly the service counts.
    pub(super) fn admit(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
        luck: Draw,
    ) -> Result<(), Vec<Refusal>> {
        let leeway = match self.looseness {
            Some(share) if luck.happens(share) => match luck.sequence().below(2) {
                0 => Leeway::OneMore,
                _ => Leeway::OneFewer,
            },
            _ => Leeway::None,
        };
        self.quota.admit_with(now_ms, tokens, calendar, leeway)
    }

    /// What is left of its windows.
    pub(super) fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Remaining)> {
        self.quota.left(now_ms)
    }
}
