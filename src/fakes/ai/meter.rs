//! The quota of a model as its clients share it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Left, Quota, QuotaConfig, Refusal};
use crate::units::{Count, Whole};

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
    /// How many calls the neighbour has sent.
    sent: u64,
}

impl Meter {
    pub(super) fn new(quota: &QuotaConfig, neighbour: Option<NeighbourConfig>) -> Self {
        Self { quota: Quota::new(quota), neighbour, sent: 0 }
    }

    /// Lets the neighbour send what it has to send up to now.
    pub(super) fn visit(&mut self, now_ms: u64, calendar: &Calendar) -> Visits {
        let mut visits = Visits::default();
        let Some(NeighbourConfig { requests, per_s, tokens }) = self.neighbour else {
            return visits;
        };
        loop {
            let at_ms = self.sent * per_s.get() * 1000 / requests.get();
            if at_ms > now_ms {
                return visits;
            }
            self.sent += 1;
            match self.quota.admit(at_ms, tokens.get(), calendar) {
                Ok(()) => visits.admitted += 1,
                Err(_) => visits.refused += 1,
            }
        }
    }

    /// Takes a call of this many input tokens, or says why not, the longest wait first.
    pub(super) fn admit(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
    ) -> Result<(), Vec<Refusal>> {
        self.quota.admit(now_ms, tokens, calendar)
    }

    /// What is left of its windows.
    pub(super) fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Left)> {
        self.quota.left(now_ms)
    }
}
